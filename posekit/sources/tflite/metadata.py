"""What a .tflite says of itself in TFLite's metadata: normalisation and labels, to be compared with the contract."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from posekit.errors import said
from posekit.progress import LOG
from posekit.runtimes.flatbuffer import text
from posekit.sources.tflite.verifying import DamageError, Tables

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

BUFFER = "TFLITE_METADATA"
NORMALISATION = 1  # ProcessUnitOptions
MOST_LABELS = 1 << 16  # bytes
# numbers of fields, as the metadata's schema has them
GRAPHS, IN, OUT, UNITS, TENSOR_FILES = 3, 2, 3, 4, 6


@dataclass(frozen=True, slots=True)
class Said:
    """text: name, description, version, author and license where they are given. mean, std: of the input, empty where
    nothing is said. labels: files with a line each, by name."""

    texts: dict[str, str]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: dict[str, tuple[str, ...]]


def said_of(unpacked: Any, content: bytes) -> Said | None:
    """The metadata of a file; None where it has none that can be read."""
    for one in unpacked.metadata or []:
        data = unpacked.buffers[one.buffer].data
        if text(one.name) == BUFFER and data is not None:
            try:
                return _read(Tables(bytes(np.asarray(data, np.uint8))), _labels(content))
            except (DamageError, struct.error):
                return None
    return None


def _read(tables: Tables, labels: dict[str, tuple[str, ...]]) -> Said:
    root = tables.table(tables.number("<I", 0))
    names = {0: "name", 1: "description", 2: "version", 4: "author", 5: "license"}
    texts = {name: found for slot, name in names.items() if (found := tables.text(root, slot))}
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    for graph in list(tables.tables(root, GRAPHS))[:1]:
        for tensor in list(tables.tables(graph, IN))[:1]:
            for unit in tables.tables(tensor, UNITS):
                at = tables.at(unit, 1)
                if tables.value(unit, 0, "<B") == NORMALISATION and at is not None:
                    options = tables.table(at)
                    mean, std = _floats(tables, options, 0), _floats(tables, options, 1)
    return Said(texts, mean, std, labels)


def _floats(tables: Tables, table: dict[int, int], slot: int) -> tuple[float, ...]:
    return tuple(float(struct.unpack_from("<f", tables.data, at)[0]) for at in tables.vector(table, slot, 4))


def _labels(content: bytes) -> dict[str, tuple[str, ...]]:
    """The text files behind the flatbuffer, by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [one for one in archive.infolist() if one.filename.endswith(".txt") and one.file_size < MOST_LABELS]
            return {one.filename: tuple(archive.read(one).decode("utf-8", "replace").split("\n")) for one in files[:16]}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return {}  # there are none
        LOG.warning("%s", f"the files behind the model, such as its labels, are damaged and left out{said(error)}")
        return {}


def against(metadata: Said, spec: PoseSpec) -> str:
    """Where the metadata contradicts the contract, in words; empty where it does not."""
    found = []
    if metadata.mean and metadata.std:
        ours = (_three(spec.input.mean), _three(spec.input.std))
        theirs = (_three(metadata.mean), _three(metadata.std))
        if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
            found.append(
                f"it normalises by mean {list(metadata.mean)} and std {list(metadata.std)}, the contract by "
                f"{list(spec.input.mean)} and {list(spec.input.std)}"
            )
    for name, lines in metadata.labels.items():
        labels = [_plain(one) for one in lines if one.strip()]
        if len(labels) == spec.keypoint_count and labels != list(map(_plain, spec.keypoints.names)):
            first = next(one for one in zip(labels, spec.keypoints.names, strict=True) if one[0] != _plain(one[1]))
            found.append(f"{name} calls keypoints otherwise than the contract: {first[0]!r} is {first[1]!r} there")
    return "; ".join(found)


def _three(values: tuple[float, ...]) -> list[float]:
    return [float(one) for one in (values * 3 if len(values) == 1 else values)[:3]]


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
