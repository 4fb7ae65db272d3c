"""A spec file that is not finished, read as a draft again: what is in it is said, what is open stays open."""

from __future__ import annotations

from pathlib import Path

from posekit.contract.drafts import Draft, Gap, Said, flat
from posekit.contract.gaps import gaps_in
from posekit.contract.spec import read_table

SUFFIX = ".toml"


def read(path: Path) -> Draft:
    """What the file says; its open fields are asked for again."""
    table = read_table(path)
    gaps = {name: Gap(question) for name, question in gaps_in(table) if question}
    unsaid = {name for name, _ in gaps_in(table)}
    values = {name: Said(value, "as it was") for name, value in flat(table) if name not in unsaid}
    return Draft(path.name, values, gaps, f"{len(values)} fields of {path.name}")
