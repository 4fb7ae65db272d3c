"""Several people, and none: who is matched, counted and gated, and at which step a planted fault is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders.decoder import Outputs
from posekit.decoders.detections.candidates import cells_of
from posekit.decoders.detections.encoding import encode
from posekit.errors import InputError
from posekit.parity.barely import barely_in
from posekit.parity.cases import Case, cases_of, found_in
from posekit.parity.contract.alternatives import with_fields
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Outcome, gate_for
from posekit.parity.metrics import Found
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.steps import Side
from posekit.parity.written_poses import WrittenPose, written_poses
from posekit.poses import Poses
from posekit.poses.images import Photo
from posekit.poses.regions import frame_region
from posekit.poses.transforms import input_transform
from tests.several import SPEC

SIZE_WH = (160, 128)
PEOPLE = (3, 0, 2, 1)  # of each picture
Fault = Callable[[Found, Outputs, Case], Found]


def contract() -> PoseSpec:
    """Two classes, of which people are the second."""
    data = {**SPEC, "decoder": {**SPEC["decoder"], "scores": {"outputs": ["scores"], "count": 2, "person": 1}}}
    return parse_spec(data, "tests/parity/test_several.py")


def crowd(count: int, rng: np.random.Generator) -> Poses:
    """People side by side, and a second look at each that is less sure."""
    low = np.stack([5.0 + 50 * np.arange(count), 20.0 + 10 * np.arange(count)], axis=-1)
    points = low[:, None] + rng.uniform(4, 36, (count, 3, 2))
    boxes = np.concatenate([low, low + 40.0], axis=1)
    both = [np.concatenate([values, values + 3.0]) for values in (points, boxes)]
    confidences = np.concatenate([np.linspace(0.9, 0.6, count), np.linspace(0.55, 0.35, count)])
    return Poses(both[0], rng.uniform(0.3, 0.9, (2 * count, 3)), confidences, both[1])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, Outputs]]:
    """Cases of pictures of noise, and outputs that hold their people; in the second class where nobody is, things."""
    folder, rng, spec = tmp_path_factory.mktemp("several"), np.random.default_rng(0), contract()
    found = []
    for number, count in enumerate(PEOPLE):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)).save(path)
        (case,) = cases_of(Photo(path, number), spec)
        decoder: Any = spec.decoder
        things = spec.decoding(with_fields(decoder, {"scores.person": 0})).decoder
        outputs = encode(crowd(count, rng), decoder, spec.input, rng)
        other = encode(crowd(1, rng), things, spec.input, rng)  # type: ignore[arg-type]
        empty = outputs["scores"].max(axis=0) == 0
        placed = (other["scores"].max(axis=0) > 0) & empty
        merged = {name: np.where(placed, other[name], values) for name, values in outputs.items()}
        found.append((case, {name: values[None].astype(np.float32) for name, values in merged.items()}))
    return found


def judged(
    pairs: list[tuple[Case, Outputs]],
    model: Callable[[Outputs], Outputs] = lambda outputs: outputs,
    fault: Fault = lambda found, _outputs, _case: found,
    precision: Any = "fp32",
) -> Evaluation:
    """The evaluation of a model that gives what `model` makes of the reference's outputs, and of a wrapper whose
    decoding has a `fault`."""
    spec = contract()
    known = {case.pixels.tobytes(): model(outputs) for case, outputs in pairs}

    def run(pixels: Any) -> Outputs:
        return known[pixels.tobytes()]

    def results(case: Case) -> dict[str, Shipped]:
        outputs = run(case.pixels)
        found = found_in(case, outputs, spec)
        if not np.isfinite(found.keypoints).all():
            return {"image": Shipped(case.pixels[None], outputs, None)}
        people = written_poses(fault(found, outputs, case))
        return {"image": Shipped(case.pixels[None], outputs, tuple(map(WrittenPose.model_validate, people)))}

    return evaluate(pairs, spec, Runs(run, "HOST", "none", wrapper=Wrapper(results, False)), Terms(precision))


def failed(evaluation: Evaluation) -> list[str]:
    return [check.name for check in evaluation.checks if check.outcome is Outcome.FAIL]


def test_the_same_people_pass(pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged(pairs)
    assert failed(evaluation) == []
    assert evaluation.blamed == ()
    people = evaluation.total.people
    assert people is not None
    assert (people.reference, people.seen, people.missed, people.invented) == (6, 6, (), ())
    assert evaluation.quality is not None
    assert (evaluation.quality.people, evaluation.quality.oks) == (6, 1.0)
    decoding = next(step for step in evaluation.steps if step.name == "decoding").keypoints
    assert decoding is not None
    assert decoding.max_box_px == 0.0


def decoded_with(**fields: Any) -> Fault:
    """A wrapper that decodes under other settings."""
    changes = {name.replace("__", "."): value for name, value in fields.items()}
    spec = contract()
    other = spec.decoding(with_fields(spec.decoder, changes))
    return lambda found, outputs, case: found_in(case, outputs, other)


def dropped(found: Found, outputs: Outputs, case: Case) -> Found:
    del outputs, case
    return found.taken(range(1, len(found.keypoints)))


def exchanged(found: Found, outputs: Outputs, case: Case) -> Found:
    """Two people's keypoints, not their boxes."""
    del outputs, case
    order = [1, 0, *range(2, len(found.keypoints))] if len(found.keypoints) > 1 else list(range(len(found.keypoints)))
    return replace(found, keypoints=found.keypoints[order])


