"""What the report's page tells, in the order in which it is asked: what holds, where the error is, what was not run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from posekit.decoder_specs import tuple_of_list
from posekit.errors import InputError
from posekit.parity.evaluate import BLAMED_FROM_PX, Evaluation
from posekit.parity.gate import Check, Outcome
from posekit.parity.stages import Stage
from posekit.spec_errors import sentence

LOWEST_PX, HIGHEST_PX = 1e-3, 1e2  # ends of the waterfall's scale
STAGES = {
    "contract": "what the spec says, against the training code's own predictions",
    "preprocessing": "the generated code's way from the picture to the model's input",
    "conversion": "the converted graph at full precision",
    "precision": "what smaller numbers cost",
    "decoding": "the generated code's way from the model's outputs to keypoints",
    "accelerator": "the device's accelerator against the CPU here",
    "total": "all that was run, against the network as it was trained",
}
MODEL, WRAPPER, CONTRACT, DEVICE, GOLDEN = "model file", "wrapper", "contract", "device", "golden vectors"
_WRAPPER_CHECKS = ("every case was run", "the wrapper's input", "from the picture: ",
                   "model file of the wrapper")  # fmt: skip


class _Fact(BaseModel):
    """Facts may come from the report of a bundle that somebody else made."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class SourceFacts(_Fact):
    """The file that was packaged."""

    form: str = "unknown"
    sha256: str = "unknown"
    file: str = "MODEL"
    facts: dict[str, Any] = Field(default_factory=dict)


class LintFinding(_Fact):
    """One operation that a linter speaks of; number: in the order of execution, where it has one."""

    op: str | int
    kind: str
    shapes: str = ""
    rule: str
    remedy: str


class LintFacts(_Fact):
    """What a linter says of the model file."""

    linter: str
    summary: str
    findings: tuple[LintFinding, ...] = ()

    _lists = field_validator("findings", mode="before")(tuple_of_list)

    @property
    def by_rule(self) -> dict[tuple[str, str], list[LintFinding]]:
        """The findings of each rule and remedy, in the order of execution."""
        found: dict[tuple[str, str], list[LintFinding]] = {}
        for one in self.findings:
            found.setdefault((one.rule, one.remedy), []).append(one)
        return found


class DeviceFacts(_Fact):
    """What ran the device's passes."""

    name: str
    os: str
    simulated: bool = False


class LatencyFacts(_Fact):
    """One step's milliseconds."""

    p50_ms: float
    p90_ms: float
    runs: int


class PassFacts(_Fact):
    """One accelerator of a device run."""

    requested: str
    used: str | None = None
    fallback_reason: str | None = None
    thermal_before: str | None = None
    thermal_after: str | None = None
    latencies: dict[str, LatencyFacts] | None = None


class Facts(_Fact):
    """What the report holds beside the evaluation; what an older report lacks is empty.

    model_file, model_sha256: the packaged model. tools: versions by name.
    """

    name: str
    version: str = ""
    platform: str
    precision: str
    contract_sha256: str = "unknown"
    evaluated_on: str = "unknown"
    source: SourceFacts = SourceFacts()
    doubt: str | None = None
    contract_matched: str | None = None
    route: str = "unknown"
    notes: tuple[str, ...] = ()
    op_counts: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    model_bytes: Annotated[int, Field(ge=0)] = 0
    model_file: str = ""
    model_sha256: str = ""
    tools: dict[str, str] = Field(default_factory=dict)
    lint: LintFacts | None = None
    device: DeviceFacts | None = None
    runtime: str = ""
    passes: tuple[PassFacts, ...] = ()

    _lists = field_validator("notes", "passes", mode="before")(tuple_of_list)


def read_facts(facts: Mapping[str, Any]) -> Facts:
    """The facts of a report; InputError names the one that is not what it should be."""
    try:
        return Facts.model_validate(dict(facts))
    except (ValidationError, RecursionError) as error:
        where = "the report's facts"
        told = sentence(error, where)[0] if isinstance(error, ValidationError) else f"{where} are nested too deeply"
        raise InputError(told, "package the model again") from error


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing that ships or proves: its state (`pass`, `fail`, `doubt` or `skipped`), why, and its gates."""

    name: str
    state: str
    sentence: str
    checks: tuple[Check, ...] = ()


def artefacts(evaluation: Evaluation, facts: Facts) -> tuple[Artefact, ...]:
    """What is known of each thing that ships."""
    checks: dict[str, list[Check]] = {name: [] for name in (MODEL, WRAPPER, CONTRACT, DEVICE)}
    for check in evaluation.checks:
        checks[_owner(check)].append(check)
    stages = {stage.name: stage for stage in evaluation.stages}
    wrapper, accelerator = stages.get("decoding"), stages.get("accelerator")
    ran = evaluation.status != "UNVERIFIED"
    return (
        _artefact(MODEL, checks[MODEL], f"{evaluation.status}, {evaluation.runtime}" if ran else ""),
        _artefact(WRAPPER, checks[WRAPPER], _distance(wrapper), _reason(wrapper)),
        _contract(checks[CONTRACT], facts),
        _artefact(DEVICE, checks[DEVICE], _device(facts), _reason(accelerator)),
        Artefact(GOLDEN, "skipped", "they ship with the module, whose own tests hold its code to them; not run here"),
    )


def _owner(check: Check) -> str:
    if check.name.startswith(_WRAPPER_CHECKS):
        return WRAPPER
    if check.name == "the run came to its end" or (check.name.startswith("the ") and check.name.endswith(" ran the model")):  # fmt: skip
        return DEVICE
    return CONTRACT if check.name.startswith("contract") else MODEL


def _artefact(name: str, checks: list[Check], good: str, reason: str = "") -> Artefact:
    failed = [check.name for check in checks if check.outcome is Outcome.FAIL]
    if failed:
        text = f"{len(failed)} of {len(checks)} gates failed: {'; '.join(failed)}"
        return Artefact(name, "fail", text, tuple(checks))
    if good:
        return Artefact(name, "pass", good, tuple(checks))
    skipped = next((check.detail for check in checks if check.outcome is Outcome.SKIPPED), "")
    return Artefact(name, "skipped", reason or skipped or "nothing was measured", tuple(checks))


def _contract(checks: list[Check], facts: Facts) -> Artefact:
    matched = f"agrees with the training code: {facts.contract_matched}" if facts.contract_matched and checks else ""
    found = _artefact(CONTRACT, checks, matched, "not compared with the training code: --reference FILE does that")
    if facts.doubt and found.state != "fail":
        return Artefact(CONTRACT, "doubt", f"may be wrong: {facts.doubt}; posekit check tells more", found.checks)
    return found


def _distance(stage: Stage | None) -> str:
    """Told of the generated code where it was run."""
    return "" if stage is None or stage.keypoints is None else "run from the picture to the keypoints"


def _device(facts: Facts) -> str:
    if facts.device is None:
        return ""
    kind = "simulated, " if facts.device.simulated else ""
    return f"{kind}{facts.device.name}, {facts.device.os}, {facts.runtime}"


def _reason(stage: Stage | None) -> str:
    return "" if stage is None else stage.skipped


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage of the waterfall. mean, p95, largest: places on the scale, percent of its width; level: `good`, `bad`
    (it is to blame), or `open` (not run)."""

    name: str
    what: str
    level: str
    skipped: str = ""
    mean: float = 0.0
    p95: float = 0.0
    largest: float = 0.0
    figures: tuple[tuple[str, str], ...] = ()


