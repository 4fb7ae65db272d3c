"""What the report tells beside the evaluation: where the model came from, how it was made, and what a device said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from posekit.documents import sentence, tuple_of_list
from posekit.errors import InputError


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
    """One accelerator of a device run; devices/format.py says what each is."""

    requested: str
    used: str | None = None
    fallback_reason: str | None = None
    failure: str | None = None
    detail: str | None = None
    thermal_before: str | None = None
    thermal_after: str | None = None
    latencies: dict[str, LatencyFacts] | None = None

    @property
    def timed(self) -> str:
        """How many runs the latencies are of."""
        return ", ".join(dict.fromkeys(str(one.runs) for one in (self.latencies or {}).values())) or "none"

    @property
    def heat(self) -> str:
        """The thermal state before and after, in the system's own words."""
        if self.thermal_before == self.thermal_after:
            return f"{self.thermal_before} throughout" if self.thermal_before else "not told"
        return f"{self.thermal_before or 'not told'} before, {self.thermal_after or 'not told'} after"


class LayerFacts(_Fact):
    """What was done to one layer, as targets/converted.py has it."""

    name: str
    op: str
    weights: int
    bits: float
    stored: str
    activations: str
    wanted: str
    why: str = ""


class CalibrationFacts(_Fact):
    """The calibration pictures, as far as the page tells of them; report.json has all that calibration/facts.py
    records."""

    source: str
    found: int
    chosen: int
    sha256: str
    warnings: tuple[str, ...] = ()
    seen: str = ""
    saturation: str = ""

    _lists = field_validator("warnings", mode="before")(tuple_of_list)


class ReportFacts(_Fact):
    """What the report holds beside the evaluation; what an older report lacks is empty.

    model_file, model_sha256: the packaged model. evidence_sha256: of the folder of recorded cases. tools: versions by
    name. build: of the app that ran the passes. untried: what the quick look at the contract had no time for, in words.
    minimum_system: the oldest iOS that loads the model. layers: as read back from the file. budget: that was searched
    within. rewrites: how many were made for speed, by name. verdict, accuracy: of the bundle's own report, where this
    one is of a later validation.
    """

    name: str
    version: str = ""
    platform: str
    precision: str
    contract_sha256: str = "unknown"
    evaluated_on: str = "unknown"
    warnings: tuple[str, ...] = ()
    source: SourceFacts = SourceFacts()
    doubt: str | None = None
    untried: str = ""
    contract_matched: str | None = None
    route: str = "unknown"
    notes: tuple[str, ...] = ()
    op_counts: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    model_bytes: Annotated[int, Field(ge=0)] = 0
    model_file: str = ""
    model_sha256: str = ""
    evidence_sha256: str = ""
    tools: dict[str, str] = Field(default_factory=dict)
    lint: LintFacts | None = None
    device: DeviceFacts | None = None
    runtime: str = ""
    build: str | None = None
    verdict: str | None = None
    accuracy: dict[str, Any] = Field(default_factory=dict)
    passes: tuple[PassFacts, ...] = ()
    minimum_system: str = ""
    layers: tuple[LayerFacts, ...] = ()
    calibration: CalibrationFacts | None = None
    budget: str | None = None
    rewrites: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)

    _lists = field_validator("notes", "passes", "layers", "warnings", mode="before")(tuple_of_list)

    @property
    def kinds_of_layers(self) -> dict[tuple[str, str], int]:
        """How many layers are stored and computed in which way, most weights first; one in several parts counts
        once."""
        weights: dict[tuple[str, str], int] = {}
        names: dict[tuple[str, str], set[str]] = {}
        for layer in self.layers:
            kind = (kind_of(layer.stored), layer.activations)
            weights[kind] = weights.get(kind, 0) + layer.weights
            names.setdefault(kind, set()).add(layer.name)
        return {kind: len(names[kind]) for kind in sorted(names, key=lambda one: -weights[one])}


def kind_of(stored: str) -> str:
    """How a layer is stored without its scales: `int8, 50% zero` of `int8, one scale a channel, 50% zero`."""
    return re.sub(r", (\d+|one) scales?( a [\w ]+)?", "", stored)


def read_facts(facts: Mapping[str, Any]) -> ReportFacts:
    """The facts of a report; InputError names the one that is not what it should be."""
    try:
        return ReportFacts.model_validate(dict(facts))
    except ValidationError as error:
        raise InputError(sentence(error, "the report's facts")[0], "package the model again") from error
