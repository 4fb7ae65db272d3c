"""A report with everything in it, of the tiny bundle: a model that errs, a device, a linter, and names that bite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle, documents
from posekit.parity.cases import Case, poses_of, recorded
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.written_poses import WrittenPose, written_poses
from posekit.report import writing
from posekit.runtimes import runtime_for
from posekit.targets import lint
from tests.targets.graphs import model, op, tensor

BITE = "<img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"
IMAGE = tensor(1, 8, 8, 4)


def shifted(run: writing.Run) -> writing.Run:
    """A packaged model whose keypoints are off by a cell."""
    return lambda pixels: {name: np.roll(values, 1, axis=2) for name, values in run(pixels).items()}


def facts_of(folder: Path, scratch: Path) -> dict[str, Any]:
    """Every fact that a report may hold, most of them hostile."""
    steps = ("preprocessing", "inference", "decoding")
    latencies = {step: {"p50_ms": 1.25, "p90_ms": 2.5, "runs": 20} for step in steps}
    graph = scratch / "linted.tflite"
    graph.write_bytes(
        model([op("RELU", [IMAGE], [IMAGE]), op("ARG_MAX", [IMAGE], [IMAGE]), op(BITE, [IMAGE], [IMAGE], custom=True)])
    )
    written = documents.parse((folder / "report" / "report.json").read_bytes())
    return {
        **written,
        "doubt": f"BGR agrees better {BITE}",
        "untried": BITE,
        "notes": [BITE],
        "lint": lint.lint("android", graph),
        "build": f"debug {BITE}",
        "device": {"name": f"Phone {BITE}", "os": "Android 16", "simulated": False},
        "runtime": "LiteRT 2.3.0",
        "model_file": "tiny.tflite",
        "model_sha256": "ab" * 32,
        "source": {"file": f"{'long' * 60} {BITE}.pt2"},
        "passes": [
            {
                "requested": "cpu",
                "used": "cpu",
                "latencies": latencies,
                "thermal_before": "none",
                "thermal_after": "light",
                "detail": f"float16 allowed {BITE}",
            },
            {"requested": "gpu", "used": "gpu", "failure": f"the driver died {BITE}", "latencies": None},
            {"requested": "npu", "used": None, "fallback_reason": f"refused {BITE}", "latencies": None},
        ],
    }


def write(
    folder: Path, packaged: Path, facts: Mapping[str, Any], is_good: bool = False
) -> tuple[Evaluation, dict[str, Any]]:
    """The tiny bundle's cases measured on a shifted model, and the report of it."""
    opened = bundle.open_bundle(packaged)
    runtime = runtime_for("android", opened.model_path)
    run = runtime.run if is_good else shifted(runtime.run)
    cases = packaged / bundle.EVALUATION
    evaluation = evaluate(
        recorded(cases, opened.spec), opened.spec,
        Runs(run, "HOST", f"LiteRT {BITE}", None if is_good else runtime.run), Terms("fp32"),
    )  # fmt: skip
    named = lambda names: ((case, x) for case, x in recorded(cases, opened.spec) if case.name in names)  # noqa: E731
    return evaluation, writing.write(folder, evaluation, opened.spec, facts, named, run)


def write_of_device(folder: Path, packaged: Path, accelerator: bool = True) -> tuple[Evaluation, dict[str, Any]]:
    """The report of a wrapper, on a device or here, whose keypoints lie 14 px to the right of the model's."""
    opened = bundle.open_bundle(packaged)
    spec, run = opened.spec, runtime_for("android", opened.model_path).run
    cases = packaged / bundle.EVALUATION

    def results(case: Case) -> dict[str, Shipped]:
        outputs, off = run(case.pixels), shifted(run)(case.pixels)
        found = poses_of(outputs, case.transform, spec)
        moved = written_poses(replace(found, keypoints=found.keypoints + np.array([14, 0])))
        image = Shipped(case.pixels[None], outputs, tuple(map(WrittenPose.model_validate, moved)))
        return {"image": image, "tensor": Shipped(None, off, None)} if accelerator else {"image": image}

    wrapper = Wrapper(results, accelerator)
    evaluation = evaluate(
        recorded(cases, spec),
        spec,
        Runs(run, "VERIFIED" if accelerator else "HOST", "R", wrapper=wrapper),
        Terms("fp32"),
    )
    facts: dict[str, Any] = {"name": "tiny", "platform": "android", "precision": "fp32"}
    if accelerator:
        facts["device"] = {"name": "Phone", "os": "Android 16"}
    shown = writing.drawn(evaluation, wrapper, (case for case, _ in recorded(cases, spec)), spec)
    named = lambda names: ((case, x) for case, x in recorded(cases, spec) if case.name in names)  # noqa: E731
    return evaluation, writing.write(folder, evaluation, spec, facts, named, run, shipped=shown)
