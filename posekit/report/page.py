"""What the report's page tells, in the order in which it is asked: what holds, where the error is, what was not run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from posekit.parity.evaluation import BLAMED_FROM_PX, Evaluation
from posekit.parity.gate import BOTH, DETECTOR, Check, Outcome
from posekit.parity.shipped import NO_DEVICE, no_device
from posekit.parity.steps import Step, blame
from posekit.report.facts import ReportFacts

LOWEST_PX, HIGHEST_PX = 1e-3, 1e2  # ends of the waterfall's scale
STEPS = {
    "contract": "what the spec says, against the training code's own predictions",
    "preprocessing": "the generated code's way from the picture to the model's input",
    "conversion": "the converted graph at full precision",
    "precision": "what smaller numbers cost",
    "decoding": "the generated code's way from the model's outputs to keypoints",
    "accelerator": "the accelerator against the CPU of this machine",
    "total": "all that was run, against the network as it was trained",
}
MODEL, WRAPPER, CONTRACT, DEVICE, GOLDEN = "model file", "wrapper", "contract", "device", "golden vectors"
NO_CORE_ML = "its Core ML layer (Session, Pixels) was not run here"
_OWNERS = {  # by how the name of a gate begins, the first that fits
    "every case was run on the ": DEVICE, "every case was run": WRAPPER, "the wrapper": WRAPPER,
    "from the picture": WRAPPER, "model file of the wrapper": WRAPPER, "the run came to its end": DEVICE,
    "contract": CONTRACT, f"{DETECTOR}: ": DETECTOR, BOTH: BOTH,
}  # fmt: skip
_GRAPH = frozenset({"conversion", "precision"})  # what bisect looks into


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing that ships or proves: its state (`pass`, `part`, `fail`, `doubt` or `skipped`), why, and its gates."""

    name: str
    state: str
    sentence: str
    checks: tuple[Check, ...] = ()


def artefacts(evaluation: Evaluation, facts: ReportFacts) -> tuple[Artefact, ...]:
    """What is known of each thing that ships."""
    checks: dict[str, list[Check]] = {name: [] for name in (MODEL, WRAPPER, CONTRACT, DEVICE, DETECTOR, BOTH)}
    for check in evaluation.checks:
        checks[_owner(check, facts)].append(check)
    steps = {step.name: step for step in evaluation.steps}
    wrapper, accelerator = steps.get("decoding"), steps.get("accelerator")
    ran = "" if evaluation.status == "UNVERIFIED" else "run on this machine"
    by = f": {evaluation.runtime}" if ran and facts.device is None else ""
    stages = (
        _artefact(DETECTOR, checks[DETECTOR], "by itself; its own report is detector/report/index.html"),
        _artefact(BOTH, checks[BOTH], _both(checks[BOTH])),
    )
    return (
        _artefact(MODEL, checks[MODEL], ran + by),
        *(stages if checks[DETECTOR] else ()),
        _wrapper(checks[WRAPPER], wrapper, facts),
        _contract(checks[CONTRACT], facts),
        _artefact(DEVICE, checks[DEVICE], _device(facts), _reason(accelerator) or no_device(facts.platform)),
        Artefact(GOLDEN, "skipped", "they ship with the module, whose own tests hold its code to them; not run here"),
    )


def measured(evaluation: Evaluation, facts: ReportFacts) -> str:
    """What the status means, in words."""
    if facts.device is not None and evaluation.status == "SIMULATED":
        return "measured in an emulator or simulator, which is no evidence for a phone's accelerator or speed"
    whose = "that the package has" if facts.platform == "linux" else "that a phone has"
    return {
        "HOST": f"measured on this machine, with the runtime {whose}",
        "SIMULATED": "measured on this machine, with a stand-in for the phone's runtime",
        "VERIFIED": "measured on a device",
    }.get(evaluation.status, "not measured")


