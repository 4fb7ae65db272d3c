"""Faults as one who wants a bundle to look right would plant them: one lie, every hash made consistent with it.

`planted(folder, seed)` changes one thing of a bundle that moves keypoints or lies about the evidence, and says what.
`python -m tests.faults COUNT` plants COUNT of them, each in a copy of a small bundle, and tells which pass unseen.
"""

from tests.faults.contract import rewritten
from tests.faults.files import CASES, REPORT, TRACE, Random, edit, paged, sealed, sealed_manifest
from tests.faults.model import and_figures, weights
from tests.faults.planting import KINDS, planted
from tests.faults.trying import COMPRESSED, Tally, converted_once, made, made_small, passes, tried

__all__ = [
    "CASES",
    "COMPRESSED",
    "KINDS",
    "REPORT",
    "TRACE",
    "Random",
    "Tally",
    "and_figures",
    "converted_once",
    "edit",
    "made",
    "made_small",
    "paged",
    "passes",
    "planted",
    "rewritten",
    "sealed",
    "sealed_manifest",
    "tried",
    "weights",
]
