"""Gates: each limit, what passes on it, and that NaN fails."""

from __future__ import annotations

import math
from typing import Any

import pytest

from posekit.contract.precisions import NAMES as PRECISIONS
from posekit.contract.presets import preset
from posekit.contract.spec import GateSpec
from posekit.parity.accuracy import Accuracy, Drop
from posekit.parity.drift import NOTHING_SURE, Drift
from posekit.parity.gate import (
    DEFAULTS,
    WORST_PERSON,
    Check,
    Outcome,
    accuracy_skips,
    check_accuracy,
    check_keypoints,
    check_tensors,
    coarser,
    excused,
    gate_for,
    passed,
)
from posekit.parity.metrics import KeypointError, TensorError

SPEC = preset("hrnet-coco17")

NAN = float("nan")


def tensor(**changes: Any) -> TensorError:
    good = {"name": "maps", "max_abs": 0.01, "rms": 0.001, "snr_db": 70.0, "where": "a.jpg#0 at (0, 1)", "finite": True,
            "constant": False}  # fmt: skip
    return TensorError(**good | changes)


def keypoints(**changes: Any) -> KeypointError:
    good = {
        "instances": 3,
        "mean_px": 0.0,
        "p95_px": 0.0,
        "p99_px": 0.0,
        "max_px": 0.0,
        "worst_case_p95_px": 0.0,
        "mean_of_size": 0.0,
        "p95_of_size": 0.0,
        "oks": 1.0,
        "min_oks": 1.0,
        "bias_px": (0.0, 0.0),
        "per_keypoint": (),
        "score_error": 0.0,
        "counted": 17,
        "worst": "nose in a.jpg#0",
    }
    return KeypointError(**good | changes)


def drift(**changes: Any) -> Drift:
    good = {"counted": 51, "max_px": 0.0, "worst": "nose in a.jpg#0", "p95_px": 0.0, "p95_of": "all keypoints",
            "worst_case_p95_px": 0.0, "max_of_size": 0.0, "oks": 1.0, "min_oks": 1.0, "shift": 0.0, "shift_error": 0.0,
            "ties": 0, "tie_px": 0.0, "tie": ""}  # fmt: skip
    return Drift(**good | changes)


def keypoint_checks(gate: GateSpec, score_error: float = 0.0, **changes: Any) -> list[Check]:
    return check_keypoints(gate, keypoints(score_error=score_error), drift(**changes))


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.outcome is Outcome.FAIL]


@pytest.mark.parametrize(
    ("gate", "figure", "values"),
    [
        (GateSpec(max_px=0.5), "max_px", {0.0: True, 0.5: True, 0.500001: False, math.inf: False, NAN: False}),
        (GateSpec(p95_px=0.5), "p95_px", {0.0: True, 0.5: True, 0.51: False, NAN: False}),
        (GateSpec(max_of_size=0.02), "max_of_size", {0.0: True, 0.02: True, 0.021: False, NAN: False}),
        (GateSpec(max_z_px=0.5), "max_z_px", {0.0: True, 0.5: True, 0.51: False, NAN: False}),
        (GateSpec(max_z_of_size=0.02), "max_z_of_size", {0.0: True, 0.02: True, 0.021: False, NAN: False}),
        (GateSpec(max_world=0.002), "max_z_mm", {0.0: True, 2.0: True, 2.01: False, NAN: False}),
        (GateSpec(max_shift=0.001), "shift", {0.0: True, 0.001: True, 0.0011: False, NAN: False}),
        (GateSpec(mean_oks=0.9), "oks", {1.0: True, 0.9: True, 0.8999: False, NAN: False}),
        (GateSpec(min_oks=0.9), "min_oks", {1.0: True, 0.9: True, 0.8999: False, 0.0: False, NAN: False}),
    ],
)
def test_keypoint_gates(gate: GateSpec, figure: str, values: dict[float, bool]) -> None:
    for value, good in values.items():
        (check,) = keypoint_checks(gate, **{figure: value})
        assert (check.outcome is Outcome.PASS) is good, value
        assert passed([check]) is good


def test_depth_is_gated_where_there_is_one() -> None:
    assert keypoint_checks(GateSpec(max_z_px=0.5, max_z_of_size=0.1, max_world=0.1)) == []


