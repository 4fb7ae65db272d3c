"""The contract: all that a pose model needs beside its weights, as one frozen value."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from posekit import documents
from posekit.contract import depth as depths
from posekit.contract import skeletons
from posekit.contract.depth import DepthSpec
from posekit.contract.gaps import refuse_gaps
from posekit.contract.kotlin_names import KOTLIN_WORDS, check_package
from posekit.decoders import AnyDecoderSpec, dense, of
from posekit.decoders.decoder import OutputName
from posekit.decoders.dense import DenseSpec
from posekit.documents import Part, sentence, tuple_of_list, written
from posekit.errors import InputError, said
from posekit.poses.input_spec import InputSpec
from posekit.poses.region_spec import RegionSpec

if TYPE_CHECKING:
    from pydantic import SerializerFunctionWrapHandler

    from posekit.decoders.decoder import DecoderSpec

FILE = "pose.json"  # a contract, written canonically
MAX_SPEC_BYTES = 1 << 20
_SWIFT = """
any as associatedtype await break case catch class continue default defer deinit do else enum extension fallthrough
false fileprivate for func guard if import in init inout internal is let nil open operator precedencegroup private
protocol public repeat rethrows return self static struct subscript super switch throw throws true try type typealias
var where while
"""
RESERVED_NAMES = KOTLIN_WORDS | {*_SWIFT.split(), "posekit"}
# what the generated Swift enum of keypoints has beside its cases
_SWIFT_MEMBERS = """
allCases edges flipPartner flipPartners hash hashValue index name names oksSigma oksSigmas rawValue
"""
RESERVED_KEYPOINTS = RESERVED_NAMES | frozenset(_SWIFT_MEMBERS.split())
# what the generated class of an estimate has beside its dense results
RESERVED_DENSE = RESERVED_NAMES | {"poses", "maps"}


class KeypointsSpec(Part):
    """Which keypoints the network gives: a named skeleton, or one spelled out; both after reading."""

    skeleton: str = ""
    names: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    flip_pairs: tuple[tuple[str, str], ...] = ()
    oks_sigmas: tuple[float, ...]

    _lists = field_validator("names", "edges", "flip_pairs", "oks_sigmas", mode="before")(tuple_of_list)

    @model_validator(mode="before")
    @classmethod
    def _look_up(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("skeleton"), str) or not data["skeleton"]:
            return data
        known = skeletons.skeleton(data["skeleton"])
        named = {
            "names": known.keypoints,
            "edges": known.edges,
            "flip_pairs": known.flip_pairs,
            "oks_sigmas": known.oks_sigmas,
        }
        for key, value in named.items():
            if key in data and tuple_of_list(data[key]) != value:
                raise ValueError(f"{key} differs from those of skeleton {known.name!r}; leave out one of the two")
        return {**data, **named}

    @model_validator(mode="after")
    def _sound(self) -> KeypointsSpec:
        for name in self.names:
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 64:
                raise ValueError(f"keypoint name {name!r} must be lower case letters, digits and '_'")
            if skeletons.lower_camel(name) in RESERVED_KEYPOINTS:
                raise ValueError(f"keypoint name {name!r} is a word of Kotlin or Swift or of the generated code")
        self.as_skeleton()
        return self

    def as_skeleton(self) -> skeletons.Skeleton:
        """The same as a Skeleton, which checks that edges, pairs and sigmas fit the names."""
        return skeletons.Skeleton(
            self.skeleton or "custom", self.names, self.edges, self.flip_pairs, self.oks_sigmas, source="the spec"
        )


class GateSpec(Part):
    """How far the packaged model may be from the reference; a field left out has the precision's default.

    Which keypoints: those whose reference score is at least `min_score`, or where that is left out
    `min_score_of_median` of the median score. `tie`: values of an output that differ by less than this fraction of
    their range are a near tie, and a keypoint that jumps between them is told, not failed. Limits over these
    (parity/drift.py): max_px and p95_px, source px; max_of_size and max_shift, the largest error and the mean
    displacement as fractions of the person; max_z_px, max_z_of_size: the largest error of depth. max_missed,
    max_invented: people without a partner, as fractions of the reference's people, and keypoints that one side alone
    found, as fractions of its keypoints; who is on one side of a threshold here and on the other there, by no more than
    `max_score`, is not counted. min_oks of the worst person, mean_oks of
    all. min_snr_db: signal to noise of the worst output tensor. max_score: largest difference of a score, as a fraction
    of the largest score, or of 1 if that is more. max_world: the largest error in the world, or of a z in metres,
    metres. max_ap_drop, max_pck_drop: points of accuracy lost, where enough people are annotated.
    """

    max_px: Annotated[float, Field(gt=0)] | None = None
    p95_px: Annotated[float, Field(gt=0)] | None = None
    max_of_size: Annotated[float, Field(gt=0)] | None = None
    max_shift: Annotated[float, Field(gt=0)] | None = None
    max_z_px: Annotated[float, Field(gt=0)] | None = None
    max_z_of_size: Annotated[float, Field(gt=0)] | None = None
    min_snr_db: float | None = None
    min_oks: Annotated[float, Field(ge=0, le=1)] | None = None
    mean_oks: Annotated[float, Field(ge=0, le=1)] | None = None
    max_score: Annotated[float, Field(gt=0)] | None = None
    max_world: Annotated[float, Field(gt=0)] | None = None
    min_agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    max_uv: Annotated[float, Field(gt=0)] | None = None
    max_missed: Annotated[float, Field(ge=0, le=1)] | None = None
    max_invented: Annotated[float, Field(ge=0)] | None = None
    max_ap_drop: Annotated[float, Field(gt=0)] | None = None
    max_pck_drop: Annotated[float, Field(gt=0)] | None = None
    min_score: float | None = None
    min_score_of_median: Annotated[float, Field(ge=0, lt=1)] | None = None
    tie: Annotated[float, Field(ge=0, lt=0.1)] | None = None


LicenseName = Annotated[str, written(r"[0-9A-Za-z .+()-]{1,64}", "an SPDX identifier such as Apache-2.0")]
TensorName = Annotated[str, written(r"[\x21-\x7e]{1,256}", "a tensor's name of at most 256 characters without blanks")]


class DetectorSpec(Part):
    """The network that finds people for a pose network of two stages: what a contract says of any network that looks at
    whole pictures."""

    license: LicenseName
    outputs: tuple[OutputName, ...] = ()
    file_outputs: tuple[TensorName, ...] = ()
    input: InputSpec
    decoder: AnyDecoderSpec
    keypoints: KeypointsSpec
    gate: GateSpec = GateSpec()

    _lists = field_validator("outputs", "file_outputs", mode="before")(tuple_of_list)


class PoseSpec(Part):
    """The contract of one pose model. Written canonically it is pose.json, whose SHA-256 is the contract hash.

    Of two stages it says of the pose network what it says of any, and of the detector the same in `detector`.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[
        str,
        Field(max_length=48),
        written(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*", "words of lower case letters and digits, joined by - or _"),
    ]
    type_name: Annotated[str, written(r"[A-Z][A-Za-z0-9]{0,47}", "a name such as TinyPose, at most 48 letters")] = ""
    kotlin_package: Annotated[str, AfterValidator(check_package)] | None = None
    version: Annotated[
        str, written(r"[0-9A-Za-z.+-]{1,32}", "1 to 32 letters, digits, '.', '+' and '-', such as 1.0.0")
    ]
    license: LicenseName
    kind: Literal["top_down", "bottom_up", "one_stage", "two_stage"]
    flip_test: Literal["none", "plain", "shift"] = "none"
    outputs: tuple[OutputName, ...] = ()
    file_outputs: tuple[TensorName, ...] = ()
    input: InputSpec
    decoder: AnyDecoderSpec
    dense: Annotated[tuple[DenseSpec, ...], Field(max_length=8)] = ()
    depth: DepthSpec | None = None
    keypoints: KeypointsSpec
    gate: GateSpec = GateSpec()
    detector: DetectorSpec | None = None
    region: RegionSpec | None = None
    _whole: PoseSpec | None = PrivateAttr(default=None)

    _lists = field_validator("outputs", "file_outputs", "dense", mode="before")(tuple_of_list)

    @model_validator(mode="before")
    @classmethod
    def _default_type_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("name"), str) and not data.get("type_name"):
            name = "".join(part[:1].upper() + part[1:] for part in re.split("[_-]", data["name"]))
            return {**data, "type_name": name}
        return data

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Contracts without a package of their choice are written, and hashed, as before there was a choice."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if key != "kotlin_package" or value is not None}

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED_NAMES:
            raise ValueError(f"{value!r} is a word of Kotlin or Swift")
        return value

    @field_validator("outputs", "file_outputs")
    @classmethod
    def _output_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("output names must differ")
        return value

    @model_validator(mode="after")
    def _names_each(self) -> PoseSpec:
        if self.file_outputs and len(self.file_outputs) != len(self.outputs):
            raise ValueError(
                f"file_outputs has {len(self.file_outputs)} names and outputs {len(self.outputs)}: expected one each"
            )
        return self

    @model_validator(mode="after")
    def _decodes(self) -> PoseSpec:
        self.decoder.check(self.keypoint_count)
        depths.check(self.depth, self.decoder, self.keypoints.names)
        dense.check(self.dense)
        for one in self.dense:
            if skeletons.lower_camel(one.name) in RESERVED_DENSE:
                raise ValueError(f"dense result {one.name!r} is a word of Kotlin or Swift or of the generated code")
        if self.has_several and self.looks_at_regions:
            raise ValueError(
                f"kind is {self.kind!r}, but decoder {self.decoder.kind!r} finds people in whole pictures: expected "
                "'one_stage' or 'bottom_up'"
            )
        return self

    @model_validator(mode="after")
    def _stages(self) -> PoseSpec:
        """A detector and its regions go with two stages, and with nothing else; their points are there."""
        two = self.kind == "two_stage"
        for name in ("detector", "region"):
            if not two and getattr(self, name) is not None:
                raise ValueError(f"{name} is said of kind 'two_stage', kind is {self.kind!r}")
        if not two:
            return self
        if self.detector is None:
            raise ValueError("kind is 'two_stage', which needs a detector: expected a table [detector]")
        if len(self.name) > 39 or len(self.type_name) > 40:
            raise ValueError(
                f"name is {self.name!r} and type_name {self.type_name!r}: expected at most 39 and 40 characters of two "
                "stages, whose detector is called after them"
            )
        if self.region is None:  # frozen, and still being made
            self.__dict__["region"] = RegionSpec()
        try:
            stage = self.detector_stage
        except ValidationError as error:
            raise ValueError(sentence(error, "the detector")[0]) from error
        if stage is None or not stage.has_several:
            raise ValueError(
                f"detector.decoder {self.detector.decoder.kind!r} finds one person: expected one that finds several"
            )
        _check_points(self)
        return self

    @model_validator(mode="after")
    def _shares(self) -> PoseSpec:
        """What keypoints and dense results both read has the channels of the decoder, which takes each for its own."""
        own = of(self.decoder).shapes(self.decoder, self.input.size_wh, self.keypoint_count)
        for name, wanted in dense.shapes(self.dense).items():
            if name not in own:
                continue
            if len(own[name]) != len(wanted) or (own[name][-1] or 0) < (wanted[-1] or 0):
                raise ValueError(
                    f"dense results read {wanted[-1]} channels of output {name!r}, which the decoder reads with "
                    f"{own[name][-1]}: expected an output of their own"
                )
            if self.flip_test != "none":
                raise ValueError(
                    f"flip_test is {self.flip_test!r}, but a dense result reads output {name!r}, which it averages: "
                    "expected 'none'"
                )
        return self

    @model_validator(mode="after")
    def _mirrors(self) -> PoseSpec:
        if self.flip_test != "none" and of(self.decoder).mirrored is None:
            raise ValueError(
                f"flip_test is {self.flip_test!r}, but outputs of decoder {self.decoder.kind!r} mean nothing averaged "
                f"with those of a mirrored picture: {of(self.decoder).unaveraged}; expected 'none'"
            )
        return self

    @property
    def looks_at_regions(self) -> bool:
        """Whether the pose network looks at a person's region rather than at whole pictures."""
        return self.kind in ("top_down", "two_stage")

    @property
    def detector_stage(self) -> PoseSpec | None:
        """The detector as a contract of its own, which is written as the whole one; None where there is no detector."""
        if self.detector is None:
            return None
        own = {name: getattr(self.detector, name) for name in DetectorSpec.model_fields}
        stage = PoseSpec(
            schema=1, name=f"{self.name}-detector", type_name=f"{self.type_name}Detector", version=self.version,
            kind="one_stage", **own,
        )  # fmt: skip
        stage._whole = self
        return stage

    @property
    def whole(self) -> PoseSpec:
        """The contract that this is a stage of; itself where it is no stage."""
        return self._whole or self

    @property
    def has_several(self) -> bool:
        """Whether the model finds any number of people in a picture, rather than the one of a region."""
        return of(self.decoder).several

    @property
    def may_find_nobody(self) -> bool:
        """Whether the model may say that nobody is where it looks."""
        return self.has_several or self.decoder.may_find_nobody

    @property
    def has_metric_depth(self) -> bool:
        """Whether z is in metres rather than in px as x and y."""
        return self.depth is not None and self.depth.unit == "metres" and self.decoder.has_depth

    @property
    def looking_once(self) -> PoseSpec:
        """The same contract without its flip test: of a network as it is."""
        return self.model_copy(update={"flip_test": "none"})

    def decoding(self, decoder: DecoderSpec) -> PoseSpec:
        """The same contract with other settings of its decoder."""
        return self.model_copy(update={"decoder": decoder})

    @property
    def outputs_read(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads, then of those that dense results are made of."""
        return tuple(dict.fromkeys((*self.decoder.outputs, *dense.shapes(self.dense))))

    @property
    def keypoint_count(self) -> int:
        """K."""
        return len(self.keypoints.names)


def _check_points(spec: PoseSpec) -> None:
    """ValueError where regions come from points that are not there, or are turned where the sampling is not."""
    assert spec.detector is not None
    assert spec.region is not None
    both = (
        ("points", spec.region.points, spec.detector.keypoints.names),
        ("next_points", spec.region.next_points, spec.keypoints.names),
    )
    for table, points, names in both:
        for name in () if points is None else points.names:
            if name not in names:
                raise ValueError(f"region.{table} names {name!r}: expected one of {', '.join(names)}")
        if points is not None and spec.input.sampling == "bilinear_antialias":
            raise ValueError(
                f"region.{table} turns regions, which input.sampling 'bilinear_antialias' does not sample: expected "
                "'bilinear', or regions of boxes"
            )


def parse_spec(data: dict[str, Any], where: str) -> PoseSpec:
    """Check `data` as a contract; InputError names the field, the value seen and what was expected, or all that are
    still open."""
    refuse_gaps(data, where)
    try:
        return PoseSpec.model_validate(data)
    except ValidationError as error:
        raise InputError(*sentence(error, where)) from error


def read_spec(path: Path) -> PoseSpec:
    """Read a contract from a .toml or .json file."""
    return parse_spec(read_table(path), str(path))


def read_table(path: Path) -> dict[str, Any]:
    """What a .toml or .json file says of a contract, not yet checked; InputError where it is no such file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the spec {path}: {error.strerror}") from error
    if len(raw) > MAX_SPEC_BYTES:
        raise InputError(f"the spec {path} has {len(raw)} bytes, at most {MAX_SPEC_BYTES} are read")
    try:
        text = raw.decode("utf-8")
        with documents.shallow():
            data = documents.parse(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InputError(f"the spec {path} is no valid {kind}{said(error)}") from error
    if not isinstance(data, dict):
        raise InputError(f"the spec {path} holds a {type(data).__name__}, expected a table")
    return data


def canonical_json(spec: PoseSpec) -> bytes:
    """The bytes of pose.json: sorted keys, the skeleton spelled out, one form for one contract; of a stage those of the
    whole."""
    data = spec.whole.model_dump(mode="json", by_alias=True)
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode()


def contract_hash(spec: PoseSpec) -> str:
    """SHA-256 of pose.json, hexadecimal."""
    return hashlib.sha256(canonical_json(spec)).hexdigest()
