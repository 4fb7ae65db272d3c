"""Which other values each field of a contract could plausibly have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import Alternatives
from posekit.documents import Part
from posekit.poses.input_spec import LETTERBOX

P = TypeVar("P", bound=Part)
Judge = Literal["follow", "mirror", "anatomy"]
Colour = tuple[float, ...]  # a number a channel

# torchvision's mean and std, in 0-255 units and RGB order; caffe's mean, likewise
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CAFFE = ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0))
PADDINGS = (1.0, 1.1, 1.25, 1.5)
SWAPPED = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value of a field, in words, and the contract that has it."""

    value: str
    spec: PoseSpec


@dataclass(frozen=True, slots=True)
class Question:
    """A field, what tells its values apart, and the values; the first is the one given.

    is_choice: the values differ in accuracy, and none is wrong. is_decisive: a wrong one puts every keypoint elsewhere.
    """

    field: str
    judge: Judge
    candidates: tuple[Candidate, ...]
    is_choice: bool = False
    is_decisive: bool = False


def questions(spec: PoseSpec, *, has_frames: bool, has_people: bool) -> tuple[Question, ...]:
    """What can be asked of a contract; fields with a single plausible value are left out.

    has_frames, has_people: whether whole pictures are looked at, and whether boxes of people are.
    """
    asked = [_normalisation(spec), _colour(spec), *_decoding(spec)]
    if (
        has_frames and not spec.looks_at_regions
    ):  # a person's crop has the input's aspect, so that nothing is resized apart
        asked.append(_resize(spec))
    if has_people:
        asked.append(_choice(spec, "input", "box_padding", PADDINGS, "follow"))
    if spec.region is None or (spec.region.points or spec.region.next_points) is None:  # only those are upright
        asked.append(_choice(spec, "input", "sampling", ("bilinear", "bilinear_antialias"), "follow"))
    asked.append(_choice(spec, "input", "alignment", ("half_pixel", "index", "corners"), "mirror"))
    asked.append(_sides(spec))
    return tuple(question for question in asked if len(question.candidates) > 1)


def changed(spec: PoseSpec, part: str, **values: Any) -> PoseSpec:
    """The contract with other values in one of its parts."""
    return spec.model_copy(update={part: getattr(spec, part).model_copy(update=values)})


def _choice(
    spec: PoseSpec, part: str, name: str, values: tuple[Any, ...], judge: Judge, *, is_choice: bool = False
) -> Question:
    given = getattr(getattr(spec, part), name)
    ordered = (given, *(value for value in values if value != given))
    candidates = tuple(Candidate(_text(value), changed(spec, part, **{name: value})) for value in ordered)
    return Question(f"{part}.{name}", judge, candidates, is_choice)


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _colour(spec: PoseSpec) -> Question:
    given = spec.input
    if given.color_order == "gray":  # another number of channels would not fit the network
        return Question("input.color_order", "follow", (Candidate(given.color_order, spec),))
    other = "bgr" if given.color_order == "rgb" else "rgb"
    turned = {"mean": _turned(given.mean), "std": _turned(given.std)}
    candidates = [
        Candidate(given.color_order, spec),
        Candidate(other, changed(spec, "input", color_order=other)),
        Candidate(f"{other}, mean and std turned round too", changed(spec, "input", color_order=other, **turned)),
    ]
    same = given.mean == turned["mean"] and given.std == turned["std"]
    return Question("input.color_order", "follow", tuple(candidates[: 2 if same else 3]), is_decisive=True)


