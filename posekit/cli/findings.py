"""What the command line prints of posekit doctor."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from posekit.cli.console import out_line, print_json
from posekit.devices.apps import Finding
from posekit.parity.gate import Outcome


def show_findings(found: Sequence[Finding], as_json: bool) -> None:
    """Problems first, each with its remedy, then what is well and what could not be told."""
    problems = [one for one in found if one.outcome is Outcome.FAIL]
    if as_json:
        print_json({"is_well": not problems, "findings": [dataclasses.asdict(one) for one in found]})
        return
    for one in [*problems, *(one for one in found if one.outcome is not Outcome.FAIL)]:
        out_line(_printable(f"{one.outcome}: {one.name}: {one.detail}"))
        if one.remedy:
            out_line(_printable(f"  {one.remedy}"))
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}" if problems else "no problem"
    out_line(f"{count} in {len(found)} checks")


def _printable(text: str) -> str:
    """Without what would steer a terminal, or cannot be encoded: names come from the app's files."""
    return "".join(one if one.isprintable() else "?" for one in text)
