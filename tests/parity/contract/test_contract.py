"""The contract step shows every planted fault, and passes what a right contract gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.parity.contract import contract_step
from posekit.parity.contract.alternatives import changed
from posekit.parity.gate import Outcome
from posekit.parity.predictions import Prediction, Predictions
from posekit.pipelines.inputs import find_images, find_spec
from posekit.pipelines.package import package
from posekit.poses.images import Person, Photo
from tests.parity.contract.planted import DATA, FAULTS, NAMES, Sample, as_predicted, sample

ROWS = [pytest.param(name, what, marks=pytest.mark.xdist_group(f"check {name}")) for name in NAMES for what in FAULTS]
pytest.importorskip("torch")


@pytest.mark.parametrize(("name", "what"), ROWS)
def test_every_planted_fault_fails(name: str, what: str) -> None:
    of = sample(name)
    result = contract_step(of.network, FAULTS[what].plant(of.spec), of.photos, as_predicted(of, of.spec))
    failed = [check.name for check in result.checks if check.outcome is Outcome.FAIL]
    swapped = what == "left and right swapped"
    assert failed == ["contract, left and right" if swapped else "contract against the training code"]
    assert result.step.name == "contract"
    assert result.step.keypoints is not None
    assert result.step.keypoints.instances == 15


@pytest.mark.parametrize("has_boxes", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_right_contract_passes(name: str, has_boxes: bool) -> None:
    of = sample(name)
    result = contract_step(of.network, of.spec, of.photos, as_predicted(of, of.spec, has_boxes=has_boxes))
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.PASS]
    assert result.step.keypoints is not None
    assert result.step.keypoints.max_px < 1e-9
    assert ("boxes" in result.how) == has_boxes


@pytest.mark.parametrize("name", NAMES)
def test_a_crop_of_whole_numbers_passes(name: str) -> None:
    """Training code crops with cv2, which rounds to 8 bits; that is no fault of the contract."""
    of = sample(name)
    rounded = replace(of, network=lambda spec, pixels: of.network(spec, np.floor(pixels + np.float32(0.5))))
    result = contract_step(of.network, of.spec, of.photos, as_predicted(rounded, of.spec))
    assert result.step.keypoints is not None
    assert 0 < result.step.keypoints.mean_of_size < 0.0025
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.PASS]


def test_people_are_told_apart_by_where_they_are() -> None:
    """The order of the file is nobody's order."""
    of = sample("tinypose")
    right = as_predicted(of, of.spec, has_boxes=False)
    turned = replace(right, by_photo={path: items[::-1] for path, items in right.by_photo.items()})
    assert contract_step(of.network, of.spec, of.photos, turned).step.keypoints == contract_step(
        of.network, of.spec, of.photos, right).step.keypoints  # fmt: skip


def test_the_nearest_prediction_is_taken() -> None:
    of = sample("tinypose")
    right = as_predicted(of, of.spec, has_boxes=False)
    photo = of.photos[3]
    (true,) = right.by_photo[photo.path]
    beside = replace(true, keypoints=true.keypoints + 50.0)
    step = contract_step(of.network, of.spec, (photo,), Predictions({photo.path: (beside, true)}, "by file name"))
    assert step.step.keypoints is not None
    assert step.step.keypoints.max_px < 1e-9


def test_predictions_of_nobody_are_refused() -> None:
    of = sample("tinypose")
    far = Prediction(np.full((17, 2), 1e6), np.ones(17))
    with pytest.raises(InputError, match="of a person who is looked at"):
        contract_step(of.network, of.spec, of.photos, Predictions({of.photos[0].path: (far,)}, "by file name"))


def bare(of: Sample) -> tuple[Photo, ...]:
    return tuple(replace(photo, people=()) for photo in of.photos)


def moved(photos: tuple[Photo, ...]) -> tuple[Photo, ...]:
    """Annotated boxes that are not quite those that the training code was given."""
    return tuple(
        replace(p, people=tuple(replace(q, box_xyxy=tuple(v + 6 for v in q.box_xyxy)) for q in p.people))  # type: ignore[arg-type]
        for p in photos
    )


def with_boxes(predictions: Predictions, kept: Callable[[int], bool]) -> Predictions:
    """Boxes for the predictions whose place in the file is kept alone."""
    number = iter(range(100))
    rows = {path: tuple(q if kept(next(number)) else replace(q, box_xyxy=None) for q in items)
            for path, items in predictions.by_photo.items()}  # fmt: skip
    return replace(predictions, by_photo=rows)


@pytest.mark.parametrize("is_annotated", [False, True])
def test_boxes_are_used_row_by_row(is_annotated: bool) -> None:
    of = sample("tinypose")
    half = with_boxes(as_predicted(of, of.spec), lambda number: number % 2 == 0)
    result = contract_step(of.network, of.spec, moved(of.photos) if is_annotated else bare(of), half)
    assert result.step.keypoints is not None
    if is_annotated:
        assert "8 by their boxes and 7 by where they are" in result.how
        assert 0 < result.step.keypoints.mean_px < 3  # the seven alone, whose crops are moved
        assert result.how.startswith("15 of 15 annotated people")
    else:
        assert result.step.keypoints.max_px < 1e-9
        assert result.how == ("8 people in 6 of 8 pictures, by file name, by their boxes; "
                              "7 predictions of nobody who is looked at left out")  # fmt: skip


