"""Do manifest and report tell what is measured now?"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.contract import recipe
from posekit.contract.outputs import Run
from posekit.contract.precisions import TFLITE
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.parity.budget import parse_budget
from posekit.parity.cases import MAX_RECORDED, outputs_sha256
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import ACCURACY_GATES, ENOUGH_PEOPLE, Check, Outcome
from posekit.pipelines.consistency import claims
from posekit.pipelines.consistency.evidence import Recordings
from posekit.pipelines.consistency.finding import differing, judged
from posekit.pipelines.consistency.signature import signature_of
from posekit.pipelines.consistency.slack import Slack
from posekit.report import document as report
from posekit.report import writing
from posekit.report.document import as_json
from posekit.report.facts import ReportFacts
from posekit.runtimes.mlpackage import read_specification
from posekit.targets import file_bytes, lint
from posekit.targets.coreml import target as coreml
from posekit.targets.litert import tflite_file

MANIFEST_KEYS = frozenset(
    ["schema", "posekit", "name", "version", "license", "platform", "precision", "status", "verdict", "contract_sha256",
     "source", "evaluated_on", "tools", "files"]
)  # fmt: skip
# of report.json: what is no fact, but comes of the evaluation
EVALUATED = frozenset([*(field.name for field in dataclasses.fields(Evaluation)), "verdict", "blamed", "pictured"])
SHARED = ("conversion", "precision")  # the steps that a file at fp32 tells apart
BELIEVED = (
    "source.file, source.facts, tools, route, rewrites, notes, calibration, doubt, untried and what the training "
    "code's predictions or a "
    "wrapper's run gave cannot be known from the bundle"
)


@dataclass(frozen=True, slots=True)
class BundleReport:
    """The bundle's own report: the document, its facts, its evaluation."""

    document: Mapping[str, Any]
    facts: ReportFacts
    evaluation: Evaluation


def checks(
    opened: bundle.Bundle, told: BundleReport, evidence: Recordings, now: Evaluation, run: Run
) -> tuple[Check, ...]:
    """Facts, figures and pages of the bundle's report against the bundle and `now`, what its model gave here."""
    facts = [*_manifest(opened, told), *_facts(opened, told)]
    alike = _computes_alike(evidence, run)
    figures, how = _figures(told, opened.spec, evidence, now, alike)
    return (
        judged("manifest and report tell the facts of the bundle", facts, BELIEVED),
        judged("the report's figures are those measured now", figures, how),
        judged(
            "the report's pages are made of its figures", list(_pages(opened, told, evidence, run, alike)), "made again"
        ),
    )


def _manifest(opened: bundle.Bundle, told: BundleReport) -> Iterator[str]:
    manifest, spec, document = opened.manifest, opened.spec, told.document
    yield from (f"the manifest has an unknown {key!r}" for key in sorted(set(manifest) - MANIFEST_KEYS))
    yield from (f"the manifest lacks {key!r}" for key in sorted(MANIFEST_KEYS - set(manifest)))
    for key in ("name", "version", "license"):
        yield from differing(f"the manifest's {key}", manifest.get(key), getattr(spec, key))
    for key in ("platform", "precision", "status", "verdict", "contract_sha256", "evaluated_on", "tools"):
        yield from differing(f"the manifest's {key}", manifest.get(key), document.get(key))
    unknown = set(document) - EVALUATED - ReportFacts.model_fields.keys()
    yield from (f"the report has an unknown {key!r}" for key in sorted(unknown))
    source = document.get("source")
    of_source = {key: source.get(key) for key in ("form", "sha256")} if isinstance(source, dict) else None
    yield from differing("the manifest's source", manifest.get("source"), of_source)


def _facts(opened: bundle.Bundle, told: BundleReport) -> Iterator[str]:
    path, spec, document = opened.model_path, opened.spec, told.document
    expected = {
        "name": spec.name, "version": spec.version, "platform": opened.platform, "contract_sha256": contract_hash(spec),
        "model_file": path.name, "model_bytes": file_bytes(path), "model_sha256": bundle.file_hash(path),
        "evidence_sha256": bundle.file_hash(opened.folder / bundle.EVALUATION),
        "op_counts": _op_counts(opened.platform, path),
        "minimum_system": signature_of(opened.platform, path).minimum_system,
        "lint": lint.lint(opened.platform, path), "verdict": report.verdict(told.evaluation),
        "blamed": list(told.evaluation.blamed),
    }  # fmt: skip
    for key, value in expected.items():
        yield from differing(f"the report's {key}", document.get(key), value)
    if not re.fullmatch(claims.EVALUATED_ON, told.facts.evaluated_on):
        yield f"the report is of {told.facts.evaluated_on!r}, which package does not say of pictures"
    images = re.match(r"(\d+)(?: of \d+)? pictures given", told.facts.evaluated_on)
    if images and told.evaluation.status != "UNVERIFIED" and int(images[1]) != told.evaluation.images:
        yield f"the report is of {told.facts.evaluated_on!r}, and of {told.evaluation.images} images"


