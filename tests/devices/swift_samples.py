"""The samples as the generated Swift sees them, and faults to plant in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit.bundle import file_hash
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.devices.desktop.swift import SwiftWrapper
from posekit.devices.format import DeviceRun
from posekit.devices.record import read_run
from posekit.devices.request import RequestWriter
from posekit.parity.cases import Case

# variant: package that it is planted in, file, what stands there, what is wrong, and the step that it belongs to
FAULTS = {
    "red_and_blue": (
        "tinypose",
        "PixelReader.swift",
        "SIMD4(Float(pixel[red]), Float(pixel[1]), Float(pixel[blue]), 0)",
        "SIMD4(Float(pixel[blue]), Float(pixel[1]), Float(pixel[red]), 0)",
        "preprocessing",
    ),
    "half_pixel": ("tinypose", "InputSpec.swift", ".halfPixel ? 0.5 : 0", ".halfPixel ? 0 : 0", "preprocessing"),
    "pad_side": (
        "letterbox",
        "InputTransform.swift",
        "return (spare + (input.oddPixel == .before ? 1 : 0)) / 2",
        "return spare",
        "preprocessing",
    ),
    "decoder_alignment": (
        "tinypose",
        "TinyPoseContract.swift",
        '"alignment": "stride"',
        '"alignment": "corners"',
        "decoding",
    ),
    "left_and_right": (
        "tinypose",
        "PoseProcessor.swift",
        "    let points = people.points(of: person)\n",
        "    var points = people.points(of: person)\n"
        "    for k in stride(from: 1, to: 17, by: 2) { points.swapAt(k, k + 1) }\n",
        "decoding",
    ),
    "mapping_back": (
        "tinypose",
        "PoseProcessor.swift",
        "Point(x: point.x, y: point.y)",
        "Point(x: point.x + 1, y: point.y)",
        "decoding",
    ),
}


@dataclass(frozen=True)
class SwiftSample:
    """A contract with its model and package, and its cases with the reference's outputs."""

    spec: PoseSpec
    model: Path
    package: Path
    cases: list[tuple[Case, Mapping[str, Any]]]

    @property
    def contract(self) -> str:
        return contract_hash(self.spec)

    def read(self, out: Path) -> DeviceRun:
        """A run of this package."""
        return read_run(out, file_hash(self.model), self.contract)

    def ran(self, wrapper: SwiftWrapper, writer: RequestWriter, modes: tuple[str, ...], out: Path) -> DeviceRun:
        """Run a request without a model."""
        writer.close(file_hash(self.model), self.contract, modes, ("none",), repeats=0)  # type: ignore[arg-type]
        wrapper.run(writer.folder, out)
        return self.read(out)