@pytest.mark.parametrize(
    ("snr", "good"), [(math.inf, True), (60.0, True), (59.99, False), (-math.inf, False), (NAN, False)]
)
def test_signal_gate(snr: float, good: bool) -> None:
    checks = check_tensors(GateSpec(min_snr_db=60.0), [tensor(snr_db=snr)], ("maps", "x", "y"))
    assert failed(checks) == ([] if good else ["maps signal to noise"])


@pytest.mark.parametrize("gate", [GateSpec(), GateSpec(min_snr_db=10.0)])
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"constant": True, "snr_db": math.inf, "max_abs": 0.0}, "maps is alive"),  # whatever its error
        ({"finite": False}, "maps is finite"),
    ],
)
def test_dead_and_infinite_outputs_fail_without_any_limit(gate: GateSpec, changes: Any, name: str) -> None:
    assert failed(check_tensors(gate, [tensor(name="other"), tensor(**changes)], ("maps", "x", "y"))) == [name]


def test_checks_come_in_the_order_finite_alive_signal_output_by_output() -> None:
    checks = check_tensors(GateSpec(min_snr_db=1.0), [tensor(name="x"), tensor(name="y")], ("maps", "x", "y"))
    assert [check.name for check in checks] == [
        "x is finite", "x is alive", "x signal to noise", "y is finite", "y is alive", "y signal to noise"]  # fmt: skip


def test_a_limit_that_is_not_set_is_not_checked() -> None:
    assert keypoint_checks(GateSpec(), max_px=1e9, min_oks=0.0) == []
    assert len(check_tensors(GateSpec(), [tensor(snr_db=-1e9)], ("maps", "x", "y"))) == 2


def test_details_say_value_limit_and_where() -> None:
    (largest,) = keypoint_checks(GateSpec(max_px=0.05), max_px=0.1234, worst="tail in b.jpg#1")
    assert largest.detail == "0.1234 px, at most 0.05 (tail in b.jpg#1)"
    signal = check_tensors(GateSpec(min_snr_db=60.0), [tensor(snr_db=12.34)], ("maps", "x", "y"))[-1]
    assert signal.detail.startswith("12.3 dB, at least 60")
    assert "a.jpg#0 at (0, 1)" in signal.detail
    infinite = check_tensors(GateSpec(), [tensor(finite=False, where="b.jpg#0")], ("maps", "x", "y"))[0]
    assert infinite.detail == "b.jpg#0"


def test_the_specs_own_limits_win_and_gaps_are_filled_by_precision_and_head() -> None:
    gate = gate_for("fp32", SPEC.model_copy(update={"gate": GateSpec(max_px=3.0, min_score=0.2)}))
    assert (gate.max_px, gate.min_score) == (3.0, 0.2)
    assert (gate.min_snr_db, gate.min_oks) == (DEFAULTS["fp32"].min_snr_db, DEFAULTS["fp32"].min_oks)
    assert gate_for("fp16", SPEC) == DEFAULTS["fp16"].model_copy(update={"min_score_of_median": 0.3})
    assert gate_for("fp32", SPEC).min_score_of_median == 0  # where nothing is rounded every keypoint counts


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_precision_that_keeps_keypoints_limits_them_and_tensors_and_oks(precision: Any) -> None:
    gate = DEFAULTS[precision]
    assert gate.max_px or gate.p95_px
    broken = keypoint_checks(gate, NAN, max_px=NAN, p95_px=NAN, max_of_size=NAN, shift=NAN, min_oks=NAN)
    assert len(failed(broken)) == len(broken) >= 2
    assert failed(check_tensors(gate, [tensor(snr_db=NAN)], ("maps", "x", "y"))) == ["maps signal to noise"]


@pytest.mark.parametrize("precision", [name for name in PRECISIONS if name not in ("fp32", "fp16", "auto")])
def test_a_compressed_file_is_gated_on_the_worst_person_on_all_and_on_shifts(precision: Any) -> None:
    gate = DEFAULTS[precision]
    assert failed(keypoint_checks(gate, max_px=40.0, oks=0.99, min_oks=0.95)) == []
    assert failed(keypoint_checks(gate, oks=0.97, min_oks=0.95)) == ["mean OKS against the reference"]
    assert failed(keypoint_checks(gate, oks=0.99, min_oks=0.8)) == [WORST_PERSON]
    assert failed(keypoint_checks(gate, shift=0.004)) == ["keypoints, mean shift"]
    assert len(failed(keypoint_checks(gate, oks=NAN, min_oks=NAN))) == 2


