"""The evidence as JSON, as JUnit XML for CI, and as a page to look at."""

from __future__ import annotations

import dataclasses
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posekit.parity.evaluate import Evaluation
from posekit.parity.gate import Outcome
from posekit.parity.stages import Stage


def as_json(evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The report as plain values; a figure that is no number (NaN, infinity) is null."""
    document = {**facts, **dataclasses.asdict(evaluation), "verdict": verdict(evaluation), "blamed": evaluation.blamed}
    return dict(_plain(document))


def verdict(evaluation: Evaluation) -> str:
    """`rejected`, `unverified` or `passed`."""
    if not evaluation.is_good:
        return "rejected"
    return "unverified" if evaluation.status == "UNVERIFIED" else "passed"


def write(
    folder: Path, document: dict[str, Any], evaluation: Evaluation, pictures: Sequence[str], template: Path
) -> None:
    """Write report.json, junit.xml and index.html; pictures: data URLs of overlays."""
    from jinja2 import Environment, StrictUndefined

    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")
    (folder / "junit.xml").write_bytes(junit(evaluation, str(document.get("name", "posekit"))))
    page = Environment(undefined=StrictUndefined, autoescape=True).from_string(template.read_text(encoding="utf-8"))
    text = page.render(report=document, rows=stage_rows(evaluation), pictures=pictures)
    (folder / "index.html").write_text(text, encoding="utf-8")


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


def stage_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Rows of the waterfall: stage, mean, p95 and largest px, OKS, worst tensor SNR; or SKIPPED and the reason."""
    return [_row(stage) for stage in (*evaluation.stages, evaluation.total)]


def _row(stage: Stage) -> tuple[str, ...]:
    found = stage.keypoints
    if found is None:
        return (stage.name, "SKIPPED", "", "", "", stage.skipped)
    snr = min((tensor.snr_db for tensor in stage.tensors), default=math.inf)
    signal = "exact" if snr == math.inf else f"{snr:.0f} dB"
    return (
        stage.name,
        f"{found.mean_px:.4f}",
        f"{found.p95_px:.4f}",
        f"{found.max_px:.4f}",
        f"{found.oks:.5f}",
        signal,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    return value
