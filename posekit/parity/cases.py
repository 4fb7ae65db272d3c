"""Evaluation cases: one region of one picture each, and the same recorded in a bundle."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError, field_validator

from posekit import documents
from posekit.contract.outputs import decode
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import OutputName, Outputs
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError, said
from posekit.parity.case_files import FileName, Pixel, RegionOfCase, Sha256, TensorFile, Text, read_tensor
from posekit.parity.metrics import Found
from posekit.parity.written_poses import WrittenPose, written_poses
from posekit.poses import Poses
from posekit.poses.images import Person, Photo, Picture, load_image
from posekit.poses.regions import Region, region_of
from posekit.poses.source_px import brought_to_source
from posekit.poses.transforms import InputTransform
from posekit.poses.warp import crop

INDEX = "cases.json"
PACKAGE_AGAIN = "package the model again"
MAX_INDEX_BYTES = 1 << 24
MAX_PEOPLE = 4096  # of one picture
MAX_RECORDED = 16  # enough to see a fault, little enough to carry in a bundle and push to a phone


@dataclass(frozen=True, slots=True)
class Case:
    """One region of one picture, warped. pixels: (H, W, 3) RGB 0-255; size and area of the person, source px."""

    name: str
    photo: Photo
    person: Person | None
    region: Region
    transform: InputTransform
    pixels: NDArray[np.float32]
    size: float
    area: float


def cases_of(photo: Photo, spec: PoseSpec) -> list[Case]:
    """The cases of a picture: where a model looks at regions its annotated people, or else those who were detected;
    without either the whole frame."""
    return cases_in(load_image(photo.path), photo, spec)


def cases_in(image: Picture, photo: Photo, spec: PoseSpec) -> list[Case]:
    """The same of a picture that is read already."""
    if spec.looks_at_regions and not photo.people and photo.regions:
        return [_detected(f"{photo.name}#{place}", photo, one, image, spec) for place, one in enumerate(photo.regions)]
    people: Sequence[Person | None] = photo.people if photo.people and spec.looks_at_regions else [None]
    return [_case(f"{photo.name}#{index}", photo, person, image, spec) for index, person in enumerate(people)]


def _case(name: str, photo: Photo, person: Person | None, image: Picture, spec: PoseSpec) -> Case:
    height, width = image.shape[:2]
    region = region_of(None if person is None else person.box_xyxy, (width, height), spec.input)
    if person is None:
        size, area = float(max(region.size_wh)), float(width * height)
    else:
        x1, y1, x2, y2 = person.box_xyxy
        size, area = max(x2 - x1, y2 - y1), person.area
    pixels, transform = crop(image, region, spec.input)
    return Case(name, photo, person, region, transform, pixels, size, area)


def _detected(name: str, photo: Photo, region: Region, image: Picture, spec: PoseSpec) -> Case:
    """The case of a region that a detector gave, which is padding times as large as the person."""
    pixels, transform = crop(image, region, spec.input)
    width, height = (side / spec.input.box_padding for side in region.size_wh)
    return Case(name, photo, None, region, transform, pixels, max(width, height), width * height)


def poses_of(outputs: Outputs, transform: InputTransform, spec: PoseSpec) -> Poses:
    """Outputs of one run decoded to source px."""
    return brought_to_source(decode(outputs, spec), transform, z_in_metres=spec.has_metric_depth)


def found_in(case: Case, outputs: Outputs, spec: PoseSpec) -> Found:
    """The people of one case; one with keypoints of NaN where the outputs are not finite."""
    if not all(np.isfinite(values).all() for values in outputs.values()):
        return nothing_in(case, spec)
    return found_of(case, poses_of(outputs, case.transform, spec), spec)


def found_of(case: Case, poses: Poses, spec: PoseSpec) -> Found:
    """The people of one case with their sizes: of their boxes where the model gives them, else of the case's person."""
    sizes, areas = np.full(poses.count, case.size), np.full(poses.count, case.area)
    if poses.boxes_xyxy is not None:
        sides = np.maximum(poses.boxes_xyxy[:, 2:] - poses.boxes_xyxy[:, :2], 1.0)
        sizes, areas = sides.max(axis=1, initial=0.0), sides.prod(axis=1)
    return Found(
        case.name, poses.keypoints, poses.scores, sizes, areas, poses.confidences, poses.boxes_xyxy,
        poses.visibility, poses.presence, poses.world, of(spec.decoder).partial, spec.has_metric_depth,
    )  # fmt: skip


