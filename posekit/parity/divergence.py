"""Where a packaged model parts ways with what the network computed.

Names are of no help between frameworks, so values are: an op of the packaged model corresponds to the op of the network
whose output has the same values, under whatever order of axes. Ops that have no counterpart (a transpose, a fused pair)
are cleared by any of their successors that has one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posekit.parity.trace import TracedOp, positions_of

Verdict = Literal["agrees", "cleared", "unclear", "differs"]
UNLIKE = 0.5  # from this error on, the nearest step is no counterpart
INFINITE = 131008.0  # stands for an overflow of float16 when the step nearest to it is looked for
MOST_LEVEL = 32.0  # of values over their variation: of those with more, float16 rounds the variation away
MAX_AXES = 5  # whose orders are all tried
INTEGERS = frozenset(["bool", "int16", "int32", "int64", "uint16", "uint32", "uint64"])  # of indices and masks
QUANTISED = frozenset(["int8", "uint8"])  # raw numbers of a scale that is not known here
# ops that move values about: a fault is named at the first op that computes with what they moved
MOVING = frozenset(
    ["pad", "padv2", "mirror_pad", "transpose", "reshape", "concatenation", "concat", "split", "slice", "strided_slice",
     "slice_by_index", "slice_by_size", "cast", "expand_dims", "squeeze", "dequantize", "quantize", "identity", "stack",
     "pack", "unpack", "tile", "gather", "flatten2d",
     "alias", "cat", "clone", "constant_pad_nd", "contiguous", "flatten", "permute", "unsqueeze", "view"]
)  # fmt: skip

KINDS = (
    ("conv", "conv_2d", "depthwise_conv_2d", "conv1d", "conv2d"),
    ("conv_transpose", "transpose_conv", "conv_transpose1d", "conv_transpose2d"),
    ("linear", "fully_connected", "batch_matmul", "matmul", "mm", "bmm", "addmm"),
)


@dataclass(frozen=True, slots=True)
class PackagedOp:
    """One op of a packaged model as it was run. inputs, outputs: names of tensors; values: of the first output."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dtype: str
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """An op of the packaged model beside the step of the network that is its counterpart, if one is.

    is_index: made of integers or masks alone. lowest, highest: of the finite values of its output; not_finite: how many
    are not. error: relative RMS of the samples against the nearest step, for an index the share that differs; infinite
    where a value is not finite, NaN where no step has as many values. verdict: `cleared` feeds one that agrees;
    `unclear` cannot be judged, or leads nowhere.
    """

    name: str
    op: str
    dtype: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    is_index: bool
    shape: tuple[int, ...]
    lowest: float
    highest: float
    not_finite: int
    error: float
    nearest: TracedOp | None
    verdict: Verdict = "unclear"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ops in order. parting: the first one whose output, and all that follows from it, is the network's no more;
    agreed: the last op before it that agrees with the network."""

    ops: tuple[Compared, ...]
    parting: Compared | None
    agreed: Compared | None


def compare(
    ops: Iterable[PackagedOp], steps: Sequence[TracedOp], outputs: Sequence[str], tolerance: float
) -> Comparison:
    """Hold the ops of a packaged model, in order, against the network's steps.

    outputs: names of the tensors that leave the model. tolerance: relative RMS error up to which values are the same.
    """
    by_size: dict[int, list[int]] = {}
    for number, step in enumerate(steps):
        by_size.setdefault(math.prod(step.shape), []).append(number)
    seen: list[Compared] = []
    places: dict[str, int] = {}  # of each tensor: the number of the step that it is, or was computed from
    indices: dict[str, bool] = {}  # of each tensor: whether it is of integers, or computed from such alone
    for op in ops:
        sources = [name for name in op.inputs if name in places]  # not the constants
        is_index = op.dtype in INTEGERS or (bool(sources) and all(indices[name] for name in sources))
        earliest = max((places[name] for name in sources), default=0)
        peers = by_size.get(op.values.size, []) if op.dtype not in QUANTISED else []
        errors = _errors(op, [steps[number] for number in peers], tolerance if is_index else None)
        error, place = _nearest(errors, peers, earliest)
        places.update(dict.fromkeys(op.outputs, earliest if place is None else place))
        indices.update(dict.fromkeys(op.outputs, is_index))
        seen.append(_compared(op, is_index, error, None if place is None else steps[place]))
    verdicts = _verdicts(seen, outputs, tolerance)
    judged = tuple(replace(one, verdict=verdict) for one, verdict in zip(seen, verdicts, strict=True))
    bad = [at for at, one in enumerate(judged) if one.verdict == "differs"]
    if not bad:
        return Comparison(judged, None, next((one for one in reversed(judged) if one.verdict == "agrees"), None))
    at = next((at for at in bad if judged[at].op.lower() not in MOVING or _gathers_parts(judged, at)), bad[0])
    found = judged[at]
    if found.nearest is None or _kind(found.op) != _kind(found.nearest.op):  # like another step's values by chance
        expected = _expected(found, judged, steps)
        is_better = expected is not None and (found.nearest is None or _kind(found.op) == _kind(expected.op))
        found = replace(found, nearest=expected if is_better else found.nearest)
    return Comparison(judged, found, next((one for one in reversed(judged[:at]) if one.verdict == "agrees"), None))


def _gathers_parts(seen: Sequence[Compared], at: int) -> bool:
    """Whether an op that moves values puts those together that no step of the network has, as the parts of a layer."""
    makers = {name: one for one in seen[:at] for name in one.outputs}
    waiting, visited = list(seen[at].inputs), set[str]()
    while waiting:
        name = waiting.pop()
        maker = makers.get(name)
        if maker is None or name in visited:
            continue
        visited.add(name)
        if maker.op.lower() in MOVING:
            waiting += maker.inputs
        elif maker.verdict == "unclear":
            return True
    return False


def _verdicts(seen: Sequence[Compared], outputs: Sequence[str], tolerance: float) -> list[Verdict]:
    """Of each op, from the last to the first.

    Three rules keep faults from being cleared: an index agrees with much that is wrong (the largest of values that are
    all twice too large), so it clears indices only; so does what hardly varies (a sigmoid near 0.5), so it clears only
    where it agrees beside its variation; and nothing clears what leaves the model, as it is or moved about.
    """
    indices = {name for one in seen if one.is_index for name in one.outputs}
    sizes = {name: math.prod(one.shape) for one in seen for name in one.outputs}
    held, read, cleared = set(outputs), set(outputs), set[str]()
    verdicts: list[Verdict] = []
    for one in reversed(seen):
        names = set(one.outputs)
        is_rounded = one.is_index and one.error <= UNLIKE  # values nearly equal make an index jump by rounding alone
        verdict: Verdict = "differs"
        if one.error <= tolerance:
            verdict = "agrees"
        elif names & cleared and not names & held:
            verdict = "cleared"
        elif math.isnan(one.error) or not names & read or is_rounded:
            verdict = "unclear"
        verdicts.append(verdict)
        if not names & read:
            continue
        read.update(one.inputs)
        if one.is_index and verdict != "differs":
            cleared.update(indices.intersection(one.inputs))
        elif verdict == "cleared" or (verdict == "agrees" and _is_telling(one, tolerance)):
            cleared.update(one.inputs)
        elif verdict == "differs" and names & held and one.op.lower() in MOVING:
            held.update(name for name in one.inputs if sizes.get(name) == math.prod(one.shape))
    return verdicts[::-1]


def _is_telling(one: Compared, tolerance: float) -> bool:
    """Whether an op agrees beside its counterpart's variation too, as far as 16 bits show it."""
    assert one.nearest is not None
    samples = one.nearest.samples.astype(np.float64)
    whole, varying = float(np.sqrt(np.mean(samples**2))), float(samples.std())
    return one.error * min(whole / max(varying, 1e-12), MOST_LEVEL) <= tolerance


