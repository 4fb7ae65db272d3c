"""Part affinity fields to people: round trips, the published rules on maps made by hand, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from posekit.contract.presets import preset
from posekit.decoders.layout import MisfitError
from posekit.decoders.paf import paf
from posekit.decoders.paf import peaks as paf_peaks
from posekit.decoders.paf.paf import PafSpec, decode, encode
from posekit.decoders.paf.peaks import Peaks, peaks_of
from posekit.decoders.paf.people import ABSENT, People, people_of
from posekit.decoders.paf.upsampling import axis
from posekit.errors import InputError
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

SIZE_WH, MAP_WH = (432, 368), (54, 46)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="bgr", mean=(0,) * 3, std=(1,) * 3, resize="stretch",
                  alignment="half_pixel")  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "tf-pose": {"upsampling": {"factor": 4, "method": "repeat", "blur_kernel": 25}, "limbs": {"full_length": 0.5}},
    "lightweight": {
        "upsampling": {"factor": 4, "method": "cubic"},
        "peaks": {"min_score": 0.1, "neighbors": 4, "order": "columns", "min_distance": 6.0},
        "limbs": {"ends": "both", "rounding": "half_even", "min_ratio": 0.8, "mean": "passing"},
        "grouping": {"kind": "extend"},
    },
    "openpose": {
        "upsampling": {"factor": 8, "method": "cubic"}, "peaks": {"centroid": 3},
        "limbs": {"samples": 5, "most_samples": 25, "min_ratio": 0.8, "mean": "passing"},
    },
}  # fmt: skip


def tree(count: int) -> list[int]:
    """Pairs from the first keypoint to the second, from these to the next ones, and so on."""
    return [end for k in range(1, count) for end in ((k - 1) // 2, k)]


def spec_of(count: int = 4, **changes: Any) -> PafSpec:
    data: dict[str, Any] = {
        "kind": "paf", "alignment": "cells", "heatmaps": {"output": "heatmaps"},
        "fields": {"output": "fields", "pairs": tree(count)}, "grouping": {},
    }  # fmt: skip
    data |= changes
    data["grouping"] = {"min_parts": min(count, 3)} | data["grouping"]
    return PafSpec.model_validate(data)


def crowd(people: int, count: int, seed: int) -> Floats:
    """People side by side, whose keypoints are at least two cells apart; of very many keypoints one who fills it."""
    rng = np.random.default_rng(seed)
    columns, rows = 6, -(-count // 6)
    places = np.array([(k % columns, k // columns) for k in range(count)], np.float64)
    places = (places + 0.5 + rng.uniform(-0.15, 0.15, (people, count, 2))) / (columns, max(rows, 2)) - 0.5
    if count > 40:
        return np.array(SIZE_WH) / 2 + places * np.array(SIZE_WH) * 0.96
    middle = np.array([[(n % 3 + 0.5) * 144, (n // 3 % 3 + 0.5) * 122] for n in range(people)], np.float64)
    return middle.reshape(-1, 1, 2) + places * (125, 105)


@pytest.mark.parametrize("people", [0, 7])
@pytest.mark.parametrize("count", [1, 4, 14, 17, 21, 26, 33, 133])
@pytest.mark.parametrize("way", WAYS)
def test_people_come_back(way: str, count: int, people: int) -> None:
    people = min(people, 1) if count > 40 else people
    spec, points = spec_of(count, **WAYS[way]), crowd(people, count, count)
    found = decode(encode(points, np.ones((people, count), bool), spec, SIZE_WH, MAP_WH), spec, IMAGE, (0.05,) * count)
    assert found.count == people
    if people == 0:
        return
    away = np.linalg.norm(found.keypoints[:, None] - points[None], axis=-1).max(axis=-1)
    # a px of the larger map is 2 or 1 input px; repeated cells are 8
    assert (away.min(axis=0) < {"tf-pose": 4.0, "lightweight": 1.8, "openpose": 0.9}[way]).all()
    assert sorted(away.argmin(axis=0).tolist()) == list(range(people))
    assert (np.diff(found.confidences) <= 0).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(("alignment", "moved"), [("stride", 0.0), ("half_pixel", 1.0), ("cells", -3.0)])
def test_where_a_px_of_the_larger_map_lies(alignment: str, moved: float) -> None:
    maps = np.zeros((46, 54, 1))
    maps[20, 30] = 1
    spec = spec_of(1, alignment=alignment, upsampling={"factor": 4, "method": "repeat"})
    found = decode({"heatmaps": maps, "fields": np.zeros((46, 54, 1))}, spec, IMAGE, (0.1,))
    assert found.keypoints[0, 0].tolist() == [240 + moved, 160 + moved]  # the first px of the cell, of equal ones


def test_the_larger_maps_are_those_of_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    cells = np.random.default_rng(0).uniform(-1, 1, (9, 7)).astype(np.float32)
    for factor, (method, flag) in itertools.product((2, 3, 4, 8), (("linear", cv2.INTER_LINEAR),
                                                                   ("cubic", cv2.INTER_CUBIC))):  # fmt: skip
        expected = cv2.resize(cells, None, fx=factor, fy=factor, interpolation=flag)
        down, across = axis(9, factor, method).matrix, axis(7, factor, method).matrix
        assert np.abs(down @ cells @ across.T - expected).max() < 2e-6
    blurred = axis(9, 4, "repeat", 25, 3.0).matrix @ cells @ axis(7, 4, "repeat", 25, 3.0).matrix.T
    expected = cv2.GaussianBlur(cells.repeat(4, 0).repeat(4, 1), (25, 25), 3.0, borderType=cv2.BORDER_CONSTANT)
    assert np.abs(blurred - expected).max() < 2e-6


@pytest.mark.parametrize("neighbors", [4, 8])
@pytest.mark.parametrize("plateau", ["first", "all", "none"])
@pytest.mark.parametrize(("factor", "method", "blur"), [(4, "repeat", 25), (3, "linear", 7), (8, "cubic", 25),
                                                        (1, "repeat", 0), (2, "cubic", 3)])  # fmt: skip
def test_the_fast_search_misses_no_peak(
    factor: int, method: str, blur: int, plateau: str, neighbors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against every px looked at in float64; noise, steps, plateaus, and a map hardly above the threshold."""
    maps = np.random.default_rng(factor).uniform(0, 1, (6, 7, 5)).astype(np.float32)
    maps[..., 1] = np.round(maps[..., 1])
    maps[..., 2], maps[2:5, 2:5, 2] = 0, 1
    maps[..., 3] *= 0.06
    maps[..., 4] *= 1e6
    spec = spec_of(5, upsampling={"factor": factor, "method": method, "blur_kernel": blur},
                   peaks={"plateau": plateau, "neighbors": neighbors, "most": 1000})  # fmt: skip
    fast = peaks_of(maps, spec, 5)
    every = tuple(one.ravel() for one in np.mgrid[:5, : 6 * factor, : 7 * factor])
    monkeypatch.setattr(paf_peaks, "_likely", lambda *given: every)
    slow = peaks_of(maps, spec, 5)
    for name in ("keypoints", "x", "y", "scores"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))
    assert len(fast.scores) > 5


