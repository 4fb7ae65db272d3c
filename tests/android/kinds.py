"""A contract of each sort of model that an app may be built around."""

from __future__ import annotations

from collections.abc import Callable

from posekit.contract.spec import PoseSpec, parse_spec
from tests.heads import MASK, PLAIN, TWO_STAGE, plain_spec, spec

NAME = "tiny-pose2"


def _one_stage() -> PoseSpec:
    return spec("detections", NAME).model_copy(update={"dense": ()})


def _dense() -> PoseSpec:
    return parse_spec(plain_spec(NAME).model_dump(mode="json", by_alias=True) | {"dense": [MASK]}, "tests/android")


SPECS: dict[str, Callable[[], PoseSpec]] = {
    "top-down": lambda: spec(PLAIN, NAME),
    "one-stage": _one_stage,
    "bottom-up": lambda: spec("paf", NAME),
    "two-stage": lambda: spec(TWO_STAGE, NAME),
    "3d": lambda: spec("landmarks", NAME),
    "dense": _dense,
}
