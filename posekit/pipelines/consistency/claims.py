"""What a report may say at all: of what ran the model, on which pictures, and by which checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from posekit.bundle import DETECTOR
from posekit.contract.spec import PoseSpec
from posekit.devices import desktop
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import NO_PYCOCOTOOLS, Check
from posekit.parity.step_checks import BEFORE_COMPRESSION, FROM_PICTURE, LAST_DIGITS, before_compression
from posekit.pipelines.consistency.slack import Slack
from posekit.pipelines.inputs import SUBSTITUTE_IMAGES

# what package may say that ran a model: a phone's word comes with --device-run, into a report of its own
RAN = {
    ("android", "HOST"): r"LiteRT [\w.+-]+, CPU", ("linux", "HOST"): r"LiteRT [\w.+-]+, CPU",
    ("ios", "HOST"): r"Core ML, macOS [\w.+-]+",
    ("ios", "SIMULATED"): r"ML Program evaluated with torch [\w.+-]+",
}  # fmt: skip
# checks that only a run of the wrapper, a Mac, a compressed file or the training code's predictions give, and the step
# of them
OF_STEPS = {
    "from the picture": "preprocessing", "the wrapper": "preprocessing", "every case was run": "preprocessing",
    "both stages of the wrapper": "preprocessing",
    "on the accelerator": "accelerator", "before compression": "conversion", "contract": "contract",
}  # fmt: skip
EVALUATED_ON = (
    r"\d+( of \d+)? pictures given with --images(, those (with annotated people|that are annotated))?|"
    + re.escape(SUBSTITUTE_IMAGES)
)


def ran(platform: str, then: Evaluation) -> Iterator[str]:
    """Status and runtime are of what package runs a model with; a wrapper that it says it ran has its step."""
    runtime, _, wrapper = then.runtime.partition("; ")
    if not re.fullmatch(RAN.get((platform, then.status), "(?!)"), runtime):
        yield f"package gives no status {then.status} by {then.runtime!r}"
    if wrapper and (wrapper != desktop.NAMES[platform] or all(one.name != "preprocessing" for one in then.steps)):
        yield f"package runs no wrapper by {wrapper!r}"


def of_conversion(precision: str, then: Evaluation, spec: PoseSpec) -> Iterator[str]:
    """What package measures of a compressed file is told: both steps, and the gates of the first by its figures."""
    if precision == "fp32" or not then.is_good:
        return
    steps = {step.name: step for step in then.steps}
    for name in ("conversion", "precision"):
        if name not in steps or steps[name].keypoints is None:
            yield f"the report has no figures of {name}, which package measures"
            return
    expected = before_compression(steps["conversion"], spec) if precision != "fp16" else ()
    outcomes = [[(one.name, one.outcome) for one in checks] for checks in (expected, of_float_graph(then))]
    if outcomes[0] != outcomes[1]:  # the words hold digits that the figures of a report have no more
        yield f"the report's checks {BEFORE_COMPRESSION} are not those of its figures of conversion"


def of_float_graph(evaluation: Evaluation) -> list[Check]:
    """The checks of what the model was before compression."""
    return [check for check in evaluation.checks if check.name.startswith(f"{BEFORE_COMPRESSION}: ")]


def of_checks(seen: dict[str, Any], expected: dict[str, Any], slack: Slack, *, is_complete: bool) -> Iterator[str]:
    """Every check that is made now was made then, with the same result, and none that nothing measured."""
    told = {one["name"]: one for one in seen["checks"]}
    for check in expected["checks"]:
        one = told.pop(check["name"], None)
        if one is None:
            if not _depends_on_the_machine(check, slack):
                yield f"the report has no check {check['name']!r}"
        elif not is_complete or _needs_a_tool(one, check):
            continue
        elif slack.is_exact and one != check:
            yield (
                f"the report's check {check['name']!r} says {one['outcome']}, {one['detail']!r}; now "
                f"{check['outcome']}, {check['detail']!r}"
            )
        elif slack.same_runtime and one["outcome"] != check["outcome"]:
            yield f"the report's check {check['name']!r} is {one['outcome']}, now {check['outcome']}"
    measured = {step["name"] for step in seen["steps"] if step["keypoints"] is not None}
    for name, one in told.items():
        own = name.removeprefix(f"{DETECTOR}: ")
        step = next((step for prefix, step in OF_STEPS.items() if own.startswith(prefix)), None)
        if step is not None and one["outcome"] == "pass" and step not in measured:
            yield f"the report's check {name!r} is of a step that was not measured"
        elif step is None and slack.is_exact and not _needs_a_tool(one, one):
            yield f"the report has a check {name!r} that is none"


def _depends_on_the_machine(check: Mapping[str, Any], slack: Slack) -> bool:
    """Whether a check is made on some machines alone: a Mac's accelerators, ties of another processor's last digits."""
    name = check["name"].removeprefix(f"{DETECTOR}: ")
    if name.startswith("on the accelerator") or _needs_a_tool(check, check):
        return True
    return name in ("near ties", f"{FROM_PICTURE}: {LAST_DIGITS}") and not slack.is_exact


def _needs_a_tool(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one of two checks was skipped for want of pycocotools, which is not everywhere."""
    return any(check["outcome"] == "skipped" and check["detail"] == NO_PYCOCOTOOLS for check in (one, other))
