"""The GPU delegate's rules, held to TensorFlow's own verdicts, and told of a whole graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract.recipe import uniform
from posekit.errors import InputError
from posekit.targets.litert import gpu_delegate
from posekit.targets.litert.gpu_delegate import delegated
from posekit.targets.litert.tflite_file import pack, unpack
from posekit.targets.litert.tflite_signatures import Signature, Tensor, signatures
from tests.targets import conversion
from tests.targets.graphs import model, op, tensor

# what TensorFlow 2.17.1, whose analyzer still checked, says of 678 operations made at random: a line each, as
# `taken|refused KIND inputs -> outputs | options`; `!` marks a constant
TRUTH = (Path(__file__).parent / "gpu_truth.txt").read_text().splitlines()
FLAGS = ("alignCorners", "halfPixelCenters", "keepNumDims")
IMAGE = tensor(1, 8, 8, 4)


def recorded(line: str) -> tuple[bool, Signature]:
    told, _, options = line.partition(" | ")
    left, right = told.split(" -> ")
    verdict, kind, *inputs = left.split(" ")
    given = (pair.split("=") for pair in options.split(",") if pair)
    named = {
        name: bool(float(value)) if name in FLAGS else float(value) if name == "beta" else int(float(value))
        for name, value in given
    }
    return verdict == "taken", op(
        kind,
        [operand(text) for text in inputs],
        [operand(text) for text in right.split()],
        custom=kind.startswith("Flex"),
        **named,
    )


def operand(text: str) -> Tensor:
    shape, _, kind = text.partition(":")
    sizes = [int(size) for size in shape.split("x") if size]
    return tensor(*sizes, dtype=kind.rstrip("!").upper(), constant=kind.endswith("!"))


def test_the_rules_of_single_operations_agree_with_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of every tensor (rank, type) are the delegate's, and not part of that check."""
    monkeypatch.setattr(gpu_delegate, "EVERY", ())
    truth = [recorded(line) for line in TRUTH]
    read = signatures(model([signature for _, signature in truth]))
    wrong = [
        line
        for line, (taken, _), signature in zip(TRUTH, truth, read, strict=True)
        if (gpu_delegate.refusal(signature) is None) != taken
    ]
    assert not wrong
    assert {taken for taken, _ in truth} == {True, False}
    assert {signature.kind for _, signature in truth} > {"ADD", "MUL", "CONV_2D", "ARG_MAX", "GATHER_ND", "FlexErf"}


def test_what_a_file_says_is_what_was_written() -> None:
    written = [recorded(line)[1] for line in TRUTH]
    for before, after in zip(written, signatures(model(written)), strict=True):
        outputs = before.inputs if after.folded else before.outputs
        assert (after.kind, after.inputs, after.outputs) == (before.kind, before.inputs, outputs)
        assert {name: after.options[name] for name in before.options} == before.options


