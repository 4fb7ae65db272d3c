"""Accuracy against annotations: perfect, shifted, partly visible, and none at all."""

from __future__ import annotations

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.parity.accuracy import Truth, accuracy, accuracy_drop, can_be_told, truth_of, why_no_truth
from posekit.parity.cases import Case
from posekit.parity.metrics import Found
from posekit.poses.images import Person, Photo
from posekit.poses.regions import frame_region
from posekit.poses.transforms import input_transform

SPEC = preset("hrnet-coco17")
BOX = (10.0, 20.0, 110.0, 220.0)


def truth(image_id: int, visibility: int = 2) -> Truth:
    points = np.random.default_rng(image_id).uniform((10, 20), (110, 220), (17, 2))
    return truth_at(image_id, np.concatenate([points, np.full((17, 1), visibility)], axis=1))


def truth_at(image_id: int, keypoints: Any) -> Truth:
    return Truth(image_id, np.array([BOX]), np.asarray(keypoints)[None], np.array([15_000.0]))


def found(of: Truth, shift: Any = (0.0, 0.0)) -> Found:
    points = of.keypoints[:, :, :2] + np.asarray(shift)
    return Found(f"{of.image_id}", points, np.full((1, 17), 0.9), np.array([200.0]), of.areas)


PEOPLE = [truth(image_id) for image_id in (3, 3, 8, 11)]  # two in one picture
PEOPLE[1] = truth_at(3, truth(5).keypoints[0])


def test_perfect_predictions_are_perfect() -> None:
    pytest.importorskip("pycocotools")
    result = accuracy([found(t) for t in PEOPLE], PEOPLE, SPEC)
    assert result is not None
    assert (result.ap, result.pck, result.people) == (pytest.approx(1.0), 1.0, 4)


def test_shifted_predictions_are_worthless() -> None:
    pytest.importorskip("pycocotools")
    result = accuracy([found(t, (500.0, 0.0)) for t in PEOPLE], PEOPLE, SPEC)
    assert result is not None
    assert (result.ap, result.pck) == (0.0, 0.0)


def test_ap_falls_as_the_error_grows() -> None:
    pytest.importorskip("pycocotools")
    results = [accuracy([found(t, (shift, 0)) for t in PEOPLE], PEOPLE, SPEC) for shift in (0, 8, 12, 16)]
    precision = [result.ap for result in results if result is not None]
    assert precision == sorted(set(precision), reverse=True)
    assert len(precision) == 4


def test_ap_is_the_same_whatever_the_ids_of_the_pictures_are() -> None:
    pytest.importorskip("pycocotools")
    named = [replace(t, image_id=name) for t, name in zip(PEOPLE, ("b", "b", 10**17, -1), strict=True)]
    ap = {accuracy([found(t, (12, 0)) for t in people], people, SPEC) for people in (PEOPLE, named)}
    assert len(ap) == 1


def test_ap_is_by_the_specs_own_sigmas() -> None:
    pytest.importorskip("pycocotools")
    lax = SPEC.model_copy(update={"keypoints": SPEC.keypoints.model_copy(update={"oks_sigmas": (1.0,) * 17})})
    strict, loose = (accuracy([found(t, (30, 0)) for t in PEOPLE], PEOPLE, spec) for spec in (SPEC, lax))
    assert strict is not None
    assert loose is not None
    assert strict.ap < loose.ap == pytest.approx(1.0)
    assert strict.pck == loose.pck


@pytest.mark.parametrize(("shift", "pck"), [(19.9, 1.0), (20.0, 1.0), (20.1, 0.0)])
def test_pck_is_a_tenth_of_the_longer_side(shift: float, pck: float) -> None:
    whole = truth_at(1, np.round(truth(1).keypoints[0]))
    result = accuracy([found(whole, (0.0, shift))], [whole], SPEC)
    assert result is not None
    assert result.pck == pck


@pytest.mark.parametrize("flag", [1, 2])
def test_pck_counts_labelled_keypoints_alone(flag: int) -> None:
    """Visibility above 0, as OKS does: tools write 1, 2 or true for what is there."""
    half = truth(1, flag)
    half.keypoints[0, 8:, 2] = 0
    seen = found(half)
    seen.keypoints[0, 4:] += 1000.0
    result = accuracy([seen], [half], SPEC)
    assert result is not None
    assert result.pck == 4 / 8


