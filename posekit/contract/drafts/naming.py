"""What every draft says of the model itself: its name, its version, its licence."""

from __future__ import annotations

import re

from posekit.contract.drafts import Gap, Said
from posekit.contract.spec import RESERVED_NAMES

LONGEST = 48


def name_of(stem: str) -> str:
    """A file's name without its ending as the name of a model."""
    words = re.findall("[a-z0-9]+", stem.lower())
    name = "-".join(words if words and words[0][0].isalpha() else ["pose", *words])[:LONGEST].rstrip("-")
    return f"{name}-pose" if name in RESERVED_NAMES else name


def of_model(stem: str) -> tuple[dict[str, Said], dict[str, Gap]]:
    """(what is said of any model, what is always asked where nobody says it)."""
    values = {
        "schema": Said(1, "posekit's format"),
        "name": Said(name_of(stem), "the file's name"),
        "version": Said("1.0.0", "yours to count", assumed=True),
    }
    gaps = {"license": Gap("SPDX identifier of the licence of the weights, such as Apache-2.0")}
    return values, gaps
