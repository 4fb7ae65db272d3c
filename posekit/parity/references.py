"""The cases of pictures with the reference's outputs: each run once, and kept on disk while there is room."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, cases_of
from posekit.poses.images import Photo

NO_PIXELS: NDArray[np.float32] = np.empty((0, 0, 3), np.float32)


@dataclass(slots=True)
class References:
    """Cases and outputs of the trained network, whoever asks and however often.

    reference: pixels (H, W, 3) RGB 0-255 to outputs by name. folder: an empty one, where pixels and outputs are kept;
    room: how many bytes of them, the rest is made again each time.
    """

    photos: Sequence[Photo]
    spec: PoseSpec
    reference: Callable[[NDArray[np.float32]], Outputs]
    folder: Path
    room: int = 1 << 30
    _kept: dict[int, list[Case]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Case, Outputs]]:
        """Every case with its outputs, picture by picture."""
        for number in range(len(self.photos)):
            yield from self._of(number)

    def cases(self) -> Iterator[Case]:
        """Every case; no network runs for it."""
        for number, photo in enumerate(self.photos):
            if number in self._kept:
                yield from (case for case, _ in self._of(number))
            else:
                yield from cases_of(photo, self.spec)

    def named(self, names: Collection[str]) -> Iterator[tuple[Case, Outputs]]:
        """The cases of those names with their outputs."""
        for number, photo in enumerate(self.photos):
            if any(name.startswith(f"{photo.name}#") for name in names):
                yield from (one for one in self._of(number) if one[0].name in names)

    def _of(self, number: int) -> Iterator[tuple[Case, Outputs]]:
        if number in self._kept:
            for place, case in enumerate(self._kept[number]):
                with np.load(self._path(number, place), allow_pickle=False) as kept:
                    outputs = {name: kept[f"output {index}"] for index, name in enumerate(kept["names"].tolist())}
                    yield replace(case, pixels=kept["pixels"]), outputs
            return
        made = []
        for place, case in enumerate(cases_of(self.photos[number], self.spec)):
            found = self.reference(case.pixels)
            if self._keep(self._path(number, place), case, found):
                made.append(replace(case, pixels=NO_PIXELS))
            yield case, found
        if len(made) == place + 1:
            self._kept[number] = made

    def _keep(self, path: Path, case: Case, outputs: Outputs) -> bool:
        """Write one case while there is room for it."""
        size = case.pixels.nbytes + sum(values.nbytes for values in outputs.values())
        if size > self.room:
            return False
        arrays = {"pixels": case.pixels, "names": np.array(list(outputs))}
        np.savez(path, **arrays, **{f"output {index}": values for index, values in enumerate(outputs.values())})  # type: ignore[arg-type]
        self.room -= path.stat().st_size
        return True

    def _path(self, number: int, place: int) -> Path:
        return self.folder / f"{number}-{place}.npz"
