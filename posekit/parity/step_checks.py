"""The gates of single steps: of the float graph before compression, of the wrapper's input and decoding, of what ends
elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posekit.contract.precisions import Precision
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.parity.budget import Budget
from posekit.parity.gate import (
    Check,
    Outcome,
    check_budget,
    check_dense,
    check_keypoints,
    check_people,
    check_tensors,
    coarser,
    gate_for,
)
from posekit.parity.quality import quality_of
from posekit.parity.shipped import Wrapper
from posekit.parity.steps import Step

BEFORE_COMPRESSION = "before compression"
DECODING = "the wrapper's decoding"
FROM_PICTURE = "from the picture"
LAST_DIGITS = "last digits"
MAX_DECODED_PX = 0.05  # both sides decode the same outputs in float64
MAX_DECODED_SCORE = 1e-4
MAX_DECODED_MM = 0.01
MIN_DECODED = 0.9999  # of the cells of a dense result; exp may end in another digit there
MAX_INPUT_DIFFERENCE = 0.5  # grey levels; arithmetic in float64 differs by 1e-4, a shift by a pixel's fraction by many


def before_compression(conversion: Step, spec: PoseSpec) -> tuple[Check, ...]:
    """The gates of the float graph that a compressed file is made of; conversion: it against the reference."""
    gate = gate_for("fp16", spec)
    return (
        *_named(BEFORE_COMPRESSION, check_tensors(gate, conversion.tensors, spec.outputs_read)),
        *end_checks(BEFORE_COMPRESSION, conversion, gate, None),
    )


def gate_there(precision: Precision, wrapper: Wrapper | None, spec: PoseSpec, budget: Budget | None) -> GateSpec:
    """The gate of what another way of running the model made: that of its arithmetic where it is coarser than the
    file's."""
    return gate_for(coarser(precision, None if wrapper is None else wrapper.precision), spec, budget)


def total_checks(total: Step, spec: PoseSpec, gate: GateSpec) -> tuple[Check, ...]:
    """The gates of what ships: its tensors and its keypoints."""
    tensors = check_tensors(gate, total.tensors, spec.outputs_read)
    return (*tensors, *_keypoint_checks(gate, total))


def _keypoint_checks(gate: GateSpec, step: Step) -> list[Check]:
    """People before keypoints, then what is dense; SKIPPED where there is nobody to compare."""
    people = [] if step.people is None else check_people(gate, step.people)
    dense = check_dense(gate, step.dense)
    if step.keypoints is None or step.drift is None:
        skipped = [Check("keypoints", Outcome.SKIPPED, step.skipped)] if step.people is not None else []
        return [*people, *skipped, *dense]
    return [*people, *check_keypoints(gate, step.keypoints, step.drift), *dense]


def input_checks(preprocessing: Step) -> tuple[Check, ...]:
    """The wrapper's input against the reference's: keypoints hide small faults of it."""
    name = "the wrapper's input"
    if not preprocessing.tensors:
        return (Check(name, Outcome.SKIPPED, preprocessing.skipped),)
    (tensor,) = preprocessing.tensors
    text = f"largest difference {tensor.max_abs:.3g} grey levels, at most {MAX_INPUT_DIFFERENCE:g} ({tensor.where})"
    return (Check(name, Outcome.PASS if tensor.max_abs <= MAX_INPUT_DIFFERENCE else Outcome.FAIL, text),)


def decoding_checks(decoding: Step) -> tuple[Check, ...]:
    """What the wrapper decodes against posekit's own from the same outputs, which is the same arithmetic at any
    precision."""
    dense = (
        Check(
            f"{DECODING}: {one.name}",
            Outcome.PASS if one.agreement >= MIN_DECODED and one.max_abs <= MAX_DECODED_SCORE else Outcome.FAIL,
            f"{one.agreement:.5f} of {one.cells} cells agree, at least {MIN_DECODED:g}; largest difference "
            f"{one.max_abs:.2g}, at most {MAX_DECODED_SCORE:g}",
        )
        for one in decoding.dense
    )
    return (_decoded_people(decoding), *dense)


def _decoded_people(decoding: Step) -> Check:
    name, drift, people = DECODING, decoding.drift, decoding.people
    if people is not None and decoding.lost:
        text = f"of {people.reference} people {len(people.missed)} are missing, {len(people.invented)} are nobody"
        return Check(name, Outcome.FAIL, f"{text}, as in {(people.missed + people.invented)[0]}")
    if people is not None and people.reordered:
        return Check(name, Outcome.FAIL, f"the people of {people.reordered[0]} come in another order")
    if drift is None:
        return Check(name, Outcome.SKIPPED, decoding.skipped)
    text = f"largest difference {drift.max_px:.4f} px, at most {MAX_DECODED_PX:g} ({drift.worst})"
    is_good = drift.max_px <= MAX_DECODED_PX
    if drift.max_z_px is not None:
        text += f"; depth {drift.max_z_px:.4f} px"
        is_good = is_good and drift.max_z_px <= MAX_DECODED_PX
    if drift.max_z_mm is not None:
        text += f"; depth {drift.max_z_mm:.4f} mm, at most {MAX_DECODED_MM:g}"
        is_good = is_good and drift.max_z_mm <= MAX_DECODED_MM
    if decoding.keypoints is not None and decoding.keypoints.max_world_mm is not None:
        text += f"; world {decoding.keypoints.max_world_mm:.4f} mm, at most {MAX_DECODED_MM:g}"
        is_good = is_good and decoding.keypoints.max_world_mm <= MAX_DECODED_MM
    if people is not None and decoding.keypoints is not None:  # whose keypoints they are shows in box and confidence
        box, score = decoding.keypoints.max_box_px or 0.0, decoding.keypoints.score_error
        text += f"; boxes {box:.4f} px, scores and confidences {score:.2g}, at most {MAX_DECODED_SCORE:g}"
        is_good = is_good and box <= MAX_DECODED_PX and score <= MAX_DECODED_SCORE
    return Check(name, Outcome.PASS if is_good else Outcome.FAIL, text)


def last_digits(end: Step, gated: Step) -> tuple[Check, ...]:
    """What last digits of the wrapper's input do to a network that rounds within itself, where they do anything; end:
    the wrapper against the reference, gated: against what the reference gives for the wrapper's input."""
    if end.drift is None or gated.drift is None or end.drift.max_px - gated.drift.max_px <= MAX_DECODED_PX:
        return ()
    text = (
        f"the wrapper's input is the reference's but for last digits, and the network, which the file holds as it is, "
        f"moves keypoints by up to {end.drift.max_px:.2f} px for them ({end.drift.worst}); none failed for it"
    )
    return (Check(f"{FROM_PICTURE}: {LAST_DIGITS}", Outcome.PASS, text),)


def end_checks(where: str, end: Step, gate: GateSpec, budget: Budget | None) -> tuple[Check, ...]:
    """The keypoint gates again, for what another way of running the model, or of reaching it, made of the cases."""
    if end.keypoints is None and end.people is None:
        return (Check(f"{where}: keypoints", Outcome.SKIPPED, end.skipped),)
    found = _keypoint_checks(gate, end)
    quality = quality_of(end.keypoints, None, None, end.people)
    if budget is not None and quality is not None and (motion := budget.of_motion()).terms:
        found.append(check_budget(motion, quality, 0))
    return _named(where, found)


def _named(where: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(replace(check, name=f"{where}: {check.name}") for check in checks)
