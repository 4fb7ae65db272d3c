"""How large what comes from outside may be; looked at before anything is allocated for it."""

from __future__ import annotations

import math
import os

from posekit.errors import InputError

FACTOR = "POSEKIT_LIMIT_FACTOR"  # environment variable: all bounds times this number
INPUT_PIXELS = 1 << 22  # of the network's input: 2048 x 2048, and cropping to it takes about 1 GB
TENSOR_NUMBERS = 1 << 27  # of one that is computed: 32 channels of that input
MODEL_BYTES = 1 << 31  # of a model file, unpacked; a phone takes a tenth of it
TABLE_BYTES = 1 << 25  # of a JSON table or a program's text in a model file; parsed it takes some twenty times as much
PICKLE_BYTES = 1 << 28  # of one pickle that is looked through


def refuse_above(value: int, limit: int, what: str, unit: str = "bytes") -> None:
    """InputError where `value` is beyond `limit` times the user's factor; what: the start of the sentence."""
    allowed = int(limit * _factor())
    if value > allowed:
        needed = math.ceil(value / limit)
        raise InputError(
            f"{what} {value:,} {unit}, at most {allowed:,} are taken", f"{FACTOR}={needed} in the environment allows it"
        )


def _factor() -> float:
    text = os.environ.get(FACTOR, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(f"{FACTOR} is {text!r}, expected a number above 0", "4 allows four times as much")
    return factor
