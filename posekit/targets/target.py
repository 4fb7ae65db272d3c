"""What a target is: its name, its file, how it converts, how it is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from posekit.targets import coreml, litert
from posekit.targets.converted import Converted

if TYPE_CHECKING:
    from posekit.spec import PoseSpec, Precision
    from posekit.targets.lowering import Lowered

__all__ = ["TARGETS", "Converted", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """convert(lowered, spec, precision, folder) writes `model_file(name)` in `folder`; contract_of(path) is the
    pose.json that a model file holds."""

    platform: str
    suffix: str
    convert: Callable[[Lowered, PoseSpec, Precision, Path], Converted]
    contract_of: Callable[[Path], bytes]
    facts: Mapping[str, str] = field(default_factory=dict)

    def model_file(self, name: str) -> str:
        """File name of the model of spec `name`."""
        return f"{name}{self.suffix}"


TARGETS: dict[str, Target] = {
    "android": Target("android", ".tflite", litert.convert, litert.contract_of),
    "ios": Target("ios", ".mlpackage", coreml.convert, coreml.contract_of),
}
