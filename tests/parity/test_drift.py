"""What counts against a gate: near ties are taken out, unsure keypoints left out, and no fault hides behind either."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders import heatmap, simcc
from posekit.decoders.regression import RegressionSpec
from posekit.parity.cases import Case, found_in
from posekit.parity.drift import Drift, drift_of, least_score, near_reference
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Outcome
from posekit.parity.metrics import Found
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.written_poses import WrittenPose, written_poses
from posekit.poses.images import Person, Photo
from posekit.poses.regions import region_from_box
from posekit.poses.transforms import input_transform

NAN = math.nan
Outputs = dict[str, np.ndarray[Any, Any]]
HEADS = {"heatmap": preset("hrnet-coco17"), "simcc": preset("rtmpose-coco17")}
PLAIN = {
    "heatmap": HEADS["heatmap"].model_copy(
        update={"decoder": HEADS["heatmap"].decoder.model_copy(update={"refinement": "none"})}
    ),
    "simcc": HEADS["simcc"],
}
BOX = (20.0, 30.0, 212.0, 286.0)


def case(spec: PoseSpec, number: int = 0) -> Case:
    region = region_from_box(BOX, spec.input.size_wh, 1.25)
    person = Person(BOX, None, 20_000.0)
    pixels = np.zeros((*reversed(spec.input.size_wh), 3), np.float32)
    return Case(f"{number}.jpg#0", Photo(Path("a.jpg"), 1), person, region, input_transform(region, spec.input), pixels,
                256.0, 20_000.0)  # fmt: skip


def people(spec: PoseSpec, count: int) -> list[Outputs]:
    """Outputs of networks that are sure of every keypoint, at seeded places."""
    found = []
    width, height = spec.input.size_wh
    for seed in range(count):
        at = np.random.default_rng(seed).uniform((20, 20), (width - 20, height - 20), (spec.keypoint_count, 2))
        if spec.decoder.kind == "heatmap":
            maps = heatmap.encode(at, spec.decoder, spec.input.size_wh, map_size_wh=(width // 4, height // 4))
        else:
            maps = simcc.encode(at, spec.decoder, spec.input.size_wh)
        found.append({name: values[None].astype(np.float32) for name, values in maps.items()})
    return found


def judged(spec: PoseSpec, precision: Any, change: Callable[[Outputs, int], Outputs], count: int = 24) -> Evaluation:
    """The evaluation of a model whose outputs are changed ones of the reference."""
    outputs = people(spec, count)
    seen = iter([change({name: values.copy() for name, values in one.items()}, i) for i, one in enumerate(outputs)])
    pairs = [(case(spec, number), one) for number, one in enumerate(outputs)]
    return evaluate(pairs, spec, Runs(lambda _: next(seen), "HOST", "none"), Terms(precision))


def failed(evaluation: Evaluation) -> list[str]:
    return [check.name for check in evaluation.checks if check.outcome is Outcome.FAIL]


def noisy(level: float) -> Callable[[Outputs, int], Outputs]:
    """Rounding: noise of a fraction of the largest value."""

    def change(outputs: Outputs, number: int) -> Outputs:
        random = np.random.default_rng(number)
        return {
            name: (v + random.uniform(-level, level, v.shape) * np.abs(v).max()).astype(np.float32)
            for name, v in outputs.items()
        }

    return change


def moved(cells: int, keypoints: slice = slice(None), only: int | None = None) -> Callable[[Outputs, int], Outputs]:
    """Maps shifted to the right by whole cells."""

    def change(outputs: Outputs, number: int) -> Outputs:
        if only is not None and number != only:
            return outputs
        for values in list(outputs.values())[:1]:
            if values.ndim == 4:
                values[..., keypoints] = np.roll(values[..., keypoints], cells, axis=2)
            else:
                values[:, keypoints] = np.roll(values[:, keypoints], cells, axis=-1)
        return outputs

    return change


def half_cell(outputs: Outputs, number: int) -> Outputs:
    there = moved(1)({name: values.copy() for name, values in outputs.items()}, number)
    return {name: (values + there[name]) / 2 for name, values in outputs.items()}


def swapped(spec: PoseSpec, pairs: int) -> Callable[[Outputs, int], Outputs]:
    names = spec.keypoints.names
    order = list(range(len(names)))
    for left, right in spec.keypoints.flip_pairs[:pairs]:
        i, j = names.index(left), names.index(right)
        order[i], order[j] = j, i
    return lambda outputs, _: {n: v[..., order] if v.ndim == 4 else v[:, order] for n, v in outputs.items()}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("precision", "level"), [("fp32", 2e-5), ("fp16", 0.001), ("w8", 0.01)])
def test_rounding_passes(head: str, precision: str, level: float) -> None:
    assert failed(judged(PLAIN[head], precision, noisy(level))) == []


FAULTS: dict[str, Callable[[PoseSpec], Callable[[Outputs, int], Outputs]]] = {
    "every map a cell to the right": lambda _: moved(1),
    "half a cell": lambda _: half_cell,
    "left for right": lambda spec: swapped(spec, 99),
    "one pair swapped": lambda spec: swapped(spec, 1),
    "one keypoint of all people": lambda _: moved(3, slice(4, 5)),
    "one person of 24": lambda _: moved(6, only=7),
    "scaled": lambda _: lambda outputs, _: {name: values * np.float32(1.1) for name, values in outputs.items()},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_fault_fails_where_keypoints_are_to_stay(precision: str, head: str, fault: str) -> None:
    assert failed(judged(PLAIN[head], precision, FAULTS[fault](PLAIN[head])))


def large_first(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The first keypoint's values far above the others'."""
    of_it = np.zeros(values.shape[-1] if values.ndim == 4 else (values.shape[1], 1), bool)
    of_it[0] = True
    return np.where(of_it, values * np.float32(300), values)


