"""The decoder's activation is told by the range of what the network gives: probabilities, or logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.parity.contract.alternatives import changed
from posekit.parity.contract.probes import AS_IT_IS, Prober
from posekit.parity.contract.verdict import Alternative, FieldCheck, Verdict

FIELD = "decoder.activation"
SLACK = 0.25  # maps trained to 0-1 without an activation overshoot a little
BACKGROUND = -1.0  # logits of what is nowhere lie below


def activation_check(prober: Prober, spec: PoseSpec, why_not: str = "") -> FieldCheck | None:
    """Whether the given activation fits the numbers; None where there is no score to activate.

    why_not: why the pictures say nothing of the network, if they do not.
    """
    decoder = spec.decoder
    if not decoder.has_raw_scores:
        return None
    given = _given(spec)
    other = next(one for one in of(decoder).activations if (one == "none") != (given == "none"))
    raw = _raw(prober, spec)
    verdict: Verdict = "cannot tell"
    why = "and " + (why_not or "the network's outputs are not finite")
    if raw is not None and not why_not:
        verdict, why = _judge(raw, spec)
    values = {given: spec, other: changed(spec, "decoder", activation=other)}
    order = (other, given) if verdict == "looks wrong" else (given, other)
    alternatives = tuple(Alternative(value, _score(prober, values[value]), *[None] * 9) for value in order)
    words = {"agrees": "agrees", "looks wrong": "looks wrong", "cannot tell": "cannot be judged"}[verdict]
    return FieldCheck(FIELD, given, alternatives, verdict, f"{FIELD} {words}: {given} is given, {why}")


def _raw(prober: Prober, spec: PoseSpec) -> NDArray[np.float64] | None:
    """All values that become scores, one row a map or score."""
    decoder, parts = of(spec.decoder), []
    for index in range(len(prober.subjects)):
        outputs = prober.outputs(spec, index, AS_IT_IS)
        parts.append(decoder.raw_scores(spec.decoder, outputs[spec.decoder.outputs[0]][0].astype(np.float64)))
    raw = np.concatenate(parts)
    return raw if np.isfinite(raw).all() else None


def _judge(raw: NDArray[np.float64], spec: PoseSpec) -> tuple[Verdict, str]:
    low, high, middle = float(raw.min()), float(raw.max()), float(np.median(raw))
    span = f"and the network gives {low:.3g} to {high:.3g}"
    given = _given(spec)
    if of(spec.decoder).has_distributions:
        is_settled = low >= 0 and bool(np.allclose(raw.sum(axis=1), 1, atol=1e-2))
        if given != "none":
            return ("looks wrong", f"{span} with rows that sum to 1 already") if is_settled else ("agrees", span)
        return (
            ("agrees", f"{span} with rows that sum to 1")
            if is_settled
            else ("cannot tell", f"{span}; scores need not be 0-1")
        )
    if high - low < SLACK:
        return "cannot tell", span
    fits = low >= -SLACK and high <= 1 + SLACK
    if given != "none":
        return ("looks wrong", f"{span}, which are scores already") if fits else ("agrees", span)
    is_logits = (middle if raw.shape[1] > 1 else low) < BACKGROUND  # most of a map is background
    return ("looks wrong", f"{span}, as logits are") if is_logits else ("agrees" if fits else "cannot tell", span)


def _given(spec: PoseSpec) -> str:
    return str(getattr(spec.decoder, "activation", "none"))


def _score(prober: Prober, spec: PoseSpec) -> float | None:
    scores = [prober.look(spec, index, AS_IT_IS).scores.mean() for index in range(len(prober.subjects))]
    mean = float(np.mean(scores))
    return round(mean, 5) if np.isfinite(mean) else None
