"""The samples as the generated Kotlin sees them, and faults to plant in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit.bundle import file_hash
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.devices.format import DeviceRun
from posekit.devices.record import read_run, results_of
from posekit.devices.request import RequestWriter
from posekit.parity.cases import Case
from posekit.parity.shipped import Shipped

SAMPLES = ("tinypose", "tinysimcc")

# variant: module that it is planted in, file, what stands there, what is wrong, and the step that it belongs to
FAULTS = {
    "red_and_blue": (
        "tinypose",
        "Warp.kt",
        "out[at] = blend(red(p), red(q), red(r), red(s), fx, fy)",
        "out[at] = blend(blue(p), blue(q), blue(r), blue(s), fx, fy)",
        "preprocessing",
    ),
    "half_pixel": (
        "tinypose",
        "PoseContract.kt",
        "Alignment.HALF_PIXEL) 0.5 else",
        "Alignment.HALF_PIXEL) 0.0 else",
        "preprocessing",
    ),
    "pad_side": (
        "letterbox",
        "InputTransform.kt",
        "top = spareBefore(input.height - contentHeight, input)",
        "top = input.height - contentHeight",
        "preprocessing",
    ),
    "decoder_alignment": (
        "tinypose",
        "TinyPoseContract.kt",
        '"alignment" to "stride"',
        '"alignment" to "corners"',
        "decoding",
    ),
    "left_and_right": (
        "tinypose",
        "PosePipeline.kt",
        "        val toSource = transform.toSource\n",
        "        val toSource = transform.toSource\n"
        "        for (at in 2 until 34 step 4) for (x in at..at + 1) "
        "coordinates[x] = coordinates[x + 2].also { coordinates[x + 2] = coordinates[x] }\n",
        "decoding",
    ),
    "mapping_back": ("tinypose", "PosePipeline.kt", "toSource.mapX(x, y)", "toSource.mapX(x + 1, y)", "decoding"),
}


@dataclass(frozen=True)
class Ran:
    """One run: its document, and the results of each case by mode."""

    document: DeviceRun
    results: Mapping[str, Mapping[str, Shipped]]


@dataclass(frozen=True)
class Sample:
    """A contract with its model and module, and its cases with the reference's outputs."""

    spec: PoseSpec
    model: Path
    module: Path
    cases: list[tuple[Case, Mapping[str, Any]]]

    def request(
        self, folder: Path, modes: tuple[str, ...], accelerators: tuple[str, ...] = ("cpu",), **more: Any
    ) -> Path:
        writer = RequestWriter(folder / "request")
        for case, outputs in self.cases[: more.pop("count", None)]:
            writer.add(case, outputs)
        return self.close(writer, modes, accelerators, **more)

    def close(
        self, writer: RequestWriter, modes: tuple[str, ...], accelerators: tuple[str, ...] = ("cpu",), repeats: int = 0
    ) -> Path:
        writer.close(file_hash(self.model), contract_hash(self.spec), modes, accelerators, repeats=repeats)  # type: ignore[arg-type]
        return writer.folder

    def ran(self, wrapper: KotlinWrapper, request: Path, out: Path) -> Ran:
        """Run a request; every case of it must have been run."""
        wrapper.run(request, out, self.model)
        run = read_run(out, file_hash(self.model), contract_hash(self.spec))
        assert run.error is None
        one = run.passes[0]
        assert (one.requested, one.used, one.fallback_reason) == ("cpu", "cpu", None)
        return Ran(run, {case.name: results_of(out, one, case.name, case.sha256, case.region) for case in one.cases})
