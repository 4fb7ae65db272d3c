"""A mean and std that do not belong to an input of whole numbers are refused; those of real networks are not."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from posekit.errors import InputError
from posekit.sources.tflite.ports import Port, entering
from tests.tflites import spec_of

PATH = Path("network.tflite")
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
HALVES, UNIT, PIXELS = ({"mean": [a] * 3, "std": [b] * 3} for a, b in ((127.5, 127.5), (0, 255), (0, 1)))


@pytest.mark.parametrize(
    ("kind", "scale", "zero", "normalised"),
    [
        ("uint8", 0.0, 0, PIXELS),
        ("int32", 0.0, 0, PIXELS),
        ("int8", 0.0, 0, {"mean": [128] * 3, "std": [1] * 3}),
        ("uint8", 1 / 128, 128, HALVES),
        ("int8", 1 / 127.5, 0, HALVES),  # symmetric
        ("int8", 1 / 127, 0, UNIT),  # symmetric: half of the numbers
        ("uint8", 1 / 255, 0, UNIT),
        ("int16", 1 / 32767, 0, UNIT),
        ("uint8", 4.76 / 255, 114, IMAGENET),
        ("uint8", 4.4 / 255, 122, IMAGENET),  # calibrated on pictures without the brightest blue
    ],
)  # fmt: skip
def test_what_belongs_together_is_taken(kind: str, scale: float, zero: int, normalised: dict[str, list[float]]) -> None:
    port = Port(0, "image", (1, 48, 32, 3), kind, scale, zero)
    assert entering(port, spec_of(input=normalised), PATH).dtype == kind


@pytest.mark.parametrize(
    ("kind", "scale", "zero", "normalised", "seen", "fitting"),
    [
        ("uint8", 1 / 128, 128, PIXELS, "stand for -1 to 0.992188: .* 2 are left", "mean 128 and std 128"),
        ("uint8", 1 / 128, 128, IMAGENET, "37% of .* beyond", "mean 128 and std 128"),
        ("uint8", 0.0, 0, UNIT, "stand for 0 to 255: of the 256 levels of a pixel 2 are left", "mean 0 and std 1 "),
        ("int8", 0.0, 0, PIXELS, "50% of .* beyond", "mean 128 and std 1 "),
        ("int32", 0.0, 0, IMAGENET, "[4-6] are left", "mean 0 and std 1 "),
        ("uint8", 1.0, 0, {"mean": [0, 0, 0], "std": [1, 1, 0.8]}, "20% of .* beyond", "mean 0 and std 1 "),
        ("bool", 0.0, 0, PIXELS, "2 are left", ""),
    ],
)  # fmt: skip
def test_what_leaves_little_of_a_picture_is_refused(
    kind: str, scale: float, zero: int, normalised: dict[str, list[float]], seen: str, fitting: str
) -> None:
    port = Port(0, "image", (1, 48, 32, 3), kind, scale, zero)
    with pytest.raises(InputError, match=f"do not fit the input 'image', {kind} of network.tflite, .*{seen}") as raised:
        entering(port, spec_of(input=normalised), PATH)
    assert fitting in raised.value.hint