@pytest.mark.parametrize("change", [large_first, lambda v: v + np.float32(300), lambda v: v - np.float32(50)])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("precision", ["fp16", "w8"])
def test_left_for_right_is_no_near_tie_whatever_the_values_are(precision: str, head: str, change: Any) -> None:
    """Neither an offset, as logits have, nor one keypoint with large values makes ties of the others."""
    spec = PLAIN[head]
    outputs = [{name: change(values) for name, values in one.items()} for one in people(spec, 24)]
    for pairs in (1, 99):
        swap = swapped(spec, pairs)
        seen = [swap(one, 0) for one in outputs]
        shown = iter(seen)
        cases = [(case(spec, number), one) for number, one in enumerate(outputs)]
        found = evaluate(cases, spec, Runs(lambda _, shown=shown: next(shown), "HOST", "none"), Terms(precision))  # type: ignore[arg-type, misc]
        assert [name for name in failed(found) if "keypoints, " in name or "OKS" in name], pairs


# half a cell of these SimCC heads is a quarter of an input px, 0.1 % of a person
@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (head, fault)
        for head in HEADS
        for fault in ("every map a cell to the right", "left for right", "one pair swapped")
    ]
    + [("heatmap", "half a cell")],
)
def test_a_fault_of_all_people_fails_where_keypoints_may_move(head: str, fault: str) -> None:
    assert failed(judged(PLAIN[head], "w8", FAULTS[fault](PLAIN[head])))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_fault_fails_though_the_tensors_are_not_judged(precision: str) -> None:
    """Keypoints alone tell, as they must of a wrapper."""
    spec = PLAIN["heatmap"].model_copy(update={"gate": GateSpec(min_snr_db=-100.0, max_score=100.0)})
    for fault in ("every map a cell to the right", "left for right", "one pair swapped", "one keypoint of all people"):
        assert [
            name for name in failed(judged(spec, precision, FAULTS[fault](spec))) if name.startswith("keypoints, ")
        ], fault


# Near ties