def _owner(check: Check, facts: ReportFacts) -> str:
    if check.name.startswith("on the accelerator: "):
        return MODEL if facts.device is None else DEVICE  # a Mac runs the model on accelerators of its own
    if check.name.startswith("the ") and check.name.endswith(" ran the model"):
        return DEVICE
    return next((owner for start, owner in _OWNERS.items() if check.name.startswith(start)), MODEL)


def _artefact(name: str, checks: list[Check], good: str, reason: str = "") -> Artefact:
    failed = [check.name for check in checks if check.outcome is Outcome.FAIL]
    if failed:
        text = f"{len(failed)} of {len(checks)} gates failed: {'; '.join(failed)}"
        return Artefact(name, "fail", text, tuple(checks))
    if good:
        return Artefact(name, "pass", good, tuple(checks))
    skipped = next((check.detail for check in checks if check.outcome is Outcome.SKIPPED), "")
    return Artefact(name, "skipped", reason or skipped or "nothing was measured", tuple(checks))


def _both(checks: list[Check]) -> str:
    """That both stages were run, where they were."""
    ran = any(check.outcome is not Outcome.SKIPPED for check in checks)
    return "run after one another on whole pictures, as both trained networks were" if ran else ""


def _contract(checks: list[Check], facts: ReportFacts) -> Artefact:
    matched = f"agrees with the training code: {facts.contract_matched}" if facts.contract_matched and checks else ""
    found = _artefact(CONTRACT, checks, matched, "not compared with the training code: --reference FILE does that")
    if facts.doubt and found.state != "fail":
        return Artefact(CONTRACT, "doubt", f"may be wrong: {facts.doubt}; posekit check tells more", found.checks)
    return found


def _wrapper(checks: list[Check], step: Step | None, facts: ReportFacts) -> Artefact:
    """The generated code, as much of it as was run."""
    ran = step is not None and (step.keypoints is not None or step.people is not None)
    if not ran:
        return _artefact(WRAPPER, checks, "", _reason(step))
    if facts.device is not None:
        return _artefact(WRAPPER, checks, "run on the device, from the picture to the keypoints")
    if facts.platform == "linux":
        told = "installed from its wheel and run on this machine, from the picture to the keypoints"
        return _artefact(WRAPPER, checks, told)
    if facts.platform != "ios":
        told = "run on this machine, from the picture to the keypoints, with stand-ins for Android's own classes"
        return _artefact(WRAPPER, checks, told)
    found = _artefact(WRAPPER, checks, f"Swift core only, from the picture to the keypoints; {NO_CORE_ML}")
    return replace(found, state="part") if found.state == "pass" else found


def _device(facts: ReportFacts) -> str:
    if facts.device is None:
        return ""
    kind = "simulated, " if facts.device.simulated else ""
    build = f", {facts.build} build" if facts.build else ""
    return f"{kind}{facts.device.name}, {facts.device.os}, {facts.runtime}{build}"


def _reason(step: Step | None) -> str:
    return "" if step is None else step.skipped


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the waterfall. mean, p95, largest: places on the scale, percent of its width; level: `good`, `bad`
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
    return tuple(_bar(step, evaluation) for step in (*evaluation.steps, evaluation.total))


def _bar(step: Step, evaluation: Evaluation) -> Bar:
    found, what = step.keypoints, STEPS.get(step.name, "")
    people = _people(step)
    if found is None:
        level = "open" if step.people is None else "bad" if step.lost else "good"
        return Bar(step.name, what, level, "" if people else step.skipped, figures=people)
    is_bad = step.name in evaluation.blamed or (step.name == "total" and bool(blame((step,), BLAMED_FROM_PX)))
    snr = min((tensor.snr_db for tensor in step.tensors), default=None)
    figures = [
        ("p95", px(found.p95_px)),
        ("worst picture", px(found.worst_case_p95_px)),
        ("mean", px(found.mean_px)),
        ("largest", px(found.max_px)),
        ("OKS", share(found.oks)),
        *people,
    ]
    if found.max_z_px is not None:
        figures.append(("largest of depth", px(found.max_z_px)))
    for name, millimetres in (("largest of depth", found.max_z_mm), ("largest in the world", found.max_world_mm)):
        if millimetres is not None:
            figures.append((name, f"{millimetres:.3g} mm"))
    if snr is not None:
        figures.append(("tensors", "exact" if snr == math.inf else f"{snr:.0f} dB"))
    mean, p95, largest = (place(value) for value in (found.mean_px, found.p95_px, found.max_px))
    return Bar(step.name, what, "bad" if is_bad else "good", "", mean, p95, largest, tuple(figures))


