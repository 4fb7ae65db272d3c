"""How far keypoints drifted in earnest: near ties taken out, and only where the reference is sure of itself.

A heatmap or SimCC head puts a keypoint on the best cell. Where two cells are nearly equal in the reference itself, the
last digit decides between them, and the keypoint jumps by a cell or across the picture though nothing is wrong. So a
gate does not compare with the reference's keypoints alone: the reference's outputs are moved towards those that were
seen, by at most a small fraction of their range, and decoded again. What the keypoints are still off by, no near tie
explains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, found_in
from posekit.parity.matching import LEAST_OKS, similarities
from posekit.parity.metrics import Found, both_there, depth_errors, in_metres, largest, oks, world_errors
from posekit.poses import Floats

MOVED = 0.005  # of the person; a near tie that moves a keypoint by less is not worth a word
FEWEST = 20  # of items that a 95th percentile needs: of fewer it is their largest
FARTHEST = 0.03  # of a person: a jump counts as this much in the mean shift, which small common ones are looked for in


@dataclass(frozen=True, slots=True)
class Drift:
    """Keypoint errors beyond near ties, over the `counted` keypoints that the reference is sure of.

    max_px with `worst` naming the keypoint; p95_px: the largest 95th percentile of all keypoints, of one keypoint and
    of one picture, as far as there are FEWEST of them, with `p95_of` naming which; worst_case_p95_px: of one picture,
    however few, which tells where an error comes from and gates nothing; max_of_size: fraction of the person's longer
    side. max_z_px, max_z_of_size: the same of depth, or max_z_mm of one in metres; max_world_mm and mean_world_mm: of
    places in the world; None where there is none. oks, min_oks: against the reference, of people with a sure keypoint.
    shift: length of the mean displacement, ties included, as a fraction of the person,
    shift_error its standard error. ties: keypoints that near ties moved by more than MOVED, tie_px the farthest and
    `tie` its name. Figures over no keypoint are NaN.
    """

    counted: int
    max_px: float
    worst: str
    p95_px: float
    p95_of: str
    worst_case_p95_px: float
    max_of_size: float
    oks: float
    min_oks: float
    shift: float
    shift_error: float
    ties: int
    tie_px: float
    tie: str
    max_z_px: float | None = None
    max_z_of_size: float | None = None
    max_z_mm: float | None = None
    max_world_mm: float | None = None
    mean_world_mm: float | None = None


NOTHING_SURE = Drift(
    0, math.nan, "", math.nan, "", math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0.0, ""
)


def near_reference(case: Case, seen: Outputs, expected: Outputs, spec: PoseSpec, tie: float) -> Found:
    """What near ties make of the reference's people, which outputs `expected` hold.

    Of a head with cells: the keypoints after each value was moved towards `seen` by at most `tie` of the range of its
    keypoint's values. Where there may be several people: of these every candidate that is at most `tie` less confident,
    of which `settled` takes one a person. Of others the reference's own keypoints.
    """
    decoder, moved = of(spec.decoder), dict[str, NDArray[Any]]()
    if tie and decoder.cells:
        moved = {name: _towards(seen[name], expected[name], tie, decoder.cells) for name in spec.decoder.outputs}
    if tie and decoder.several:
        spec = spec.decoding(decoder.candidates(spec.decoder, tie))
    return found_in(case, {**expected, **moved}, spec)


def settled(near: Found, seen: Found, expected: Found, spec: PoseSpec, tie: float) -> Found:
    """The people of the reference `expected` as near ties leave them, person by person.

    near: as near_reference gives it; seen: their partners. Of several people each becomes the candidate nearest to its
    partner, among those that are like it and as confident but for `tie`, where one is nearer than the person as it is:
    a mean of candidates may be nearer than each of them.
    """
    if not of(spec.decoder).several:
        return near
    keypoints = expected.keypoints.copy()
    if len(near.keypoints) and len(keypoints):
        alike = similarities(near, expected, spec.keypoints.oks_sigmas)
        assert near.confidences is not None
        assert expected.confidences is not None
        rival = (alike >= LEAST_OKS) & (near.confidences >= expected.confidences[:, None] - tie)
        away = np.linalg.norm(near.keypoints[None, ..., :2] - seen.keypoints[:, None, :, :2], axis=-1).max(axis=-1)
        nearest = np.where(rival, np.nan_to_num(away, nan=np.inf), np.inf)
        chosen = nearest.argmin(axis=1)
        own = np.linalg.norm(keypoints[..., :2] - seen.keypoints[..., :2], axis=-1).max(axis=-1)
        found = nearest[np.arange(len(chosen)), chosen] < own  # false where the person's own is no number
        keypoints[found] = near.keypoints[chosen[found]]
    return replace(expected, keypoints=keypoints)


def _towards(seen: NDArray[np.float32], expected: NDArray[np.float32], tie: float, cells: tuple[int, ...]) -> Floats:
    """Ranges, since an offset decides on no keypoint; each keypoint's own, since one with large values says nothing of
    the others; at least the median one's, since one that is not in the picture has none."""
    spread = np.ptp(expected, axis=cells, keepdims=True).astype(np.float64)
    reach = tie * np.maximum(spread, np.median(spread))
    return np.asarray(expected + np.clip(seen.astype(np.float64) - expected, -reach, reach), np.float64)


