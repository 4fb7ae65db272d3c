"""The evidence as JSON, as JUnit XML for CI, and as a page to look at."""

from __future__ import annotations

import dataclasses
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from posekit import __version__, documents
from posekit.contract.spec import PoseSpec
from posekit.documents import sentence
from posekit.errors import InputError
from posekit.parity.accuracy import Accuracy
from posekit.parity.dense import DenseError
from posekit.parity.drift import Drift
from posekit.parity.evaluation import BLAMED_FROM_PX, Evaluation
from posekit.parity.gate import Outcome
from posekit.parity.metrics import KeypointError, TensorError
from posekit.parity.steps import Step
from posekit.parity.worst import CaseError
from posekit.report import figures, page
from posekit.report.facts import ReportFacts
from posekit.report.figures import Gallery, SkeletonFigure

FILE, JUNIT, PAGE = "report.json", "junit.xml", "index.html"  # of a report
# where null is a number that is not finite, rather than that there is none
FIGURES = frozenset(
    field.name
    for kind in (TensorError, KeypointError, CaseError, Accuracy, Drift, DenseError)
    for field in dataclasses.fields(kind)
    if "None" not in str(field.type)
) - {"people"}  # of a step those who were seen


def as_json(evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The report as plain values; a figure that is no number (NaN, infinity) is null."""
    document = {**facts, **dataclasses.asdict(evaluation), "verdict": verdict(evaluation), "blamed": evaluation.blamed}
    return dict(documents.plain(document, 9))


def read_evaluation(document: Mapping[str, Any]) -> Evaluation:
    """The evaluation of a report.json; InputError names what is not as as_json writes it."""
    try:
        plain = {field.name: document[field.name] for field in dataclasses.fields(Evaluation)}
        return TypeAdapter(Evaluation).validate_python(_with_nan(plain))
    except KeyError as error:
        raise InputError(f"the report lacks {error.args[0]!r}", "package the model again") from error
    except ValidationError as error:
        raise InputError(sentence(error, "the report")[0], "package the model again") from error


def _with_nan(value: Any, key: str = "") -> Any:
    """Plain values with NaN, and infinity for the noise of what is exact, where as_json wrote null."""
    if isinstance(value, list):
        return tuple(_with_nan(item, key) for item in value)
    if not isinstance(value, dict):
        return math.nan if value is None and key in FIGURES else value
    found = {name: item if key == "per_keypoint" else _with_nan(item, name) for name, item in value.items()}
    if "snr_db" in found and value["snr_db"] is None and value.get("finite") is True:
        found["snr_db"] = math.inf
    return found


def verdict(evaluation: Evaluation) -> str:
    """`rejected`, `unverified` or `passed`."""
    if not evaluation.is_good:
        return "rejected"
    return "unverified" if evaluation.status == "UNVERIFIED" else "passed"


def write(
    folder: Path,
    document: dict[str, Any],
    evaluation: Evaluation,
    facts: ReportFacts,
    spec: PoseSpec,
    gallery: Gallery,
    figure: SkeletonFigure | None,
    template: Path,
) -> None:
    """Write report.json, junit.xml and index.html."""
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")
    (folder / JUNIT).write_bytes(junit(evaluation, str(document.get("name", "posekit"))))
    text = html(evaluation, facts, spec, gallery, figure, template)
    (folder / PAGE).write_text(text, encoding="utf-8")


def html(
    evaluation: Evaluation,
    facts: ReportFacts,
    spec: PoseSpec,
    gallery: Gallery,
    figure: SkeletonFigure | None,
    template: Path,
) -> str:
    """The page: one file that asks nothing of anybody."""
    rendered: str = (
        _pages(template.parent)
        .get_template(template.name)
        .render(
            facts=facts,
            spec=spec,
            evaluation=evaluation,
            verdict=verdict(evaluation),
            posekit=__version__,
            artefacts=page.artefacts(evaluation, facts),
            bars=page.bars(evaluation),
            gallery=gallery,
            figure=figure,
            levels=[(one, figures.level_of(one["p95_px"])) for one in _per_keypoint(evaluation)],
            skipped=page.skipped(evaluation, facts),
            commands=page.commands(evaluation, facts),
            measured=page.measured(evaluation, facts),
            blamed_from=BLAMED_FROM_PX,
            ticks=[(f"{10.0**n:g}", page.place(10.0**n)) for n in range(-3, 3)],
            limit=page.place(BLAMED_FROM_PX),
        )
    )
    return rendered


@cache
def _pages(folder: Path) -> Any:
    """The templates of a folder, each read and compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(css=figures.css, px=page.px, share=page.share, shift=page.shift, size=page.size)
    return environment


def _per_keypoint(evaluation: Evaluation) -> tuple[dict[str, Any], ...]:
    return evaluation.total.keypoints.per_keypoint if evaluation.total.keypoints else ()


def junit(evaluation: Evaluation, name: str) -> bytes:
    """One test case a check, for CI systems."""
    outcomes = [check.outcome for check in evaluation.checks]
    suite = ET.Element("testsuite", name=name, tests=str(len(outcomes)), failures=str(outcomes.count(Outcome.FAIL)),
                       skipped=str(outcomes.count(Outcome.SKIPPED)))  # fmt: skip
    for check in evaluation.checks:
        case = ET.SubElement(suite, "testcase", classname=name, name=check.name)
        if check.outcome is Outcome.FAIL:
            ET.SubElement(case, "failure", message=check.detail)
        elif check.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=check.detail)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def step_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Rows of the waterfall: step, mean, p95 and largest px, OKS, worst tensor SNR; or SKIPPED and the reason."""
    return [_row(step) for step in (*evaluation.steps, evaluation.total)]


def _row(step: Step) -> tuple[str, ...]:
    found = step.keypoints
    if found is None:
        return (step.name, "SKIPPED" if step.people is None else "nobody", "", "", "", step.skipped)
    snr = min((tensor.snr_db for tensor in step.tensors), default=None)
    signal = "" if snr is None else "exact" if snr == math.inf else f"{snr:.0f} dB"
    return (
        step.name,
        f"{found.mean_px:.4f}",
        f"{found.p95_px:.4f}",
        f"{found.max_px:.4f}",
        f"{found.oks:.5f}",
        signal,
    )