@pytest.mark.parametrize(("shift", "error", "good"), [(0.004, 0.001, True), (0.006, 0.001, False), (0.004, NAN, False)])
def test_a_mean_shift_is_held_to_what_its_number_of_keypoints_can_tell(shift: float, error: float, good: bool) -> None:
    (check,) = keypoint_checks(GateSpec(max_shift=0.001), shift=shift, shift_error=error)
    assert (check.outcome is Outcome.PASS) is good


def test_near_ties_are_told_and_fail_nothing() -> None:
    checks = keypoint_checks(DEFAULTS["fp16"], ties=2, tie_px=3.2, tie="left_wrist in a.jpg#0")
    assert failed(checks) == []
    (told,) = (check for check in checks if check.name == "near ties")
    assert "2 of 51" in told.detail
    assert "3.20 px (left_wrist in a.jpg#0)" in told.detail


def test_a_score_that_no_keypoint_reaches_fails_rather_than_passes_everything() -> None:
    (check,) = check_keypoints(GateSpec(min_score=0.9, max_px=1.0), keypoints(), NOTHING_SURE)
    assert check.outcome is Outcome.FAIL
    assert "min_score 0.9, above every score" in check.detail


def drop(**changes: Any) -> Drop:
    return Drop(**{"ap": 0.0, "ap_error": 0.0, "pck": 0.0, "pck_error": 0.0, "people": 23} | changes)


@pytest.mark.parametrize(
    ("lost", "outcomes"),
    [
        (drop(), ("pass", "pass")),
        (drop(ap=-3.0, pck=-1.0), ("pass", "pass")),  # better is no loss
        (drop(ap=1.1), ("fail", "pass")),
        (drop(pck=1.1), ("pass", "fail")),
        (drop(ap=1.1, ap_error=0.2), ("pass", "pass")),  # no more than chance
        (drop(ap=NAN), ("fail", "pass")),
        (drop(ap=None), ("skipped", "pass")),  # no pycocotools
        (drop(ap=50.0, people=19), ("skipped", "skipped")),
    ],
)
def test_accuracy_is_a_gate_where_enough_people_are_annotated(lost: Drop, outcomes: tuple[str, ...]) -> None:
    assert tuple(check.outcome for check in check_accuracy(DEFAULTS["w8"], lost)) == outcomes
    assert check_accuracy(DEFAULTS["fp16"], lost) == []


@pytest.mark.parametrize("held", [True, False])
def test_the_worst_person_is_excused_where_accuracy_held_and_nothing_else_is(held: bool) -> None:
    checks = keypoint_checks(DEFAULTS["w8"], oks=0.97, min_oks=0.5)
    left = failed(list(excused(checks, held)))
    assert left == (["mean OKS against the reference"] if held else [WORST_PERSON, "mean OKS against the reference"])


@pytest.mark.parametrize(
    ("precision", "arithmetic", "gate"),
    [("fp32", None, "fp32"), ("fp32", "fp16", "fp16"), ("fp16", "fp16", "fp16"), ("w8a8", "fp16", "w8a8")],
)
def test_what_ran_with_less_is_held_to_less(precision: Any, arithmetic: Any, gate: str) -> None:
    assert coarser(precision, arithmetic) == gate


@pytest.mark.parametrize(
    ("outcomes", "good"),
    [((), True), (("pass", "skipped"), True), (("pass", "fail", "skipped"), False), (("fail",), False)],
)
def test_one_failure_fails_all_and_a_skipped_check_does_not(outcomes: tuple[str, ...], good: bool) -> None:
    assert passed([Check("x", Outcome(outcome), "") for outcome in outcomes]) is good


def test_what_accuracy_cannot_be_told_of_is_skipped_with_the_reason_and_the_count() -> None:
    checks = accuracy_skips(["several people", "", "several people"], Accuracy(None, 0.5, 3))
    assert [(check.name, check.outcome) for check in checks] == [("accuracy", "skipped"), ("AP", "skipped")]
    assert checks[0].detail == "of 2 of the cases: several people"
    assert accuracy_skips(["", ""], Accuracy(0.5, 0.5, 2)) == []
    (both,) = accuracy_skips(["several people", "no keypoint"], None)
    assert both.detail == "of 1 cases: several people; of 1 cases: no keypoint", "a name stands for one check"
