"""COCO files as CVAT, Label Studio, Roboflow, COCO-WholeBody and scripts write them, and files that are broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.poses.annotation_fields import GROWN
from posekit.poses.annotations import Annotations, read_annotations

NAMES = ("nose", "left_hip", "right_hip")
KEYPOINTS = [10.0, 20.0, 2, 14.0, 40.0, 1, 0, 0, 0]
POINTS = [[10, 20, 2], [14, 40, 1], [0, 0, 0]]
OTHER = [20.0, 10.0, 2, 24.0, 30.0, 2, 16.0, 30.0, 2]
COCO: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 60, "height": 80},
        {"id": 2, "file_name": "b.jpg", "width": 60, "height": 80},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 10, 20, 40], "area": 500, "iscrowd": 0,
         "num_keypoints": 2, "keypoints": KEYPOINTS},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [8, 5, 20, 30], "area": 400, "iscrowd": 0,
         "num_keypoints": 3, "keypoints": OTHER},
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": list(NAMES)}],
}  # fmt: skip
NAN, INF = float("nan"), float("inf")
Change = Callable[[dict[str, Any]], Any]


def read(tmp_path: Path, document: Any) -> Annotations:
    path = tmp_path / "a.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return read_annotations(path, NAMES)


def changed(change: Change) -> dict[str, Any]:
    """COCO, changed in place."""
    document = copy.deepcopy(COCO)
    change(document)
    return document


def first(**values: Any) -> Change:
    """Other values of the first annotation; None removes."""

    def change(document: dict[str, Any]) -> None:
        entry = document["annotations"][0]
        for key, value in values.items():
            entry.pop(key, None) if value is None else entry.update({key: value})

    return change


def each(table: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda document: [change(entry) for entry in document[table]]


def added(category: dict[str, Any], **annotation: Any) -> Change:
    """Another category, and an annotation of it in each picture."""

    def change(document: dict[str, Any]) -> None:
        document["categories"].append({"id": 2, **category})
        document["annotations"] += [
            {"image_id": image["id"], "category_id": 2, "bbox": [1, 1, 9, 9], **annotation} for image in COCO["images"]
        ]

    return change


def both(*changes: Change) -> Change:
    return lambda document: [change(document) for change in changes]


def ids(kind: Callable[[int], Any]) -> Change:
    return both(
        each("images", lambda one: one.update(id=kind(one["id"]))),
        each("annotations", lambda one: one.update(image_id=kind(one["image_id"]))),
    )


def rows(annotation: dict[str, Any]) -> list[tuple[float, float, float]]:
    """x, y and visibility of each keypoint."""
    numbers = annotation["keypoints"]
    return [(numbers[i], numbers[i + 1], numbers[i + 2]) for i in (0, 3, 6)]


SAME: dict[str, Change] = {  # read as COCO itself is, without a word
    "as it is": lambda document: None,
    "no area, crowd, count and category": each(
        "annotations", lambda one: [one.pop(key) for key in ("iscrowd", "num_keypoints", "category_id")]
    ),
    "no categories": lambda document: document.pop("categories"),
    "categories are null": lambda document: document.update(categories=None),
    "category without names": lambda document: document["categories"][0].pop("keypoints"),
    "category ids that are off by one": each("annotations", lambda one: one.update(category_id=0)),
    "category names in other letters": lambda document: document["categories"][0].update(
        keypoints=["Nose", "Left Hip", "rightHip"]
    ),
    "category of numbered keypoints": lambda document: document["categories"][0].update(keypoints=["0", "1", "2"]),
    "float ids": ids(float),
    "text ids": ids(str),
    "text ids in the annotations alone": each("annotations", lambda one: one.update(image_id=str(one["image_id"]))),
    "numbers as texts": each(
        "annotations", lambda one: one.update(bbox=[str(v) for v in one["bbox"]], area=str(one["area"]), iscrowd="0")
    ),
    "nested keypoints": each(
        "annotations", lambda one: one.update(keypoints=[one["keypoints"][i : i + 3] for i in (0, 3, 6)])
    ),
    "null for what is not labelled": first(keypoints=[*KEYPOINTS[:6], None, None, None]),
    "null places with 0": first(keypoints=[*KEYPOINTS[:6], None, None, 0]),
    "minus one for what is not labelled": first(keypoints=[*KEYPOINTS[:6], -1, -1, -1]),
    "a place for what is not labelled": first(keypoints=[*KEYPOINTS[:6], 7, 7, 0]),
    "balls' boxes are none of people": lambda document: document["categories"].append({"id": 2, "name": "ball"}),
    "a category with another skeleton": lambda document: document["categories"].append(
        {"id": 2, "name": "hand", "keypoints": ["a"] * 21}
    ),
    "WholeBody's further fields": each(
        "annotations", lambda one: one.update(foot_kpts=[0] * 18, face_kpts=[0] * 204, lefthand_valid=False)
    ),
    "pictures without people": lambda document: document["images"].append({"id": 3, "file_name": "c.jpg"}),
    "pictures without name or id": lambda document: document["images"].extend(
        [{"id": 4}, {"file_name": "d.jpg"}, {"id": None, "file_name": 3}]
    ),
    "null among images": lambda document: document["images"].insert(0, None),
    "keypoints as tables": each(
        "annotations", lambda one: one.update(keypoints=[{"x": x, "y": y, "v": v} for x, y, v in rows(one)])
    ),
    "as tables with their visibility in words of others": each(
        "annotations",
        lambda one: one.update(keypoints=[{"X": str(x), "Y": y, "visibility": v} for x, y, v in rows(one)]),
    ),
    "as tables with names in any order": each(
        "annotations",
        lambda one: one.update(
            keypoints=[
                {"label": name, "x": x, "y": y, "v": v}
                for name, (x, y, v) in reversed(list(zip(NAMES, rows(one), strict=True)))
            ]
        ),
    ),
    "by name, and only what is labelled": each(
        "annotations",
        lambda one: one.update(
            keypoints={
                name: list(row) for name, row in zip(("Nose", "LHip", "hip.right"), rows(one), strict=True) if row[2]
            }
        ),
    ),
    "by name, as tables": each(
        "annotations",
        lambda one: one.update(
            keypoints={name: {"x": x, "y": y, "visible": v} for name, (x, y, v) in zip(NAMES, rows(one), strict=True)}
        ),
    ),
    "images by id": lambda document: document.update(images={str(one.pop("id")): one for one in document["images"]}),
    "annotations by id": lambda document: document.update(
        annotations={str(one.pop("id")): one for one in document["annotations"]}
    ),
    "categories by id": lambda document: document.update(
        categories={"1": {"name": "person", "keypoints": list(NAMES)}}
    ),
    "names of keypoints as tables": lambda document: document["categories"][0].update(
        keypoints=[{"name": name, "color": "red"} for name in NAMES]
    ),
    "names of keypoints in one text": lambda document: document["categories"][0].update(keypoints=", ".join(NAMES)),
    "a nested box": first(bbox=[[5, 10, 20, 40]]),
    "a box as a table": first(bbox={"x": 5, "y": 10, "w": "20", "h": 40}),
    "a box as a table of CSS": first(bbox={"left": 5, "top": 10, "width": 20, "height": 40}),
    "a box as a table of corners": first(bbox={"xmin": 5, "ymin": 10, "xmax": 25, "ymax": 50}),
    "corners by mode (Detectron2)": first(bbox=[5, 10, 25, 50], bbox_mode=0),
    "a size by mode (Detectron2)": first(bbox_mode=1),
    "file names under another name": each("images", lambda one: one.update(filename=one.pop("file_name"))),
    "a picture twice": lambda document: document["images"].append(document["images"][0]),
}


def seen(found: Annotations) -> list[tuple[str, Any, Any]]:
    """File name, box and keypoints of everybody."""
    rows = [(one.file_name, person) for one in found.pictures for person in one.people]
    return [
        (name, person.box_xyxy, None if person.keypoints is None else person.keypoints.tolist())
        for name, person in rows
    ]


AS_IT_IS = [("a.jpg", (5, 10, 25, 50), POINTS), ("b.jpg", (8, 5, 28, 35), np.reshape(OTHER, (3, 3)).tolist())]


@pytest.mark.parametrize("name", SAME)
def test_the_same_people_however_they_are_written(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, changed(SAME[name]))
    assert seen(found) == AS_IT_IS
    assert found.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_unicode_is_read(tmp_path: Path, encoding: str) -> None:
    document = changed(each("images", lambda one: one.update(file_name="é" + one["file_name"])))
    found = read(tmp_path, json.dumps(document, ensure_ascii=False).encode(encoding))
    assert [one.file_name for one in found.pictures] == ["éa.jpg", "éb.jpg"]


LEFT_OUT: dict[str, tuple[Change, str]] = {  # an annotation beside those of COCO, or the first of them
    "a track that is outside (CVAT)": (
        lambda d: d["annotations"].append(
            {"image_id": 1, "category_id": 1, "bbox": [0, 0, 0, 0], "keypoints": [], "area": 0}
        ),
        "1 of 3 annotations in a.json are left out: 1 (a box without area)",
    ),
    "a flat box": (first(bbox=[5, 10, 0, 40]), "1 of 2 annotations in a.json are left out: 1 (a box without area)"),
    "a negative box": (first(bbox=[5, 10, 20, -40]), "1 (a box without area)"),
    "a box too small for its place": (first(bbox=[1e18, 10, 1e-3, 40]), "1 (a box without area)"),
    "a box of NaN": (first(bbox=[NAN, 2, 5, 5]), "1 (a box that is not finite)"),
    "a box without end": (first(bbox=[1e308, 2, 1e308, 5]), "1 (a box that is not finite)"),
    "a box of three": (first(bbox=[1, 2, 3]), "1 (a box that is not four numbers)"),
    "a box of a huge number": (first(bbox=[1, 2, 10**400, 5]), "1 (a box that is not four numbers)"),
    "a box in words": (first(bbox="none"), "1 (a box that is not four numbers)"),
    "a crowd": (first(iscrowd=1, segmentation={"counts": [1, 2], "size": [9, 9]}), "1 (a crowd)"),
    "a crowd in words of others": (first(iscrowd=True), "1 (a crowd)"),
    "keypoints of another number": (first(keypoints=[1, 2, 2]), "1 (3 numbers for keypoints, expected 9 for 3)"),
    "keypoints cut short": (first(keypoints=KEYPOINTS[:-1]), "1 (8 numbers for keypoints, expected 9 for 3)"),
    "keypoints in words": (first(keypoints=["a"] * 9), "1 (keypoints that are no numbers)"),
    "ragged keypoints": (first(keypoints=[[1], [2, 3]]), "1 (keypoints that are no numbers)"),
    "keypoints of other names": (
        first(keypoints={"nose": [1, 2, 2], "tail": [3, 4, 2]}),
        "1 (keypoints of names that are not those of the category)",
    ),
    "a keypoint named twice": (
        first(keypoints=[{"name": "nose", "x": 1, "y": 2}, {"name": "Nose", "x": 1, "y": 2}]),
        "1 (keypoints of names that are not those of the category)",
    ),
    "tables without places": (first(keypoints=[{"x": 1, "v": 2}] * 3), "1 (keypoints in tables without x and y)"),
    "too few tables": (first(keypoints=[{"x": 1, "y": 2, "v": 2}]), "1 (3 numbers for keypoints, expected 9 for 3)"),
    "keypoints beyond everything": (first(keypoints=[1e300, *KEYPOINTS[1:]]), "1 (labelled keypoints beyond 1e+07 px)"),
    "a box of two points": (first(bbox=[[5, 10], [25, 50]]), "1 (a box that is not four numbers)"),
    "a table that is no box": (first(bbox={"a": 1, "b": 2}), "1 (a box that is not four numbers)"),
    "null among annotations": (
        lambda d: d["annotations"].append(None),
        "1 of 3 annotations in a.json are left out: 1 (no table)",
    ),
    "a number among annotations": (
        lambda d: d["annotations"].insert(0, 7),
        "1 of 3 annotations in a.json are left out: 1 (no table)",
    ),
    "a picture without a file name": (
        lambda d: d["images"][0].pop("file_name"),
        "1 (of a picture without a file name)",
    ),
    "a picture with null for a file name": (
        lambda d: d["images"][0].update(file_name=None),
        "1 (of a picture without a file name)",
    ),
    "labelled at no place": (first(keypoints=[NAN, *KEYPOINTS[1:]]), "1 (labelled keypoints that are not finite)"),
    "labelled at null": (first(keypoints=[None, *KEYPOINTS[1:]]), "1 (labelled keypoints that are not finite)"),
    "no picture": (first(image_id=None), "1 (without an image id)"),
    "an endless id": (first(image_id=INF), "1 (without an image id)"),
    "a fraction for an id": (first(image_id=1.5), "1 (without an image id)"),
    "a truth value for an id": (first(image_id=True), "1 (without an image id)"),
    "another picture": (first(image_id=99), "1 (of a picture that is not among `images`)"),
    "neither box nor keypoints": (first(bbox=None, keypoints=[0] * 9), "1 (neither a box nor labelled keypoints)"),
    "one keypoint and no box": (
        first(bbox=None, keypoints=[5, 5, 2, 0, 0, 0, 0, 0, 0]),
        "1 (no box, and keypoints at one place)",
    ),
    "boxes of balls": (added({"name": "ball"}), "2 of 4 annotations in a.json are left out: 2 (of category 'ball')"),
    "hands": (added({"name": "hand", "keypoints": ["p"] * 21}, keypoints=[9, 9, 2] * 21), "2 (of category 'hand')"),
    "a category that is not listed": (
        both(added({"name": "ball"}), first(category_id=7)),
        "2 (of category 'ball'), 1 (of category '7')",
    ),
    "no category among several": (
        both(added({"name": "ball"}), first(category_id=None)),
        "2 (of category 'ball'), 1 (without a category)",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_counted_with_its_reason(tmp_path: Path, name: str) -> None:
    change, reason = LEFT_OUT[name]
    found = read(tmp_path, changed(change))
    (warning,) = found.warnings
    assert warning.endswith(reason)
    people = seen(found)
    assert AS_IT_IS[1] in people
    assert all(person in AS_IT_IS for person in people)


def test_x_and_y_alone_are_labelled_but_at_0_0(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        changed(
            each(
                "annotations",
                lambda one: one.update(keypoints=[v for i, v in enumerate(one["keypoints"]) if i % 3 < 2]),
            )
        ),
    )
    assert [points for _, _, points in seen(found)] == [[[10, 20, 2], [14, 40, 2], [0, 0, 0]], AS_IT_IS[1][2]]
    assert found.warnings == ("a.json: keypoints are x and y alone: labelled is what is not 0, 0 (2 of 2 annotations)",)


def test_visible_at_0_0_is_not_labelled(tmp_path: Path) -> None:
    found = read(tmp_path, changed(first(keypoints=[*KEYPOINTS[:6], 0, 0, 2])))
    assert seen(found) == AS_IT_IS
    assert found.warnings == (
        "a.json: keypoints at 0, 0 are marked as visible: taken as not labelled (1 of 2 annotations)",
    )


@pytest.mark.parametrize("visible", [1, True, 1.0, "1", 0.97])
def test_any_visibility_above_0_is_labelled(tmp_path: Path, visible: Any) -> None:
    found = read(tmp_path, changed(first(keypoints=[10, 20, visible, 14, 40, visible, 0, 0, False])))
    points = found.pictures[0].people[0].keypoints
    assert points is not None
    assert (points[:, 2] > 0).tolist() == [True, True, False]
    assert points[:, :2].tolist() == [[10, 20], [14, 40], [0, 0]]


@pytest.mark.parametrize("box", [None, []])
def test_a_box_is_made_from_labelled_keypoints(tmp_path: Path, box: Any) -> None:
    found = read(
        tmp_path,
        changed(both(first(bbox=None), first(bbox=box) if box is not None else lambda d: None, first(area=None))),
    )
    grown = GROWN * 20
    person = found.pictures[0].people[0]
    assert person.box_xyxy == pytest.approx((10 - grown, 20 - grown, 14 + grown, 40 + grown))
    assert person.area == pytest.approx((4 + 2 * grown) * (20 + 2 * grown))
    assert found.warnings == ("a.json: there is no box: it is made from the labelled keypoints (1 of 2 annotations)",)


@pytest.mark.parametrize("area", [1e300, 1201, None, 0, -5, NAN, "much", []])
def test_the_box_gives_the_area_where_there_is_none(tmp_path: Path, area: Any) -> None:
    found = read(tmp_path, changed(both(first(area=None), first(area=area) if area is not None else lambda d: None)))
    assert [one.people[0].area for one in found.pictures] == [800, 400]
    assert any("the area is larger than the box" in one for one in found.warnings) is (area in (1e300, 1201))


def test_names_of_keypoints_as_tables_have_their_order(tmp_path: Path) -> None:
    """Taken for none, left would be right."""

    def change(document: dict[str, Any]) -> None:
        document["categories"][0]["keypoints"] = [{"name": one} for one in ("nose", "right_hip", "left_hip")]
        for entry in document["annotations"]:
            nose, left, right = (entry["keypoints"][i : i + 3] for i in (0, 3, 6))
            entry["keypoints"] = [*nose, *right, *left]

    assert seen(read(tmp_path, changed(change))) == AS_IT_IS


@pytest.mark.parametrize("keypoints", [None, [], [0] * 9])
def test_people_without_labels_have_their_box(tmp_path: Path, keypoints: Any) -> None:
    found = read(
        tmp_path,
        changed(both(first(keypoints=None), first(keypoints=keypoints) if keypoints is not None else lambda d: None)),
    )
    person = found.pictures[0].people[0]
    assert person.box_xyxy == (5, 10, 25, 50)
    assert person.keypoints is None or not person.keypoints.any()
    assert found.warnings == ()


def test_keypoints_are_taken_by_name_from_another_order_and_from_more(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["categories"][0]["keypoints"] = ["right_hip", "neck", "nose", "left_hip"]
        for entry in document["annotations"]:
            nose, left, right = (entry["keypoints"][i : i + 3] for i in (0, 3, 6))
            entry["keypoints"] = [*right, 9, 9, 2, *nose, *left]

    found = read(tmp_path, changed(change))
    assert seen(found) == AS_IT_IS
    assert found.warnings == (
        "a.json: category 'person' has 4 keypoints in another order: the spec's are taken by name",
    )


@pytest.mark.parametrize(
    "names",
    [
        ["nose", "hip_right", "hip_left"],
        ["Nose", "RHip", "LHip"],
        ["nose", "r_hip", "l_hip"],
        ["nose", "rhip", "lhip"],
        ["NOSE", "RIGHT HIP", "LEFT HIP"],
        ["nose", "hipRight", "hip.L"],
        ["nose", "righthip", "lefthip"],
    ],
)
def test_left_and_right_are_told_however_names_are_put(tmp_path: Path, names: list[str]) -> None:
    def change(document: dict[str, Any]) -> None:
        document["categories"][0]["keypoints"] = names
        for entry in document["annotations"]:
            nose, left, right = (entry["keypoints"][i : i + 3] for i in (0, 3, 6))
            entry["keypoints"] = [*nose, *right, *left]

    assert seen(read(tmp_path, changed(change))) == AS_IT_IS


@pytest.mark.parametrize(
    ("numbers", "is_read"), [([10, 20, 2, 14, 40, 1], False), ([10, 20, 7, 14, 40, 30], True), ([0] * 6, True)]
)
def test_two_numbers_a_keypoint_are_not_three_of_fewer(tmp_path: Path, numbers: list[int], is_read: bool) -> None:
    found = read(tmp_path, changed(first(keypoints=numbers)))
    assert any("x, y and visibility of fewer" in warning for warning in found.warnings) is not is_read


def test_every_category_with_the_specs_keypoints_is_people(tmp_path: Path) -> None:
    found = read(tmp_path, changed(added({"name": "referee", "keypoints": list(NAMES)}, keypoints=OTHER)))
    assert [len(one.people) for one in found.pictures] == [2, 2]
    assert found.warnings == ()


@pytest.mark.parametrize("used_by", ["keypoints", "its name"])
def test_without_names_people_are_told_by_their_keypoints_or_by_being_called_so(tmp_path: Path, used_by: str) -> None:
    def change(document: dict[str, Any]) -> None:
        document["categories"][0].pop("keypoints")
        if used_by == "keypoints":
            document["categories"][0]["name"] = "athlete"
        else:
            each("annotations", lambda one: one.pop("keypoints"))(document)
        added({"name": "ball"})(document)

    found = read(tmp_path, changed(change))
    assert [box for _, box, _ in seen(found)] == [box for _, box, _ in AS_IT_IS]
    assert "2 (of category 'ball')" in found.warnings[0]


def test_the_sizes_are_those_of_the_pictures(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["images"][0].update(width="60", height=80.0)
        document["images"][1].update(width=0, height=None)

    assert [one.size_wh for one in read(tmp_path, changed(change)).pictures] == [(60, 80), None]


def without(table: str) -> dict[str, Any]:
    return {**COCO, table: []}


REFUSED: dict[str, tuple[Any, str]] = {
    "empty": (b"", "are no valid JSON"),
    "half": (b"{", "are no valid JSON"),
    "half of UTF-16": (b"\xff\xfe\x00", "are no valid JSON: it begins like UTF-16 and is not"),
    "Latin-1": (b'{"a": "\xe9"}', "are no valid JSON"),
    "deep": (b"[" * 100_000, "are no valid JSON"),
    "a list": (COCO["annotations"], "holds no COCO annotations"),
    "no annotations": ({"images": []}, "holds no COCO annotations"),
    "texts for lists": ({"images": "a", "annotations": []}, "holds no COCO annotations"),
    "tables without anything": ({"images": {}, "annotations": {}}, "has no annotations: its list of them is empty"),
    "names that are none": (
        changed(lambda d: d["categories"][0].update(keypoints=[1, 2, 3])),
        "the keypoints of category 'person' are no list of names",
    ),
    "LabelMe": ({"shapes": [], "imagePath": "a.jpg"}, "holds no COCO annotations"),
    "nobody": (without("annotations"), "has no annotations: its list of them is empty"),
    "no pictures": (without("images"), "none of the 2 annotations in"),
    "annotations that are no tables": ({**COCO, "annotations": [3]}, "none of the 1 annotations in"),
    "images that are no tables": ({**COCO, "images": ["c"]}, "2 (of a picture that is not among `images`)"),
    "two pictures of an id": (
        changed(lambda d: d["images"].append({"id": "1", "file_name": "c.jpg"})),
        "two pictures of id 1: 'a.jpg' and 'c.jpg'",
    ),
    "all of another number": (
        changed(lambda d: (d.pop("categories"), each("annotations", lambda one: one.update(keypoints=[1, 2, 2]))(d))),
        "2 (3 numbers for keypoints, expected 9 for 3)",
    ),
    "another skeleton": (
        changed(lambda d: d["categories"][0].update(keypoints=["nose", "left_hip"])),
        "no category of people with the spec's 3 keypoints: 'person' (2 keypoints)",
    ),
    "as many in another order": (
        changed(lambda d: d["categories"][0].update(keypoints=["left_hip", "nose", "tail"])),
        "'person' has 'left_hip' as keypoint 0, the spec as 1",
    ),
    "two that may be people": (
        changed(
            both(
                lambda d: d["categories"][0].update(keypoints=["a", "b", "c"]),
                added({"name": "ape", "keypoints": ["d", "e", "f"]}),
            )
        ),
        "does not tell which category is people with the spec's 3 keypoints: 'person' (3 keypoints), 'ape' (3 "
        "keypoints)",
    ),
    "two that are used": (
        changed(
            both(lambda d: d["categories"][0].update(name="cat", keypoints=[]), added({"name": "dog"}, keypoints=OTHER))
        ),
        "does not tell which category",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_annotations_are_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    document, told = REFUSED[name]
    with pytest.raises(InputError) as raised:
        read(tmp_path, document)
    message = raised.value.message
    assert str(tmp_path / "a.json") in message
    assert told in message
    assert "\n" not in message
    assert "Error" not in message  # no Python in a sentence
    assert raised.value.hint


def test_a_file_of_another_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, {"shapes": [], "imagePath": "a.jpg"})
    assert "LabelMe" in raised.value.hint


@pytest.mark.parametrize("place", ["missing.json", "."])
def test_annotations_that_cannot_be_read_are_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="cannot read the annotations"):
        read_annotations(tmp_path / place, NAMES)