def two_peaks(gap: float) -> Outputs:
    """Every map has two equal peaks far from each other, the second lower by `gap`."""
    maps = np.zeros((1, 64, 48, 17), np.float32)
    maps[0, 10, 8], maps[0, 50, 40] = 1.0, 1.0 - gap
    return {"heatmaps": maps}


def tie(gap: float, seen_gap: float, of: int, tolerance: float) -> Drift:
    """The last `of` maps have the other peak higher in what was seen."""
    spec, reference = PLAIN["heatmap"], two_peaks(gap)
    seen = {"heatmaps": two_peaks(gap)["heatmaps"].copy()}
    seen["heatmaps"][0, 50, 40, -of:] = 1.0 + seen_gap
    one = case(spec)
    found, expected = found_in(one, seen, spec), found_in(one, reference, spec)
    near = near_reference(one, seen, reference, spec, tolerance)
    keypoints = spec.keypoints
    return drift_of([found], [expected], [near], keypoints.names, keypoints.oks_sigmas, GateSpec(tie=tolerance))


def test_a_jump_between_nearly_equal_cells_is_told_and_not_counted() -> None:
    drift = tie(0.002, 0.002, 1, 0.005)
    assert (drift.max_px, drift.min_oks) == (0.0, 1.0)
    assert (drift.ties, drift.tie) == (1, "right_ankle in 0.jpg#0")
    assert drift.tie_px > 100


@pytest.mark.parametrize(
    ("gap", "seen_gap", "tolerance"), [(0.02, 0.001, 0.005), (0.001, 0.001, 1e-4), (0.002, 0.002, 0.0)]
)
def test_a_jump_that_takes_more_than_a_near_tie_counts(gap: float, seen_gap: float, tolerance: float) -> None:
    drift = tie(gap, seen_gap, 1, tolerance)
    assert drift.max_px > 100
    assert drift.ties == 0


def test_a_regressed_coordinate_has_no_cells_and_no_ties() -> None:
    decoder = RegressionSpec(kind="regression", output="rows", fields=("x", "y", "score"), range="unit")
    spec = PLAIN["heatmap"].model_copy(update={"decoder": decoder})
    reference = {"rows": np.full((1, 17, 3), 0.5, np.float32)}
    seen = {name: values + np.float32(0.001) for name, values in reference.items()}
    one = case(spec)
    near = near_reference(one, seen, reference, spec, 0.005)
    np.testing.assert_array_equal(near.keypoints, near_reference(one, reference, reference, spec, 0.0).keypoints)


# Which keypoints, and which statistic


def of(*scores: float, errors: tuple[float, ...] = (), cases: int = 1) -> Drift:
    """`cases` pictures of a person with these scores; the first keypoints of the first picture are off by `errors`
    px."""
    names = tuple(f"k{i}" for i in range(len(scores)))
    zero = np.zeros((1, len(scores), 2))
    expected = [Found(str(i), zero, np.array([scores]), np.array([100.0]), np.array([5000.0])) for i in range(cases)]
    points = zero.copy()
    points[0, : len(errors), 0] = errors
    seen = [Found("0", points, np.array([scores]), np.array([100.0]), np.array([5000.0])), *expected[1:]]
    gate = GateSpec(min_score_of_median=0.3)
    return drift_of(seen, expected, expected, names, (0.1,) * len(names), gate)


def test_keypoints_below_a_fraction_of_the_median_score_do_not_count() -> None:
    assert of(0.1, 0.9, 0.8, errors=(50.0,)).max_px == 0
    assert of(0.3, 0.9, 0.8, errors=(50.0,)).max_px == 50
    assert of(-5.0, -3.0, -4.0, errors=(50.0,)).max_px == 50  # logits tell no fraction: all count


def test_a_broken_keypoint_counts_however_unsure() -> None:
    assert math.isnan(of(0.1, 0.9, 0.8, errors=(NAN,)).max_px)