def _people(step: Step) -> tuple[tuple[str, str], ...]:
    """Who is on one side alone, where there may be several people."""
    if step.people is None:
        return ()
    missed, invented = len(step.people.missed), len(step.people.invented)
    return (("people", str(step.people.reference)), ("missed", str(missed)), ("invented", str(invented)))


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


def shift(value: float) -> str:
    """A bias, px, with its sign; what rounds to nothing has none."""
    return "0" if abs(value) < LOWEST_PX / 2 else f"{value:+.3f}" if math.isfinite(value) else "not a number"


def share(value: float) -> str:
    """An OKS."""
    return f"{value:.5f}" if math.isfinite(value) else "not a number"


def size(count: int) -> str:
    """Bytes as one reads them."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def skipped(evaluation: Evaluation, facts: ReportFacts) -> tuple[tuple[str, str], ...]:
    """What was not run and why, each reason once."""
    steps = (*evaluation.steps, evaluation.total)
    found = [(step.name, step.skipped) for step in steps if step.keypoints is None and step.people is None]
    found += [(check.name, check.detail) for check in evaluation.checks if check.outcome is Outcome.SKIPPED]
    found += [("pictures", warning) for warning in facts.warnings]
    if not any(one.latencies for one in facts.passes):
        found.append(("speed", no_device(facts.platform)))
    if facts.lint is None:
        found.append(("delegate linter", "run posekit inspect on the bundle"))
    if facts.contract_matched is None:
        found.append(("the training code", "--reference FILE compares the contract with its predictions"))
    if any(one.name == WRAPPER and one.state == "part" for one in artefacts(evaluation, facts)):
        found.append(("the wrapper's Core ML layer", NO_DEVICE))
    found.append((GOLDEN, "the module's own tests hold its code to them"))
    whats: dict[str, list[str]] = {}
    for what, reason in found:
        if what not in whats.setdefault(reason, []):
            whats[reason].append(what)
    return tuple((", ".join(names), reason) for reason, names in whats.items())


def commands(evaluation: Evaluation, facts: ReportFacts) -> tuple[str, ...]:
    """How to come to the same figures, and where to look on."""
    later = facts.verdict is not None  # a validation of what was packaged before
    is_rejected = facts.verdict == "rejected" if later else not evaluation.is_good
    bundle = f"{facts.name}-{facts.platform}{'.rejected' if is_rejected else ''}"
    steps = {step.name: step for step in evaluation.steps}
    wrapper = "decoding" in steps and bool(steps["decoding"].keypoints or steps["decoding"].people)
    run = " --device-run RUN" if facts.device else " --wrapper" if wrapper else ""
    pictures = " --images IMAGES" if "--images" in facts.evaluated_on else ""
    if pictures and (facts.accuracy if later else evaluation.accuracy):
        pictures += " --annotations ANNOTATIONS"
    reference = " --reference PREDICTIONS" if facts.contract_matched else ""
    again = " --images IMAGES --annotations ANNOTATIONS" if later and evaluation.accuracy else ""
    made = f"--recipe {bundle}/recipe.json" if facts.precision == "auto" else f"--precision {facts.precision}"
    if facts.calibration is not None:
        made += " --calibration PICTURES"
    package = f"posekit package {facts.source.file} --platform {facts.platform} {made}"
    found = [f"{package}{pictures}{reference}", f"posekit validate {bundle}{run}{again}", f"posekit inspect {bundle}"]
    model = next(one for one in artefacts(evaluation, facts) if one.name == MODEL)
    if _GRAPH & set(evaluation.blamed) or model.state == "fail":
        found.append(f"posekit bisect {bundle}")
    return tuple(found)
