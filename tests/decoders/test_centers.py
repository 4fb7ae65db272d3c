"""Centres and displacements to people: round trips, the rules of CenterNet and DEKR, what of a contract is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.decoders.centers import centers
from posekit.decoders.centers.centers import CentersSpec, decode
from posekit.decoders.centers.encoding import encode
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

IMAGE = InputSpec(
    size_wh=(256, 192), color_order="rgb", mean=(0.0,) * 3, std=(1.0,) * 3, resize="letterbox", alignment="index"
)
PLAIN: dict[str, Any] = {
    "kind": "centers", "stride": 4, "centers": {"output": "hm", "threshold": 0.1},
    "displacements": {"output": "hps", "sign": "added"},
}  # fmt: skip
CENTERNET = PLAIN | {
    "centers": {"output": "hm", "activation": "sigmoid", "threshold": 0.1},
    "boxes": {"sizes": {"output": "wh"}, "offsets": {"output": "reg"}},
    "snapping": {"output": "hm_hp", "activation": "sigmoid", "offsets": {"output": "hp_offset"}},
}  # fmt: skip


def dekr(count: int, sign: str = "subtracted", read: str = "floor", by: str = "heat") -> dict[str, Any]:
    return PLAIN | {
        "centers": {"output": "heat", "first": count, "threshold": 0.01, "most": 30},
        "displacements": {"output": "offsets", "sign": sign}, "scoring": {"output": "heat", "read": read},
        "suppression": {"keypoints": max(count // 2 - 1, 0), "by": by},
    }  # fmt: skip


def run(outputs: dict[str, Any], data: dict[str, Any], count: int) -> Poses:
    spec = CentersSpec.model_validate(data)
    spec.check(count)
    return decode({k: v.astype(np.float32) for k, v in outputs.items()}, spec, IMAGE, (0.05,) * count)


def crowd(rng: np.random.Generator, people: int, count: int) -> Poses:
    """People whose centres are 48 px apart, the most confident first."""
    places = np.array([[x, y] for y in (40, 96, 152) for x in range(32, 256, 48)], np.float64)
    points = rng.permutation(places)[:people, None] + rng.uniform(-20, 20, (people, count, 2))
    boxes = np.concatenate([points.min(axis=1, initial=1e9) - 2, points.max(axis=1, initial=-1e9) + 2], axis=1)
    return Poses(points, np.ones((people, count)), np.linspace(0.95, 0.4, people), boxes)


@pytest.mark.parametrize("count", [1, 4, 14, 17, 21, 26, 33, 133])
@pytest.mark.parametrize("way", ["plain", "centernet", "dekr", "mmpose"])
def test_people_come_back(way: str, count: int) -> None:
    data = {"plain": PLAIN, "centernet": CENTERNET, "dekr": dekr(count),
            "mmpose": dekr(count, "added", "bilinear", "score")}[way]  # fmt: skip
    rng = np.random.default_rng(count)
    for people in (0, 1, 2, 8):
        there = crowd(rng, people, count)
        found = run(encode(there, CentersSpec.model_validate(data), IMAGE), data, count)
        assert found.count == people
        if not people:
            continue
        away = np.abs(found.keypoints[:, None] - there.keypoints).max(axis=(2, 3))
        # offsets of peaks are shared: of two keypoints in a cell one has the other's
        assert (away.min(axis=0) < (4 if way == "centernet" else 0.01)).all()
        assert found.confidences is not None
        assert (np.diff(found.confidences) <= 0).all()
        if way == "centernet":
            assert np.allclose(found.confidences, np.maximum(there.confidences, 1e-4), atol=1e-3)
            assert np.allclose(found.boxes_xyxy, there.boxes_xyxy, atol=0.01)
            assert np.allclose(found.scores, found.confidences[:, None])


def maps(**values: Floats | tuple[int, ...]) -> dict[str, Floats]:
    """Maps of 64 x 48 cells, of 0 where a number of channels is given."""
    return {
        name: value if isinstance(value, np.ndarray) else np.zeros((48, 64, *value)) for name, value in values.items()
    }


def person(snap: tuple[float, float], displacement: tuple[float, float], score: float = 0.9) -> dict[str, Floats]:
    """A person of one keypoint centred in cell (20, 10) with a box of 20 x 10 cells, and a peak at `snap` in cells."""
    found = maps(hm=(1,), hps=(2,), wh=(2,), reg=(2,), hm_hp=(1,), hp_offset=(2,))
    found["hm"][...], found["hm_hp"][...] = -9.0, -9.0
    found["hm"][10, 20], found["hps"][10, 20] = 2.0, displacement
    found["wh"][10, 20], found["reg"][10, 20] = (20, 10), (0.25, 0.75)
    x, y = int(snap[0]), int(snap[1])
    found["hm_hp"][y, x], found["hp_offset"][y, x] = np.log(score / (1 - score)), (snap[0] - x, snap[1] - y)
    return found


@pytest.mark.parametrize(
    ("snap", "displacement", "score", "expected"),
    [
        ((22.5, 11.25), (1.0, 1.0), 0.9, (22.5, 11.25)),
        ((22.5, 11.25), (1.0, 1.0), 0.09, (21.0, 11.0)),  # no peak
        ((10.2, 11.0), (-9.0, 1.0), 0.9, (11.0, 11.0)),  # left of the box, which begins at 10.25
        ((10.3, 11.0), (-9.0, 1.0), 0.9, (10.3, 11.0)),
        ((22.0, 15.8), (2.0, 5.0), 0.9, (22.0, 15.0)),  # below the box, which ends at 15.75
        ((22.0, 15.7), (2.0, 5.0), 0.9, (22.0, 15.7)),
        ((27.1, 10.0), (1.0, 0.0), 0.9, (21.0, 10.0)),  # further than 0.3 of 20 cells
        ((26.9, 10.0), (1.0, 0.0), 0.9, (26.9, 10.0)),
    ],
)
def test_a_keypoint_snaps_to_a_near_peak_in_the_box(
    snap: tuple[float, float], displacement: tuple[float, float], score: float, expected: tuple[float, float]
) -> None:
    found = run(person(snap, displacement, score), CENTERNET, 1)
    assert np.allclose(found.keypoints[0, 0], np.array(expected) * 4, atol=1e-5)
    assert found.boxes_xyxy is not None
    assert np.allclose(found.boxes_xyxy[0], np.array([10.25, 5.75, 30.25, 15.75]) * 4)


def test_the_middle_of_a_cell_where_there_are_no_offsets() -> None:
    data = CENTERNET | {"boxes": {"sizes": {"output": "wh"}}, "snapping": {"output": "hm_hp", "activation": "sigmoid"}}
    found = run(person((22.0, 11.0), (1.0, 1.0)), data, 1)
    assert np.allclose(found.keypoints[0, 0], (90, 46))
    assert np.allclose(found.boxes_xyxy, [[10.5 * 4, 5.5 * 4, 30.5 * 4, 15.5 * 4]])


@pytest.mark.parametrize(("sign", "expected"), [("added", (23.0, 8.0)), ("subtracted", (17.0, 12.0))])
def test_displacements_are_added_or_subtracted(sign: str, expected: tuple[float, float]) -> None:
    outputs = maps(hm=(1,), hps=(2,))
    outputs["hm"][10, 20], outputs["hps"][10, 20] = 0.9, (3.0, -2.0)
    found = run(outputs, PLAIN | {"displacements": {"output": "hps", "sign": sign}}, 1)
    assert np.allclose(found.keypoints[0, 0], np.array(expected) * 4)
    assert found.confidences is not None
    assert found.confidences[0] == np.float32(0.9)


def two(apart: float, heat: tuple[float, float]) -> dict[str, Floats]:
    """Two people with the same shape of 4 keypoints, `apart` cells from each other, whose own heat is `heat`."""
    outputs = maps(heat=(5,), offsets=(8,))
    for n, x in enumerate((10, 30)):
        outputs["heat"][20, x, 4] = 0.9 - 0.1 * n
        places = np.array([[20, 10], [40, 10], [20, 30], [40, 30]]) + np.array([n * apart, 0])
        outputs["offsets"][20, x] = (np.array([x, 20]) - places).ravel()
        for k, (column, row) in enumerate(np.floor(places).astype(int)):
            outputs["heat"][row - 1 : row + 2, column - 3 * (1 - n) : column + 1 + 3 * n, k] = heat[n]
    return outputs


def test_people_that_are_alike_are_one_with_the_highest_heat() -> None:
    # the diagonal is 28.3 cells, and 0.05 of it 1.41
    data = dekr(4)
    assert run(two(1.5, (0.5, 0.5)), data, 4).count == 2
    for heat, own in (((0.5, 0.6), 1.0), ((0.6, 0.5), 0.0)):
        (found,) = run(two(1.0, heat), data, 4).keypoints
        assert np.allclose(found[0], np.array([20 + own, 10]) * 4)
    by_score = run(two(1.0, (0.5, 0.52)), dekr(4, by="score"), 4)
    assert np.allclose(by_score.keypoints[:, 0], [[80, 40]])  # 0.9 * 0.5 is more than 0.8 * 0.52


@pytest.mark.parametrize("read", ["floor", "bilinear"])
def test_heat_is_read_at_a_whole_px_or_between_cells(read: str) -> None:
    outputs = maps(heat=(2,), offsets=(2,))
    outputs["heat"][20, 10, 1], outputs["heat"][20, 10, 0] = 0.9, 1.0
    # px 40.9 is read as 40
    outputs["offsets"][20, 10] = (-0.225, 0.0) if read == "floor" else (10 - 10.75 * 63 / 64, 20 - 20.5 * 47 / 48)
    found = run(outputs, dekr(1, read=read), 1)
    assert found.scores[0, 0] == pytest.approx(0.9 * _heat_of(read), abs=1e-6)


def _heat_of(read: str) -> float:
    """Of a map that is 1 in cell (10, 20) alone."""
    if read == "floor":  # px 40 of x lies at cell (40.5 / 4) - 0.5 = 9.625, px 80 of y at 19.625
        return (1 - 0.375) ** 2
    return 0.75  # 10.75 - 0.5 is a quarter of a cell beside it, 20.5 - 0.5 in it


def test_a_plateau_is_centres_in_row_order_and_equal_ones_stay_so() -> None:
    outputs = maps(hm=(1,), hps=(2,))
    outputs["hm"][10:12, 20:22] = 0.9
    found = run(outputs, PLAIN, 1)
    assert (found.keypoints[:, 0] / 4).tolist() == [[20, 10], [21, 10], [20, 11], [21, 11]]
    few = run(outputs, PLAIN | {"centers": {"output": "hm", "threshold": 0.1, "most": 2}}, 1)
    assert (few.keypoints[:, 0] / 4).tolist() == [[20, 10], [21, 10]]
    assert run(outputs, PLAIN | {"centers": {"output": "hm", "threshold": float(np.float32(0.9))}}, 1).count == 0
    assert run(outputs, PLAIN | {"min_confidence": 0.95}, 1).count == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"snapping": {"output": "hm_hp"}}, "needs boxes"),
        ({"suppression": {"keypoints": 8, "by": "heat"}}, "needs scoring"),
        ({"centers": {"output": "hm", "threshold": 0.1, "window": 2}}, "odd"),
        ({"displacements": {"output": "hps", "sign": "minus"}}, "sign"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CentersSpec.model_validate(PLAIN | changes)


def test_a_channel_is_one_thing() -> None:
    with pytest.raises(ValueError, match="two things"):
        CentersSpec.model_validate(PLAIN | {"displacements": {"output": "hm", "sign": "added"}}).check(3)


def test_shapes_give_heatmaps_with_centres_and_displacements_away() -> None:
    (fit,) = centers.fitting({"heat": (1, 18, 48, 64), "offsets": (1, 34, 48, 64)}, (256, 192))
    assert (fit.keypoint_count, fit.settings["stride"]) == (17, 4)
    assert fit.settings["centers"] == {"output": "heat", "first": 17}