def peaks_at(*places: tuple[int, int], values: Floats | None = None, **rules: Any) -> list[tuple[float, float]]:
    """Where peaks are found, (x, y), in a map with these values, by default 1, at (x, y)."""
    maps = np.zeros((7, 9, 1))
    for number, (x, y) in enumerate(places):
        maps[y, x] = 1 if values is None else values[number]
    found = peaks_of(maps, spec_of(1, upsampling={"factor": 1}, peaks=rules), 1)
    return list(zip(found.x.tolist(), found.y.tolist(), strict=True))


def test_of_a_plateau_the_first_all_or_no_px_is_a_peak() -> None:
    block = ((3, 2), (4, 2), (3, 3), (4, 3))
    assert peaks_at(*block) == [(3, 2)]
    assert peaks_at(*block, plateau="all") == [(3, 2), (4, 2), (3, 3), (4, 3)]
    assert peaks_at(*block, plateau="none") == []
    assert peaks_at((3, 2), (2, 3)) == [(3, 2)]
    assert peaks_at((3, 2), (2, 3), neighbors=4) == [(3, 2), (2, 3)]
    assert peaks_at((0, 0), (8, 6), (8, 0), (0, 6)) == [(0, 0), (8, 0), (0, 6), (8, 6)]


def test_peaks_come_by_rows_or_columns_and_the_first_of_two_near_ones_stays() -> None:
    places, values = ((5, 1), (2, 3), (4, 5)), np.array([0.5, 0.6, 0.9])
    assert peaks_at(*places, values=values) == [(5, 1), (2, 3), (4, 5)]
    assert peaks_at(*places, values=values, order="columns") == [(2, 3), (4, 5), (5, 1)]
    assert peaks_at(*places, values=values, order="columns", min_distance=3.0) == [(2, 3), (5, 1)]
    assert peaks_at((1, 1), (4, 5), min_distance=5.0) == [(1, 1), (4, 5)]  # as far is far enough
    assert peaks_at((1, 1), (4, 5), min_distance=5.01) == [(1, 1)]
    assert peaks_at(*places, values=values, most=2) == [(2, 3), (4, 5)]
    assert peaks_at(*places, most=2) == [(5, 1), (2, 3)]
    assert peaks_at(*places, values=np.array([0.05, 0.0500001, 0.04])) == [(2, 3)]  # the threshold is not enough


