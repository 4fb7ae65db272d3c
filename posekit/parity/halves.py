"""What of a network's own numbers 16 bits cannot hold: told before a phone's accelerator shows it."""

from __future__ import annotations

from collections.abc import Sequence

from posekit.contract.precisions import Precision
from posekit.parity.gate import Check, Outcome
from posekit.parity.trace import TracedOp

LARGEST = 65504.0
NAME = "16-bit arithmetic"
MOST_NAMED = 3


def half_checks(steps: Sequence[TracedOp], platform: str, precision: Precision) -> tuple[Check, ...]:
    """Which operations of the network go beyond what 16 bits hold, SKIPPED where what becomes of it was not run here;
    nothing where all of them are within.

    An .mlpackage computes in 16 bits wherever it runs, unless it is fp32; a .tflite on a phone's GPU alone.
    """
    beyond = [(max(abs(one.lowest), abs(one.highest)), one) for one in steps]
    beyond = [(value, one) for value, one in beyond if value > LARGEST]
    is_run_here = platform == "ios"
    if not beyond or (is_run_here and precision == "fp32"):
        return ()
    names = list(dict.fromkeys(one.layer or one.name for _, one in beyond))
    more = f" and {len(names) - MOST_NAMED} others" if len(names) > MOST_NAMED else ""
    text = (
        f"{', '.join(names[:MOST_NAMED])}{more} reach {max(value for value, _ in beyond):.3g} on the first case, 16 "
        f"bits hold {LARGEST:g}"
    )
    if is_run_here:
        return (Check(NAME, Outcome.PASS, f"{text}: it was computed so here, and the gates tell what became of it"),)
    text += ": this machine computed in 32, a phone's GPU does not unless it is asked to; --device tells what it gives"
    return (Check(NAME, Outcome.SKIPPED, text),)
