"""What a target is: its name, its file, how it converts, how it is read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import PRECISIONS, TFLITE, of_platform
from posekit.contract.recipe import Recipe
from posekit.errors import InputError, MissingToolError
from posekit.runtimes.files import is_litter
from posekit.targets import contracts
from posekit.targets.converted import Base, Calibration, Converted, Layer

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.targets.kept import Start

__all__ = ["TARGETS", "Base", "Calibration", "Converted", "Layer", "Target", "check_recipe", "file_bytes"]


@dataclass(frozen=True, slots=True)
class Target:
    """How a platform's model file is made.

    base(start, folder, log) converts in float, into the scratch folder. calibrate(base, inputs) reads what static
    quantization needs. compress(base, spec, recipe, calibration, path, log) writes the file `path`; it needs the base's
    files alone. contract_of(path) is the pose.json that a model file holds.
    """

    platform: str
    suffix: str
    base: Callable[[Start, Path, Path], Base]
    calibrate: Callable[[Base, Sequence[NDArray[np.float32]]], Calibration]
    compress: Callable[[Base, PoseSpec, Recipe, Calibration, Path, Path], Converted]
    contract_of: Callable[[Path], bytes]
    package: str

    def require(self) -> None:
        """MissingToolError unless the converter is installed; told before anything is done."""
        if find_spec(self.package) is None:
            raise MissingToolError(f"{self.package} is not installed", "pip install 'posekit[all]'")

    def model_file(self, name: str) -> str:
        """File name of the model of spec `name`."""
        return f"{name}{self.suffix}"


def file_bytes(path: Path) -> int:
    """Size of a model file, or of all files of a model folder but what file managers leave in it."""
    inside = [one for one in path.rglob("*") if one.is_file() and not is_litter(one.relative_to(path))]
    files = inside if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files)


def check_recipe(recipe: Recipe, platform: str, base: Base | None = None) -> None:
    """InputError where a recipe wants what its platform does not have, or names layers that are not in the network."""
    for precision in sorted(recipe.precisions):
        if precision == "auto" or platform not in PRECISIONS[precision].platforms:
            known = ", ".join(of_platform(platform))
            raise InputError(f"precision {precision!r} is not one of {platform}", f"there are {known}")
    unknown = sorted(set(recipe.layers) - set(base.layers.values())) if base is not None else []
    if unknown:
        raise InputError(
            f"the recipe names {len(unknown)} layers that the network does not have: {', '.join(unknown[:3])}",
            "was it made for another network?",
        )


def _target(platform: str, suffix: str, module: str, package: str, contract_of: Callable[[Path], bytes]) -> Target:
    """The target whose converter is in `module`, which is imported as it is called: few need both, or one."""

    def later(name: str) -> Callable[..., Any]:
        return lambda *given: getattr(import_module(f"posekit.targets.{module}.target"), name)(*given)

    base, calibrate, compress = map(later, ("base", "calibrate", "compress"))
    return Target(platform, suffix, base, calibrate, compress, contract_of, package)


TARGETS: dict[str, Target] = {
    **{name: _target(name, ".tflite", "litert", "litert_torch", contracts.of_tflite) for name in TFLITE},
    "ios": _target("ios", ".mlpackage", "coreml", "coremltools", contracts.of_mlpackage),
}
