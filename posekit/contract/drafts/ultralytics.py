"""Contracts of networks that Ultralytics' tools trained: YOLO-pose v8, 11 and 26, and what is trained from them.

Their pictures are letterboxed into the middle of 114 gray, sides rounded half to even, RGB over 255.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit.contract import skeletons
from posekit.contract.drafts import Draft, Gap, Said, changed, flat
from posekit.contract.drafts.keypoints import names_of_code, pairs_of, snake
from posekit.contract.drafts.naming import name_of
from posekit.errors import InputError

SIZE = 640  # what their tools take where nothing is said
PAD_VALUE = 114.0
MIN_CONFIDENCE, IOU = 0.25, 0.7  # of their predict
MOST_IN, MOST_OUT = 30000, 300
COCO = "coco17"
OUTPUT = "candidates"  # of an export, whose one tensor has no name, or none that says anything
TAKE_POSE = "take a model such as yolo11n-pose"
FIELDS = {2: ("x", "y"), 3: ("x", "y", "score")}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a checkpoint or an export says of itself. size_wh: None where it does not say. keypoint_shape: K and the
    numbers of one. classes: by their number. date, license: as the file has them, empty where it has none."""

    path: Path
    origin: str
    size_wh: tuple[int, int] | None
    strides: tuple[int, ...]
    classes: Mapping[int, str]
    keypoint_shape: tuple[int, int]
    keypoint_names: tuple[str, ...] = ()
    date: str = ""
    license: str = ""

    @property
    def number_count(self) -> int:
        """Numbers of all keypoints of a candidate."""
        return self.keypoint_shape[0] * self.keypoint_shape[1]


def of_metadata(path: Path, told: Mapping[str, Any]) -> tuple[Draft | None, dict[str, Any]]:
    """The contract of an export and its facts, as the metadata that Ultralytics wrote into it says them; none where it
    is no such metadata. InputError for another task, and for suppression in the file."""
    if told.get("task") is None or "names" not in told:
        return None, {}
    if told["task"] != "pose":
        raise InputError(f"{path} is a network of Ultralytics for the task {told['task']}, expected pose", TAKE_POSE)
    arguments = told.get("args")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    if arguments.get("nms") is True:
        raise InputError(
            f"{path} was exported with its suppression in it, which phones do not run", "export it without nms=True"
        )
    once, largest = told.get("end2end") is True, told.get("stride")
    found = facts(path, "the export", told, [largest] if isinstance(largest, int) else [])
    what = "rows of each person once" if once else "a table of candidates, for suppression"
    drafted = draft(found, table_decoder(found, OUTPUT, once), what)
    said = {name: told[name] for name in ("stride", "kpt_shape", "names") if name in told}
    if found.size_wh is not None and not arguments.get("dynamic"):
        said["size_wh"] = list(found.size_wh)
    return changed(drafted, {"outputs": Said([OUTPUT], "an export gives one tensor")}, {}), said


def facts(path: Path, origin: str, said: Mapping[str, Any], strides: Sequence[int]) -> Facts:
    """Facts from `imgsz`, `names`, `kpt_shape`, `kpt_names`, `date` and `license` as Ultralytics' files hold them;
    InputError for keypoints of other than 2 or 3 numbers, and for sizes that are none."""
    classes = _classes(said.get("names"))
    found = Facts(
        path, origin, _size(said.get("imgsz"), path), tuple(strides), classes, _shape(said.get("kpt_shape"), path),
        _names(said.get("kpt_names"), classes), str(said.get("date") or ""), str(said.get("license") or ""),
    )  # fmt: skip
    if not classes:
        raise InputError(f"{path} names no classes", "save it anew with a current version of ultralytics")
    return found