def test_p95_is_of_groups_that_have_twenty() -> None:
    few = of(*[0.9] * 10, errors=(5.0,), cases=3)  # 1 of 30 in all; no keypoint and no picture has 20
    assert few.p95_px == 0
    assert few.worst_case_p95_px > 2
    many = of(*[0.9] * 25, errors=(5.0, 5.0), cases=10)  # 2 of the 25 of one picture
    assert many.p95_px > 2
    assert many.p95_of == "0"


def test_a_person_without_a_sure_keypoint_has_no_oks() -> None:
    names, sigmas = ("a", "b"), (0.1, 0.1)
    scores = (np.array([[0.9, 0.9]]), np.array([[0.01, 0.01]]))
    zero = np.zeros((1, 2, 2))
    expected = [Found(str(i), zero, s, np.array([100.0]), np.array([5e3])) for i, s in enumerate(scores)]
    seen = [expected[0], Found("1", zero + 80.0, scores[1], np.array([100.0]), np.array([5e3]))]
    drift = drift_of(seen, expected, expected, names, sigmas, GateSpec(min_score_of_median=0.3))
    assert (drift.counted, drift.oks, drift.min_oks) == (2, 1.0, 1.0)


def test_the_specs_own_least_score_is_taken_as_it_is() -> None:
    expected = [Found("0", np.zeros((1, 2, 2)), np.array([[0.5, 0.7]]), np.ones(1), np.ones(1))]
    assert least_score(GateSpec(min_score=0.6, min_score_of_median=0.3), expected) == 0.6
    assert least_score(GateSpec(min_score_of_median=0.5), expected) == pytest.approx(0.3)
    assert least_score(GateSpec(), expected) == -math.inf


# What a compressed file may not hide behind its own gate


def test_the_float_graph_of_a_compressed_file_is_held_to_more_than_the_file() -> None:
    """A fault of one keypoint, which w8's gate allows: in the file alone it passes, in the graph it came from it does
    not."""
    spec, outputs = PLAIN["heatmap"], people(PLAIN["heatmap"], 6)
    pairs = [(case(spec, number), one) for number, one in enumerate(outputs)]
    fault = moved(1, slice(11, 12))

    def found(baseline: Callable[[Outputs, int], Outputs]) -> list[str]:
        copies = [{name: values.copy() for name, values in one.items()} for one in outputs]
        seen = iter([fault({n: v.copy() for n, v in one.items()}, i) for i, one in enumerate(copies)])
        base = iter([baseline(one, i) for i, one in enumerate(copies)])
        return failed(
            evaluate(pairs, spec, Runs(lambda _: next(seen), "HOST", "none", lambda _: next(base)), Terms("w8"))
        )

    assert found(lambda one, _: one) == []
    assert found(fault) == ["before compression: heatmaps signal to noise"]


@pytest.mark.parametrize(("off_px", "fails"), [(0.0, False), (0.04, False), (1.0, True)])
def test_the_wrappers_decoding_is_held_to_the_arithmetic_at_any_precision(off_px: float, fails: bool) -> None:
    spec, outputs = PLAIN["heatmap"], people(PLAIN["heatmap"], 3)
    pairs = [(case(spec, number), one) for number, one in enumerate(outputs)]
    by_case = {one.name: maps for one, maps in pairs}

    def results(one: Case) -> dict[str, Shipped]:
        decoded = found_in(one, by_case[one.name], spec)
        points = decoded.keypoints.copy()
        points[0, 4, 0] += off_px
        there = tuple(map(WrittenPose.model_validate, written_poses(replace(decoded, keypoints=points))))
        return {"image": Shipped(one.pixels[None], by_case[one.name], there)}

    model = iter([maps for _, maps in pairs for _ in range(2)])  # of the reference's input, then of the wrapper's
    found = evaluate(
        pairs,
        spec,
        Runs(lambda _: next(model), "HOST", "none", wrapper=Wrapper(results, accelerator=False)),
        Terms("w8"),
    )
    assert failed(found) == (["the wrapper's decoding"] if fails else [])
