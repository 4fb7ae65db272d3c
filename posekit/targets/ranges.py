"""Ranges of activations beside a bundle's recipe: with them a calibrated file is made again without its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from posekit import documents
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError
from posekit.targets.converted import Calibration

FILE = "ranges.json"
MAX_BYTES = 1 << 26
Ends = tuple[float, float]


class Ranges(Part):
    """Lowest and highest value of tensors of the float file over the calibration pictures, and the share of their
    channels' mean squares that 8 bits lose, by the tensor's name there."""

    schema_version: Literal[1] = Field(alias="schema", default=1)
    ranges: Mapping[Annotated[str, Field(max_length=4096)], Ends]
    lost: Mapping[Annotated[str, Field(max_length=4096)], Annotated[float, Field(ge=0, le=1)]]

    @field_validator("ranges", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        return {key: tuple_of_list(one) for key, one in value.items()} if isinstance(value, dict) else value


def write(calibration: Calibration, path: Path) -> None:
    """Write the ranges, in the order of the tensors' names."""
    found = Ranges(ranges=dict(calibration.ranges), lost=dict(calibration.lost))
    data = found.model_dump(mode="json", by_alias=True)
    path.write_text(json.dumps(data, sort_keys=True, indent=1) + "\n")


def read(path: Path) -> Calibration:
    """The ranges without the pictures; InputError where the file is missing or is not as `write` has it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES} bytes", "package the model again")
        found = Ranges.model_validate(documents.parse(path.read_bytes()))
    except ValidationError as error:
        raise InputError(sentence(error, str(path))[0], "package the model again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "package the model again") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON document", "package the model again") from error
    return Calibration(ranges=dict(found.ranges), lost=dict(found.lost))