def draft(found: Facts, decoder: Mapping[str, Any], what: str) -> Draft:
    """The contract; decoder: its table without the class of people; what: of which kind the network's outputs are."""
    size_wh, assumed = _fitting(found)
    keypoints, of_names = _keypoints(found)
    person = _person(found.classes)
    scores = dict(decoder["scores"]) | ({} if person is None else {"person": person})
    table = {
        "schema": 1,
        "name": name_of(found.path.stem),
        "version": found.date[:10] if re.fullmatch(r"\d{4}-\d\d-\d\d.*", found.date) else "1.0.0",
        "license": _license(found.license),
        "kind": "one_stage",
        "input": {
            "size_wh": list(size_wh), "color_order": "rgb", "mean": [0.0] * 3, "std": [255.0] * 3,
            "resize": "letterbox", "pad_value": PAD_VALUE, "alignment": "half_pixel", "rounding": "half_even",
        },
        "decoder": {**decoder, "scores": scores},
        "keypoints": keypoints,
    }  # fmt: skip
    listed = ", ".join(found.classes.values())
    gaps = (
        {}
        if person is not None
        else {
            "decoder.scores.person": Gap(
                f"{len(found.classes)} classes, none of which is called person: {_some(found.classes)}; which of them "
                "has the keypoints, counted from 0?"
            )
        }
    )
    count, numbers = found.keypoint_shape
    read = (
        f"{what}, input {size_wh[0]} x {size_wh[1]} px, strides {', '.join(map(str, found.strides))}, "
        f"{count} keypoints of {numbers} numbers, {'class' if len(found.classes) == 1 else 'classes'} {listed[:80]}, "
        f"license {table['license']}"
    )
    return Draft(found.origin, _said(table, found, what), gaps, read, (*assumed, *of_names))


def _said(table: Mapping[str, Any], found: Facts, what: str) -> dict[str, Said]:
    """Each field with what says it."""
    sources = {
        "schema": "posekit's format",
        "name": "the file's name",
        "version": "date" if found.date else "no date is said",
        "license": "license" if found.license else "no license is said",
        "kind": "task = pose",
        "input": "Ultralytics letterboxes its pictures so",
        "decoder": what,
        "decoder.scores": "names",
        "decoder.min_confidence": "Ultralytics' predict",
        "decoder.nms": "Ultralytics' predict",
        "decoder.strides": "stride",
        "keypoints": "kpt_names" if found.keypoint_names else "kpt_shape",
    }
    said: dict[str, Said] = {}
    for name, value in flat(table):
        places = [name.rsplit(".", drop)[0] for drop in range(name.count(".") + 1)]
        said[name] = Said(value, next(sources[place] for place in places if place in sources))
    is_size_said = found.size_wh is not None
    said["input.size_wh"] = Said(table["input"]["size_wh"], "imgsz" if is_size_said else "usual", not is_size_said)
    return said


def suppression(once: bool) -> dict[str, Any]:
    """What their predict does with candidates; once: the network gives each person once."""
    shared = {"most_in": MOST_IN, "most_out": MOST_OUT}
    return {"kind": "none", **shared} if once else {"kind": "iou", "threshold": IOU, **shared}


def raw_decoder(found: Facts, factor: float, shift: float, once: bool) -> dict[str, Any]:
    """Of outputs `boxes`, `scores` and `keypoints` (1, A, C) with coordinates still in cells."""
    fields = FIELDS[found.keypoint_shape[1]]
    return {
        "kind": "detections",
        "axes": "rows",
        "strides": list(found.strides),
        "min_confidence": MIN_CONFIDENCE,
        "boxes": {"outputs": ["boxes"], "format": "ltrb", "unit": "cells", "shift": 0.5},
        "scores": {"outputs": ["scores"], "count": len(found.classes)},
        "keypoints": {
            "outputs": ["keypoints"], "fields": list(fields), "unit": "cells", "factor": factor, "shift": shift,
            **({"activation": "sigmoid"} if "score" in fields else {}),
        },
        "nms": suppression(once),
    }  # fmt: skip


def table_decoder(found: Facts, output: str, once: bool) -> dict[str, Any]:
    """Of their exports, one tensor in input px: channels first and every candidate, or rows that are sorted already."""
    names, fields = [output], list(FIELDS[found.keypoint_shape[1]])
    count = len(found.classes)
    scores = {"first": 4, "class_channel": 5} if once else {"first": 4, "count": count}
    return {
        "kind": "detections",
        "axes": "rows" if once else "channels_first",
        "min_confidence": MIN_CONFIDENCE,
        "boxes": {"outputs": names, "format": "xyxy" if once else "cxcywh"},
        "scores": {"outputs": names, **scores},
        "keypoints": {"outputs": names, "first": 6 if once else 4 + count, "fields": fields},
        "nms": suppression(once),
    }