def nothing_in(case: Case, spec: PoseSpec) -> Found:
    """What is found where numbers are not finite: one person of NaN."""
    nothing = np.full((1, spec.keypoint_count, 2), np.nan)
    return Found(case.name, nothing, nothing[..., 0], np.array([case.size]), np.array([case.area]))


class Recorder:
    """Writes the first cases with their reference into a bundle's evaluation folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: list[dict[str, Any]] = []
        self._images: dict[Path, str] = {}
        folder.mkdir()

    @property
    def is_full(self) -> bool:
        """Whether there are enough."""
        return len(self._entries) >= MAX_RECORDED

    def add(self, case: Case, outputs: Outputs, found: Found, packaged: Outputs | None = None) -> None:
        """Record one case, unless there are enough; packaged: the packaged model's outputs, where it was run."""
        if self.is_full:
            return
        number = len(self._entries)
        if case.photo.path not in self._images:
            name = f"{len(self._images):03d}{case.photo.path.suffix.lower()}"
            shutil.copyfile(case.photo.path, self.folder / name)
            self._images[case.photo.path] = name
        case.pixels.astype("<f4").tofile(self.folder / f"case-{number:03d}.image.f32")
        tensors = {}
        for name, values in outputs.items():
            file = f"case-{number:03d}.{name}.f32"
            tensors[name] = {"file": file, "shape": list(values.shape)}
            values.astype("<f4").tofile(self.folder / file)
        self._entries.append({
            "name": case.name, "image": self._images[case.photo.path],
            "input": {"file": f"case-{number:03d}.image.f32", "shape": [1, *case.pixels.shape]},
            "region": {"center_xy": list(case.region.center_xy), "size_wh": list(case.region.size_wh),
                       "rotation_degrees": case.region.rotation_degrees},
            "person": None if case.person is None else _as_written(case.person),
            "people": [] if case.person is not None else [_as_written(one) for one in case.photo.people],
            "is_annotated": case.photo.is_annotated, "is_detected": case.person is None and bool(case.photo.regions),
            "outputs": tensors,
            "poses": written_poses(found),
            "packaged_sha256": "" if packaged is None else outputs_sha256(packaged),
        })  # fmt: skip

    def close(self, model_sha256: str) -> None:
        """Write cases.json; model_sha256: of the model file that the report's figures were measured on."""
        document = {"schema": 3, "measured_model_sha256": model_sha256, "cases": self._entries}
        (self.folder / INDEX).write_text(json.dumps(document, indent=1) + "\n")


def outputs_sha256(outputs: Outputs) -> str:
    """A hash of outputs to the last bit: whether this machine computes as the one that packaged did."""
    digest = hashlib.sha256()
    for name in sorted(outputs):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(outputs[name], "<f4").tobytes())
    return digest.hexdigest()


def _as_written(person: Person) -> dict[str, Any]:
    keypoints = None if person.keypoints is None else person.keypoints.tolist()
    return {"box_xyxy": list(map(float, person.box_xyxy)), "area_px": float(person.area), "keypoints": keypoints}


