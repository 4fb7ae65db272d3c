"""Gates: each limit, what passes on it, and that NaN fails."""

from __future__ import annotations

import math
from typing import Any

import pytest

from posekit.parity.gate import DEFAULTS, Check, Outcome, check_keypoints, check_tensors, coarser, gate_for, passed
from posekit.parity.metrics import KeypointError, TensorError
from posekit.precisions import NAMES as PRECISIONS
from posekit.spec import GateSpec

NAN = float("nan")


def tensor(**changes: Any) -> TensorError:
    good = {"name": "maps", "max_abs": 0.01, "rms": 0.001, "snr_db": 70.0, "where": "a.jpg#0 at (0, 1)", "finite": True,
            "constant": False}  # fmt: skip
    return TensorError(**good | changes)


def keypoints(**changes: Any) -> KeypointError:
    good = {"instances": 3, "mean_px": 0.0, "p95_px": 0.0, "p99_px": 0.0, "max_px": 0.0, "worst_case_p95_px": 0.0,
            "mean_of_size": 0.0, "p95_of_size": 0.0, "oks": 1.0, "min_oks": 1.0, "bias_px": (0.0, 0.0), "per_keypoint": (),
            "score_error": 0.0, "counted": 17, "worst": "nose in a.jpg#0"}  # fmt: skip
    return KeypointError(**good | changes)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.outcome is Outcome.FAIL]


@pytest.mark.parametrize(
    ("gate", "figure", "values"),
    [
        (GateSpec(max_px=0.5), "max_px", {0.0: True, 0.5: True, 0.500001: False, math.inf: False, NAN: False}),
        (GateSpec(p95_px=0.5), "worst_case_p95_px", {0.0: True, 0.5: True, 0.51: False, NAN: False}),
        (GateSpec(min_oks=0.9), "min_oks", {1.0: True, 0.9: True, 0.8999: False, 0.0: False, NAN: False}),
    ],
)
def test_keypoint_gates(gate: GateSpec, figure: str, values: dict[float, bool]) -> None:
    for value, good in values.items():
        (check,) = check_keypoints(gate, keypoints(**{figure: value}))
        assert (check.outcome is Outcome.PASS) is good, value
        assert passed([check]) is good


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
    assert check_keypoints(GateSpec(), keypoints(max_px=1e9, min_oks=0.0)) == []
    assert len(check_tensors(GateSpec(), [tensor(snr_db=-1e9)], ("maps", "x", "y"))) == 2


def test_details_say_value_limit_and_where() -> None:
    (largest,) = check_keypoints(GateSpec(max_px=0.05), keypoints(max_px=0.1234, worst="tail in b.jpg#1"))
    assert largest.detail == "0.1234 px, at most 0.05 (tail in b.jpg#1)"
    signal = check_tensors(GateSpec(min_snr_db=60.0), [tensor(snr_db=12.34)], ("maps", "x", "y"))[-1]
    assert signal.detail.startswith("12.3 dB, at least 60")
    assert "a.jpg#0 at (0, 1)" in signal.detail
    infinite = check_tensors(GateSpec(), [tensor(finite=False, where="b.jpg#0")], ("maps", "x", "y"))[0]
    assert infinite.detail == "b.jpg#0"


def test_the_specs_own_limits_win_and_gaps_are_filled() -> None:
    gate = gate_for("fp32", GateSpec(max_px=3.0, min_score=0.2))
    assert (gate.max_px, gate.min_score) == (3.0, 0.2)
    assert (gate.min_snr_db, gate.min_oks) == (DEFAULTS["fp32"].min_snr_db, DEFAULTS["fp32"].min_oks)
    assert gate_for("fp16", GateSpec()) == DEFAULTS["fp16"]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_precision_that_keeps_keypoints_limits_them_and_tensors_and_oks(precision: Any) -> None:
    gate = DEFAULTS[precision]
    assert gate.max_px or gate.p95_px
    broken = keypoints(max_px=NAN, worst_case_p95_px=NAN, min_oks=NAN, score_error=NAN)
    assert len(failed(check_keypoints(gate, broken))) == len(check_keypoints(gate, broken)) >= 2
    assert failed(check_tensors(gate, [tensor(snr_db=NAN)], ("maps", "x", "y"))) == ["maps signal to noise"]


@pytest.mark.parametrize("precision", [name for name in PRECISIONS if name not in ("fp32", "fp16", "auto")])
def test_a_compressed_file_is_gated_on_the_worst_person_and_on_all(precision: Any) -> None:
    gate = DEFAULTS[precision]
    assert failed(check_keypoints(gate, keypoints(max_px=40.0, oks=0.99, min_oks=0.95))) == []
    assert failed(check_keypoints(gate, keypoints(oks=0.97, min_oks=0.95))) == ["mean OKS against the reference"]
    assert failed(check_keypoints(gate, keypoints(oks=0.99, min_oks=0.8))) == ["OKS against the reference"]
    assert len(failed(check_keypoints(gate, keypoints(oks=NAN, min_oks=NAN)))) == 2


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