def test_nobody_is_compared_by_a_box_and_by_place_both() -> None:
    of = sample("tinypose")
    photo = of.photos[3]
    (true,) = as_predicted(of, of.spec).by_photo[photo.path]
    beside = replace(true, keypoints=true.keypoints + 3.0, box_xyxy=None)
    result = contract_step(of.network, of.spec, (photo,), Predictions({photo.path: (beside, true)}, "by file name"))
    assert result.step.keypoints is not None
    assert (result.step.keypoints.instances, result.step.keypoints.max_px < 1e-9) == (1, True)
    assert result.how.endswith("by their boxes; 1 predictions of nobody who is looked at left out")


def test_a_top_down_network_needs_boxes() -> None:
    of = sample("tinypose")
    with pytest.raises(InputError, match="top-down network looks at people in boxes") as error:
        contract_step(of.network, of.spec, bare(of), as_predicted(of, of.spec, has_boxes=False))
    assert "bbox" in error.value.hint


@pytest.mark.parametrize(
    ("rows", "is_annotated", "says"),
    [
        (slice(0, 1), True, "1 of 15 annotated people"),
        (slice(0, 1), False, "1 people in 1 of 8 pictures"),
        (slice(0, 9), True, "9 of 15 annotated people"),
    ],
)
def test_how_many_people_are_covered_is_said(rows: slice, is_annotated: bool, says: str) -> None:
    of = sample("tinypose")
    full = as_predicted(of, of.spec)
    numbers = set(range(15)[rows])
    number = iter(range(15))
    some = {path: tuple(q for q in items if next(number) in numbers) for path, items in full.by_photo.items()}
    result = contract_step(
        of.network, of.spec, of.photos if is_annotated else bare(of), Predictions(some, "by file name")
    )
    assert result.how.startswith(f"{says}, by file name")
    assert result.checks[0].detail.startswith(f"for {says} keypoints lie 0.00 px")


def test_people_whom_nobody_annotated_are_no_coverage() -> None:
    of = sample("tinypose")
    photo = max(of.photos, key=lambda photo: len(photo.people))
    some = replace(photo, people=photo.people[:1])
    result = contract_step(of.network, of.spec, (some,), as_predicted(of, of.spec))
    assert result.how.startswith(f"1 of 1 annotated people and {len(photo.people) - 1} others, ")


@pytest.mark.parametrize("box", [(1e7, 1e7, 1e7 + 10, 1e7 + 10), (0.0, 0.0, 1e9, 1e9), (-90.0, 5.0, -10.0, 50.0)])
def test_a_box_outside_the_picture_is_refused(box: tuple[float, float, float, float]) -> None:
    of = sample("tinypose")
    right = as_predicted(of, of.spec)
    path, (first, *others) = next(iter(right.by_photo.items()))
    wrong = replace(right, by_photo={**right.by_photo, path: (replace(first, box_xyxy=box), *others)})
    with pytest.raises(InputError, match=f"a prediction of {path.name} has the box .* less than 10% is in the picture"):
        contract_step(of.network, of.spec, of.photos, wrong)


def test_a_box_that_sticks_out_of_the_picture_is_taken() -> None:
    of = sample("tinypose")
    photo = of.photos[3]
    wide = replace(photo, people=(Person((-150.0, -150.0, 400.0, 400.0)),))
    given = as_predicted(replace(of, photos=(wide,)), of.spec)
    result = contract_step(of.network, of.spec, (photo,), given)
    assert result.step.keypoints is not None
    assert result.step.keypoints.max_px < 1e-9


def test_package_takes_a_reference_only_of_pictures_that_are_given(tmp_path: Path) -> None:
    model = DATA / "tinypose.pt2"
    spec = find_spec(model, "")
    with pytest.raises(InputError, match="--reference needs --images"):
        package(model, "android", spec, find_images(None, None, spec), reference=tmp_path / "ref.json", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_are_not_finite_fail() -> None:
    of = sample("tinypose")
    result = contract_step(
        lambda spec, pixels: {"heatmaps": np.full((1, 32, 24, 17), math.nan)},
        of.spec,
        of.photos,
        as_predicted(of, of.spec),
    )
    assert result.checks[0].outcome is Outcome.FAIL


def test_without_a_face_left_and_right_are_skipped() -> None:
    of = sample("tinypose")
    names = tuple("chin" if name == "nose" else name for name in of.spec.keypoints.names)
    spec = changed(of.spec, "keypoints", names=names, skeleton="")
    result = contract_step(of.network, spec, of.photos, as_predicted(of, of.spec))
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.SKIPPED]
