"""A contract of each sort of model that an app may be built around."""

from __future__ import annotations

from collections.abc import Callable

from posekit.contract.spec import PoseSpec, parse_spec
from tests.heads import MASK, PLAIN, TWO_STAGE, plain_spec, spec

NAME = "tiny-pose2"
PACKAGES = {"bottom-up": "com.acme.pose"}  # of the modules that have one of their choice, by kind


def _one_stage() -> PoseSpec:
    return spec("detections", NAME).model_copy(update={"dense": ()})


def _dense() -> PoseSpec:
    return parse_spec(plain_spec(NAME).model_dump(mode="json", by_alias=True) | {"dense": [MASK]}, "tests/android")


def _packaged(kind: str, spec: PoseSpec) -> PoseSpec:
    data = {"kotlin_package": PACKAGES[kind]}
    return parse_spec(spec.model_dump(mode="json", by_alias=True) | data, "tests/android")


def package_of(kind: str) -> str:
    """The Kotlin package of a kind's module."""
    return PACKAGES.get(kind, "posekit.tinypose2")


SPECS: dict[str, Callable[[], PoseSpec]] = {
    "top-down": lambda: spec(PLAIN, NAME),
    "one-stage": _one_stage,
    "bottom-up": lambda: _packaged("bottom-up", spec("paf", NAME)),
    "two-stage": lambda: spec(TWO_STAGE, NAME),
    "3d": lambda: spec("landmarks", NAME),
    "dense": _dense,
}
