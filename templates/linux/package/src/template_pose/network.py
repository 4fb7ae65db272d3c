# SPDX-License-Identifier: Apache-2.0
"""A model file on LiteRT: from a picture's pixels to poses in px of the upright picture."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ._posekit.contract.depth import DepthSpec, about_root
from ._posekit.decoders import dense
from ._posekit.decoders.dense import DenseSpec
from ._posekit.poses import Poses
from ._posekit.poses.dense import DenseMap, in_source
from ._posekit.poses.input_spec import InputSpec
from ._posekit.poses.regions import Region, frame_region
from ._posekit.poses.source_px import brought_to_source
from ._posekit.poses.transforms import InputTransform, Orientation, upright_size
from ._posekit.poses.warp import crop
from .errors import ContractMismatchError, ModelFileError, ModelMissingError, NonFiniteOutputError, TensorShapeError

Outputs = Mapping[str, NDArray[Any]]
INPUT = "image"
MOST_THREADS = 4  # more of them wait for each other on the small networks that poses come from
MOST_CONTRACT_BYTES = 1 << 20


@dataclass(frozen=True)
class NetworkContract:
    """What this code knows of a model file.

    hash: SHA-256 of pose.json. output_shapes: with the batch axis. reads: outputs of the decoder. names, sigmas: of the
    keypoints. metres: whether z is in metres rather than in px.
    """

    hash: str
    model_file: str
    input: InputSpec
    output_shapes: Mapping[str, tuple[int, ...]]
    decoder: Any
    decode: Callable[[Outputs, Any, InputSpec, Sequence[float]], Poses]
    reads: tuple[str, ...]
    dense_reads: tuple[str, ...]
    names: tuple[str, ...]
    sigmas: tuple[float, ...]
    dense: tuple[DenseSpec, ...] = ()
    depth: DepthSpec | None = None
    metres: bool = False


@dataclass(frozen=True)
class Looked:
    """What one run of a model gives, px of the upright picture."""

    poses: Poses
    region: Region
    transform: InputTransform
    outputs: Outputs


class Network:
    """A model file, loaded; calls from several threads wait for each other."""

    def __init__(self, contract: NetworkContract, folder: Path, threads: int | None = None) -> None:
        self.contract = contract
        self.threads = threads or min(MOST_THREADS, cores())
        self._lock = threading.Lock()
        self._run: Callable[..., dict[str, NDArray[Any]]] | None = loaded(
            contract, folder / contract.model_file, self.threads
        )

    def look(
        self, picture: NDArray[np.uint8], orientation: Orientation, region: Region | None = None
    ) -> Looked:
        """The people in a region of the upright picture, or in the whole of it."""
        where = region or self.whole_frame(picture, orientation)
        pixels, transform = self.preprocess(picture, orientation, where)
        outputs = self.infer(pixels)
        return Looked(self.decode(outputs, transform), where, transform, outputs)

    def preprocess(
        self, picture: NDArray[np.uint8], orientation: Orientation, region: Region
    ) -> tuple[NDArray[np.float32], InputTransform]:
        """The model's input (H, W, 3) float32 RGB 0-255 of a region, and the way there."""
        return crop(picture, region, self.contract.input, orientation)

    def whole_frame(self, picture: NDArray[np.uint8], orientation: Orientation) -> Region:
        """The region of a whole picture (h, w, 3) as it is stored."""
        stored_wh = (picture.shape[1], picture.shape[0])
        return frame_region(upright_size(stored_wh, orientation), self.contract.input)

    def infer(self, pixels: NDArray[np.float32]) -> Outputs:
        """The outputs by name, with their batch axis, of the model's input (H, W, 3) float32 RGB 0-255."""
        with self._lock:
            if self._run is None:
                raise ValueError("the model is closed")
            try:
                return self._run(**{INPUT: pixels[None]})
            except RuntimeError as error:
                raise ModelFileError(f"LiteRT cannot run {self.contract.model_file}: {error}") from error

    def decode(self, outputs: Outputs, transform: InputTransform) -> Poses:
        """The people that outputs hold, px of the upright picture."""
        known = self.contract
        found = known.decode(finite(outputs, known.reads), known.decoder, known.input, known.sigmas)
        found = about_root(found, known.depth, known.names)
        return brought_to_source(found, transform, z_in_metres=known.metres)

    def dense(self, outputs: Outputs, transform: InputTransform) -> tuple[DenseMap, ...]:
        """The dense results that outputs hold, over the upright picture."""
        if not self.contract.dense:
            return ()
        maps = dense.decode(finite(outputs, self.contract.dense_reads), self.contract.dense)
        return tuple(in_source(one, transform) for one in maps)

    def close(self) -> None:
        """Free the model; closing twice does nothing."""
        with self._lock:
            self._run = None


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def loaded(contract: NetworkContract, path: Path, threads: int) -> Callable[..., dict[str, NDArray[Any]]]:
    """What runs the model file: its input by name to its outputs by name; a PoseError where it is not the contract's."""
    from ai_edge_litert.interpreter import Interpreter

    if not path.is_file():
        raise ModelMissingError(f"there is no model at {path}")
    found = contract_hash_of(path)
    if found != contract.hash:
        raise ContractMismatchError(contract.hash, found)
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner()
    except (RuntimeError, ValueError) as error:
        raise ModelFileError(f"LiteRT does not load {path.name}: {error}") from error
    width, height = contract.input.size_wh
    check_shapes(runner.get_input_details(), {INPUT: (1, height, width, 3)}, path.name)
    check_shapes(runner.get_output_details(), contract.output_shapes, path.name)

    def run(**inputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        return dict(runner(**{name: np.ascontiguousarray(values, np.float32) for name, values in inputs.items()}))

    return run


def check_shapes(details: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]], file: str) -> None:
    """TensorShapeError unless the tensors are those that the contract names, with its shapes."""
    seen = {name: tuple(int(side) for side in one["shape"]) for name, one in details.items()}
    if seen != dict(expected):
        raise TensorShapeError(f"{file} has the tensors {seen}, the contract says {dict(expected)}")


def contract_hash_of(path: Path) -> str | None:
    """SHA-256 of the contract that a model file holds; None where it holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("pose.json").file_size > MOST_CONTRACT_BYTES:
                return None
            return hashlib.sha256(archive.read("pose.json")).hexdigest()
    except (zipfile.BadZipFile, KeyError, OSError):
        return None


def finite(outputs: Outputs, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those outputs without the batch axis; NonFiniteOutputError where one holds what is no number."""
    for name in names:
        if not np.isfinite(outputs[name]).all():
            raise NonFiniteOutputError(name)
    return {name: outputs[name][0] for name in names}


def checked(picture: Any) -> NDArray[np.uint8]:
    """A picture (h, w, 3) RGB as arrays have it; ValueError for anything else."""
    values = np.asarray(picture)
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or not values.size:
        raise ValueError(f"the picture is {values.dtype} of shape {values.shape}, expected uint8 (h, w, 3) RGB")
    return np.ascontiguousarray(values)