def _expected(op: Compared, seen: Sequence[Compared], steps: Sequence[TracedOp]) -> TracedOp | None:
    """The step that an op without counterpart stands for: of those that follow from the counterparts of what the op was
    computed from the first one of its kind and size, else of either."""
    makers = {name: one for one in seen for name in one.outputs}
    reached, waiting, visited = set[str](), [op], set[str]()
    while waiting:
        for name in waiting.pop().inputs:
            if name in visited or name not in makers:
                continue
            visited.add(name)
            maker = makers[name]
            if maker.verdict == "agrees" and maker.nearest is not None:
                reached.add(maker.nearest.name)
            else:
                waiting.append(maker)
    either: TracedOp | None = None
    samples = {step.name: step.samples for step in steps}
    for step in steps:
        if not reached.isdisjoint(step.inputs):
            reached.add(step.name)
            if any(np.array_equal(step.samples, samples[name]) for name in step.inputs if name in samples):
                continue  # it changes nothing, as a product with 1
            is_of_size, is_of_kind = math.prod(step.shape) == math.prod(op.shape), _kind(step.op) == _kind(op.op)
            if is_of_size and is_of_kind:
                return step
            is_whole = "conv" in op.op.lower() and "conv_transpose" in step.op  # of which a convolution is a phase
            # a part of a product in groups
            if either is None and (is_of_size or is_of_kind or is_whole) and step.op not in MOVING:
                either = step
    return either