def _classes(said: Any) -> dict[int, str]:
    items = said.items() if isinstance(said, Mapping) else enumerate(said) if isinstance(said, list | tuple) else ()
    return {int(key): str(name) for key, name in items if str(key).isdigit()}


def _person(classes: Mapping[int, str]) -> int | None:
    if len(classes) == 1:
        return 0
    return next((number for number, name in classes.items() if name.strip().lower() == "person"), None)


def _some(classes: Mapping[int, str]) -> str:
    listed = [f"{number} {name}" for number, name in classes.items()]
    return ", ".join(listed[:20]) + (f" and {len(listed) - 20} more" if len(listed) > 20 else "")


def _shape(said: Any, path: Path) -> tuple[int, int]:
    is_pair = isinstance(said, list | tuple) and len(said) == 2 and all(type(one) is int for one in said)
    if not is_pair or said[0] < 1 or said[1] not in FIELDS:
        raise InputError(f"{path} says kpt_shape {said!r}, expected [K, 2] or [K, 3]", "was it trained for pose?")
    return said[0], said[1]


def _size(said: Any, path: Path) -> tuple[int, int] | None:
    """Theirs is a side, or height and width."""
    sides = [said] if type(said) is int else list(said) if isinstance(said, list | tuple) else []
    if said is not None and (not 1 <= len(sides) <= 2 or not all(type(one) is int and one > 0 for one in sides)):
        raise InputError(f"{path} says imgsz {said!r}, expected a side, or a height and a width", "")
    return (sides[-1], sides[0]) if sides else None


def _names(said: Any, classes: Mapping[int, str]) -> tuple[str, ...]:
    """Those of the people where they are given by class; numbers, which stand for no names, are none."""
    if isinstance(said, Mapping):
        person = _person(classes)
        said = said.get(0 if person is None else person, next(iter(said.values()), None))
    names = tuple(map(str, said)) if isinstance(said, list | tuple) else ()
    return () if all(name.isdigit() for name in names) else names


def _fitting(found: Facts) -> tuple[tuple[int, int], list[str]]:
    """The input, whose sides are multiples of the largest stride, and what was assumed of it."""
    size_wh = found.size_wh or (SIZE, SIZE)
    assumed = [] if found.size_wh else [f"an input of {SIZE} x {SIZE} px, of which the file says nothing"]
    largest = max(found.strides, default=1)
    fitting = tuple(-(-side // largest) * largest for side in size_wh)
    if fitting != size_wh:
        assumed.append(f"{size_wh[0]} x {size_wh[1]} px is rounded up to multiples of {largest}, as training did")
    return (fitting[0], fitting[1]), assumed


def _keypoints(found: Facts) -> tuple[dict[str, Any], list[str]]:
    """The [keypoints] table, and what was assumed of it."""
    count = found.keypoint_shape[0]
    names = tuple(snake(name) for name in found.keypoint_names)
    coco = skeletons.skeleton(COCO).keypoints
    if count == len(coco) and names in ((), coco):
        return {"skeleton": COCO}, [] if names else [f"skeleton {COCO}, of its {count} keypoints the file names none"]
    assumed = []
    if len(names) == count:
        names, renamed = names_of_code(found.keypoint_names)
        kept = {snake(name) for name in found.keypoint_names}
        if other := [one for one, new in zip(renamed, names, strict=False) if new not in kept]:
            assumed.append(f"other names in an app's code: {', '.join(other[:20])}")
    else:
        why = "the file names none" if not names else "the file has not as many names"
        names = tuple(f"keypoint_{number}" for number in range(count))
        assumed.append(f"keypoints keypoint_0 to keypoint_{count - 1}, {why}")
    pairs = pairs_of(names)
    assumed.append(f"OKS sigmas of 1/{count} each" + ("" if pairs else ", no flip pairs"))
    return {"names": list(names), "flip_pairs": pairs, "oks_sigmas": [1 / count] * count}, assumed


def _license(said: str) -> str:
    """`AGPL-3.0 License (address)` as AGPL-3.0."""
    text = re.sub(r"\s+licen[cs]e\b.*", "", said.partition("(")[0].strip(), flags=re.IGNORECASE)
    return text if re.fullmatch(r"[0-9A-Za-z .+()-]{1,64}", text) else "unknown"