def bars(evaluation: Evaluation) -> tuple[Bar, ...]:
    """The waterfall with its total, drawn on a logarithmic scale."""
    return tuple(_bar(stage, evaluation) for stage in (*evaluation.stages, evaluation.total))


def _bar(stage: Stage, evaluation: Evaluation) -> Bar:
    found, what = stage.keypoints, STAGES.get(stage.name, "")
    if found is None:
        return Bar(stage.name, what, "open", stage.skipped)
    is_bad = stage.name in evaluation.blamed or (stage.name == "total" and not found.p95_px <= BLAMED_FROM_PX)
    snr = min((tensor.snr_db for tensor in stage.tensors), default=None)
    figures = [("p95", px(found.p95_px)), ("mean", px(found.mean_px)), ("largest", px(found.max_px)),
               ("OKS", share(found.oks))]  # fmt: skip
    if snr is not None:
        figures.append(("tensors", "exact" if snr == math.inf else f"{snr:.0f} dB"))
    mean, p95, largest = (place(value) for value in (found.mean_px, found.p95_px, found.max_px))
    return Bar(stage.name, what, "bad" if is_bad else "good", "", mean, p95, largest, tuple(figures))


def place(error_px: float) -> float:
    """Where an error lies on the scale, percent of its width; what is no number lies at its end."""
    if not error_px < HIGHEST_PX:
        return 100.0
    width = math.log10(HIGHEST_PX / LOWEST_PX)
    return round(100 * math.log10(max(error_px, LOWEST_PX) / LOWEST_PX) / width, 2)


def px(value: float | None) -> str:
    """An error in words, three digits of it at most."""
    if value is None or not math.isfinite(value):
        return "not a number"
    if value < LOWEST_PX:
        return "0 px" if value == 0 else f"< {LOWEST_PX:g} px"
    return f"{value:.3f} px" if value < 1 else f"{value:.3g} px" if value < 1000 else f"{value:.0f} px"


def share(value: float) -> str:
    """An OKS."""
    return f"{value:.5f}" if math.isfinite(value) else "not a number"


def size(count: int) -> str:
    """Bytes as one reads them."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def skipped(evaluation: Evaluation, facts: Facts) -> tuple[tuple[str, str], ...]:
    """What was not run and why, each reason once."""
    found = [(stage.name, stage.skipped) for stage in (*evaluation.stages, evaluation.total) if stage.keypoints is None]
    found += [(check.name, check.detail) for check in evaluation.checks if check.outcome is Outcome.SKIPPED]
    if not any(one.latencies for one in facts.passes):
        found.append(("speed", "needs a device: --device or --device-run"))
    if facts.lint is None:
        found.append(("delegate linter", "run posekit inspect on the bundle"))
    if facts.contract_matched is None:
        found.append(("the training code", "--reference FILE compares the contract with its predictions"))
    found.append((GOLDEN, "the module's own tests hold its code to them"))
    whats: dict[str, list[str]] = {}
    for what, reason in found:
        if what not in whats.setdefault(reason, []):
            whats[reason].append(what)
    return tuple((", ".join(names), reason) for reason, names in whats.items())


def commands(facts: Facts, blamed: tuple[str, ...]) -> tuple[str, ...]:
    """How to come to the same figures."""
    bundle = f"{facts.name}-{facts.platform}"
    pictures = " --images IMAGES" if "--images" in facts.evaluated_on else ""
    package = f"posekit package {facts.source.file} --platform {facts.platform} --precision {facts.precision}{pictures}"
    more = (f"posekit bisect {bundle}",) if blamed else ()
    return (package, f"posekit validate {bundle} --wrapper", f"posekit inspect {bundle}", *more)
