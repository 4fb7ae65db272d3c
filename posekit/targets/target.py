"""What a target is: its name, its file, how it converts, how it is read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from posekit.errors import MissingToolError
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
    package: str

    def require(self) -> None:
        """MissingToolError unless the converter is installed; told before anything is done."""
        if find_spec(self.package) is None:
            raise MissingToolError(f"{self.package} is not installed", "pip install 'posekit[all]'")

    def model_file(self, name: str) -> str:
        """File name of the model of spec `name`."""
        return f"{name}{self.suffix}"


TARGETS: dict[str, Target] = {
    "android": Target("android", ".tflite", litert.convert, litert.contract_of, "litert_torch"),
    "ios": Target("ios", ".mlpackage", coreml.convert, coreml.contract_of, "coremltools"),
}