def _op_counts(platform: str, path: Path) -> dict[str, int]:
    return (
        tflite_file.op_counts(path.read_bytes()) if platform in TFLITE else coreml.op_counts(read_specification(path))
    )


def shares(
    name: str, opened: bundle.Bundle, told: BundleReport, evidence: Recordings, run: Run, baseline: Run
) -> Check:
    """Whether the steps of conversion and precision are those measured now; baseline: the same model at fp32."""
    then, recorded = told.evaluation, len(evidence.index.cases)
    if then.cases != recorded:
        return Check(name, Outcome.SKIPPED, f"{recorded} of {then.cases} cases are in the bundle")
    if then.status == "UNVERIFIED":
        return Check(name, Outcome.SKIPPED, "nothing ran the model when it was packaged")
    made = recipe.read(opened.folder / recipe.FILE)
    now = evaluate(
        evidence.cases,
        opened.spec,
        Runs(run, then.status, then.runtime, baseline),
        Terms(made.name, parse_budget(made.budget) if made.budget else None),
    )
    slack = Slack(_computes_alike(evidence, run), same_runtime=True)
    seen, expected = ({step["name"]: step for step in as_json(one, {})["steps"]} for one in (then, now))
    problems = [one for key in SHARED for one in slack.differing(seen.get(key), expected.get(key), key)]
    if slack.is_exact:
        pairs = zip(claims.of_float_graph(then), claims.of_float_graph(now), strict=False)
        problems += [one for a, b in pairs for one in differing(f"the check {a.name!r}", a.detail, b.detail)]
    return judged(name, problems, "measured again on the recorded cases")


def _computes_alike(evidence: Recordings, run: Run) -> bool:
    """Whether this machine gives the packaged model's outputs of then, to the last bit."""
    pairs = zip(evidence.index.cases, evidence.cases, strict=True)
    return all(entry.packaged_sha256 == outputs_sha256(run(case.pixels)) for entry, (case, _) in pairs)


def _figures(
    told: BundleReport, spec: PoseSpec, evidence: Recordings, now: Evaluation, alike: bool
) -> tuple[list[str], str]:
    then, recorded = told.evaluation, len(evidence.index.cases)
    if then.status == "UNVERIFIED":
        problems = [] if then.cases == then.images == 0 and then.total.keypoints is None else ["figures of nothing"]
        return problems, "it has none: nothing ran the model when it was packaged"
    problems = [*_held(then), *claims.ran(told.facts.platform, then)]
    problems += differing("the number of recorded cases", recorded, min(then.cases, MAX_RECORDED))
    same_runtime = then.runtime.partition(";")[0] == now.runtime.partition(";")[0]
    if same_runtime:
        problems += differing("the report's status", then.status, now.status)
    slack = Slack(alike, same_runtime)
    seen, expected = as_json(then, {}), as_json(now, {})
    problems += claims.of_conversion(told.facts.precision, then, spec)
    problems += claims.of_checks(seen, expected, slack, is_complete=then.cases == recorded)
    ran_wrapper = any(one.name == "preprocessing" and one.keypoints is not None for one in then.steps)
    if then.cases > recorded:
        problems += () if ran_wrapper else _bounds(then, now)  # a wrapper's run is of the recorded cases alone
        return (
            problems,
            f"{recorded} of {then.cases} cases are in the bundle: the other figures are bounded by theirs alone",
        )
    problems += differing("the report's number of cases", then.cases, now.cases)
    problems += differing("the report's number of images", then.images, now.images)
    problems += _compared(told, seen, expected, slack, ran_wrapper=ran_wrapper)
    how = (
        "to the last digit"
        if alike
        else "within what another processor or runtime gives; distances, which a near tie moves, as they are"
    )
    return problems, f"{how}{'; the total is of a run of the wrapper (--wrapper)' if ran_wrapper else ''}"


