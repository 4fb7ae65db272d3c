"""What the metadata of Ultralytics' files makes of a contract; nothing of their package is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posekit.contract.drafts import Draft
from posekit.contract.drafts import ultralytics as drafts
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.errors import InputError

SAID: dict[str, Any] = {
    "imgsz": 640, "names": {0: "person"}, "kpt_shape": [17, 3], "date": "2026-05-06T07:08:09",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
}  # fmt: skip
COCO = preset("rtmpose-coco17").keypoints.names


def draft(stem: str = "best", *, once: bool = False, **changes: Any) -> Draft:
    said = {name: value for name, value in (SAID | changes).items() if value is not None}
    found = drafts.facts(Path(f"{stem}.pt"), "the checkpoint", said, (8, 16, 32))
    return drafts.draft(found, drafts.raw_decoder(found, 2.0, 0.0, once), "a head")


def spec(stem: str = "best", **changes: Any) -> PoseSpec:
    found = draft(stem, **changes)
    return parse_spec(dict(found.table), "the draft")


@pytest.mark.parametrize(
    ("stem", "name"),
    {
        "yolo11n-pose": "yolo11n-pose",
        "YOLO26 (best)": "yolo26-best",
        "2024_run": "pose-2024-run",
        "default": "default-pose",
        "é": "pose",
        "x" * 80: "x" * 48,
        "a" * 47 + " b": "a" * 47,
    }.items(),
)
def test_names_are_those_of_files(stem: str, name: str) -> None:
    assert spec(stem).name == name


@pytest.mark.parametrize(
    ("said", "size_wh"),
    {"a side": (640, (640, 640)), "height and width": ([384, 640], (640, 384)), "one in a list": ([320], (320, 320)),
     "not of whole cells": (500, (512, 512)), "nothing": (None, (640, 640))}.values(),
)  # fmt: skip
def test_sizes(said: Any, size_wh: tuple[int, int]) -> None:
    found = draft(imgsz=said)
    assert parse_spec(dict(found.table), "").input.size_wh == size_wh
    whole = said is not None and not any(side % 32 for side in size_wh) and said != 500
    assert bool([one for one in found.assumed if "px" in one]) == (not whole)


@pytest.mark.parametrize("said", ["640", [1, 2, 3], -1, [0, 640], True, 64.5, []])
def test_what_is_no_size_is_told(said: Any) -> None:
    with pytest.raises(InputError, match="imgsz"):
        draft(imgsz=said)


@pytest.mark.parametrize("said", [None, 17, [17], [17, 4], [0, 3], [17, 1], ["17", 3], [17.0, 3], [True, 3]])
def test_what_is_no_shape_of_keypoints_is_told(said: Any) -> None:
    with pytest.raises(InputError, match=r"kpt_shape .*expected \[K, 2\] or \[K, 3\]"):
        draft(kpt_shape=said)


@pytest.mark.parametrize("names", [None, {0: list(COCO)}, {0: [str(number) for number in range(17)]}])
def test_seventeen_are_coco_unless_the_file_names_others(names: Any) -> None:
    found = draft(kpt_names=names)
    assert parse_spec(dict(found.table), "").keypoints.skeleton == "coco17"
    assert ("coco17" in found.told) == (names is None or names[0][0] == "0")


def test_seventeen_of_other_names_are_not_coco() -> None:
    found = spec(
        kpt_names={0: [f"left_{name}" if number % 2 else name for number, name in enumerate("abcdefghijklmnopq")]}
    )
    assert found.keypoints.skeleton == ""
    assert found.keypoints.oks_sigmas == (1 / 17,) * 17


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Left Knee", "rightKnee", "HIP"], ("left_knee", "right_knee", "hip")),
        (["a", "a", "b"], ("a", "keypoint_1", "b")),
        (["left_x", "leftX", "b"], ("left_x", "keypoint_1", "b")),
        (["a", "b"], ("keypoint_0", "keypoint_1", "keypoint_2")),
        (["1st", "2nd", "3rd"], ("point_1st", "point_2nd", "point_3rd")),
        (["class", "b", "c"], ("class_point", "b", "c")),
        (["", "b", "c"], ("keypoint_0", "b", "c")),
        (None, ("keypoint_0", "keypoint_1", "keypoint_2")),
    ],
)
def test_names_of_keypoints(names: Any, expected: tuple[str, ...]) -> None:
    found = draft(kpt_shape=[3, 2], kpt_names=None if names is None else {0: names})
    keypoints = parse_spec(dict(found.table), "").keypoints
    assert keypoints.names == expected
    assert keypoints.flip_pairs == ((("left_knee", "right_knee"),) if "hip" in expected else ())
    assert ("no flip pairs" in found.told) == ("hip" not in expected)
    assert "OKS sigmas of 1/3 each" in found.told


@pytest.mark.parametrize(
    ("said", "expected"),
    {
        "AGPL-3.0 License (https://ultralytics.com/license)": "AGPL-3.0",
        "Apache-2.0": "Apache-2.0",
        "AGPL-3.0 https://ultralytics.com/license": "unknown",
        "MIT Licence": "MIT",
        "": "unknown",
    }.items(),
)
def test_licences(said: str, expected: str) -> None:
    assert spec(license=said).license == expected


@pytest.mark.parametrize(
    ("date", "version"), [("2026-05-06T07:08:09", "2026-05-06"), ("", "1.0.0"), ("May 6", "1.0.0")]
)
def test_versions(date: str, version: str) -> None:
    assert spec(date=date).version == version


@pytest.mark.parametrize(
    ("names", "person"),
    [({0: "human"}, 0), ({0: "car", 1: "PERSON"}, 1), (["person", "dog"], 0), ({"0": "dog", "1": "person"}, 1)],
)
def test_the_class_of_people(names: Any, person: int) -> None:
    scores = spec(names=names).model_dump()["decoder"]["scores"]
    assert (scores["person"], scores["count"]) == (person, len(names))


def test_a_class_that_nobody_knows_is_asked_for() -> None:
    found = draft(names={0: "dog", 1: "cat"})
    with pytest.raises(
        InputError, match=r"scores\.person \(2 classes, none of which is called person: 0 dog, 1"
    ) as error:
        parse_spec(found.table, "the draft")
    assert "--set decoder.scores.person=" in error.value.hint
    table = found.table
    table["decoder"]["scores"]["person"] = 1
    assert parse_spec(table, "").model_dump()["decoder"]["scores"]["person"] == 1


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("numbers", [2, 3])
def test_tables_of_exports(once: bool, numbers: int) -> None:
    found = drafts.facts(Path("a.torchscript"), "the export", SAID | {"kpt_shape": [17, numbers]}, [32])
    decoder: Any = parse_spec(dict(drafts.draft(found, drafts.table_decoder(found, "out", once), "").table), "").decoder
    assert decoder.channel_count("out", 17) == (6 if once else 5) + 17 * numbers
    assert (decoder.nms.kind, decoder.axes) == (("none", "rows") if once else ("iou", "channels_first"))
