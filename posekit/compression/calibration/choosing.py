"""Choose calibration inputs: look at every picture once, keep a few numbers of each, read the chosen ones again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posekit.compression.calibration.diversity import distinct, spread
from posekit.compression.calibration.entries import Description, Entry, describe, entries_of
from posekit.compression.calibration.facts import CalibrationFacts, coverage
from posekit.compression.calibration.judging import LEAST, is_blank, is_noise, refuse_wrong, warnings_of
from posekit.compression.calibration.pictures import Pictures, open_pictures
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.progress import Progress, patient, silent

LIMIT = 64  # inputs: beyond, the ranges of the samples hardly grew (docs/calibration.md)
KEPT_BYTES = 1 << 30  # of the chosen inputs; a network of 4096 x 4096 px gets fewer

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """The chosen inputs, most telling first: each (H, W, 3) RGB 0-255 as the packaged model takes it, and not to be
    written."""

    inputs: tuple[Pixels, ...]
    facts: CalibrationFacts

    def __len__(self) -> int:
        return len(self.inputs)

    def pixels(self) -> Iterator[Pixels]:
        """The inputs in the order of `facts.names`."""
        return iter(self.inputs)


@dataclass(frozen=True, slots=True)
class _Looked:
    """found: of every input; readable: pictures; error: why the first that is not cannot be read."""

    found: tuple[Description, ...]
    readable: int
    error: str


def choose(
    source: Path, spec: PoseSpec, *, annotations: Path | None = None, limit: int = LIMIT, step: Progress = silent
) -> CalibrationSet:
    """At most `limit` diverse inputs from a folder of pictures or a video.

    annotations: COCO keypoints of the folder's people, whose boxes a top-down model is shown. InputError for sets that
    are too small or plainly wrong, MissingToolError for a video without the extra that reads it.
    """
    if limit < LEAST:
        raise InputError(f"a calibration set of at most {limit} inputs is asked for, expected at least {LEAST}")
    pictures = open_pictures(source, spec, annotations)
    step = patient(step)
    looked = _look(pictures, spec, step)
    kept = [one for one in looked.found if not is_blank(one) and not is_noise(one)]
    different = distinct(kept)
    refuse_wrong(pictures, looked.found, different, looked.error)
    width, height = spec.input.size_wh
    chosen = spread(different, max(min(limit, KEPT_BYTES // (width * height * 12)), LEAST))
    inputs = _read_again(pictures, spec, [one.name for one in chosen], step)
    blank, noise = (sum(map(test, looked.found)) for test in (is_blank, is_noise))
    facts = CalibrationFacts(
        source=pictures.kind,
        found=pictures.found,
        looked_at=len(pictures.names),
        readable=looked.readable,
        inputs=len(looked.found),
        blank=blank,
        noise=noise,
        duplicates=len(kept) - len(different),
        chosen=len(chosen),
        is_annotated=annotations is not None,
        sha256=sha256_of(inputs),
        names=tuple(_printable(one.name) for one in chosen),
        coverage=coverage(chosen, spec.keypoints, spec.input.size_wh),
        warnings=(),
    )
    return CalibrationSet(
        inputs, facts.model_copy(update={"warnings": (*pictures.warnings, *warnings_of(facts, chosen, spec.kind))})
    )


def _printable(name: str) -> str:
    """A file's name as text that any report can hold."""
    return name.encode("utf-8", "backslashreplace").decode()


def sha256_of(inputs: Sequence[Pixels]) -> str:
    """SHA-256 over the number, shapes and values (float32, little-endian) of inputs in order, hexadecimal."""
    digest = hashlib.sha256(f"{len(inputs)}".encode())
    for pixels in inputs:
        digest.update(f" {pixels.shape}".encode() + np.ascontiguousarray(pixels, "<f4").tobytes())
    return digest.hexdigest()


def _look(pictures: Pictures, spec: PoseSpec, step: Progress) -> _Looked:
    found: list[Description] = []
    readable, error = 0, ""
    for number, (name, picture, people) in enumerate(pictures.read(pictures.names)):
        if isinstance(picture, InputError):
            error = error or picture.message
            continue
        readable += 1
        found += [describe(entry) for entry in entries_of(name, picture, people, spec)]
        step(f"look at calibration pictures, {number + 1} of {len(pictures.names)}")
    return _Looked(tuple(found), readable, error)


def _read_again(pictures: Pictures, spec: PoseSpec, names: Sequence[str], step: Progress) -> tuple[Pixels, ...]:
    """The inputs of these names in their order; InputError where a picture is no longer what it was."""
    wanted = {name.rpartition("#")[0] for name in names}
    entries: dict[str, Entry] = {}
    for name, picture, people in pictures.read([name for name in pictures.names if name in wanted]):
        if not isinstance(picture, InputError):
            entries |= {entry.name: entry for entry in entries_of(name, picture, people, spec) if entry.name in names}
        step(f"read calibration inputs, {len(entries)} of {len(names)}")
    gone = [name for name in names if name not in entries]
    if gone:
        raise InputError(f"{gone[0].rpartition('#')[0]} in {pictures.where} changed while it was read")
    inputs = tuple(entries[name].pixels for name in names)
    for pixels in inputs:
        pixels.flags.writeable = False
    return inputs