def _compared(
    told: BundleReport, seen: Mapping[str, Any], expected: Mapping[str, Any], slack: Slack, *, ran_wrapper: bool
) -> list[str]:
    """Where the figures of a report of all recorded cases differ from those of now."""
    total_is_of_model = not ran_wrapper
    worst = ["worst"] if slack.is_exact and total_is_of_model else []
    comparable = ["accuracy", *(["total", "of_detector"] if total_is_of_model else []), *worst]
    problems = [one for key in comparable for one in slack.differing(seen[key], expected[key], key)]
    conversion = next((one for one in expected["steps"] if one["name"] == "conversion"), None)
    for step in seen["steps"]:
        if step["name"] == "conversion" and told.facts.precision == "fp32" and conversion is not None:
            problems += slack.differing(step, conversion, "conversion")
    same_total = not Slack(True, True).differing(seen["total"], expected["total"], "")
    if not slack.is_exact and slack.same_runtime and total_is_of_model and same_total:
        problems.append("packaged_sha256 of a case is not of the outputs that all figures are of")
    return problems


def _held(then: Evaluation) -> Iterator[str]:
    """Accuracy that held is a gate that passed, of enough people."""
    gates = [check for check in then.checks if check.name in ACCURACY_GATES]
    people = min((one.people for one in then.accuracy.values()), default=0)
    held = people >= ENOUGH_PEOPLE and bool(gates) and all(check.outcome is Outcome.PASS for check in gates)
    yield from differing("the report's accuracy_held", then.accuracy_held, held)


def _bounds(then: Evaluation, now: Evaluation) -> Iterator[str]:
    """What figures of more cases cannot be, given those of some."""
    whole, part = then.total.keypoints, now.total.keypoints
    if whole is None or part is None:
        return
    room = 1 + 1e-6
    for name in ("max_px", "worst_case_p95_px", "score_error"):
        if getattr(whole, name) * room + 1e-6 < getattr(part, name):
            yield (
                f"the report's {name} is {getattr(whole, name):.6g}, the recorded cases alone give "
                f"{getattr(part, name):.6g}"
            )
    if whole.min_oks > part.min_oks + 1e-6:
        yield f"the report's min_oks is {whole.min_oks:.6g}, the recorded cases alone give {part.min_oks:.6g}"
    order = (whole.mean_px, whole.p95_px, whole.p99_px, whole.max_px)
    if not (order[0] <= order[3] and order[1] <= order[2] <= order[3] and whole.min_oks <= whole.oks <= 1):
        yield "the report's figures contradict each other"
    yield from differing("the number of instances", whole.instances, then.cases)
    for seen, least in zip(then.total.tensors, now.total.tensors, strict=False):
        if seen.max_abs * room < least.max_abs or seen.snr_db > least.snr_db + 1e-6:
            yield f"the report's figures of {seen.name} are better than those of the recorded cases"


def _pages(opened: bundle.Bundle, told: BundleReport, evidence: Recordings, run: Run, alike: bool) -> Iterator[str]:
    """junit.xml and index.html as they come of report.json; the pictures where they can be drawn again."""
    then = told.evaluation
    recorded = {case.name for case, _ in evidence.cases}
    pictured = told.document.get("pictured") == writing.PACKAGED
    redrawn = pictured and alike and {one.case for one in then.worst} <= recorded
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / bundle.REPORT
        facts = {key: value for key, value in told.document.items() if key not in EVALUATED}
        writing.write(
            folder, then, opened.spec, facts,
            lambda names: (one for one in evidence.cases if one[0].name in names), run,
        )  # fmt: skip
        for name in (report.FILE, report.JUNIT, report.PAGE):
            ours, theirs = (_read(where / name) for where in (folder, opened.folder / bundle.REPORT))
            if name == report.FILE and not pictured:
                continue
            if name == report.PAGE and not redrawn:
                ours, theirs = _without_pictures(ours), _without_pictures(theirs)
            if ours != theirs:
                yield f"{name} is not made of the report's figures"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _without_pictures(page: str) -> str:
    page = re.sub(r'<section id="pictures".*?</section>', "", page, flags=re.DOTALL)
    page = re.sub(r"<li><a href=\"#pictures\">.*?</a></li>", "", page)
    return re.sub(r"<figure>.*?</figure>", "", page, flags=re.DOTALL)