CASES: dict[str, tuple[Signature, str, str]] = {
    "five dimensions": (
        op("RESHAPE", [tensor(1, 24, 96), tensor(5, dtype="INT32", constant=True)], [tensor(1, 24, 3, 4, 8)]),
        "5 dimensions",
        "fold dimensions",
    ),
    "64-bit integers": (op("CAST", [tensor(4, dtype="INT64")], [tensor(4)]), "casts int64 to float32", "float inputs"),
    "integers": (
        op("MUL", [tensor(4, dtype="INT32"), tensor(4, dtype="INT32")], [tensor(4, dtype="INT32")]),
        "with int32",
        "decoder",
    ),
    "16-bit activations": (op("RELU", [tensor(4, dtype="INT16")], [tensor(4, dtype="INT16")]), "with int16", "to int8"),
    "a size known late": (op("ABS", [tensor(4)], [tensor(1, dynamic=True)]), "run time only", "one fixed input size"),
    "argmax": (
        op("ARG_MAX", [IMAGE, tensor(dtype="INT32", constant=True)], [tensor(1, dtype="INT64")]),
        "ARG_MAX",
        "decoder",
    ),
    "gather_nd": (op("GATHER_ND", [IMAGE, tensor(1, 4, dtype="INT32")], [tensor(1)]), "GATHER_ND", "decoder"),
    "unpack": (op("UNPACK", [tensor(2, 4)], [tensor(4), tensor(4)]), "UNPACK", "slice"),
    "topk": (op("TOPK_V2", [tensor(4), tensor(dtype="INT32", constant=True)], [tensor(1)]), "TOPK_V2", "decoder"),
    "flex": (op("FlexErf", [IMAGE], [IMAGE], custom=True), "custom operation FlexErf", "write it"),
    "a custom one called as a known one": (
        op("ADD", [IMAGE, IMAGE], [IMAGE], custom=True),
        "custom operation ADD",
        "write it",
    ),
    "gamma and beta of gated attention": (
        op("MUL", [tensor(1, 5, 1, 16), tensor(1, 1, 2, 16, constant=True)], [tensor(1, 5, 2, 16)]),
        "broadcasts both sides, 1x5x1x16 and 1x1x2x16",
        "tile",
    ),
    "many of several channels": (
        op(
            "DEPTHWISE_CONV_2D",
            [tensor(1, 8, 8, 2), tensor(1, 3, 3, 4, constant=True)],
            [IMAGE],
            strideW=1,
            strideH=1,
            depthMultiplier=2,
        ),
        "2 of each of 2 channels",
        "multiplier of 1",
    ),
    "a layer norm's bias": (
        op("ADD", [tensor(1, 24, 32), tensor(24, 32)], [tensor(1, 24, 32)]),
        "24x32 to 1x24x32",
        "same number",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_operation_that_stays_on_the_cpu(case: str) -> None:
    signature, rule, remedy = CASES[case]
    (finding,) = delegated(model([op("RELU", [IMAGE], [IMAGE]), signature])).findings
    assert (finding.number, finding.kind) == (1, signature.kind)
    assert rule in finding.rule
    assert remedy in finding.remedy
    assert " -> " in finding.shapes


TAKEN: dict[str, Signature] = {
    "a convolution without bias": op(
        "CONV_2D", [IMAGE, tensor(8, 3, 3, 4, constant=True), None], [IMAGE], strideW=1, strideH=1
    ),
    "a deconvolution": op(
        "TRANSPOSE_CONV",
        [tensor(4, dtype="INT32", constant=True), tensor(8, 3, 3, 4, constant=True), IMAGE],
        [IMAGE],
        strideW=2,
        strideH=2,
    ),
    "a size left open at the input": op("ABS", [tensor(1, 8, 8, 4, dynamic=True)], [tensor(1, 8, 8, 4, dynamic=True)]),
    "quantized": op(
        "ADD", [tensor(1, 8, 8, 4, dtype="INT8"), tensor(1, 8, 8, 4, dtype="INT8")], [tensor(1, 8, 8, 4, dtype="INT8")]
    ),
    "many of one channel": op(
        "DEPTHWISE_CONV_2D",
        [tensor(1, 8, 8, 1), tensor(1, 3, 3, 4, constant=True)],
        [IMAGE],
        strideW=1,
        strideH=1,
        depthMultiplier=4,
    ),
    "a mask": op("GREATER", [IMAGE, tensor(constant=True)], [tensor(1, 8, 8, 4, dtype="BOOL")]),
    "a custom one that the delegate knows": op(
        "MaxPoolingWithArgmax2D", [IMAGE], [IMAGE, tensor(1, 8, 8, 4)], custom=True
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_an_operation_that_the_gpu_takes(case: str) -> None:
    found = delegated(model([TAKEN[case]]))
    assert found.findings == ()
    assert found.summary.startswith("1 of 1 operations can run on the GPU by TensorFlow's rules, in 1 partition")


def chain(kinds: str) -> Iterator[Signature]:
    """`+` is taken by the GPU, `-` is not."""
    for kind in kinds:
        yield op("RELU" if kind == "+" else "ARG_MIN", [IMAGE], [IMAGE])


@pytest.mark.parametrize(
    ("kinds", "summary"),
    [
        ("+++", "3 of 3 operations can run on the GPU by TensorFlow's rules, in 1 partition; not run"),
        ("++-+", "3 of 4 operations can run on the GPU by TensorFlow's rules, in 2 partitions; not run"),
        ("-+--+-", "2 of 6 operations can run on the GPU by TensorFlow's rules, in 2 partitions; not run"),
        ("--", "0 of 2 operations can run on the GPU by TensorFlow's rules; not run"),
    ],
)
def test_partitions_are_the_runs_between_what_stays_on_the_cpu(kinds: str, summary: str) -> None:
    assert delegated(model(list(chain(kinds)))).summary == summary


def test_float16_weights_are_folded_into_what_reads_them() -> None:
    """A convolution whose weight and bias are both widened has one computed input on the GPU, and three on a CPU."""
    halves = [tensor(8, 3, 3, 4, dtype="FLOAT16", constant=True), tensor(8, dtype="FLOAT16", constant=True)]
    wide = [tensor(8, 3, 3, 4), tensor(8)]
    widened = [op("DEQUANTIZE", [half], [one]) for half, one in zip(halves, wide, strict=True)]
    convolution = op("CONV_2D", [IMAGE, *wide], [tensor(1, 8, 8, 8)], strideW=1, strideH=1)
    found = delegated(model([*widened, convolution]))
    assert (found.operations, found.folded, found.findings) == (1, 2, ())
    assert "2 that widen float16 weights" in found.summary
    bytes_stored = [tensor(8, 3, 3, 4, dtype="INT8", constant=True), tensor(8, dtype="INT8", constant=True)]
    unfolded = [op("DEQUANTIZE", [one], [to]) for one, to in zip(bytes_stored, wide, strict=True)]
    assert "3 computed inputs" in delegated(model([*unfolded, convolution])).findings[0].rule


def test_weights_behind_the_file_are_constant() -> None:
    """Where ai-edge-quantizer stores them."""
    root = unpack(model([op("CONV_2D", [IMAGE, tensor(8, 3, 3, 4, constant=True)], [IMAGE], strideW=1, strideH=1)]))
    root.buffers[1].data, root.buffers[1].offset, root.buffers[1].size = None, 4096, 1152
    (convolution,) = signatures(pack(root))
    assert [one.constant for one in convolution.given] == [False, True]


@pytest.mark.parametrize("kind", ["ADD", "MUL", "GATHER", "ONE_HOT", "MEAN", "PAD", "DEPTHWISE_CONV_2D", "CUMSUM"])
def test_an_operation_without_operands_is_damage(kind: str) -> None:
    """Refused by a rule, or the whole file is: never a traceback."""
    with contextlib.suppress(InputError):
        assert delegated(model([op(kind, [], [])])).findings


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.9])
def test_a_cut_file_is_damage(share: float) -> None:
    whole = model(list(chain("+-+")))
    with pytest.raises(InputError, match="damaged"):
        delegated(whole[: int(share * len(whole))])


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_damage_or_another_model(place: int, value: int) -> None:
    whole = bytearray(model(list(chain("+-+"))))
    whole[place % len(whole)] = value
    with contextlib.suppress(InputError):
        assert len(delegated(bytes(whole)).findings) <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision", "kinds"),
    [
        ("deconv_batchnorm", "fp16", set()),
        ("gated_attention_simcc", "fp16", {"MUL"}),
        ("vit", "fp32", {"ADD", "RESHAPE", "SLICE", "TRANSPOSE"}),
    ],
)
def test_networks(name: str, precision: Any, kinds: set[str], tmp_path: Path) -> None:
    """What TensorFlow 2.17.1 says of the same files, and the five dimensions of attention, which only a delegate
    refuses."""
    from posekit.sources.recognise import Form
    from posekit.sources.reference import run_reference
    from posekit.sources.source import SourceModel
    from posekit.targets.graph.lowering import lower
    from tests import networks
    from tests.targets.test_networks import spec_of

    spec, source = spec_of(name), SourceModel(Path("in-memory"), Form.MODULE, "", networks.build(name))
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    lowered = lower(source, spec, pixels, run_reference(source, spec, pixels))
    found = delegated(conversion.converted("android", lowered, spec, uniform(precision), tmp_path).path.read_bytes())
    assert {finding.kind for finding in found.findings} == kinds
    assert found.findings == () or found.partitions > 1