def test_a_centroid_lies_among_the_positive_values_within_reach_and_within_the_map() -> None:
    assert peaks_at((3, 3), (4, 3), values=np.array([1.0, 0.5]), centroid=3) == [(pytest.approx(3 + 0.5 / 1.5), 3)]
    assert peaks_at((3, 3), (7, 3), values=np.array([1.0, 0.01]), centroid=3) == [(3, 3)]
    assert peaks_at((0, 0), (1, 1), values=np.array([1.0, -0.5]), centroid=1) == [(0, 0)]


LINE = {"upsampling": {"factor": 1}, "grouping": {"min_parts": 2, "min_score": 0.0}}


def limb_score(along: list[float], **rules: Any) -> float | None:
    """The score of a limb over 11 px, along which the field has these values; None where it is none."""
    maps, fields = np.zeros((3, 11, 2)), np.zeros((3, 11, 2))
    maps[1, 0, 0] = maps[1, 10, 1] = 0.25
    fields[1, :, 0], fields[1, :, 1] = along, 7.0  # across the limb counts nothing
    found = decode({"heatmaps": maps, "fields": fields}, spec_of(2, **LINE, limbs=rules), IMAGE, (0.1, 0.1))
    return None if found.count == 0 else float(found.confidences[0]) * 2 - 0.5  # type: ignore[index]


def test_a_limb_is_the_mean_of_its_samples_and_most_of_them_must_pass() -> None:
    assert limb_score([1.0] * 11) == pytest.approx(1)
    assert limb_score([-1.0] * 11) is None
    six, seven = [1.0] * 6 + [0.0] * 5, [1.0] * 7 + [0.0] * 4
    assert limb_score(six) is None  # more than 6 of 10
    assert limb_score(seven) == pytest.approx(0.7)
    assert limb_score(seven, mean="passing") == pytest.approx(1)
    assert limb_score([1.0] * 10 + [-50.0]) == pytest.approx(1)  # its end is not sampled
    assert limb_score([1.0] * 10 + [-50.0], ends="both") is None  # a mean below 0
    assert limb_score([1.0] * 11, full_length=2.0) == pytest.approx(1 + 2 * 3 / 10 - 1)
    assert limb_score([0.3] * 11, full_length=2.0) is None
    assert limb_score([1.0] * 11, full_length=4.0) == pytest.approx(1)


