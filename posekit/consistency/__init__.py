"""Does a bundle contradict itself? What it says is made or measured again, from its model, its contract and its pictures."""

from posekit.consistency.evidence import Evidence
from posekit.consistency.evidence import checks as of_evidence
from posekit.consistency.model_file import checks as of_model
from posekit.consistency.origin import UNKNOWN
from posekit.consistency.origin import checks as of_origin
from posekit.consistency.rendered import Edits, edits_of, refuse_foreign, render
from posekit.consistency.rendered import checks as of_files
from posekit.consistency.told import Told
from posekit.consistency.told import checks as of_report

__all__ = [
    "UNKNOWN", "Edits", "Evidence", "Told", "edits_of", "of_evidence", "of_files", "of_model", "of_origin", "of_report",
    "refuse_foreign", "render",
]  # fmt: skip
