"""The two documents of a device run: `request.json`, what is asked, and `run.json`, what was seen.

Tensors lie beside the documents as raw little-endian float32, pictures as raw RGB bytes row after row. The JSON schemas
in docs/ are generated from these models (`python -m posekit.devices.schema docs`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from posekit.decoders.decoder import OutputName
from posekit.documents import Part, tuple_of_list
from posekit.parity.case_files import FileName, RegionOfCase, Sha256, TensorFile, Text, Words
from posekit.parity.written_poses import MAX_POSES, WrittenPose

REQUEST, RUN = "request.json", "run.json"
MAX_CASES = 256
# what a runner can be asked for: image -> keypoints, reference tensor -> keypoints, given outputs -> keypoints
Mode = Literal["image", "tensor", "outputs"]
MODES: tuple[Mode, ...] = ("image", "tensor", "outputs")
# which network of two stages is run, or both after one another; of one stage it is `pose`
StageName = Literal["pose", "detector", "both"]
Accelerator = Literal["cpu", "gpu", "npu", "none"]  # npu: the Neural Engine on iOS; none: no model was run

Size = Annotated[int, Field(ge=1, le=1 << 15)]


class PictureFile(Part):
    """A picture beside the document: RGB bytes as stored, and how it becomes upright."""

    file: FileName
    size_wh: tuple[Size, Size]
    rotation_degrees: Literal[0, 90, 180, 270] = 0
    mirrored: bool = False

    _lists = field_validator("size_wh", mode="before")(tuple_of_list)


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

    stage: which network of two stages; `both` gives people alone, in mode `image`, of whole pictures. repeats: timed
    runs of each case, after `warmup` untimed ones.
    """

    schema_version: Literal[1] = Field(alias="schema")
    model_sha256: Sha256
    contract_sha256: Sha256
    stage: StageName = "pose"
    modes: tuple[Mode, ...]
    accelerators: tuple[Accelerator, ...]
    warmup: Annotated[int, Field(ge=0, le=1000)] = 2
    repeats: Annotated[int, Field(ge=0, le=10000)] = 20
    cases: Annotated[tuple[RequestedCase, ...], Field(min_length=1, max_length=MAX_CASES)]

    _lists = field_validator("modes", "accelerators", "cases", mode="before")(tuple_of_list)


class Device(Part):
    """What ran it: as the system names itself."""

    name: Words = Field(min_length=1, description="Such as 'Pixel 9' or 'iPhone17,1'; of a desktop its processor.")
    os: Words
    simulated: bool = Field(default=False, description="An emulator or simulator: no evidence for speed.")


class Latency(Part):
    """Milliseconds of one step over the timed runs."""

    p50_ms: Annotated[float, Field(ge=0)]
    p90_ms: Annotated[float, Field(ge=0)]
    runs: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Latency:
        if self.p90_ms < self.p50_ms:
            raise ValueError(f"p90_ms {self.p90_ms:g} is less than p50_ms {self.p50_ms:g}")
        return self


class Latencies(Part):
    """Latencies of the steps of `image` mode; inference includes the readback."""

    preprocessing: Latency
    inference: Latency
    decoding: Latency


class CaseResult(Part):
    """What one mode of one case gave.

    input: the tensor that the wrapper made (`image` only). outputs: of the model. people: in source px, none or more,
    the most confident first; null where they are not finite or nothing was decoded. dense: results (h, w) by name, U
    and V (h, w, 2) by the name and `_uv`, as the app gets them; none where the contract has
    none, or where they are not finite.
    """

    mode: Mode
    input: TensorFile | None = None
    outputs: dict[OutputName, TensorFile] = Field(default_factory=dict)
    people: Annotated[tuple[WrittenPose, ...], Field(max_length=MAX_POSES)] | None = None
    dense: dict[OutputName, TensorFile] = Field(default_factory=dict)

    _lists = field_validator("people", mode="before")(tuple_of_list)


class RunCase(Part):
    """One case of the request, by name, with the hash of what was really read and the region that was used."""

    name: Text
    sha256: Sha256
    region: RegionOfCase | None
    results: tuple[CaseResult, ...]

    _lists = field_validator("results", mode="before")(tuple_of_list)


class Pass(Part):
    """All cases on one accelerator.

    used: null where it could not be found out. fallback_reason: why that is not what was requested, or why the device
    has no such accelerator to run on. failure: what went wrong while it ran, or as it answered. detail: what the
    runtime says of how it ran, such as its arithmetic. thermal_before, thermal_after: the system's own words.
    """

    requested: Accelerator
    used: Accelerator | None
    fallback_reason: Words | None = None
    failure: Words | None = None
    detail: Words | None = None
    thermal_before: Words | None = None
    thermal_after: Words | None = None
    latencies: Latencies | None = None
    cases: Annotated[tuple[RunCase, ...], Field(max_length=MAX_CASES)]

    _lists = field_validator("cases", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Pass:
        names = [case.name for case in self.cases]
        again = next((name for name in names if names.count(name) > 1), None)
        if again is not None:
            raise ValueError(f"case {again!r} is there twice")
        return self


class DeviceRun(Part):
    """run.json: written last, so a run that has one came to its end; `error` says where it stopped if it did.

    build: how the app was built (`debug`, `release`), which preprocessing and decoding take their time from.
    """

    schema_version: Literal[1] = Field(alias="schema")
    device: Device
    runtime: Words = Field(description="Name and version, such as 'LiteRT 2.3.0'.")
    model_sha256: Sha256
    contract_sha256: Sha256
    build: Words | None = None
    error: Words | None = None
    passes: tuple[Pass, ...]

    _lists = field_validator("passes", mode="before")(tuple_of_list)
