"""Precisions by name: what each stores and computes with, and on which platform there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal[
    "fp32", "fp16", "w8a32", "w8a8", "w8a16", "w8", "w4",
    "pal8", "pal6", "pal4", "sparse50", "sparse50-w8", "sparse50-pal4", "auto",
]  # fmt: skip
NAMES: tuple[Precision, ...] = get_args(Precision)
Rewrite = Literal["phases", "bands", "input"]
REWRITES: tuple[Rewrite, ...] = get_args(Rewrite)  # of an Android file, for speed on a CPU: targets/rewrites.py
SLOW_ON_GPU: frozenset[Rewrite] = frozenset(["phases", "bands"])  # a GPU has kernels for what those take apart


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says. words: in a table. calibrates: needs pictures, to read the ranges of activations."""

    words: str
    platforms: tuple[str, ...]
    calibrates: bool = False


TFLITE = ("android", "linux")  # platforms whose model file is a .tflite: one file, whichever of them it is for
ALL, IOS = (*TFLITE, "ios"), ("ios",)
PRECISIONS: dict[Precision, Meaning] = {
    "fp32": Meaning("32-bit weights and arithmetic", ALL),
    "fp16": Meaning("16-bit weights", ALL),
    "w8a32": Meaning("8-bit weights, activations made 8-bit while it runs", TFLITE),
    "w8a8": Meaning("8-bit weights and activations", ALL, calibrates=True),
    "w8a16": Meaning("8-bit weights, 16-bit activations", TFLITE, calibrates=True),
    "w8": Meaning("8-bit weights", ALL),
    "w4": Meaning("4-bit weights, 8-bit in small layers and where there is no 4-bit kernel", ALL),
    "pal8": Meaning("weights from a table of 256 values", IOS),
    "pal6": Meaning("weights from a table of 64 values", IOS),
    "pal4": Meaning("weights from a table of 16 values", IOS),
    "sparse50": Meaning("half of the weights are zero", IOS),
    "sparse50-w8": Meaning("half of the weights are zero, the others 8-bit", IOS),
    "sparse50-pal4": Meaning("half of the weights are zero, the others from a table of 16 values", IOS),
    "auto": Meaning("layer by layer, searched within a budget", ALL),
}


def of_platform(platform: str) -> tuple[Precision, ...]:
    """The precisions of a platform, without the searched one."""
    return tuple(name for name, meaning in PRECISIONS.items() if platform in meaning.platforms and name != "auto")
