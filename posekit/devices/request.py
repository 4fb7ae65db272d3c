"""Write what a runner is asked: `request.json` and, beside it, pictures and reference tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders.decoder import Outputs
from posekit.devices.format import (
    REQUEST,
    Accelerator,
    Mode,
    PictureFile,
    RequestedCase,
    RunRequest,
    StageName,
)
from posekit.parity.case_files import RegionOfCase, TensorFile
from posekit.parity.cases import Case
from posekit.poses.images import load_image
from posekit.poses.regions import Region
from posekit.poses.transforms import UPRIGHT, Orientation


class RequestWriter:
    """Writes the cases of one request into a folder, a picture that several cases share only once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cases: list[RequestedCase] = []
        self._pictures: dict[Path, PictureFile] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, case: Case, outputs: Outputs | None = None, region: Region | None = None) -> None:
        """Add one case as it stands in the bundle: its upright picture; outputs: what to decode in mode `outputs`."""
        if case.photo.path not in self._pictures:
            number = len(self._pictures)
            self._pictures[case.photo.path] = self._picture(f"picture-{number:03d}.rgb", load_image(case.photo.path))
        self._add(case.name, self._pictures[case.photo.path], region or case.region, case.pixels, outputs or {})

    def add_stored(
        self,
        name: str,
        stored: NDArray[np.uint8],
        orientation: Orientation,
        region: Region | None,
        pixels: NDArray[np.float32],
        outputs: Outputs | None = None,
    ) -> None:
        """Add one case of a picture (h, w, 3) as a camera stores it; pixels: (H, W, 3), the reference's own input."""
        picture = self._picture(f"stored-{len(self._cases):03d}.rgb", stored, orientation)
        self._add(name, picture, region, pixels, outputs or {})

    def close(
        self,
        model_sha256: str,
        contract_sha256: str,
        modes: Sequence[Mode],
        accelerators: Sequence[Accelerator],
        repeats: int = 20,
        stage: StageName = "pose",
    ) -> RunRequest:
        """Write request.json."""
        request = RunRequest(
            schema=1, model_sha256=model_sha256, contract_sha256=contract_sha256, stage=stage, modes=tuple(modes),
            accelerators=tuple(accelerators), repeats=repeats, cases=tuple(self._cases),
        )  # fmt: skip
        data = request.model_dump(mode="json", by_alias=True)
        (self.folder / REQUEST).write_text(json.dumps(data, indent=1) + "\n")
        return request

    def _picture(self, file: str, pixels: NDArray[np.uint8], orientation: Orientation = UPRIGHT) -> PictureFile:
        pixels.tofile(self.folder / file)
        return PictureFile.model_validate({
            "file": file, "size_wh": (pixels.shape[1], pixels.shape[0]),
            "rotation_degrees": orientation.rotation_degrees, "mirrored": orientation.mirrored,
        })  # fmt: skip

    def _add(
        self, name: str, picture: PictureFile, region: Region | None, pixels: NDArray[np.float32], outputs: Outputs
    ) -> None:
        stem = f"case-{len(self._cases):03d}"
        tensor = self._tensor(f"{stem}.input.f32", pixels[None])
        given = {key: self._tensor(f"{stem}.given.{key}.f32", values) for key, values in outputs.items()}
        self._cases.append(
            RequestedCase(
                name=name,
                picture=picture,
                region=as_written(region),
                input=tensor,
                outputs=given,
                sha256=case_sha256([self.folder / picture.file, self.folder / tensor.file]),
            )
        )

    def _tensor(self, file: str, values: NDArray[Any]) -> TensorFile:
        values.astype("<f4").tofile(self.folder / file)
        return TensorFile(file=file, shape=tuple(values.shape))


def case_sha256(parts: Iterable[Path | bytes]) -> str:
    """Of a picture's bytes followed by those of its input tensor."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else part)
    return digest.hexdigest()


def sha256_of(case: Case) -> str:
    """The hash that a runner gives for a case of a bundle."""
    return case_sha256([load_image(case.photo.path).tobytes(), case.pixels.astype("<f4").tobytes()])


def as_written(region: Region | None) -> RegionOfCase | None:
    """A region as the documents write it."""
    if region is None:
        return None
    values = {"center_xy": region.center_xy, "size_wh": region.size_wh}
    return RegionOfCase.model_validate(
        {key: tuple(map(float, value)) for key, value in values.items()}
        | {"rotation_degrees": float(region.rotation_degrees)}
    )
