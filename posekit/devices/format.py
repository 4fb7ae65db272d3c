"""The two documents of a device run: `request.json`, what is asked, and `run.json`, what was seen.

Tensors lie beside the documents as raw little-endian float32, pictures as raw RGB bytes row after row. The JSON schemas
in docs/ are generated from these models (`python -m posekit.devices.schema docs`).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator

from posekit.decoder_specs import OutputName, Part, tuple_of_list, written

REQUEST, RUN = "request.json", "run.json"
MAX_CASES = 256
MAX_VALUES = 1 << 26  # of one tensor
# what a runner can be asked for: image -> keypoints, reference tensor -> keypoints, given outputs -> keypoints
Mode = Literal["image", "tensor", "outputs"]
MODES: tuple[Mode, ...] = ("image", "tensor", "outputs")
Accelerator = Literal["cpu", "gpu", "npu", "none"]  # npu: the Neural Engine on iOS; none: no model was run

FileName = Annotated[
    str, written(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a plain file name of letters, digits, '_', '.' and '-'")
]
Sha256 = Annotated[str, written(r"[0-9a-f]{64}", "a SHA-256 of 64 lower case hexadecimal digits")]
Text = Annotated[str, Field(max_length=4096)]
Pair = Annotated[tuple[float, float], Field(description="x, y or width, height")]
Size = Annotated[int, Field(ge=1, le=1 << 15)]


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


class PictureFile(Part):
    """A picture beside the document: RGB bytes as stored, and how it becomes upright."""

    file: FileName
    size_wh: tuple[Size, Size]
    rotation_degrees: Literal[0, 90, 180, 270] = 0
    mirrored: bool = False

    _lists = field_validator("size_wh", mode="before")(tuple_of_list)


class RegionOfCase(Part):
    """Where the person is, px of the upright picture."""

    center_xy: Pair
    size_wh: Pair
    rotation_degrees: float = 0.0

    _lists = field_validator("center_xy", "size_wh", mode="before")(tuple_of_list)


class RequestedCase(Part):
    """One case: the picture and region, the reference's own input tensor, and, for `outputs`, what to decode.

    region: null for the whole frame. sha256: of the bytes of the picture's file followed by those of the input's.
    """

    name: Text
    picture: PictureFile
    region: RegionOfCase | None
    input: TensorFile
    outputs: dict[OutputName, TensorFile] = Field(default_factory=dict)
    sha256: Sha256


class RunRequest(Part):
    """request.json: which cases to run in which modes on which accelerators; the CPU is always run for comparison.

    repeats: timed runs of each case, after `warmup` untimed ones.
    """

    schema_version: Literal[1] = Field(alias="schema")
    model_sha256: Sha256
    contract_sha256: Sha256
    modes: tuple[Mode, ...]
    accelerators: tuple[Accelerator, ...]
    warmup: Annotated[int, Field(ge=0, le=1000)] = 2
    repeats: Annotated[int, Field(ge=0, le=10000)] = 20
    cases: Annotated[tuple[RequestedCase, ...], Field(min_length=1, max_length=MAX_CASES)]

    _lists = field_validator("modes", "accelerators", "cases", mode="before")(tuple_of_list)


class Device(Part):
    """What ran it: as the system names itself."""

    name: Text = Field(description="Such as 'Pixel 9' or 'iPhone17,1'; of a desktop its processor.")
    os: Text
    simulated: bool = Field(default=False, description="An emulator or simulator: no evidence for speed.")


class Latency(Part):
    """Milliseconds of one step over the timed runs."""

    p50_ms: Annotated[float, Field(ge=0)]
    p90_ms: Annotated[float, Field(ge=0)]
    runs: Annotated[int, Field(ge=1)]


class Latencies(Part):
    """Latencies of the steps of `image` mode; inference includes the readback."""

    preprocessing: Latency
    inference: Latency
    decoding: Latency


class CaseResult(Part):
    """What one mode of one case gave.

    input: the tensor that the wrapper made (`image` only). outputs: of the model. keypoints (K, 2|3) source px and
    scores (K,), null where they are not finite or nothing was decoded.
    """

    mode: Mode
    input: TensorFile | None = None
    outputs: dict[OutputName, TensorFile] = Field(default_factory=dict)
    keypoints: tuple[tuple[float, ...], ...] | None = None
    scores: tuple[float, ...] | None = None

    _lists = field_validator("keypoints", "scores", mode="before")(tuple_of_list)


class RunCase(Part):
    """One case of the request, by name, with the hash of what was really read and the region that was used."""

    name: Text
    sha256: Sha256
    region: RegionOfCase | None
    results: tuple[CaseResult, ...]

    _lists = field_validator("results", mode="before")(tuple_of_list)


class Pass(Part):
    """All cases on one accelerator.

    used: null where it could not be found out. thermal_before, thermal_after: the system's own words.
    """

    requested: Accelerator
    used: Accelerator | None
    fallback_reason: Text | None = None
    thermal_before: Text | None = None
    thermal_after: Text | None = None
    latencies: Latencies | None = None
    cases: Annotated[tuple[RunCase, ...], Field(max_length=MAX_CASES)]

    _lists = field_validator("cases", mode="before")(tuple_of_list)


class DeviceRun(Part):
    """run.json: written last, so a run that has one came to its end; `error` says where it stopped if it did."""

    schema_version: Literal[1] = Field(alias="schema")
    device: Device
    runtime: Text = Field(description="Name and version, such as 'LiteRT 2.3.0'.")
    model_sha256: Sha256
    contract_sha256: Sha256
    error: Text | None = None
    passes: tuple[Pass, ...]

    _lists = field_validator("passes", mode="before")(tuple_of_list)
