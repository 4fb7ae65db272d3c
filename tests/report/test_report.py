"""What the report says follows from the evaluation: states, places on the scale, reasons, and the documents for CI."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.parity.drift import NOTHING_SURE
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Check, Outcome
from posekit.parity.metrics import KeypointError
from posekit.parity.steps import Step
from posekit.poses import Poses
from posekit.report import document as report
from posekit.report import figures, page
from posekit.report.facts import LintFacts, PassFacts, read_facts
from posekit.report.page import CONTRACT, DEVICE, MODEL, WRAPPER

FACTS = {"name": "tiny", "platform": "android", "precision": "fp32"}
RUN_HERE = "run here with --wrapper"


def keypoints(p95: float, **other: Any) -> KeypointError:
    plain = dict.fromkeys(KeypointError.__dataclass_fields__, 0.0) | {"instances": 1, "counted": 3, "oks": 1.0}
    return KeypointError(
        **{
            **plain,
            "bias_px": (0.0, 0.0),
            "per_keypoint": (),
            "p95_px": p95,
            "worst_case_p95_px": p95,
            "max_px": 2 * p95,
            "mean_px": p95 / 2,
            **other,
        }
    )  # type: ignore[arg-type]


def step(name: str, found: KeypointError) -> Step:
    """Nothing in it is a near tie."""
    plain = {"p95_px": found.p95_px, "worst_case_p95_px": found.worst_case_p95_px, "max_px": found.max_px}
    return Step(name, found, drift=replace(NOTHING_SURE, counted=found.counted, **plain))


def evaluation(*checks: Check, status: str = "HOST", p95: float = 0.001, **steps: KeypointError | str) -> Evaluation:
    """Steps by name: what was measured, or why it was not."""
    made = tuple(
        Step(name, skipped=found) if isinstance(found, str) else step(name, found) for name, found in steps.items()
    )
    return Evaluation(status, "LiteRT", 2, 1, step("total", keypoints(p95)), made, checks)


def states(found: Evaluation, **facts: Any) -> dict[str, str]:
    return {one.name: one.state for one in page.artefacts(found, read_facts({**FACTS, **facts}))}


def check(name: str, outcome: Outcome = Outcome.PASS) -> Check:
    return Check(name, outcome, "detail")


@pytest.mark.parametrize(
    ("checks", "artefact"),
    [
        ("heatmaps is finite", MODEL),
        ("keypoints, p95 error", MODEL),
        ("model file", MODEL),
        ("every case was run", WRAPPER),
        ("the wrapper's input", WRAPPER),
        ("from the picture: keypoints", WRAPPER),
        ("model file of the wrapper", WRAPPER),
        ("contract: keypoints", CONTRACT),
        ("the gpu ran the model", DEVICE),
        ("the run came to its end", DEVICE),
        ("every case was run on the cpu", DEVICE),
        ("the CPU ran the model", DEVICE),
        ("from the picture on the cpu: scores", WRAPPER),
        ("on the accelerator: scores", MODEL),
    ],
)
def test_a_failed_gate_fails_the_artefact_that_it_is_of(checks: str, artefact: str) -> None:
    found = states(evaluation(check(checks, Outcome.FAIL)))
    assert [name for name, state in found.items() if state == "fail"] == [artefact]


def test_an_accelerator_that_fails_is_the_devices_where_there_is_one() -> None:
    found = states(evaluation(check("on the accelerator: scores", Outcome.FAIL)), device={"name": "P", "os": "A"})
    assert (found[MODEL], found[DEVICE]) == ("pass", "fail")


@pytest.mark.parametrize(
    ("facts", "state", "said"),
    [({"platform": "ios"}, "part", "Swift core only"), ({}, "pass", "stand-ins for Android"),
     ({"platform": "ios", "device": {"name": "P", "os": "iOS 26"}}, "pass", "on the device")],
)  # fmt: skip
def test_the_wrapper_is_called_good_as_far_as_it_was_run(facts: dict[str, Any], state: str, said: str) -> None:
    found, known = evaluation(decoding=keypoints(0.1)), read_facts({**FACTS, **facts})
    wrapper = next(one for one in page.artefacts(found, known) if one.name == WRAPPER)
    assert wrapper.state == state
    assert said in wrapper.sentence
    assert any("Core ML layer" in what for what, _ in page.skipped(found, known)) == (state == "part")
    failed = states(evaluation(check("every case was run", Outcome.FAIL), decoding=keypoints(0.1)), **facts)
    assert failed[WRAPPER] == "fail"


@pytest.mark.parametrize(
    ("status", "facts", "said"),
    [("HOST", {}, "runtime that a phone has"), ("HOST", {"platform": "linux"}, "runtime that the package has"),
     ("VERIFIED", {}, "measured on a device"), ("UNVERIFIED", {}, "not measured"), ("SIMULATED", {}, "stand-in"),
     ("SIMULATED", {"device": {"name": "P", "os": "A"}}, "emulator")],
)  # fmt: skip
def test_the_status_in_words(status: str, facts: dict[str, Any], said: str) -> None:
    assert said in page.measured(evaluation(status=status), read_facts({**FACTS, **facts}))


def test_what_was_not_run_is_never_called_good() -> None:
    nothing = Evaluation(
        "UNVERIFIED", "none", 0, 0, Step("total", skipped="no Mac"), (Step("decoding", skipped=RUN_HERE),), ()
    )
    assert set(states(nothing).values()) == {"skipped"}
    measured = states(evaluation(decoding=keypoints(0.1)))
    assert (measured[MODEL], measured[WRAPPER], measured[DEVICE]) == ("pass", "pass", "skipped")


def test_a_doubt_is_told_unless_the_contract_already_failed() -> None:
    assert states(evaluation(), doubt="BGR agrees better")[CONTRACT] == "doubt"
    failed = evaluation(check("contract: keypoints", Outcome.FAIL))
    assert states(failed, doubt="BGR agrees better")[CONTRACT] == "fail"
    assert states(evaluation(check("contract: keypoints")), contract_matched="by name")[CONTRACT] == "pass"
    assert states(evaluation())[CONTRACT] == "skipped"


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (0.0, 0),
        (1e-3, 0),
        (1e-2, 20),
        (0.1, 40),
        (1, 60),
        (10, 80),
        (100, 100),
        (1e9, 100),
        (math.inf, 100),
        (math.nan, 100),
    ],
)
def test_errors_lie_on_a_logarithmic_scale(error: float, place: float) -> None:
    assert page.place(error) == pytest.approx(place)


def test_bars_name_what_is_to_blame_and_what_was_not_run() -> None:
    found = evaluation(p95=3, conversion=keypoints(0.001), precision=keypoints(3), decoding=RUN_HERE)
    levels = {bar.name: bar.level for bar in page.bars(found)}
    assert levels == {"conversion": "good", "precision": "bad", "decoding": "open", "total": "bad"}
    assert next(bar for bar in page.bars(found) if bar.name == "decoding").skipped == RUN_HERE
    precision = next(bar for bar in page.bars(found) if bar.name == "precision")
    assert precision.mean < precision.p95 < precision.largest
    assert dict(precision.figures)["p95"] == "3 px"
    deep = evaluation(conversion=keypoints(0.001, max_z_mm=1.0, max_world_mm=2.0), decoding=RUN_HERE)
    for bar in (*page.bars(found), *page.bars(deep)):
        assert bar.what == page.STEPS[bar.name]


def test_one_bad_picture_makes_a_total_bad() -> None:
    bad = step("total", keypoints(0.1, worst_case_p95_px=5.0))
    (*_, total) = page.bars(replace(evaluation(), total=bad))
    assert (total.level, dict(total.figures)["worst picture"]) == ("bad", "5 px")


def test_an_error_that_is_no_number_is_bad() -> None:
    (*_, total) = page.bars(evaluation(p95=math.nan))
    assert (total.level, dict(total.figures)["p95"]) == ("bad", "not a number")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 px"), (1e-5, "< 0.001 px"), (0.0123, "0.012 px"), (0.25, "0.250 px"), (14.06, "14.1 px"),
     (123456.0, "123456 px"), (math.inf, "not a number"), (None, "not a number")],
)  # fmt: skip
def test_pixels_in_words(value: float | None, text: str) -> None:
    assert page.px(value) == text


def test_each_reason_is_told_once_with_all_that_it_kept_from_running() -> None:
    found = evaluation(check("accuracy", Outcome.SKIPPED), preprocessing=RUN_HERE, decoding=RUN_HERE)
    told = dict(page.skipped(found, read_facts(FACTS)))
    assert told["preprocessing, decoding"] == RUN_HERE
    assert told["accuracy"] == "detail"
    assert {"speed", "delegate linter", "the training code", "golden vectors"} <= set(told)
    full = {
        "lint": {"linter": "x", "summary": "y"},
        "contract_matched": "by name",
        "device": {"name": "P", "os": "A"},
        "passes": [{"requested": "cpu", "latencies": {"inference": {"p50_ms": 1.0, "p90_ms": 2.0, "runs": 3}}}],
    }
    assert not {"speed", "delegate linter", "the training code"} & {
        what for what, _ in page.skipped(found, read_facts({**FACTS, **full}))
    }


DEVICE_RUN = {"device": {"name": "P", "os": "A"}, "verdict": "passed"}
SCORED = {"packaged": {"ap": 0.5}}


def test_the_commands_are_those_that_made_the_figures() -> None:
    given = {"source": {"file": "m.pt2"}, "evaluated_on": "8 pictures given with --images"}
    here = read_facts({**FACTS, **given, "contract_matched": "by name"})
    package, validate, _ = page.commands(replace(evaluation(), accuracy=SCORED), here)
    options = "--platform android --precision fp32 --images IMAGES --annotations ANNOTATIONS --reference PREDICTIONS"
    assert package == f"posekit package m.pt2 {options}"
    assert validate == "posekit validate tiny-android"
    assert "--annotations" not in " ".join(page.commands(evaluation(), here))
    assert page.commands(evaluation(decoding=keypoints(0.1)), here)[1] == "posekit validate tiny-android --wrapper"
    later = read_facts({**FACTS, **given, **DEVICE_RUN, "accuracy": SCORED})
    package, validate, *_ = page.commands(evaluation(decoding=keypoints(0.1)), later)
    assert package.endswith(" --images IMAGES --annotations ANNOTATIONS")
    assert validate == "posekit validate tiny-android --device-run RUN"
    again = page.commands(replace(evaluation(), accuracy=SCORED), read_facts({**FACTS, **DEVICE_RUN}))[1]
    assert again == "posekit validate tiny-android --device-run RUN --images IMAGES --annotations ANNOTATIONS"


def test_a_rejected_bundle_has_another_name() -> None:
    failed = evaluation(check("x", Outcome.FAIL))
    assert page.commands(failed, read_facts(FACTS))[1].startswith("posekit validate tiny-android.rejected")
    later = read_facts({**FACTS, "verdict": "passed"})
    assert page.commands(failed, later)[1].startswith("posekit validate tiny-android")
    assert "rejected" not in " ".join(page.commands(failed, later))


@pytest.mark.parametrize(
    ("found", "facts", "is_proposed"),
    [
        (evaluation(), {}, False),
        (evaluation(precision=keypoints(3)), {}, True),
        (evaluation(conversion=keypoints(3)), {}, True),
        (evaluation(accelerator=keypoints(9)), DEVICE_RUN, False),
        (evaluation(decoding=keypoints(9)), {}, False),
        (evaluation(check("keypoints, p95 error", Outcome.FAIL)), {}, True),
    ],
)
def test_bisect_is_proposed_where_it_looks(found: Evaluation, facts: dict[str, Any], is_proposed: bool) -> None:
    assert (
        any(one.startswith("posekit bisect ") for one in page.commands(found, read_facts({**FACTS, **facts})))
        == is_proposed
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (-0.0004, "0"), (-0.0006, "-0.001"), (14, "+14.000"), (math.nan, "not a number")],
)
def test_a_bias_that_rounds_to_nothing_has_no_sign(value: float, text: str) -> None:
    assert page.shift(value) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("none", "none", "none throughout"), ("none", "light", "none before, light after"), (None, None, "not told"),
     (None, "light", "not told before, light after")],
)  # fmt: skip
def test_thermal_states_in_words(before: str | None, after: str | None, text: str) -> None:
    assert PassFacts(requested="cpu", thermal_before=before, thermal_after=after).heat == text


@pytest.mark.parametrize(
    "wrong",
    [{"name": 3}, {"platform": None}, {"model_bytes": -1}, {"op_counts": {"ADD": "many"}}, {"passes": "fast"},
     {"lint": {"linter": "x"}}, {"device": []}, {"notes": [1]}, {"source": "file"}],
)  # fmt: skip
def test_facts_of_somebody_elses_report_are_read_strictly(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"report's facts|facts"):
        read_facts({**FACTS, **wrong})


def test_findings_are_told_by_rule() -> None:
    one = {"kind": "ADD", "shapes": "1", "rule": "r", "remedy": "m"}
    found = LintFacts.model_validate(
        {"linter": "x", "summary": "y", "findings": [{"op": 0, **one}, {"op": 1, **one, "rule": "s"}, {"op": 2, **one}]}
    )
    assert {rule: [finding.op for finding in ops] for (rule, _), ops in found.by_rule.items()} == {
        "r": [0, 2],
        "s": [1],
    }


def test_json_has_no_number_that_json_lacks() -> None:
    document = report.as_json(evaluation(p95=math.nan), {**FACTS, "model_bytes": 3})
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["total"]["keypoints"]["p95_px"] is None
    assert (document["verdict"], document["model_bytes"]) == ("passed", 3)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (evaluation(), "passed"),
        (evaluation(check("x", Outcome.SKIPPED)), "passed"),
        (evaluation(status="UNVERIFIED"), "unverified"),
        (evaluation(check("x", Outcome.FAIL), status="UNVERIFIED"), "rejected"),
    ],
)
def test_verdict(found: Evaluation, verdict: str) -> None:
    assert report.verdict(found) == verdict


def test_junit_counts_what_failed_and_what_was_skipped() -> None:
    found = evaluation(check("a <b>"), check("b", Outcome.FAIL), check("c", Outcome.SKIPPED))
    suite = ET.fromstring(report.junit(found, 'tiny "& co'))
    assert suite.attrib == {"name": 'tiny "& co', "tests": "3", "failures": "1", "skipped": "1"}
    assert [(case.attrib["name"], [child.tag for child in case]) for case in suite] == [
        ("a <b>", []),
        ("b", ["failure"]),
        ("c", ["skipped"]),
    ]


POINTS = np.array([[0.0, 0.0], [10.0, 5.0], [20.0, 40.0]])
NAMES = ("nose", "left_wrist", "right_wrist")


def test_the_skeleton_keeps_proportions_and_shows_each_joints_error() -> None:
    errors = [
        {"name": "nose", "p95_px": 0.005},
        {"name": "left_wrist", "p95_px": 0.3},
        {"name": "right_wrist", "p95_px": None},
    ]
    found = figures.skeleton("case", POINTS, NAMES, [("nose", "right_wrist")], errors)
    nose, right, left = found.joints  # the worst is drawn last
    assert (right.x - nose.x) / (right.y - nose.y) == pytest.approx(20 / 40, rel=0.01)
    assert all(0 < joint.x < figures.WIDTH and 0 < joint.y < found.height for joint in found.joints)
    assert (nose.level, left.level, right.level) == (0, 3, -1)
    assert nose.radius < left.radius
    assert (left.number, nose.number, right.error) == (1, None, "not compared")
    assert found.worst == (left,)
    assert found.edges == ((nose.x, nose.y, right.x, right.y),)


def test_the_clearest_case_shows_the_whole_skeleton() -> None:
    def pose(points: Any, *scores: float) -> Poses:
        return Poses(np.asarray(points)[None], np.array([scores]))

    known = {
        "hidden": pose(POINTS, 1, 1, 0.1),
        "clear": pose(POINTS, 0.8, 0.9, 0.7),
        "broken": pose(POINTS * np.nan, 1, 1, 1),
        "point": pose(POINTS * 0, 1, 1, 1),
    }
    assert figures.clearest(known) == "clear"
    assert figures.clearest({"broken": known["broken"], "point": known["point"]}) == ""
