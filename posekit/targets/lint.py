"""What a phone's accelerator will make of a packaged model, judged from the file alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

GPU = "TensorFlow Lite's GPU delegate, by its rules; LiteRT's own GPU backend may differ"
CPU = "LiteRT's kernels for CPUs, which ran the file here"
CORE_ML = "Core ML, by what is known to differ on devices"


def lint(platform: str, path: Path) -> dict[str, Any]:
    """Facts of a report: `linter`, `summary`, and `findings` with op, kind, shapes, rule and remedy each.

    path: of a .tflite for android and linux, of an .mlpackage for ios. InputError where the file is damaged;
    MissingToolError where nothing here reads it.
    """
    if platform == "linux":
        return {"linter": CPU, "summary": "nothing is known against any operation on a CPU", "findings": []}
    return _gpu(path) if platform == "android" else _core_ml(path)


def sentences(facts: Mapping[str, Any]) -> list[str]:
    """The summary, then a sentence for each rule that is broken, with the kinds and names of the operations."""
    broken: dict[tuple[str, str], list[str]] = {}
    for one in facts["findings"]:
        broken.setdefault((one["rule"], one["remedy"]), []).append(f"{one['kind']} {one['op']}")
    return [
        str(facts["summary"]),
        *(f"{', '.join(ops)}: {rule}; try: {remedy}" for (rule, remedy), ops in broken.items()),
    ]


def _gpu(path: Path) -> dict[str, Any]:
    from posekit.targets.litert.gpu_delegate import delegated

    found = delegated(path.read_bytes())
    findings = [
        {"op": one.number, "kind": one.kind, "shapes": one.shapes, "rule": one.rule, "remedy": one.remedy}
        for one in found.findings
    ]
    return {"linter": GPU, "summary": found.summary, "findings": findings}


def _core_ml(path: Path) -> dict[str, Any]:
    from posekit.runtimes import mil

    program = mil.open_program(path)
    shapes = {op.name: ", ".join(_shape(kind.shape) for kind in op.types) for op in program.ops}
    findings = [
        {"op": one.op, "kind": one.type, "shapes": shapes[one.op], "rule": _rule(one), "remedy": one.remedy}
        for one in mil.lint(program)
    ]
    met = len({finding["op"] for finding in findings})
    told = f"{met} of {len(program.ops)} operations may give other values on devices"
    summary = told if met else f"nothing is known against any of {len(program.ops)} operations"
    return {"linter": CORE_ML, "summary": summary, "findings": findings}


def _rule(finding: Any) -> str:
    """The sentence without the operation, which stands beside it."""
    return str(finding.sentence).removeprefix(f"{finding.type} {finding.op!r}: ")


def _shape(sizes: tuple[int | None, ...]) -> str:
    return "x".join("?" if one is None else str(one) for one in sizes) or "scalar"