def test_halves_are_rounded_up_or_to_the_even_px() -> None:
    # 4 samples of 10 px: at 0, 2.5, 5 and 7.5
    field = [1.0, 0, 5.0, 7.0, 0, 1.0, 0, 3.0, 9.0, 0, 0]
    assert limb_score(field, samples=4) == pytest.approx((1 + 7 + 1 + 9) / 4)
    assert limb_score(field, samples=4, rounding="half_even") == pytest.approx((1 + 5 + 1 + 9) / 4)
    # half_up(sqrt(5 * 10)) = 7 samples, 10/7 px apart: at 0, 1, 3, 4, 6, 7, 9
    field = [1.0, 2, 9, 4, 8, 9, 16, 32, 9, 64, 9]
    assert limb_score(field, samples=2, most_samples=20) == pytest.approx((1 + 2 + 4 + 8 + 16 + 32 + 64) / 7)
    assert limb_score([1.0] * 11, samples=8, most_samples=20) == pytest.approx(1)


PEAKS = Peaks(np.array([0, 0, 1, 1, 2, 2, 3]), np.zeros(7), np.zeros(7), np.array([1.0, 2, 4, 8, 16, 32, 64]))


def grouped(*limbs: list[tuple[int, int]], **rules: Any) -> list[list[Any]]:
    """People of PEAKS, whose keypoints are 0 0 1 1 2 2 3, with limbs of score 0.5 for the pairs 0-1, 1-2, 0-3 and 2-3;
    of each the peaks, how many count, and the sum of scores."""
    spec = spec_of(4, fields={"output": "fields", "pairs": [0, 1, 1, 2, 0, 3, 2, 3]},
                   grouping={"min_parts": 2, "min_score": 0.0} | rules)  # fmt: skip
    given = [[(*limb, 0.5) for limb in of_pair] for of_pair in (*limbs, *([[]] * (4 - len(limbs))))]
    found: People = people_of(given, PEAKS, spec, 4)
    return [[*one, int(n), float(s)] for one, n, s in zip(found.peaks.tolist(), found.parts, found.scores, strict=True)]


def test_people_grow_limb_by_limb_and_the_first_peak_is_a_peak() -> None:
    for kind in ("merge", "extend"):
        assert grouped([(0, 2), (1, 3)], [(2, 4)], kind=kind) == [
            [0, 2, 4, ABSENT, 3, 22.0], [1, 3, ABSENT, ABSENT, 2, 10.5],
        ]  # fmt: skip
        assert grouped([(0, 2)], [(3, 5)], kind=kind) == [
            [0, 2, ABSENT, ABSENT, 2, 5.5], [ABSENT, 3, 5, ABSENT, 2, 40.5],
        ]  # fmt: skip


def test_two_people_of_one_limb_become_one_only_if_merged_and_disjoint() -> None:
    # the limb 2-3 joins the one who has peak 4 with the one who has peak 6
    limbs = ([], [(2, 4)], [(0, 6)], [(4, 6)])
    assert grouped(*limbs) == [[0, 2, 4, 6, 4, 4 + 16 + 0.5 + 1 + 64 + 0.5 + 0.5]]
    assert grouped(*limbs, kind="extend") == [
        [ABSENT, 2, 4, 6, 3, 4 + 16 + 0.5 + 64 + 0.5], [0, ABSENT, ABSENT, 6, 2, 65.5],
    ]  # fmt: skip
    # both have a keypoint 1: the first takes the limb's end, and both keep it
    shared = ([(0, 2), (1, 3)], [(2, 4)], [(1, 6)], [(4, 6)])
    assert grouped(*shared) == [[0, 2, 4, 6, 4, 22.0 + 64.5], [1, 3, ABSENT, 6, 3, 10.5 + 64.5]]