def test_people_without_a_truth_are_left_out() -> None:
    far = found(truth(9), (1000, 1000))
    result = accuracy([found(PEOPLE[0]), far], [PEOPLE[0], None], SPEC)
    assert result is not None
    assert (result.pck, result.people) == (1.0, 1)


@pytest.mark.parametrize("count", [0, 3])
def test_without_annotations_there_is_no_accuracy(count: int) -> None:
    assert accuracy([found(t) for t in PEOPLE[:count]], [None] * count, SPEC) is None


def test_predictions_that_are_not_finite_have_no_accuracy() -> None:
    spoiled = [found(t) for t in PEOPLE]
    spoiled[2].keypoints[0, 5, 1] = np.nan
    assert accuracy(spoiled, PEOPLE, SPEC) is None


def test_without_pycocotools_pck_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    result = accuracy([found(PEOPLE[0])], PEOPLE[:1], SPEC)
    assert result is not None
    assert result.ap is None
    assert result.pck == 1.0


def case_of(person: Person | None, *annotated: Person) -> Case:
    region = frame_region((100, 100), SPEC.input)
    transform = input_transform(region, SPEC.input)
    return Case(
        "a#0",
        Photo(Path("a.png"), 7, annotated),
        person,
        region,
        transform,
        np.zeros((256, 192, 3), np.float32),
        100.0,
        1e4,
    )


@pytest.mark.parametrize("visibility", [0, 1, 2])
def test_the_truth_of_an_annotated_case(visibility: int) -> None:
    keypoints = np.concatenate([np.ones((17, 2)), np.full((17, 1), float(visibility))], axis=1)
    known = truth_of(case_of(Person(BOX, keypoints, 55.0)), SPEC)
    if visibility == 0:
        assert known is None
    else:
        assert known is not None
        assert (known.image_id, tuple(known.boxes_xyxy[0]), known.areas.tolist()) == (7, BOX, [55.0])


@pytest.mark.parametrize("person", [None, Person(BOX)])
def test_a_case_without_keypoints_has_no_truth(person: Person | None) -> None:
    assert truth_of(case_of(person), SPEC) is None


def labelled(visibility: float = 2.0) -> Person:
    return Person(BOX, np.concatenate([np.ones((17, 2)), np.full((17, 1), visibility)], axis=1), 55.0)


@pytest.mark.parametrize(
    ("annotated", "is_told", "reason"),
    [
        ([], False, ""),
        ([labelled()], True, ""),
        ([labelled(1.0)], True, ""),
        ([labelled(0.0)], False, "no keypoint of the person is labelled"),
        ([Person(BOX)], False, "no keypoint of the person is labelled"),
        ([labelled(), labelled()], False, "several people"),
    ],
)
def test_a_whole_picture_is_measured_on_the_one_person_in_it(
    annotated: list[Person], is_told: bool, reason: str
) -> None:
    case = case_of(None, *annotated)
    assert (truth_of(case, SPEC) is not None) is is_told
    assert why_no_truth(case, SPEC).startswith(reason)
    assert bool(why_no_truth(case, SPEC)) is bool(reason)
    whole = SPEC.model_copy(update={"kind": "one_stage"})
    assert can_be_told([case.photo], whole) is is_told


def test_a_drop_is_paired_by_person() -> None:
    """People differ from each other far more than a side from the other: the error of the drop knows."""
    pytest.importorskip("pycocotools")
    people = [truth(number) for number in range(30)]
    before = [found(person, (number, 0.0)) for number, person in enumerate(people)]
    after = [found(person, (number + 6.0 * (number % 3 == 0), 0.0)) for number, person in enumerate(people)]
    drop = accuracy_drop(before, after, people, SPEC)
    assert drop is not None
    assert drop.people == 30
    assert drop.ap is not None
    assert drop.ap > 0
    assert 0 < drop.ap_error < drop.ap
    same = accuracy_drop(before, before, people, SPEC)
    assert same is not None
    assert (same.ap, same.ap_error, same.pck, same.pck_error) == (0, 0, 0, 0)


MANY = preset("yolo-pose-coco17")


def crowd(*places: tuple[float, float]) -> Truth:
    """Everybody of one picture, side by side."""
    boxes = np.array([[x, y, x + 100, y + 200] for x, y in places])
    points = np.random.default_rng(1).uniform((0, 0), (100, 200), (17, 2))
    keypoints = np.array([np.concatenate([points + place, np.full((17, 1), 2.0)], axis=1) for place in places])
    return Truth(1, boxes.reshape(-1, 4), keypoints.reshape(-1, 17, 3), np.full(len(places), 15_000.0))