class _RecordedPerson(Part):
    """The annotation of a case's person; keypoints: x, y and COCO's visibility."""

    box_xyxy: tuple[Pixel, Pixel, Pixel, Pixel]
    area_px: Annotated[float, Field(ge=0, le=1e14)]
    keypoints: tuple[tuple[Pixel, Pixel, Pixel], ...] | None = None

    _lists = field_validator("box_xyxy", "keypoints", mode="before")(tuple_of_list)

    @field_validator("box_xyxy")
    @classmethod
    def _has_extent(cls, value: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        if not (value[2] > value[0] and value[3] > value[1]):
            raise ValueError("a box has an extent: x1 < x2 and y1 < y2")
        return value

    def person(self) -> Person:
        """As it was when the case was recorded."""
        keypoints = None if self.keypoints is None else np.array(self.keypoints, np.float64).reshape(-1, 3)
        return Person(self.box_xyxy, keypoints, self.area_px)


class Recorded(Part):
    """One entry of cases.json. person: whose region it is; people: those annotated in a picture that is looked at as a
    whole; is_annotated: whether that is everybody; is_detected: whether the region is of a detector. poses: of the
    reference; packaged_sha256: of the packaged model's
    outputs, empty where nothing ran it."""

    name: Text
    image: FileName
    input: TensorFile
    region: RegionOfCase
    person: _RecordedPerson | None = None
    people: Annotated[tuple[_RecordedPerson, ...], Field(max_length=MAX_PEOPLE)] = ()
    is_annotated: bool = False
    is_detected: bool = False
    outputs: dict[OutputName, TensorFile]
    poses: tuple[WrittenPose, ...]
    packaged_sha256: Sha256 | Literal[""] = ""

    _lists = field_validator("people", "poses", mode="before")(tuple_of_list)


def _named_apart(cases: tuple[Recorded, ...]) -> tuple[Recorded, ...]:
    if len({case.name for case in cases}) != len(cases):
        raise ValueError("two cases have one name")
    return cases


class Index(Part):
    """cases.json of an evaluation folder: the model file that the figures were measured on, and the cases."""

    schema_version: Literal[3] = Field(alias="schema")
    measured_model_sha256: Sha256
    cases: Annotated[tuple[Recorded, ...], Field(min_length=1, max_length=MAX_RECORDED), AfterValidator(_named_apart)]

    _lists = field_validator("cases", mode="before")(tuple_of_list)


def recorded(folder: Path, spec: PoseSpec) -> Iterator[tuple[Case, Outputs]]:
    """The cases of a bundle, each made anew from its picture and person, with the reference outputs; InputError where
    one is damaged."""
    images: dict[str, int] = {}
    for entry in read_index(folder).cases:
        person = None if entry.person is None else entry.person.person()
        people = (person,) if person is not None else tuple(one.person() for one in entry.people)
        for one in people:
            if one.keypoints is not None and len(one.keypoints) != spec.keypoint_count:
                raise InputError(
                    f"{folder / INDEX} has {len(one.keypoints)} keypoints of {entry.name!r}, the contract "
                    f"{spec.keypoint_count}", PACKAGE_AGAIN
                )  # fmt: skip
        number = images.setdefault(entry.image, len(images))
        regions = (entry.region.region(),) if entry.is_detected and person is None else ()
        photo = Photo(folder / entry.image, number, people, is_annotated=entry.is_annotated, regions=regions)
        image = load_image(photo.path)
        if regions and spec.looks_at_regions:
            case = _detected(entry.name, photo, regions[0], image, spec)
        else:
            case = _case(entry.name, photo, person, image, spec)
        missing = set(spec.outputs_read) - entry.outputs.keys()
        if missing:
            raise InputError(
                f"{folder / INDEX} lacks {', '.join(sorted(missing))} of case {entry.name!r}", PACKAGE_AGAIN
            )
        outputs = {name: read_tensor(folder, tensor, f"case {entry.name!r}") for name, tensor in entry.outputs.items()}
        yield case, outputs


def read_index(folder: Path) -> Index:
    """cases.json of an evaluation folder; InputError where it is damaged."""
    path = folder / INDEX
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise InputError(f"{path} has more than {MAX_INDEX_BYTES} bytes")
        return Index.model_validate(documents.parse(path.read_bytes()))
    except ValidationError as error:
        raise InputError(sentence(error, str(path))[0], PACKAGE_AGAIN) from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no readable list of cases{said(error)}", PACKAGE_AGAIN) from error