def test_a_closing_limb_begins_nobody_and_in_extend_counts_nothing() -> None:
    assert grouped([], [], [], [(4, 6)], closing=1) == []
    assert grouped([], [], [], [(4, 6)]) == [[ABSENT, ABSENT, 4, 6, 2, 80.5]]
    assert grouped([], [(2, 4)], [], [(4, 6)], closing=1) == [[ABSENT, 2, 4, 6, 3, 20.5 + 64.5]]
    extend = grouped([], [(2, 4)], [(0, 6)], [(4, 6)], closing=1, kind="extend")
    assert extend == [[ABSENT, 2, 4, 6, 2, 20.5], [0, ABSENT, 4, 6, 2, 65.5]]


def test_who_has_too_few_keypoints_or_too_low_a_score_is_nobody() -> None:
    limbs = ([(0, 2)], [(3, 5)])
    assert len(grouped(*limbs, min_score=2.75)) == 2
    assert grouped(*limbs, min_score=2.76) == [[ABSENT, 3, 5, ABSENT, 2, 40.5]]
    assert grouped(*limbs, min_parts=3) == []
    singles = grouped(*limbs, min_parts=1)
    assert [row[:4] for row in singles[2:]] == [
        [1, ABSENT, ABSENT, ABSENT], [ABSENT, ABSENT, 4, ABSENT], [ABSENT, ABSENT, ABSENT, 6],
    ]  # fmt: skip


def test_a_keypoint_that_was_not_found_lies_in_the_middle_with_score_0() -> None:
    points, there = crowd(2, 4, 3), np.ones((2, 4), bool)
    there[0, 3] = False
    spec = spec_of(4, upsampling={"factor": 8, "method": "cubic"})
    found = decode(encode(points, there, spec, SIZE_WH, MAP_WH), spec, IMAGE, (0.05,) * 4)
    (one,) = np.flatnonzero(found.scores[:, 3] == 0)
    np.testing.assert_allclose(found.keypoints[one, 3], found.keypoints[one, :3].mean(axis=0))
    assert (found.scores[1 - one] > 0.5).all()


def test_two_of_equal_confidence_keep_their_order_and_weighted_counts_keypoints() -> None:
    points = np.round(crowd(2, 4, 1) / 8) * 8 + 0.0
    points[1] = points[0] + (208, 0)
    spec = spec_of(4, upsampling={"factor": 4, "method": "cubic"}, grouping={"confidence": "weighted"})
    outputs = encode(points, np.ones((2, 4), bool), spec, SIZE_WH, MAP_WH)
    found = decode(outputs, spec, IMAGE, (0.05,) * 4)
    assert found.keypoints[0, 0, 0] < found.keypoints[1, 0, 0]
    mean = decode(outputs, spec_of(4, upsampling={"factor": 4, "method": "cubic"}), IMAGE, (0.05,) * 4)
    np.testing.assert_allclose(found.confidences, mean.confidences * 4 * 3)  # type: ignore[operator]


def test_swapped_x_and_y_or_a_turned_field_find_other_people() -> None:
    points, spec = crowd(3, 4, 5), spec_of(4)
    outputs = encode(points, np.ones((3, 4), bool), spec, SIZE_WH, MAP_WH)
    swapped = [channel for k in range(3) for channel in (2 * k + 1, 2 * k)]
    other = spec_of(4, fields={"output": "fields", "pairs": tree(4), "channels": swapped})
    assert decode(outputs, spec, IMAGE, (0.05,) * 4).count == 3
    assert decode(outputs, other, IMAGE, (0.05,) * 4).count < 3
    assert decode(outputs | {"fields": -outputs["fields"]}, spec, IMAGE, (0.05,) * 4).count == 0