def seen_in(truth: Truth, order: list[int], confidences: list[float]) -> Found:
    points = truth.keypoints[order, :, :2]
    count = len(order)
    return Found("1", points.reshape(count, 17, 2), np.ones((count, 17)), np.full(count, 200.0),
                 np.full(count, 2e4), np.array(confidences))  # fmt: skip


PLACES = ((0.0, 0.0), (300.0, 0.0), (600.0, 0.0))


@pytest.mark.parametrize(
    ("order", "confidences", "ap", "pck"),
    [
        ([0, 1, 2], [0.9, 0.8, 0.7], 1.0, 1.0),
        ([2, 0, 1], [0.9, 0.8, 0.7], 1.0, 1.0),  # in any order
        ([0, 1], [0.9, 0.8], 0.663, 2 / 3),  # COCO reads precision at 101 recalls, of which 67 are reached
        ([], [], 0.0, 0.0),
        ([0, 0, 1, 2], [0.9, 0.8, 0.7, 0.6], 0.834, 1.0),  # once found, again is a mistake
        ([0, 1, 2, 0], [0.9, 0.8, 0.7, 0.6], 1.0, 1.0),  # unless nobody comes after it
    ],
)
def test_people_whom_the_model_found_itself(order: list[int], confidences: list[float], ap: float, pck: float) -> None:
    pytest.importorskip("pycocotools")
    truth = crowd(*PLACES)
    result = accuracy([seen_in(truth, order, confidences)], [truth], MANY)
    assert result is not None
    assert (result.boxes, result.people) == ("own", 3)
    assert result.ap == pytest.approx(ap, abs=2e-3)
    assert result.pck == pytest.approx(pck)


def test_finding_somebody_without_labels_is_no_mistake() -> None:
    pytest.importorskip("pycocotools")
    truth = crowd(*PLACES)
    truth.keypoints[0, :, 2] = 0
    result = accuracy([seen_in(truth, [0, 1, 2], [0.9, 0.8, 0.7])], [truth], MANY)
    assert result is not None
    assert (result.ap, result.pck, result.people) == (pytest.approx(1.0), 1.0, 2)


def test_everybody_in_the_picture_is_the_truth_of_a_model_of_several_people() -> None:
    case = case_of(None, labelled(), Person(BOX), labelled())
    known = truth_of(case, MANY)
    assert known is not None
    assert known.labelled.tolist() == [True, False, True]
    assert why_no_truth(case, MANY) == ""
    assert can_be_told([case.photo], MANY)


def test_who_is_missed_is_lost_accuracy() -> None:
    pytest.importorskip("pycocotools")
    truths = [replace(crowd(*PLACES), image_id=number) for number in range(8)]
    before = [seen_in(truth, [0, 1, 2], [0.9, 0.8, 0.7]) for truth in truths]
    after = [seen_in(truth, [0, 1], [0.9, 0.8]) for truth in truths[:4]] + before[4:]
    drop = accuracy_drop(before, after, truths, MANY)
    assert drop is not None
    assert drop.people == 24
    assert drop.pck == pytest.approx(100 * 4 / 24)
    assert drop.ap is not None
    assert drop.ap > 10


def test_people_in_a_picture_where_nobody_is_are_mistakes() -> None:
    pytest.importorskip("pycocotools")
    truth, nobody = crowd(*PLACES), replace(crowd(), image_id=2)
    seen = seen_in(truth, [0, 1, 2], [0.9, 0.8, 0.7])
    result = accuracy([seen, seen_in(truth, [0], [0.95])], [truth, nobody], MANY)
    assert result is not None
    assert result.ap == pytest.approx(0.75, abs=0.01)
    assert accuracy([seen_in(truth, [0], [0.9])], [nobody], MANY) is None  # nobody to be found


def test_a_picture_that_is_listed_without_people_is_one_where_nobody_is() -> None:
    case = case_of(None)
    assert truth_of(case, MANY) is None
    known = truth_of(replace(case, photo=replace(case.photo, is_annotated=True)), MANY)
    assert known is not None
    assert known.keypoints.shape == (0, 17, 3)
