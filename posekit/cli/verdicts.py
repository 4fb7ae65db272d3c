"""What the command line prints of evidence: parity tables, what looks wrong, where a model parts ways."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from posekit.cli.console import in_words, out_line, print_json, warn
from posekit.progress import TOLD_AT_ONCE

if TYPE_CHECKING:
    from posekit.compression.ladder import Ladder, Rung
    from posekit.compression.network import Compressed
    from posekit.contract.spec import PoseSpec
    from posekit.parity.evaluation import Evaluation
    from posekit.pipelines.bisect import Bisection
    from posekit.pipelines.bundling import Packaged
    from posekit.pipelines.check import Checked
    from posekit.pipelines.validate import Validated

MOST_REASONS = 3
NOT_FASTER = 0.95  # of the time of fp32: closer is not told from it
LADDER_COLUMNS = ("precision", "kB", "size", "time", "OKS", "worst", "px", "p95", "AP", "PCK")
COLUMNS = ("step", "mean px", "p95 px", "largest px", "OKS", "tensors")


def show_packages(results: Sequence[Packaged], as_json: bool) -> None:
    """Bundles, their parity tables and where they are."""
    for warning in dict.fromkeys(one for r in results for one in (r.report["calibration"] or {}).get("warnings", ())):
        warn(warning)
    for result in results[:1]:
        if result.report["doubt"]:
            warn(f"the contract may be wrong: {result.report['doubt']}; see posekit check")
    if as_json:
        print_json({"bundles": [{"folder": str(r.folder), "time_ratio": r.time_ratio, **r.report} for r in results]})
        return
    for result in results:
        _table(f"{result.report['name']} on {result.platform}, {result.report['precision']}", result.evaluation)
        if result.evaluation.cases:
            out_line(f"  measured on {result.report['evaluated_on']}")
        if result.report["contract_matched"]:
            out_line(f"  the training code's predictions: {result.report['contract_matched']}")
        for fact, value in result.report["source"]["facts"].items():
            if fact not in TOLD_AT_ONCE:
                out_line(f"  the file says {fact}: {in_words(value)}")
        if result.report["untried"]:
            out_line(f"  the contract: {result.report['untried']}; posekit check takes longer")
        for note in result.report["notes"]:
            out_line(f"  note: {note}")
        if result.time_ratio is not None and result.time_ratio > NOT_FASTER:
            precision = result.report["precision"]
            out_line(f"  {precision} is not faster than fp32 on this machine: {result.time_ratio:.2f} of its time")
        for line in _compression_in_words(result.report):
            out_line(f"  {line}")
        out_line(f"  {result.report['verdict']}: {result.folder}")
        out_line(f"  look at {result.folder / 'report' / 'index.html'}")
        blamed = set(result.evaluation.blamed)
        if "conversion" in blamed or ("precision" in blamed and not result.evaluation.is_good):
            out_line(f"  try: posekit bisect {result.folder}")


def _compression_in_words(report: dict[str, Any]) -> list[str]:
    """What was done to how many layers (one in several parts counts once), why to some not what was asked for, and what
    the search found."""
    from posekit.report.facts import kind_of

    kinds: dict[str, set[str]] = {}
    reasons: dict[str, int] = {}
    for layer in report["layers"]:
        kind = f"{kind_of(layer['stored'])}, computed in {layer['activations']}"
        kinds.setdefault(kind, set()).add(layer["name"])
        if layer["why"]:
            reasons[layer["why"]] = reasons.get(layer["why"], 0) + 1
    lines = [f"layers: {'; '.join(f'{len(names)} in {kind}' for kind, names in kinds.items())}"] if len(kinds) else []
    name = "the recipe" if report["precision"] == "auto" else report["precision"]
    lines += [f"{count} of them not as {name} says: {why}" for why, count in list(reasons.items())[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        lines.append(f"{sum(list(reasons.values())[MOST_REASONS:])} more, each with its reason in the report")
    if report["minimum_system"]:
        lines.append(f"needs iOS {report['minimum_system']} or later")
    lines += [
        f"{check['name']}: {check['detail']}" for check in report["checks"] if check["name"].startswith("budget ")
    ]
    return lines


def show_ladders(found: Sequence[Ladder], folder: Path | None, as_json: bool) -> None:
    """One table a platform, and which precision to take."""
    if as_json:
        print_json({"ladders": [one.as_json() for one in found]})
        return
    for one in found:
        for warning in (one.calibration or {}).get("warnings", ()):
            warn(warning)
        status = next((rung.status for rung in one.rungs if rung.quality is not None), "UNVERIFIED")
        title = Text(f"{one.name} on {one.platform}: {status} ({one.runtime}), {one.people} people or frames")
        table = Table(*LADDER_COLUMNS, title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for rung in one.rungs:
            table.add_row(*map(Text, _rung_in_words(rung)))
        Console().print(table)
        out_line(f"  measured on {one.evaluated_on}; size and time: of fp32's")
        for rung in one.rungs:
            for reason in rung.failed:
                out_line(f"  {rung.precision} {'SKIPPED' if rung.status == 'SKIPPED' else 'FAILED'}: {reason}")
        if one.untimed:
            out_line(f"  SKIPPED time: {one.untimed}")
        if slow := [rung.precision for rung in one.rungs if rung.is_slower]:
            out_line(f"  slower than fp32 on this machine: {', '.join(slow)}")
        out_line(f"  take {one.recommended}: {one.why}" if one.recommended else f"  nothing to recommend: {one.why}")
    if folder is not None:
        out_line(f"  look at {folder / 'index.html'}")


def _rung_in_words(rung: Rung) -> list[str]:
    quality = rung.quality
    if quality is None and not rung.size:
        return [rung.precision, rung.status, *[""] * (len(LADDER_COLUMNS) - 2)]
    ratios = ["" if value is None else f"{value:.2f}" for value in (rung.ratio, rung.time_ratio)]
    made = [f"{rung.precision}{' *' if rung.failed else ''}", f"{rung.size / 1000:,.0f}", *ratios]
    if quality is None:
        return [*made, *[""] * (len(LADDER_COLUMNS) - len(made))]
    labelled = ["" if value is None else f"{value:.3f}" for value in (quality.ap, quality.pck)]
    return [
        *made, f"{quality.oks:.4f}", f"{quality.worst_oks:.4f}", f"{quality.mean_px:.3f}", f"{quality.p95_px:.2f}",
        *labelled,
    ]  # fmt: skip


def show_compressed(made: Compressed, as_json: bool) -> None:
    """How much smaller a network became, what that cost, and what was done to which layer."""
    if as_json:
        print_json({"folder": str(made.folder), **made.as_json()})
        return
    before, after = made.before, made.after
    out_line(f"{made.ratio:.2f} times fewer multiply-adds: {before.multiply_adds / 1e6:,.1f} to "
         f"{after.multiply_adds / 1e6:,.1f} million for one input")  # fmt: skip
    zeros = f", {after.zeros / max(after.parameters, 1):.0%} of them zero" if after.zeros else ""
    out_line(
        f"  {before.parameters:,} to {after.parameters:,} parameters{zeros}; {before.bytes / 1000:,.0f} to "
        f"{after.bytes / 1000:,.0f} kB"
    )
    other = "teacher" if made.teacher_sha256 else "original"
    for name, found in (("before the recovery", made.unrecovered), ("after it", made.recovered)):
        if found is not None:
            away = "" if math.isnan(found.mean_px) else f", {found.mean_px:.3f} px (p95 {found.p95_px:.2f})"
            lost = f", of whom {found.lost} are missed or invented" if found.lost else ""
            out_line(f"  {name}: OKS {found.oks:.4f}{away} against the {other}, {found.people} people{lost}")
    left: dict[str, int] = {}
    for change in made.changes:
        if change.left:
            left[change.left] = left.get(change.left, 0) + 1
    done = [change for change in made.changes if not change.left]
    out_line(f"  {len(done)} layers or chains of layers changed; {made.folder / 'compress.json'} has each")
    for reason, count in left.items():
        out_line(f"  left as they are: {count}, {reason}")
    for note in made.notes:
        out_line(f"  note: {note}")
    out_line(f"  now: posekit package {made.model} --platform all")


def show_validation(result: Validated, report_folder: Path | None, request_folder: Path | None, as_json: bool) -> None:
    """The verdict on a bundle, and where a report of it and a request for a device were written."""
    from posekit.report import document

    bundle, evaluation = result.bundle, result.evaluation
    facts = {"folder": str(bundle.folder), "name": bundle.spec.name, "platform": bundle.platform, **result.facts}
    for warning in result.facts.get("warnings", ()):
        warn(warning)
    if as_json:
        print_json(document.as_json(evaluation, facts))
        return
    _table(f"{bundle.spec.name} on {bundle.platform}, {bundle.manifest['precision']}", evaluation)
    if evaluation.cases:
        out_line(f"  measured on the bundle's own cases: {bundle.manifest.get('evaluated_on', 'unknown')}")
    for one in result.facts.get("passes", ()):
        out_line(f"  {_pass_in_words(one)}")
    out_line(f"  {document.verdict(evaluation)}: {bundle.folder}")
    if request_folder is not None:
        out_line(f"  for a device to run: {request_folder}; then --device-run with its answer")
    if report_folder is not None:
        out_line(f"  look at {report_folder / 'index.html'}")


def show_check(found: Checked, spec: PoseSpec, warnings: Sequence[str], as_json: bool) -> None:
    """What looks wrong in a contract, with the evidence; warnings: of the pictures."""
    if as_json:
        contract = None if found.contract is None else dataclasses.asdict(found.contract)
        facts = {"name": spec.name, "is_good": found.is_good, "is_judged": found.is_judged, "warnings": warnings}
        print_json({**facts, **found.check.as_json(), "contract": contract})
        return
    out_line(f"{spec.name}: looked at {found.check.looked_at}{'' if found.check.has_labels else ', without labels'}")
    for field in found.check.fields:
        out_line(f"  {field.sentence}")
    if found.contract is not None:
        out_line(f"  against the training code ({found.contract.how}):")
        for check in found.contract.checks:
            out_line(f"    {check.outcome}: {check.name}: {check.detail}")
    judged = f"{len(found.check.judged)} of {len(found.check.fields)} fields"
    if not found.is_judged:
        out_line(f"  nothing could be judged: {judged}")
    else:
        out_line(f"  nothing looks wrong; {judged} could be judged" if found.is_good else "  the spec is left as it is")


def show_bisection(found: Bisection, as_json: bool) -> None:
    """The op that parts ways with the network, its values and a remedy."""
    part, agreed = found.comparison.parting, found.comparison.agreed
    if as_json:
        print_json(found.as_json())
        return
    out_line(f"{found.bundle.spec.name} on {found.bundle.platform}, {found.bundle.manifest['precision']}: "
         f"{len(found.comparison.ops)} operations, {found.case}, {found.runtime}")  # fmt: skip
    if part is None:
        _show_agreement(found)
    else:
        for name, op in (("last that agrees", agreed), ("first that does not", part)):
            if op is not None:
                shape = " x ".join(map(str, op.shape))
                out_line(f"  {name}: {op.name}, {op.op} {op.dtype} {shape}, {op.lowest:.4g} to {op.highest:.4g}, "
                     f"relative error {op.error:.2g}")  # fmt: skip
        if part.nearest is not None:
            layer = f", layer {part.nearest.layer}" if part.nearest.layer else ""
            out_line(
                f"  in the network: {part.nearest.name}{layer}, {part.nearest.lowest:.4g} to {part.nearest.highest:.4g}"
            )
        if part.not_finite:
            out_line(f"  {part.not_finite} of its values are not finite")
        out_line(f"  try: {found.remedy}")
    if found.beyond_fp16:
        names = ", ".join(f"{op.name} ({op.op})" for op in found.beyond_fp16[:5])
        out_line(f"  beyond 65504, which 16-bit arithmetic does not hold: {names}")


def _show_agreement(found: Bisection) -> None:
    """How many operations agree, how many are only vouched for, and which could not be judged."""
    ops = found.comparison.ops
    agreeing, cleared, unclear = ([op for op in ops if op.verdict == one] for one in ("agrees", "cleared", "unclear"))
    out_line(f"  no operation parts ways: {len(agreeing)} agree with the network, within a relative RMS error of "
         f"{found.tolerance:g}; {len(cleared)} have no counterpart in it, but feed one that agrees")  # fmt: skip
    if unclear:
        more = " and more" if len(unclear) > 5 else ""
        names = ", ".join(f"{op.name} ({op.op})" for op in unclear[:5])
        out_line(f"  {len(unclear)} could not be judged: {names}{more}")
    worst = max(agreeing, key=lambda op: op.error, default=None)
    if worst is not None:
        out_line(f"  the largest error is {worst.error:.2g}, at {worst.name} ({worst.op})")


def _pass_in_words(one: dict[str, Any]) -> str:
    """`gpu: ran on gpu, inference 3.1 ms (p90 3.4)`."""
    ran = f"ran on {one['used']}" if one["used"] else "the device does not say what ran it"
    words = [f"{one['requested']}: {one['failure'] or one['fallback_reason'] or ran}"]
    if one["detail"]:
        words.append(one["detail"])
    for name, latency in (one["latencies"] or {}).items():
        words.append(f"{name} {latency['p50_ms']:.1f} ms (p90 {latency['p90_ms']:.1f})")
    return ", ".join(words)


def _table(title: str, evaluation: Evaluation) -> None:
    from posekit.parity.gate import Outcome
    from posekit.report import document

    shown = Text(f"{title}: {evaluation.status} ({evaluation.runtime}), {evaluation.cases} cases")
    table = Table(*COLUMNS, title=shown, title_justify="left")
    rows = document.step_rows(evaluation)
    for row in rows:
        table.add_row(*map(Text, row if row[1] != "SKIPPED" else (row[0], "SKIPPED", "", "", "", "")))
    Console().print(table)
    for reason in dict.fromkeys(row[5] for row in rows if row[1] == "SKIPPED"):
        skipped = ", ".join(row[0] for row in rows if row[1] == "SKIPPED" and row[5] == reason)
        out_line(f"  SKIPPED {skipped}: {reason}")
    if (people := evaluation.total.people) is not None:
        lost = f"{len(people.missed)} missed, {len(people.invented)} invented"
        barely = f", {people.barely} barely on one side of a threshold" if people.barely else ""
        out_line(f"  people: {people.reference} of the reference, {people.seen} seen; {lost}{barely}")
    for dense in evaluation.total.dense:
        out_line(f"  {dense.name}: {dense.agreement:.4f} of {dense.cells} cells agree")
    if evaluation.blamed:
        out_line(f"  the error comes from: {', '.join(evaluation.blamed)}")
    for side, value in evaluation.accuracy.items():
        ap = "SKIPPED" if value.ap is None else f"{value.ap:.4f}"
        boxes = "boxes given" if value.boxes == "given" else "its own boxes"
        out_line(f"  {side}: COCO AP ({boxes}) {ap}, PCK@0.1 {value.pck:.4f} of {value.people} annotated people")
    for check in evaluation.checks:
        if check.outcome is Outcome.FAIL:
            out_line(f"  FAILED {check.name}: {check.detail}")
        elif check.outcome is Outcome.SKIPPED:
            out_line(f"  SKIPPED {check.name}: {check.detail}")
        elif check.name.endswith(("near ties", "last digits", "16-bit arithmetic")):
            out_line(f"  {check.name}: {check.detail}")