def _kind(op: str) -> str:
    """One name for what frameworks name otherwise."""
    name = op.lower()
    return next((names[0] for names in KINDS if name in names), name)


def _errors(op: PackagedOp, peers: Sequence[TracedOp], beyond: float | None) -> NDArray[np.float64]:
    """The error of an op against each of the steps that have as many values, under the order of axes that fits best.

    beyond: None for the relative RMS; for an index, from which relative difference on a value counts as another one.
    """
    errors = np.full(len(peers), np.inf)
    if not peers:
        return errors
    wanted = np.stack([step.samples for step in peers]).astype(np.float64)
    scales = np.maximum(np.sqrt(np.mean(wanted**2, axis=1)), 1e-12)
    channels_last = {(*step.shape[2:], step.shape[1]) for step in peers if len(step.shape) == 4 and step.shape[0] == 1}
    shapes = dict.fromkeys([op.values.squeeze().shape, *sorted(channels_last)])  # rows of pixels may be one axis here
    for samples in (one for shape in shapes for one in _samples_in_every_order(op.values.reshape(shape))):
        apart = np.abs(samples - wanted)
        if beyond is None:
            found = np.sqrt(np.mean(apart**2, axis=1)) / scales
        else:
            limits = np.full(len(peers), 0.5) if op.dtype in INTEGERS else beyond * scales
            found = np.mean(apart > limits[:, None], axis=1)
        errors = np.minimum(errors, found)
    return errors


def _nearest(errors: NDArray[np.float64], peers: Sequence[int], earliest: int) -> tuple[float, int | None]:
    """The least error, NaN where there is none, and the number of its step if that is near enough: of steps as good as
    equal the first one that can come after `earliest`."""
    if not peers:
        return math.nan, None
    error = float(errors.min())
    near = [number for number, one in zip(peers, errors, strict=True) if one <= 1.5 * error + 1e-6]
    return error, next((number for number in near if number >= earliest), near[0]) if error < UNLIKE else None


def _compared(op: PackagedOp, is_index: bool, error: float, nearest: TracedOp | None) -> Compared:
    values = op.values
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
    if finite.size < values.size and not math.isnan(error):
        error = math.inf
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    return Compared(op.name, op.op, op.dtype, op.inputs, op.outputs, is_index, values.shape, low, high,
                    values.size - finite.size, error, nearest)  # fmt: skip


def _samples_in_every_order(values: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """The sampled values of a tensor under every order of its axes that are longer than 1."""
    squeezed = np.nan_to_num(values.squeeze(), nan=0.0, posinf=INFINITE, neginf=-INFINITE)
    positions = positions_of(values.size)
    orders = (
        itertools.permutations(range(squeezed.ndim)) if squeezed.ndim <= MAX_AXES else [tuple(range(squeezed.ndim))]
    )
    for order in orders:
        turned = squeezed.transpose(order)
        yield (
            turned[np.unravel_index(positions, turned.shape)].astype(np.float64)
            if turned.ndim
            else squeezed.reshape(-1).astype(np.float64)
        )
