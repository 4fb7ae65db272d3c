"""What the command line prints: tables to look at, JSON to read, errors in one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from posekit import jsontext
from posekit.errors import InputError, PosekitError

if TYPE_CHECKING:
    from posekit.bisection import Bisection
    from posekit.checking import Checked
    from posekit.images import Picture
    from posekit.parity.evaluate import Evaluation
    from posekit.pipeline import Packaged
    from posekit.poses import Poses
    from posekit.spec import PoseSpec
    from posekit.validation import Validated

COLUMNS = ("stage", "mean px", "p95 px", "largest px", "OKS", "tensors")


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A callback for the name of each step: a spinner on a terminal, nothing elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    # a duplicate, because converters' chatter is captured by moving descriptor 2 away
    with os.fdopen(os.dup(2), "w") as stream:
        bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(file=stream), transient=True)  # fmt: skip
        with bar:
            task = bar.add_task("start")
            yield lambda name: bar.reset(task, description=name)


def warn(text: str) -> None:
    """A warning on standard error."""
    sys.stderr.write(f"warning: {text}\n")


def show_error(error: PosekitError, as_json: bool) -> None:
    """The error's sentence and hint; as JSON on standard output where that was asked for."""
    step = f"{error.step}: " if error.step else ""
    if as_json:
        _print_json({"error": error.message, "hint": error.hint, "step": error.step, "exit_code": error.exit_code})
    sys.stderr.write(f"error: {step}{error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def show_fault(sentence: str, as_json: bool) -> None:
    """An error that posekit did not foresee, before its traceback."""
    if as_json:
        _print_json({"error": sentence, "hint": "this is a fault of posekit", "step": "", "exit_code": 70})
    sys.stderr.write(f"error: a fault of posekit, please report it: {sentence}\n")


def show_packages(results: Sequence[Packaged], as_json: bool) -> None:
    """Bundles, their parity tables and where they are."""
    for result in results[:1]:
        if result.report["doubt"]:
            warn(f"the contract may be wrong: {result.report['doubt']}; see posekit check")
    if as_json:
        _print_json({"bundles": [{"folder": str(r.folder), **r.report} for r in results]})
        return
    for result in results:
        _table(f"{result.report['name']} on {result.platform}, {result.report['precision']}", result.evaluation)
        if result.evaluation.cases:
            _out(f"  measured on {result.report['evaluated_on']}")
        if result.report["contract_matched"]:
            _out(f"  the training code's predictions: {result.report['contract_matched']}")
        for fact, value in result.report["source"]["facts"].items():
            _out(f"  the file says {fact}: {_in_words(value)}")
        for note in result.report["notes"]:
            _out(f"  note: {note}")
        _out(f"  {result.report['verdict']}: {result.folder}")
        _out(f"  look at {result.folder / 'report' / 'index.html'}")
        if {"conversion", "precision"} & set(result.evaluation.blamed):
            _out(f"  try: posekit bisect {result.folder}")


def show_validation(result: Validated, report_folder: Path | None, as_json: bool) -> None:
    """The verdict on a bundle."""
    from posekit.parity import report

    bundle, evaluation = result.bundle, result.evaluation
    facts = {"folder": str(bundle.folder), "name": bundle.spec.name, "platform": bundle.platform, **result.facts}
    if as_json:
        _print_json(report.as_json(evaluation, facts))
        return
    _table(f"{bundle.spec.name} on {bundle.platform}, {bundle.manifest['precision']}", evaluation)
    if evaluation.cases:
        _out(f"  measured on the bundle's own cases: {bundle.manifest.get('evaluated_on', 'unknown')}")
    for one in result.facts.get("passes", ()):
        _out(f"  {_pass_in_words(one)}")
    _out(f"  {report.verdict(evaluation)}: {bundle.folder}")
    if report_folder is not None:
        _out(f"  look at {report_folder / 'index.html'}")


def show_check(found: Checked, spec: PoseSpec, as_json: bool) -> None:
    """What looks wrong in a contract, with the evidence."""
    if as_json:
        contract = None if found.contract is None else dataclasses.asdict(found.contract)
        facts = {"name": spec.name, "is_good": found.is_good, "is_judged": found.is_judged}
        _print_json({**facts, **found.check.as_json(), "contract": contract})
        return
    _out(f"{spec.name}: looked at {found.check.looked_at}{'' if found.check.has_labels else ', without labels'}")
    for field in found.check.fields:
        _out(f"  {field.sentence}")
    if found.contract is not None:
        _out(f"  against the training code ({found.contract.how}):")
        for check in found.contract.checks:
            _out(f"    {check.outcome}: {check.name}: {check.detail}")
    judged = f"{len(found.check.judged)} of {len(found.check.fields)} fields"
    if not found.is_judged:
        _out(f"  nothing could be judged: {judged}")
    else:
        _out(f"  nothing looks wrong; {judged} could be judged" if found.is_good else "  the spec is left as it is")


def show_bisection(found: Bisection, as_json: bool) -> None:
    """The op that parts ways with the network, its values and a remedy."""
    part, agreed = found.comparison.parting, found.comparison.agreed
    if as_json:
        _print_json(found.as_json())
        return
    _out(f"{found.bundle.spec.name} on {found.bundle.platform}, {found.bundle.manifest['precision']}: "
         f"{len(found.comparison.ops)} operations, {found.case}, {found.runtime}")  # fmt: skip
    if part is None:
        _show_agreement(found)
    else:
        for name, op in (("last that agrees", agreed), ("first that does not", part)):
            if op is not None:
                shape = " x ".join(map(str, op.shape))
                _out(f"  {name}: {op.name}, {op.op} {op.dtype} {shape}, {op.lowest:.4g} to {op.highest:.4g}, "
                     f"relative error {op.error:.2g}")  # fmt: skip
        if part.nearest is not None:
            layer = f", layer {part.nearest.layer}" if part.nearest.layer else ""
            _out(
                f"  in the network: {part.nearest.name}{layer}, {part.nearest.lowest:.4g} to {part.nearest.highest:.4g}"
            )
        if part.not_finite:
            _out(f"  {part.not_finite} of its values are not finite")
        _out(f"  try: {found.remedy}")
    if found.beyond_fp16:
        names = ", ".join(f"{op.name} ({op.op})" for op in found.beyond_fp16[:5])
        _out(f"  beyond 65504, which 16-bit arithmetic does not hold: {names}")


def _show_agreement(found: Bisection) -> None:
    """How many operations agree, how many are only vouched for, and which could not be judged."""
    ops = found.comparison.ops
    agreeing, cleared, unclear = ([op for op in ops if op.verdict == one] for one in ("agrees", "cleared", "unclear"))
    _out(f"  no operation parts ways: {len(agreeing)} agree with the network, within a relative RMS error of "
         f"{found.tolerance:g}; {len(cleared)} have no counterpart in it, but feed one that agrees")  # fmt: skip
    if unclear:
        more = " and more" if len(unclear) > 5 else ""
        names = ", ".join(f"{op.name} ({op.op})" for op in unclear[:5])
        _out(f"  {len(unclear)} could not be judged: {names}{more}")
    worst = max(agreeing, key=lambda op: op.error, default=None)
    if worst is not None:
        _out(f"  the largest error is {worst.error:.2g}, at {worst.name} ({worst.op})")


def _pass_in_words(one: dict[str, Any]) -> str:
    """`gpu: ran on gpu, inference 3.1 ms (p90 3.4)`."""
    ran = f"ran on {one['used']}" if one["used"] else "the device does not say what ran it"
    words = [f"{one['requested']}: {one['failure'] or one['fallback_reason'] or ran}"]
    if one["detail"]:
        words.append(one["detail"])
    for name, latency in (one["latencies"] or {}).items():
        words.append(f"{name} {latency['p50_ms']:.1f} ms (p90 {latency['p90_ms']:.1f})")
    return ", ".join(words)


def show_predictions(
    found: Sequence[tuple[Path, Picture, Poses]], spec: PoseSpec, out: Path | None, as_json: bool
) -> None:
    """Keypoints as a table or JSON; overlays into `out`."""
    from posekit.overlay import overlay

    rows = []
    taken: dict[str, int] = {}
    for path, image, poses in found:
        entry: dict[str, Any] = {"image": str(path), "keypoint_names": list(spec.keypoints.names), "instances": [
            {"keypoints": points.round(3).tolist(), "scores": scores.round(5).tolist()}
            for points, scores in zip(poses.keypoints, poses.scores, strict=True)]}  # fmt: skip
        if out is not None:
            taken[path.stem] = taken.get(path.stem, 0) + 1
            suffix = f"-{taken[path.stem]}" if taken[path.stem] > 1 else ""
            target = out / f"{path.stem}{suffix}.overlay.png"
            try:
                out.mkdir(parents=True, exist_ok=True)
                overlay(image, poses, spec.keypoints.names, spec.keypoints.edges).save(target)
            except OSError as error:
                raise InputError(f"cannot write {target}: {error.strerror or error}") from error
            entry["overlay"] = str(target)
        rows.append(entry)
    if as_json:
        _print_json({"predictions": rows})
        return
    for entry in rows:
        for number, instance in enumerate(entry["instances"]):
            table = Table(
                "keypoint",
                "x px",
                "y px",
                "score",
                title=Text(f"{entry['image']}, person {number}"),
                title_justify="left",
            )
            for name, point, score in zip(spec.keypoints.names, instance["keypoints"], instance["scores"], strict=True):
                table.add_row(Text(name), f"{point[0]:.1f}", f"{point[1]:.1f}", f"{score:.3f}")
            Console().print(table)
        if "overlay" in entry:
            _out(f"overlay: {entry['overlay']}")


def show_facts(facts: dict[str, Any], as_json: bool) -> None:
    """What a file is."""
    from posekit import linting

    if as_json:
        _print_json(facts)
        return
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    contract = facts.get("contract")
    if isinstance(contract, dict):
        facts = {**facts, "contract": f"{contract['name']} {contract['version']}, {contract['kind']}"}
        facts |= {f"contract, {part}": contract[part] for part in ("input", "decoder")}
        facts["contract, keypoints"] = (
            f"{contract['keypoints']['skeleton'] or 'spelled out'}: {len(contract['keypoints']['names'])}"
        )
    if isinstance(found := facts.get("lint"), dict):
        facts = {**facts, "lint": "\n".join([found["linter"], *linting.sentences(found)])}
    for key, value in facts.items():
        table.add_row(key, escape(_in_words(value)))
    Console().print(table)


def show_presets(specs: Sequence[PoseSpec], names: Sequence[str], as_json: bool) -> None:
    """The presets and what they say."""
    if as_json:
        _print_json({"presets": {name: spec.model_dump(mode="json", by_alias=True) for name, spec in zip(names, specs, strict=True)}})  # fmt: skip
        return
    table = Table(Column("preset", no_wrap=True), "input", "decoder", Column("keypoints", no_wrap=True), "crop")
    for name, spec in zip(names, specs, strict=True):
        width, height = spec.input.size_wh
        crop = f"{spec.input.resize}, {spec.input.alignment}"
        table.add_row(name, f"{width} x {height}", spec.decoder.kind, spec.keypoints.skeleton, crop)
    Console().print(table)


def show_written(paths: Sequence[Path], folder: Path, as_json: bool) -> None:
    """The files of a sample, and what to do with them."""
    if as_json:
        _print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        _out(str(path))
    _out(f"now: posekit package {folder / 'tinypose.pt2'} --platform all --images {folder / 'images'} "
         f"--annotations {folder / 'annotations.json'}")  # fmt: skip


def parse_box(text: str) -> tuple[float, ...]:
    """x1,y1,x2,y2 as numbers; InputError otherwise."""
    try:
        box = tuple(float(part) for part in text.split(","))
        if len(box) == 4 and -inf < box[0] < box[2] < inf and -inf < box[1] < box[3] < inf:
            return box
    except ValueError:
        pass
    raise InputError(f"--box is {text!r}, expected x1,y1,x2,y2 in px with x1 < x2 and y1 < y2")


def _table(title: str, evaluation: Evaluation) -> None:
    from posekit.parity import report
    from posekit.parity.gate import Outcome

    shown = Text(f"{title}: {evaluation.status} ({evaluation.runtime}), {evaluation.cases} cases")
    table = Table(*COLUMNS, title=shown, title_justify="left")
    rows = report.stage_rows(evaluation)
    for row in rows:
        table.add_row(*map(Text, row if row[1] != "SKIPPED" else (row[0], "SKIPPED", "", "", "", "")))
    Console().print(table)
    for reason in dict.fromkeys(row[5] for row in rows if row[1] == "SKIPPED"):
        skipped = ", ".join(row[0] for row in rows if row[1] == "SKIPPED" and row[5] == reason)
        _out(f"  SKIPPED {skipped}: {reason}")
    if evaluation.blamed:
        _out(f"  the error comes from: {', '.join(evaluation.blamed)}")
    for side, value in evaluation.accuracy.items():
        _out(
            f"  {side}: COCO AP (boxes given) {value.ap:.4f}, PCK@0.1 {value.pck:.4f} of {value.people} annotated people"
        )
    for check in evaluation.checks:
        if check.outcome is Outcome.FAIL:
            _out(f"  FAILED {check.name}: {check.detail}")
        elif check.outcome is Outcome.SKIPPED:
            _out(f"  SKIPPED {check.name}: {check.detail}")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(item)}" for key, item in value.items() if item is not None)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(value: Any) -> None:
    _out(json.dumps(jsontext.plain(value), indent=1, sort_keys=True, default=str, allow_nan=False))
