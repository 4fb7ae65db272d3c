"""Ops of a packaged model against the network's steps: what agrees, what is cleared, what parts ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.parity import trace
from posekit.parity.divergence import PackagedOp, compare
from posekit.parity.trace import Trace, TracedOp, step_of

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(1, 3, 8, 8)).astype(np.float32)
BODY = RANDOM.normal(size=(1, 5, 8, 8)).astype(np.float32)
PEAKS = MAPS.reshape(3, 64).argmax(1)[None]
# a network of two convolutions and the places of the largest values
NETWORK = (
    step_of("conv2d", "conv2d", "body", (), BODY),
    step_of("conv2d_1", "conv2d", "head", ("conv2d",), MAPS),
    step_of("argmax", "argmax", "head", ("conv2d_1",), PEAKS),
)


def op(name: str, inputs: str, values: np.ndarray, kind: str = "conv") -> PackagedOp:
    """An op whose one output has its name."""
    return PackagedOp(name, kind, tuple(inputs.split()), (name,), str(values.dtype), values)


def maps_and_peaks(body: np.ndarray, maps: np.ndarray, peaks: np.ndarray) -> list[PackagedOp]:
    """As a converter writes it: channels last, the maps both an output and searched for their peaks."""
    last = maps.transpose(0, 2, 3, 1)
    return [
        op("a", "image", body.transpose(0, 2, 3, 1)),
        op("b", "a", last),
        op("maps", "b", last, "transpose"),
        op("peaks", "b", peaks.astype(np.int32), "arg_max"),
        op("as_float", "peaks", peaks.astype(np.float32), "cast"),
    ]


MOVED = (PEAKS + 20) % 64
ONE_MOVED = PEAKS.copy()
ONE_MOVED[0, 0] += 9


@pytest.mark.parametrize("leaving", ["maps as_float", "as_float"])
@pytest.mark.parametrize(
    ("ops", "parting", "verdicts"),
    [
        (maps_and_peaks(BODY, MAPS, PEAKS), None, "agrees agrees agrees agrees agrees"),
        (maps_and_peaks(BODY, MAPS * 1.5, PEAKS), "b", "agrees differs differs agrees agrees"),
        (maps_and_peaks(BODY * 3, MAPS * 3, PEAKS), "a", "differs differs differs agrees agrees"),
        (maps_and_peaks(BODY, MAPS, MOVED), "peaks", "agrees agrees agrees differs differs"),
        (maps_and_peaks(BODY, MAPS, ONE_MOVED), None, "agrees agrees agrees cleared unclear"),
    ],
    ids=["sound", "maps too large", "body too large", "every index wrong", "one index rounded"],
)  # fmt: skip
def test_an_index_clears_nothing_but_indices(
    ops: list[PackagedOp], parting: str | None, verdicts: str, leaving: str
) -> None:
    kept = [
        (one, verdict)
        for one, verdict in zip(ops, verdicts.split(), strict=True)
        if one.name != "maps" or "maps" in leaving
    ]
    found = compare([one for one, _ in kept], NETWORK, leaving.split(), 1e-3)
    assert (found.parting and found.parting.name) == parting
    assert [one.verdict for one in found.ops] == [verdict for _, verdict in kept]


def test_index_arithmetic_without_counterpart_is_cleared_by_its_result() -> None:
    column = step_of("remainder", "remainder", "", ("argmax",), PEAKS % 8)
    ops = [
        op("a", "image", MAPS),
        op("peaks", "a", PEAKS.astype(np.int32)),
        op("float", "peaks", PEAKS / np.float32(8)),
        op("whole", "float", (PEAKS // 8).astype(np.int32)),
        op("column", "peaks whole", (PEAKS % 8).astype(np.int32)),
    ]
    found = compare(ops, (*NETWORK, column), ["column"], 1e-3)
    assert found.parting is None
    assert [one.verdict for one in found.ops] == ["agrees", "agrees", "cleared", "cleared", "agrees"]


@pytest.mark.parametrize(
    ("ops", "parting", "verdict"),
    [
        ([op("a", "image", BODY), op("b", "a", RANDOM.normal(size=(1, 7)))], None, "unclear"),
        ([op("a", "image", BODY * 2), op("c", "a", BODY[:, :1]), op("b", "a", MAPS)], None, "agrees"),
        ([op("spare", "image", BODY * 2), op("b", "image", MAPS)], None, "agrees"),
        ([op("a", "image", BODY * 2), op("spare", "a", BODY), op("b", "a", MAPS * 2)], "a", "differs"),
        ([op("a", "image", BODY), op("b", "a", MAPS * 2), op("c", "b", MAPS, "softmax")], "b", "agrees"),
        (
            [op("a", "image", BODY), op("x", "a", MAPS * 2), op("b", "x", MAPS * 2, "cast"), op("c", "x", MAPS)],
            "x",
            "agrees",
        ),
    ],
    ids=[
        "no step of its size",
        "cleared by one successor",
        "an unused op is not accused",
        "an unused op clears nothing",
        "what leaves the model is not cleared",
        "nor what is moved to where it leaves",
    ],
)
def test_what_clears_an_op(ops: list[PackagedOp], parting: str | None, verdict: str) -> None:
    found = compare(ops, NETWORK, ["b", "c"], 1e-3)
    assert (found.parting and found.parting.name) == parting
    assert found.ops[-1].verdict == verdict


@pytest.mark.parametrize("values", [np.zeros_like(MAPS), MAPS * 7, np.full_like(MAPS, np.nan)])
def test_an_op_unlike_every_step_is_held_against_the_step_in_its_place(values: np.ndarray) -> None:
    other = step_of(
        "relu", "relu", "elsewhere", (), RANDOM.normal(size=MAPS.shape)
    )  # as many values, not computed from a
    found = compare([op("a", "image", BODY), op("b", "a", values)], (other, *NETWORK), ["b"], 1e-3)
    assert found.parting is not None
    assert found.ops[-1].nearest is None
    assert found.parting.nearest is not None
    assert found.parting.nearest.layer == "head"


def test_of_equal_steps_the_one_in_its_place_is_the_counterpart() -> None:
    steps = (*NETWORK, step_of("back", "mul", "last", ("conv2d_1",), BODY))
    found = compare([op("a", "image", BODY), op("b", "a", MAPS), op("c", "b", BODY)], steps, ["c"], 1e-3)
    assert [one.nearest and one.nearest.layer for one in found.ops] == ["body", "head", "last"]


@pytest.mark.parametrize("phase", range(4))
@pytest.mark.parametrize("shape", [(8, 32, 24), (17, 32, 24), (32, 32, 32), (256, 8, 6)])
def test_a_wrong_phase_of_a_deconvolution_is_seen(shape: tuple[int, ...], phase: int) -> None:
    torch = pytest.importorskip("torch")
    image = torch.from_numpy(RANDOM.normal(size=(1, 4, *shape[1:])).astype(np.float32))
    weight = torch.from_numpy(RANDOM.normal(size=(4, shape[0], 4, 4)).astype(np.float32))
    true = torch.nn.functional.conv_transpose2d(image, weight, stride=2, padding=1).numpy()
    weight[:, :, phase // 2 :: 2, phase % 2 :: 2] *= 0.8
    wrong = torch.nn.functional.conv_transpose2d(image, weight, stride=2, padding=1).numpy()
    step = step_of("deconv", "conv_transpose2d", "up", (), true)
    found = compare([op("up", "image", wrong.transpose(0, 2, 3, 1))], [step], ["up"], 2e-2)
    assert found.parting is not None
    assert found.parting.error == pytest.approx(0.1, rel=0.3)  # a fifth of a quarter of the values


@pytest.mark.parametrize("shape", [(8, 64, 48), (32, 64, 64), (64, 64, 64), (128, 32, 32), (16, 160, 160)])
def test_every_phase_of_every_part_is_looked_at_alike(shape: tuple[int, int, int]) -> None:
    channel, row, column = np.unravel_index(trace.positions_of(int(np.prod(shape))), shape)
    part = 4 * (4 * channel // shape[0]) + 2 * (row % 2) + column % 2  # quarter of the channels, phase
    counts = np.bincount(part, minlength=16) / len(part)
    assert counts == pytest.approx([1 / 16] * 16, abs=0.03)


def test_a_step_of_several_in_its_first_axis_is_compared_too() -> None:
    """Heads of attention, or a trace whose shapes somebody changed: no map of one picture."""
    step = step_of("bmm", "bmm", "head", (), RANDOM.normal(size=(16, 24, 8, 1)).astype(np.float32))
    values = RANDOM.normal(size=(1, 8, 16, 24)).astype(np.float32)
    (found,) = compare([op("a", "image", values)], [step], ["a"], 0.01).ops
    assert found.verdict == "differs"


def test_a_trace_survives_a_round_trip(tmp_path: Path) -> None:
    written = Trace("x#0", "s", "c", NETWORK)
    trace.write(tmp_path, written)
    found = trace.read(tmp_path)
    assert (found.case, found.source_sha256, found.contract_sha256) == ("x#0", "s", "c")
    for one, other in zip(found.steps, NETWORK, strict=True):
        assert (one.name, one.inputs, one.shape, one.lowest) == (other.name, other.inputs, other.shape, other.lowest)
        assert np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_trace_of_values_that_are_not_finite_is_refused(tmp_path: Path, value: float) -> None:
    broken = TracedOp("a", "conv2d", "", (), (2,), 0.0, 1.0, np.array([0, value], np.float32))
    trace.write(tmp_path, Trace("x#0", "s", "c", (broken,)))
    with pytest.raises(InputError, match="a has values that are not finite"):
        trace.read(tmp_path)


@pytest.mark.parametrize(("spread", "parting"), [(1.0, None), (1e-3, "a")])
def test_what_hardly_varies_clears_nothing(spread: float, parting: str | None) -> None:
    """A sigmoid near 0.5 is the network's within rounding, whatever is wrong with what it was computed from."""
    levels = 0.5 + spread * MAPS.astype(np.float64)
    steps = (NETWORK[0], step_of("sigmoid", "sigmoid", "head", ("conv2d",), levels.astype(np.float32)))
    seen = (levels * (1 + 5e-4 * np.sign(MAPS))).astype(np.float32)
    found = compare(
        [op("a", "image", BODY * 1.4), op("b", "a", seen, "sigmoid"), op("c", "b", seen)], steps, ["c"], 1e-3
    )
    assert (found.parting and found.parting.name) == parting
    assert found.ops[1].verdict == "agrees"


