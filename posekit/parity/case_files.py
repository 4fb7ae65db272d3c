"""What evaluation cases and device runs are written of: regions, and tensors that lie beside a document."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, field_validator

from posekit.documents import Part, tuple_of_list, written
from posekit.errors import InputError
from posekit.poses.regions import Region

MAX_VALUES = 1 << 26  # of one tensor

FileName = Annotated[
    str, written(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a plain file name of letters, digits, '_', '.' and '-'")
]
Sha256 = Annotated[str, written(r"[0-9a-f]{64}", "a SHA-256 of 64 lower case hexadecimal digits")]
Text = Annotated[str, Field(max_length=4096)]
Words = Annotated[  # of somebody else's system, to be shown: on one line, whatever they hold
    Text, AfterValidator(lambda text: " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).split()))
]
# beyond any picture, and far from where products of them overflow
Pixel = Annotated[float, Field(ge=-1e7, le=1e7)]
Extent = Annotated[float, Field(ge=1e-3, le=1e7)]


class TensorFile(Part):
    """A tensor beside the document: raw little-endian float32, in C order."""

    file: FileName
    shape: tuple[Annotated[int, Field(ge=1, le=MAX_VALUES)], ...]

    _lists = field_validator("shape", mode="before")(tuple_of_list)

    @field_validator("shape")
    @classmethod
    def _bounded(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(value) <= 8 or math.prod(value) > MAX_VALUES:
            raise ValueError(f"a tensor has 1 to 8 axes and at most {MAX_VALUES} values")
        return value


class RegionOfCase(Part):
    """Where the person is, px of the upright picture."""

    center_xy: Annotated[tuple[Pixel, Pixel], Field(description="x, y")]
    size_wh: Annotated[tuple[Extent, Extent], Field(description="width, height")]
    rotation_degrees: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0

    _lists = field_validator("center_xy", "size_wh", mode="before")(tuple_of_list)

    def region(self) -> Region:
        """As a region."""
        return Region(self.center_xy, self.size_wh, self.rotation_degrees)


def read_tensor(folder: Path, tensor: TensorFile, what: str) -> NDArray[np.float32]:
    """A tensor beside a document; InputError where it is missing, a link, or not as long as its shape says.

    what: whose tensor it is, for the message.
    """
    path, expected = folder / tensor.file, 4 * math.prod(tensor.shape)
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{what} lacks {tensor.file}", "was it copied whole?")
    if path.stat().st_size != expected:
        raise InputError(
            f"{tensor.file} of {what} has {path.stat().st_size} bytes, its shape {tensor.shape} needs {expected}",
            "was it copied whole?",
        )
    return np.fromfile(path, "<f4").reshape(tensor.shape)
