"""What the command line prints of a spec that was drafted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posekit.cli.console import out_line, print_json

if TYPE_CHECKING:
    from posekit.pipelines.init import Drafted


def show_draft(drafted: Drafted, as_json: bool) -> None:
    """What a draft says and who says it, what the network gives, and what is left to fill in."""
    draft = drafted.draft
    outputs = None if drafted.outputs is None else {name: list(shape) for name, shape in drafted.outputs.items()}
    gaps = {name: {"question": gap.question, "choices": list(gap.choices)} for name, gap in draft.gaps.items()}
    if as_json:
        values = {name: {"value": said.value, "source": said.source, "assumed": said.assumed}
                  for name, said in draft.values.items()}  # fmt: skip
        print_json({"file": str(drafted.path), "values": values, "gaps": gaps, "outputs": outputs,
                    "assumed": list(draft.assumed), "notes": list(draft.notes)})  # fmt: skip
        return
    for name, shape in (outputs or {}).items():
        out_line(f"the network gives {name} {' x '.join(map(str, shape))}")
    for text in (*draft.notes, *(f"assumed: {one}" for one in draft.assumed)):
        out_line(f"note: {text}")
    for name, gap in draft.gaps.items():
        out_line(f"open: {name}: {gap.question}")
        for choice in gap.choices:
            out_line(f"      {choice}")
    said, count = len(draft.values), len(draft.gaps)
    left = f"{count} fields are left to fill in" if count != 1 else "one field is left to fill in"
    out_line(f"{drafted.path}: {said} fields are said, {left if count else 'none is left to fill in'}")
