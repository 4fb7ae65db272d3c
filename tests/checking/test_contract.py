"""The contract stage shows every planted fault, and passes what a right contract gives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from posekit.checking import contract_stage
from posekit.checking.alternatives import changed
from posekit.errors import InputError
from posekit.parity.gate import Outcome
from posekit.parity.predictions import Prediction, Predictions
from tests.checking.planted import FAULTS, NAMES, as_predicted, sample

ROWS = [pytest.param(name, what, marks=pytest.mark.xdist_group(f"check {name}")) for name in NAMES for what in FAULTS]
pytest.importorskip("torch")


@pytest.mark.parametrize(("name", "what"), ROWS)
def test_every_planted_fault_fails(name: str, what: str) -> None:
    of = sample(name)
    result = contract_stage(of.network, FAULTS[what].plant(of.spec), of.photos, as_predicted(of, of.spec))
    failed = [check.name for check in result.checks if check.outcome is Outcome.FAIL]
    swapped = what == "left and right swapped"
    assert failed == ["contract, left and right" if swapped else "contract against the training code"]
    assert result.stage.name == "contract"
    assert result.stage.keypoints is not None
    assert result.stage.keypoints.instances == 15


@pytest.mark.parametrize("has_boxes", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_right_contract_passes(name: str, has_boxes: bool) -> None:
    of = sample(name)
    result = contract_stage(of.network, of.spec, of.photos, as_predicted(of, of.spec, has_boxes=has_boxes))
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.PASS]
    assert result.stage.keypoints is not None
    assert result.stage.keypoints.max_px < 1e-9
    assert ("boxes" in result.how) == has_boxes


@pytest.mark.parametrize("name", NAMES)
def test_a_crop_of_whole_numbers_passes(name: str) -> None:
    """Training code crops with cv2, which rounds to 8 bits; that is no fault of the contract."""
    of = sample(name)
    rounded = replace(of, network=lambda spec, pixels: of.network(spec, np.floor(pixels + np.float32(0.5))))
    result = contract_stage(of.network, of.spec, of.photos, as_predicted(rounded, of.spec))
    assert result.stage.keypoints is not None
    assert 0 < result.stage.keypoints.mean_of_size < 0.0025
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.PASS]


def test_people_are_told_apart_by_where_they_are() -> None:
    """The order of the file is nobody's order."""
    of = sample("tinypose")
    right = as_predicted(of, of.spec, has_boxes=False)
    turned = replace(right, by_photo={path: items[::-1] for path, items in right.by_photo.items()})
    assert contract_stage(of.network, of.spec, of.photos, turned).stage.keypoints == contract_stage(
        of.network, of.spec, of.photos, right).stage.keypoints  # fmt: skip


def test_the_nearest_prediction_is_taken() -> None:
    of = sample("tinypose")
    right = as_predicted(of, of.spec, has_boxes=False)
    photo = of.photos[3]
    (true,) = right.by_photo[photo.path]
    beside = replace(true, keypoints=true.keypoints + 50.0)
    stage = contract_stage(of.network, of.spec, (photo,), Predictions({photo.path: (beside, true)}, "by file name"))
    assert stage.stage.keypoints is not None
    assert stage.stage.keypoints.max_px < 1e-9


def test_predictions_of_nobody_are_refused() -> None:
    of = sample("tinypose")
    far = Prediction(np.full((17, 2), 1e6), np.ones(17))
    with pytest.raises(InputError, match="of a person who is looked at"):
        contract_stage(of.network, of.spec, of.photos, Predictions({of.photos[0].path: (far,)}, "by file name"))


def test_outputs_that_are_not_finite_fail() -> None:
    of = sample("tinypose")
    result = contract_stage(
        lambda spec, pixels: {"heatmaps": np.full((1, 32, 24, 17), math.nan)}, of.spec, of.photos, as_predicted(of, of.spec)
    )  # fmt: skip
    assert result.checks[0].outcome is Outcome.FAIL


def test_without_a_face_left_and_right_are_skipped() -> None:
    of = sample("tinypose")
    names = tuple("chin" if name == "nose" else name for name in of.spec.keypoints.names)
    spec = changed(of.spec, "keypoints", names=names, skeleton="")
    result = contract_stage(of.network, spec, of.photos, as_predicted(of, of.spec))
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.SKIPPED]