def test_many_peaks_of_noise_end_soon() -> None:
    rng = np.random.default_rng(0)
    outputs = {"heatmaps": rng.uniform(0, 1, (46, 54, 17)), "fields": rng.uniform(-1, 1, (46, 54, 32))}
    spec = spec_of(17, upsampling={"factor": 4, "method": "repeat", "blur_kernel": 5, "blur_sigma": 1.0})
    found: Poses = decode(outputs, spec, IMAGE, (0.05,) * 17)
    assert 0 < found.count <= 16 * 100


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": {"output": "fields", "pairs": [0, 1, 2]}}, "pairs holds 3 keypoints, expected two a pair"),
        ({"fields": {"output": "fields", "pairs": [0, 1, 2, 2]}}, "joins a keypoint to itself"),
        ({"fields": {"output": "fields", "pairs": [0, 1], "channels": [0]}}, "channels holds 1 numbers, expected 2"),
        ({"upsampling": {"blur_kernel": 4}}, "blur_kernel must be odd"),
        ({"peaks": {"neighbors": 6}}, "Input should be 4 or 8"),
        ({"limbs": {"samples": 10, "most_samples": 5}}, "most_samples is 5, expected at least samples, 10"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        spec_of(4, **changes)
    assert told in str(raised.value)


def test_settings_that_cannot_be_with_so_many_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match="joins keypoint 3, but there are 3, counted from 0"):
        spec_of(4).check(3)
    one = spec_of(4, heatmaps={"output": "maps"}, fields={"output": "maps", "first": 4, "pairs": tree(4)})
    one.check(4)
    with pytest.raises(ValueError, match="heatmaps and fields share channel 4 of output 'maps'"):
        one.check(5)


def test_channels_in_one_tensor_or_two_and_a_background_before_or_after() -> None:
    points, there = crowd(3, 4, 2), np.ones((3, 4), bool)
    plain = spec_of(4)
    expected = decode(encode(points, there, plain, SIZE_WH, MAP_WH), plain, IMAGE, (0.05,) * 4)
    for background, first, fields in (("none", 0, 4), ("last", 2, 7), ("first", 6, 0)):
        maps = {"output": "maps", "first": first, "background": background}
        data = {"output": "maps", "first": fields, "pairs": tree(4), "channels": [1, 0, 2, 3, 5, 4]}
        spec = spec_of(4, heatmaps=maps, fields=data)
        outputs = encode(points, there, spec, SIZE_WH, MAP_WH)
        assert {name: values.shape[2:] for name, values in outputs.items()} == {
            name: shape[2:] for name, shape in paf.shapes(spec, SIZE_WH, 4).items()
        }
        np.testing.assert_array_equal(decode(outputs, spec, IMAGE, (0.05,) * 4).keypoints, expected.keypoints)


def test_maps_arrive_channels_first_in_the_inputs_proportions() -> None:
    spec = preset("tf-pose-coco18").decoder
    assert isinstance(spec, PafSpec)
    (wanted,) = paf.shapes(spec, SIZE_WH, 18).values()
    assert paf.pack(np.zeros((1, 57, 46, 54)), wanted, spec, SIZE_WH).shape == (1, 46, 54, 57)
    for shape in ((1, 46, 54, 57), (1, 57, 54, 46), (1, 19, 46, 54)):
        with pytest.raises(MisfitError):
            paf.pack(np.zeros(shape), wanted, spec, SIZE_WH)


def test_openposes_maps_are_known_by_their_shapes() -> None:
    one = paf.fitting({"maps": (1, 57, 46, 54)}, SIZE_WH)
    assert [(fit.keypoint_count, fit.settings["fields"]["first"]) for fit in one] == [(18, 19)]
    stages = {"h1": (1, 19, 46, 54), "f1": (1, 38, 46, 54), "other": (1, 38, 23, 27)}
    assert [fit.settings["fields"] for fit in paf.fitting(stages, SIZE_WH)] == [{"output": "f1"}]
    assert paf.fitting({"maps": (1, 57, 46, 46)}, SIZE_WH) == ()


def test_maps_and_fields_of_two_sizes_are_refused() -> None:
    spec = spec_of(2)
    with pytest.raises(InputError, match="several sizes: heatmaps 46 x 54, fields 23 x 27"):
        decode({"heatmaps": np.zeros((46, 54, 2)), "fields": np.zeros((23, 27, 2))}, spec, IMAGE, (0.1, 0.1))