def test_an_op_in_parts_stands_for_the_step_of_its_kind() -> None:
    """And not for one that has as many values by chance, nor for one that changes nothing."""
    wide = RANDOM.normal(size=(1, 5, 4, 4)).astype(np.float32)
    half = RANDOM.normal(size=(1, 2, 4, 4)).astype(np.float32)
    steps = (
        NETWORK[0],
        step_of("mul", "mul", "body", ("conv2d",), BODY),
        step_of("conv_transpose2d", "conv_transpose2d", "up", ("mul",), wide),
        step_of("matmul", "matmul", "up", ("conv_transpose2d",), half),
    )
    ops = [
        op("a", "image", BODY),
        op("part", "a", half * 9, "TRANSPOSE_CONV"),
        op("b", "part", wide * 9, "concatenation"),
    ]
    found = compare(ops, steps, ["b"], 1e-3).parting
    assert found is not None
    assert (found.name, found.nearest and found.nearest.name) == ("part", "conv_transpose2d")
    product = compare(
        [ops[0], op("m", "a", BODY * 9, "mul")],
        (*steps, step_of("mul_1", "mul", "gate", ("mul",), BODY * 2)),
        ["m"],
        1e-3,
    )
    assert product.parting is not None
    assert product.parting.nearest is not None
    assert product.parting.nearest.name == "mul_1"