def _normalisation(spec: PoseSpec) -> Question:
    mean, std = spec.input.mean, spec.input.std
    in_order, alike = {"rgb": _same, "bgr": _turned, "gray": _of_gray}[spec.input.color_order], len(mean)
    pairs: list[tuple[Colour, Colour, str]] = [
        (mean, std, ""),
        (in_order(IMAGENET[0]), in_order(IMAGENET[1]), "ImageNet"),
        ((0.0,) * alike, (255.0,) * alike, "0-1"),
        ((127.5,) * alike, (127.5,) * alike, "-1 to 1"),
        ((0.0,) * alike, (1.0,) * alike, "0-255"),
        ((128.0,) * alike, (256.0,) * alike, "-0.5 to 0.5"),
        (in_order(CAFFE[0]), in_order(CAFFE[1]), "mean alone"),
        (_turned(mean), _turned(std), "turned round"),
        (_times(mean, 255), _times(std, 255), "divided by 255 once more"),
        (_times(mean, 1 / 255), _times(std, 1 / 255), "not divided by 255"),
    ]
    candidates: list[Candidate] = []
    seen: list[tuple[float, ...]] = []
    for one, two, what in pairs:
        if any(all(abs(a - b) <= 1e-3 * abs(b) + 1e-6 for a, b in zip((*one, *two), old, strict=True)) for old in seen):
            continue
        seen.append((*one, *two))
        text = f"mean {_numbers(one)}, std {_numbers(two)}" + (f" ({what})" if what else "")
        candidates.append(Candidate(text, changed(spec, "input", mean=one, std=two)))
    return Question("input.mean, std", "follow", tuple(candidates), is_decisive=True)


def _same(values: Colour) -> Colour:
    return values


def _turned(values: Colour) -> Colour:
    return values[::-1]


def _of_gray(values: Colour) -> Colour:
    """The number for gray where training averaged those of three channels."""
    return (round(sum(values) / len(values), 3),)


def _times(values: Colour, factor: float) -> Colour:
    return tuple(float(f"{value * factor:.9g}") for value in values)


def _numbers(values: Colour) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else " ".join(f"{value:g}" for value in values)


def _decoding(spec: PoseSpec) -> list[Question]:
    """What the decoder itself says its settings could be."""
    return [_of_decoder(spec, one) for one in of(spec.decoder).alternatives(spec.decoder, spec.input)]


def _of_decoder(spec: PoseSpec, other: Alternatives) -> Question:
    given = {name: field_of(spec.decoder, name) for name in other.fields}
    values = [given, *(change for change in other.changes if change != given)]
    candidates = tuple(Candidate(_fields_in_words(value), spec.decoding(with_fields(spec.decoder, value)))
                       for value in values)  # fmt: skip
    return Question(f"decoder.{', '.join(other.fields)}", other.judge, candidates, other.is_choice, other.is_decisive)


def field_of(part: Part, name: str) -> Any:
    """The value of a field; `keypoints.unit` is that of a part."""
    first, _, rest = name.partition(".")
    value = getattr(part, first)
    return field_of(value, rest) if rest else value


def with_fields(part: P, values: Mapping[str, Any]) -> P:
    """The part with other values of those fields."""
    for name, value in values.items():
        first, _, rest = name.partition(".")
        part = part.model_copy(update={first: with_fields(getattr(part, first), {rest: value}) if rest else value})
    return part


def _fields_in_words(values: Mapping[str, Any]) -> str:
    if len(values) == 1:
        return _text(*values.values())
    return ", ".join(f"{name} {_text(value)}" for name, value in values.items())


def _resize(spec: PoseSpec) -> Question:
    """Whole pictures are padded, or stretched; the latter leaves nothing to say of a letterbox."""
    candidates = [Candidate(spec.input.resize, spec)]
    if spec.input.resize != "letterbox":
        candidates.append(Candidate("letterbox", changed(spec, "input", resize="letterbox")))
    if spec.input.resize != "stretch":
        candidates.append(Candidate("stretch", changed(spec, "input", resize="stretch", **LETTERBOX)))
    return Question("input.resize", "follow", tuple(candidates))


def _sides(spec: PoseSpec) -> Question:
    """Names as given, and with left and right exchanged; flip pairs go by the names, which the spec itself sees to."""
    known = set(spec.keypoints.names)
    names = tuple(other_side(name) if other_side(name) in known else name for name in spec.keypoints.names)
    candidates = [Candidate("as given", spec)]
    if names != spec.keypoints.names:
        candidates.append(Candidate("left and right exchanged", changed(spec, "keypoints", names=names, skeleton="")))
    return Question("keypoints, left and right", "anatomy", tuple(candidates))


def other_side(name: str) -> str:
    """The name with left and right exchanged."""
    return re.sub(r"(?<![a-z])(left|right)(?![a-z])", lambda found: SWAPPED[found.group()], name)