def drift_of(
    seen: Sequence[Found],
    expected: Sequence[Found],
    near: Sequence[Found],
    names: Sequence[str],
    sigmas: Sequence[float],
    gate: GateSpec,
) -> Drift:
    """Compare cases with the reference `expected` and with what near ties make of it (`near`); NaN in either is
    kept."""
    candidate, reference, settled = (np.concatenate([f.keypoints[..., :2] for f in s]) for s in (seen, expected, near))
    sizes, areas = (np.concatenate([getattr(f, key) for f in expected]) for key in ("sizes", "areas"))
    cases = np.repeat(np.arange(len(expected)), [len(f.keypoints) for f in expected])
    distance = np.linalg.norm(candidate - settled, axis=-1)
    broken = np.isnan(candidate).any(axis=-1) | np.isnan(distance)
    sure = (np.concatenate([f.scores for f in expected]) >= least_score(gate, expected)) | broken
    sure &= both_there(seen, expected)
    if not sure.any():
        return NOTHING_SURE
    people = sure.any(axis=1)
    similarity = oks(candidate, settled, areas, sigmas, sure)[people]
    raw = np.linalg.norm(candidate - reference, axis=-1)
    tied = np.where(sure & (raw - distance > MOVED * sizes[:, None]), raw, 0.0)
    shift, shift_error = _shift((candidate - reference)[sure], np.broadcast_to(sizes[:, None], sure.shape)[sure])
    farthest = np.where(sure, np.where(np.isnan(distance), np.inf, distance), -1.0)
    owners = [one.case for one in expected for _ in one.keypoints]
    return Drift(
        counted=int(sure.sum()),
        max_px=float(distance[sure].max()),
        worst=largest(farthest, names, owners),
        max_of_size=float((distance / sizes[:, None])[sure].max()),
        oks=float(similarity.mean()),
        min_oks=float(similarity.min()),
        shift=shift,
        shift_error=shift_error,
        ties=int((tied > 0).sum()),
        tie_px=float(tied.max()),
        tie=largest(tied, names, owners) if tied.any() else "",
        **_percentiles(distance, sure, names, [(f.case, cases == i) for i, f in enumerate(expected)]),
        **_depth(depth_errors(seen, near), sizes, sure, is_metric=in_metres(expected)),
        **_world(world_errors(seen, near), sure),
    )


def _percentiles(
    distance: Floats, sure: NDArray[np.bool_], names: Sequence[str], rows: Sequence[tuple[str, NDArray[np.bool_]]]
) -> dict[str, Any]:
    """The 95th percentiles; rows: each case and its people."""
    by_case = [(case, distance[those][sure[those]]) for case, those in rows]
    by_keypoint = [(name, distance[:, k][sure[:, k]]) for k, name in enumerate(names)]
    p95_px, p95_of = _p95([("all keypoints", distance[sure]), *by_keypoint, *by_case])
    worst = float(np.max([np.percentile(values, 95) for _, values in by_case if values.size]))
    return {"p95_px": p95_px, "p95_of": p95_of, "worst_case_p95_px": worst}


def _depth(errors: Floats | None, sizes: Floats, sure: NDArray[np.bool_], *, is_metric: bool) -> dict[str, Any]:
    """The largest errors of depth, of those that there are."""
    if errors is None:
        return {}
    if is_metric:
        return {"max_z_mm": float(1000 * errors[sure].max())}
    return {"max_z_px": float(errors[sure].max()), "max_z_of_size": float((errors / sizes[:, None])[sure].max())}


def _world(errors: Floats | None, sure: NDArray[np.bool_]) -> dict[str, Any]:
    """The errors in the world, where there is one."""
    if errors is None:
        return {}
    return {"max_world_mm": float(1000 * errors[sure].max()), "mean_world_mm": float(1000 * errors[sure].mean())}


def least_score(gate: GateSpec, expected: Sequence[Found]) -> float:
    """The score from which on the reference is sure of a keypoint: the gate's own, or a fraction of the median
    score."""
    if gate.min_score is not None:
        return gate.min_score
    scores = np.concatenate([f.scores[f.there] for f in expected])
    middle = float(np.median(scores)) if scores.size else math.nan
    return gate.min_score_of_median * middle if gate.min_score_of_median and middle > 0 else -math.inf


def _p95(groups: Sequence[tuple[str, Floats]]) -> tuple[float, str]:
    """The largest 95th percentile and its group; of all the keypoints (the first group) and of what has FEWEST of
    them."""
    large = [(name, values) for name, values in groups[1:] if values.size >= FEWEST]
    figures = [(float(np.percentile(values, 95)), name) for name, values in (groups[0], *large)]
    return max(figures, key=lambda one: math.inf if math.isnan(one[0]) else one[0])


def _shift(displacement: Floats, sizes: Floats) -> tuple[float, float]:
    """Length of the mean displacement (n, 2) as a fraction of the people's sizes (n,), and its standard error."""
    fraction = displacement / sizes[:, None]
    fraction *= np.minimum(1.0, FARTHEST / np.maximum(np.linalg.norm(fraction, axis=1, keepdims=True), 1e-12))
    spread = fraction.std(axis=0) / math.sqrt(len(fraction))
    return float(np.hypot(*fraction.mean(axis=0))), float(np.hypot(*spread))