def mixed(found: Found, outputs: Outputs, case: Case) -> Found:
    """One keypoint of two people."""
    del outputs, case
    keypoints = found.keypoints.copy()
    if len(keypoints) > 1:
        keypoints[[0, 1], 2] = keypoints[[1, 0], 2]
    return replace(found, keypoints=keypoints)


def turned_round(found: Found, outputs: Outputs, case: Case) -> Found:
    del outputs, case
    return found.taken(range(len(found.keypoints))[::-1])


FAULTS: dict[str, Fault] = {
    "the threshold of suppression": decoded_with(nms__threshold=0.9),
    "no suppression": decoded_with(nms__kind="none"),
    "a class taken for another": decoded_with(scores__person=0),
    "x and y swapped": decoded_with(keypoints__fields=("y", "x", "score")),
    "the format of boxes": decoded_with(boxes__format="cxcywh"),
    "a person dropped": dropped,
    "two people's keypoints exchanged": exchanged,
    "one keypoint of two people exchanged": mixed,
    "another order": turned_round,
    "the least confidence": decoded_with(min_confidence=0.7),
    "where anchors lie": decoded_with(keypoints__shift=0.0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_wrapper_is_found_in_its_decoding(name: str, pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged(pairs, fault=FAULTS[name])
    assert "the wrapper's decoding" in failed(evaluation), failed(evaluation)
    assert evaluation.blamed == ("decoding",)


def test_people_without_their_boxes_are_refused(pairs: list[tuple[Case, Outputs]]) -> None:
    with pytest.raises(InputError, match=r"the people of case '0.png#0' of the run have no boxes"):
        judged(pairs, fault=lambda found, _outputs, _case: replace(found, boxes_xyxy=None))


def without_the_surest(outputs: Outputs) -> Outputs:
    """Both looks at them."""
    scores = outputs["scores"].copy()
    best = int(scores[0, 1].argmax())
    if scores[0, 1, best] > 0:
        scores[0, 1, [best, _twin(outputs, best)]] = 0.0
    return {**outputs, "scores": scores}


def with_somebody_more(outputs: Outputs) -> Outputs:
    scores = outputs["scores"].copy()
    scores[0, 1, 7] = 0.8
    return {**outputs, "scores": scores}


@pytest.mark.parametrize(
    ("model", "gate"),
    [(without_the_surest, "people, missed"), (with_somebody_more, "people, invented")],
)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "w8"])
def test_people_whom_the_model_loses_or_invents_fail(
    model: Callable[[Outputs], Outputs], gate: str, precision: str, pairs: list[tuple[Case, Outputs]]
) -> None:
    evaluation = judged(pairs, model, precision=precision)
    assert gate in failed(evaluation)
    assert f"from the picture: {gate}" in failed(evaluation)
    assert evaluation.worst[0].lost
    if precision == "fp32":
        assert evaluation.blamed[0] == "conversion"


def nudged(by: float) -> Callable[[Outputs], Outputs]:
    """A model whose confidences are lower by so much."""
    return lambda outputs: {**outputs, "scores": np.maximum(outputs["scores"] - np.float32(by), 0.0)}


def test_who_is_barely_below_the_threshold_is_told_and_not_failed(pairs: list[tuple[Case, Outputs]]) -> None:
    border = [
        (case, {**outputs, "scores": np.where(outputs["scores"] > 0.58, np.float32(0.2501), np.float32(0.0))})
        for case, outputs in pairs
    ]
    evaluation = judged(border, nudged(0.0005))
    assert [name for name in failed(evaluation) if "people" in name] == []
    assert evaluation.total.people is not None
    assert evaluation.total.people.barely > 0
    told = next(check for check in evaluation.checks if check.name == "people, missed")
    assert "barely on one side of a threshold" in told.detail


def test_weighted_means_that_a_looser_threshold_moves_excuse_nobody(pairs: list[tuple[Case, Outputs]]) -> None:
    """Second looks that count only below the threshold draw everybody a little elsewhere, and are nobody new."""
    spec = contract()
    decoder: Any = spec.decoder
    weighted = spec.decoding(with_fields(decoder, {"nms.kind": "weighted"}))
    case, outputs = pairs[0]
    scores = outputs["scores"]
    faint = {**outputs, "scores": np.where((scores > 0) & (scores < 0.58), np.float32(0.23), scores)}
    barely = barely_in(case, faint, weighted, 0.05)
    assert len(barely.there.sizes) == len(barely.more.sizes) == PEOPLE[0]
    assert np.abs(barely.there.keypoints - barely.more.keypoints).min() > 0.1
    assert len(barely.people.sizes) == 0


@pytest.mark.parametrize("same", [{0}, {2}, {0, 1, 3}])
def test_excuses_are_of_their_own_case(same: set[int], pairs: list[tuple[Case, Outputs]]) -> None:
    """A wrapper's input that is the reference's bit by bit gives the very same outputs: nobody needs an excuse there,
    and everybody whose confidence moved a little in the other pictures has one."""
    spec, side, against = contract(), Side(gate_for("fp32", contract())), []
    for number, (case, outputs) in enumerate(pairs):
        border = {**outputs, "scores": np.where(outputs["scores"] > 0.58, np.float32(0.2501), np.float32(0.0))}
        seen = border if number in same else nudged(0.0005)(border)
        side.add_found(case, found_in(case, seen, spec), seen, border, spec)
        against.append(found_in(case, border, spec))
    people = side.step("preprocessing", against, spec).people
    assert people is not None
    assert (people.missed, people.invented) == ((), ())
    assert people.barely == sum(count for number, count in enumerate(PEOPLE) if number not in same)


def test_of_two_candidates_nearly_as_sure_either_may_be_the_person(pairs: list[tuple[Case, Outputs]]) -> None:
    """The second look lies 3 px away: as sure but for 1e-5 it is a near tie, far less sure it is a fault."""

    def second(outputs: Outputs, gap: float) -> Outputs:
        scores = outputs["scores"].copy()
        order = np.argsort(-scores[0, 1])
        if scores[0, 1, order[0]] > 0:
            twin = _twin(outputs, int(order[0]))
            scores[0, 1, twin] = scores[0, 1, order[0]] - np.float32(gap)
        return {**outputs, "scores": scores}

    def swapped(outputs: Outputs) -> Outputs:
        scores = outputs["scores"].copy()
        best = int(scores[0, 1].argmax())
        if scores[0, 1, best] > 0:
            twin = _twin(outputs, best)
            scores[0, 1, [best, twin]] = scores[0, 1, [twin, best]]
        return {**outputs, "scores": scores}

    tied = [(case, second(outputs, 1e-5)) for case, outputs in pairs]
    apart = [(case, second(outputs, 0.02)) for case, outputs in pairs]
    names = {name for name in failed(judged(tied, swapped)) if "keypoints" in name}
    assert names == set()
    assert any("keypoints" in name for name in failed(judged(apart, swapped)))


def _twin(outputs: Outputs, best: int) -> int:
    """The candidate nearest to another by its keypoint in px."""
    spec = contract()
    decoder: Any = spec.decoder
    count = outputs["points"].shape[2]
    cells, strides, _ = cells_of(np.arange(count), decoder.strides, spec.input)
    points = (outputs["points"][0, :2].T + cells + decoder.keypoints.shift) * strides
    away = np.linalg.norm(points - points[best], axis=1)
    away[best] = np.inf
    away[outputs["scores"][0, 1] == 0] = np.inf
    return int(away.argmin())


def test_nobody_anywhere_is_a_result(pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged([pairs[1]])
    assert failed(evaluation) == []
    assert evaluation.total.people is not None
    assert evaluation.total.people.reference == 0
    assert evaluation.quality is None
    told = {check.name: check.detail for check in evaluation.checks if check.outcome is Outcome.SKIPPED}
    assert told["keypoints"] == "the reference has nobody in these pictures"


def test_who_is_lost_counts_as_nothing_in_the_quality(pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged(pairs, without_the_surest)
    assert evaluation.quality is not None
    assert (evaluation.quality.people, evaluation.quality.worst_oks) == (6, 0.0)
    assert evaluation.quality.oks == pytest.approx(3 / 6)  # one in each picture that has people


def test_two_people_whose_boxes_are_barely_too_alike_are_told_and_not_failed() -> None:
    """Suppression keeps what is exactly at the threshold; a box that is a little larger there tips it over."""
    spec = contract()
    decoder: Any = spec.decoder
    low = np.array([[10.0, 10.0], [10.0, 10.0 + 40 * 2 / 3 - 0.01]])  # IoU 0.2001
    points = low[:, None] + np.random.default_rng(1).uniform(4, 36, (2, 3, 2))
    poses = Poses(points, np.full((2, 3), 0.8), np.array([0.9, 0.8]), np.concatenate([low, low + 40.0], axis=1))
    path = Path("a.png")
    region = frame_region(SIZE_WH, spec.input)
    case = Case("a.png#0", Photo(path, 0), None, region, input_transform(region, spec.input),
                np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.float32), 160.0, 20480.0)  # fmt: skip
    seen = {name: values[None] for name, values in encode(poses, decoder, spec.input, np.random.default_rng(0)).items()}
    higher = replace(poses, boxes_xyxy=poses.boxes_xyxy + np.array([[0, 0, 0, 0], [0, 0.03, 0, 0.03]]))  # type: ignore[operator]
    apart = {name: v[None] for name, v in encode(higher, decoder, spec.input, np.random.default_rng(0)).items()}
    assert [len(found_in(case, one, spec).keypoints) for one in (seen, apart)] == [1, 2]
    found = evaluate([(case, apart)], spec, Runs(lambda _: seen, "HOST", "none"), Terms("fp32"))
    assert found.total.people is not None
    assert (found.total.people.missed, found.total.people.barely) == ((), 1)


def test_everybody_lost_is_no_keypoint_error_and_still_fails(pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged(pairs, lambda outputs: {**outputs, "scores": outputs["scores"] * 0})
    assert "people, missed" in failed(evaluation)
    assert evaluation.quality is not None
    assert (evaluation.quality.people, evaluation.quality.oks) == (6, 0.0)


def test_values_that_are_not_finite_fail(pairs: list[tuple[Case, Outputs]]) -> None:
    evaluation = judged(pairs, lambda outputs: {**outputs, "points": outputs["points"] * np.nan})
    assert "points is finite" in failed(evaluation)
    assert "people, missed" in failed(evaluation)


def test_evidence_is_read_back_as_it_was_written(pairs: list[tuple[Case, Outputs]], tmp_path: Path) -> None:
    from posekit.report.document import as_json, read_evaluation

    evaluation = judged(pairs, without_the_surest)
    again = read_evaluation(as_json(evaluation, {}))
    assert again.total.people == evaluation.total.people
    assert [check.name for check in again.checks] == [check.name for check in evaluation.checks]
