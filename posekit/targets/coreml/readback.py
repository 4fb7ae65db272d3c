"""What a written .mlpackage really holds for each layer, read from the file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe
from posekit.errors import ConversionError, reading
from posekit.runtimes.mlpackage import read_specification
from posekit.targets.converted import Held, Layer
from posekit.targets.coreml.program import PRODUCTS
from posekit.targets.graph.layers import fingerprint

if TYPE_CHECKING:
    from posekit.runtimes.mil import Op, Program
    from posekit.runtimes.mil.values import TensorType

Shape = Sequence[int | None]
EIGHT_BITS = ("int8", "uint8")  # coremltools writes the latter where no value is below zero
FLOATS = {"fp16": "float16", "fp32": "float32"}
UNEXPLAINED = "coremltools left it so, and did not say why"
FAR = 0.9  # of a weight's norm: values in the file that differ by more are not the layer's
SAMPLE = 1 << 14  # values by which a layer is told from others of its shape
TINY = 2.0**-15  # weights below it may vanish in float16, and are compared as if they were as large


@dataclass(frozen=True, slots=True)
class Kept:
    """How a weight lies in the file. bits: of each, tables and scales left out; kind: what a precision is told by."""

    kind: str
    bits: float
    words: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A constant expression: the types of what it is given, and the names of that."""

    type: str
    given: Mapping[str, TensorType]
    names: Mapping[str, str]


def named(package: Path, names: Mapping[str, str]) -> dict[str, str]:
    """Names of the layers of a float package by the fingerprint of their weights, in the order of execution.

    names: those that the network has. A layer that has none there, since its weights are computed (normalised, gated,
    transposed), is called as its operation.
    """
    from posekit.runtimes import mil

    program = mil.open_program(package)
    taken, found = set(names.values()), dict[str, str]()
    for op, weight in _products(program):
        mark = fingerprint(program.constant(weight))
        if mark not in found:
            free = (op.name if number == 1 else f"{op.name}_{number}" for number in count(1))
            found[mark] = names[mark] if mark in names else next(name for name in free if name not in taken)
            taken.add(found[mark])
    return found


def layers_of(
    path: Path, base: Path, names: Mapping[str, str], recipe: Recipe, reasons: Mapping[str, str]
) -> tuple[Layer, ...]:
    """Each layer of a written package, in the order of execution; of weights that several share there is one.

    base: the float package; names: layers by fingerprint of its weights; reasons: why a layer was knowingly done
    otherwise than the recipe says. ConversionError where a layer's weights are not in the file.
    """
    from posekit.runtimes import mil

    written, original = mil.open_program(path), mil.open_program(base)
    floats = [original.constant(weight) for _, weight in _products(original)]
    known = [(names[fingerprint(values)], values) for values in floats]
    ops_of: dict[tuple[str, str], list[Op]] = {}
    for place, (op, weight) in enumerate(_products(written)):
        name = _which(written.constant(weight), place, known)
        ops_of.setdefault((name, weight), []).append(op)
    missing = sorted({name for name, _ in known} - {name for name, _ in ops_of})
    if missing:
        raise ConversionError(f"{len(missing)} layers are not in the written {path.name}: {', '.join(missing[:3])}")
    expressions = _expressions(path)
    found: list[Layer] = []
    for (name, weight), ops in ops_of.items():
        if not name:
            continue  # arithmetic, as the weights of a resize
        wanted, kept = recipe.of(name), _kept(written, expressions, weight)
        activations = " and ".join(sorted({_activations(written, op) for op in ops}))
        why = "" if is_as_wanted(wanted, kept.kind, activations) else reasons.get(name, UNEXPLAINED)
        size = _count(written.constants[weight].type.shape)
        found.append(Layer(name, ops[0].type, size, kept.bits, kept.words, activations, wanted, why))
    return tuple(found)


def held(path: Path) -> tuple[Held, ...]:
    """The layers of a package in the order of execution, told from the file alone; of operations that share weights
    there is one. InputError where the package is damaged."""
    from posekit.runtimes import mil

    with reading(path, "no readable Core ML package"):
        program, expressions = mil.open_program(path), _expressions(path)
        ops_of: dict[str, list[Op]] = {}
        for op, weight in _products(program):
            ops_of.setdefault(weight, []).append(op)
        found = []
        for weight, ops in ops_of.items():
            kept = _kept(program, expressions, weight)
            activations = " and ".join(sorted({_activations(program, op) for op in ops}))
            size = _count(program.constants[weight].type.shape)
            found.append(Held(ops[0].type, size, kept.bits, kept.words, kept.kind, activations))
        return tuple(found)


def stored(path: Path) -> dict[str, int]:
    """How many layers of a package are stored and computed in which way, told from the file alone; InputError where it
    is damaged."""
    ways = Counter(f"{one.stored}, computed in {one.activations}" for one in held(path))
    return dict(ways.most_common())


def is_as_wanted(wanted: Precision, kind: str, activations: str) -> bool:
    """Whether what the file holds is what the precision's name says; of a sparse layer more may be zero than half."""
    zeros, _, rest = kind.removeprefix("sparse").partition("-")
    if wanted.startswith("sparse") and zeros.isdecimal() and int(zeros) > 50:
        kind = f"sparse50-{rest}" if rest else "sparse50"
    if wanted == "w8a8":
        return kind == "int8" and activations in EIGHT_BITS
    expected = {"fp32": "fp32", "fp16": "fp16", "w8": "int8", "w4": "int4"}.get(wanted, wanted)
    return kind == expected and activations in FLOATS.values()


def _products(program: Program) -> list[tuple[Op, str]]:
    """The operations that multiply with a constant, and its name, as coreml_program.weights has them."""
    found = []
    for op in program.ops:
        for weight in op.inputs.get(PRODUCTS.get(op.type, ""), ()):
            kind = program.constants[weight].type if weight in program.constants else None
            if kind is not None and len(kind.shape) >= 2 and _count(kind.shape) and kind.dtype in FLOATS:
                found.append((op, weight))
    return found


def _which(values: NDArray[Any], place: int, known: Sequence[tuple[str, NDArray[Any]]]) -> str:
    """The layer whose float weights these are: that at the same place if they agree with it, else the closest."""
    for name, expected in known[place : place + 1]:
        if _apart(values, expected) <= FAR:
            return name
    apart, name = min(((_apart(values, expected), name) for name, expected in known), default=(math.inf, ""))
    if apart > FAR:
        raise ConversionError(
            "the written file holds weights that are none of the network's", "this is a fault of posekit"
        )
    return name


def _apart(values: NDArray[Any], expected: NDArray[Any]) -> float:
    """How far weights in the file are from the float ones, as a share of their norm."""
    if values.shape != expected.shape:
        return math.inf
    step = -(-values.size // SAMPLE)
    ours, theirs = (one.reshape(-1)[::step].astype(np.float64) for one in (values, expected))
    return _norm(ours - theirs) / max(_norm(theirs), TINY * math.sqrt(ours.size))


def _norm(values: NDArray[np.float64]) -> float:
    """Root of the sum of squares; numpy's own wakes every core for it, hundreds of times."""
    return math.sqrt(float(np.square(values).sum()))


def _kept(program: Program, expressions: Mapping[str, Expression], weight: str) -> Kept:
    """How the constant `weight` is stored."""
    constant = program.constants[weight]
    expression = expressions.get(weight)
    if expression is None:
        kind = constant.type.dtype
        return Kept(kind, 8.0 * np.dtype(FLOATS[kind]).itemsize, FLOATS[kind])
    shape, given = constant.type.shape, expression.given
    if expression.type == "constexpr_affine_dequantize":
        kind = given["quantized_data"].dtype
        return Kept(kind, 8.0, f"{kind}, {_scales(given['scale'].shape, shape)}")
    if expression.type == "constexpr_blockwise_shift_scale":
        kind = given["data"].dtype
        return Kept(kind, float(kind.removeprefix("int")), f"{kind}, {_scales(given['scale'].shape, shape)}")
    if expression.type == "constexpr_lut_to_dense":
        bits = _table_bits(given["lut"])
        return Kept(f"pal{bits}", float(bits), f"a table of {1 << bits} values")
    if expression.type == "constexpr_sparse_to_dense":
        return _sparse(expressions, expression, shape)
    return Kept(expression.type, 8.0 * np.dtype(FLOATS[constant.type.dtype]).itemsize, expression.type)


def _sparse(expressions: Mapping[str, Expression], expression: Expression, shape: Shape) -> Kept:
    """Bits of what is not zero, and one of the mask for each weight."""
    share = _count(expression.given["nonzero_data"].shape) / _count(shape)
    zero, kind = f"{1 - share:.0%} zero", f"sparse{round(100 - 100 * share)}"
    inner = expressions.get(expression.names.get("nonzero_data", ""))
    if inner is None:
        bits = 8 * np.dtype(FLOATS[expression.given["nonzero_data"].dtype]).itemsize
        return Kept(kind, 1 + bits * share, f"{FLOATS[expression.given['nonzero_data'].dtype]}, {zero}")
    if inner.type == "constexpr_sparse_blockwise_shift_scale":
        words = f"{inner.given['nonzero_data'].dtype}, {_scales(inner.given['scale'].shape, shape)}, {zero}"
        return Kept(f"{kind}-w8", 1 + 8 * share, words)
    bits = _table_bits(inner.given["lut"])
    return Kept(f"{kind}-pal{bits}", 1 + bits * share, f"a table of {1 << bits} values, {zero}")


def _table_bits(table: TensorType) -> int:
    """Bits of an index: of iOS 18 the entries lie along the last axis but one."""
    entries = table.shape[0] if len(table.shape) == 1 else table.shape[-2]
    return int(entries or 1).bit_length() - 1


def _expressions(path: Path) -> dict[str, Expression]:
    """The constant expressions of a package by what they give."""
    from posekit.runtimes.mil.values import tensor_type

    types: dict[str, TensorType] = {}
    found: dict[str, Expression] = {}
    for function in read_specification(path).mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type != "const" and not operation.type.startswith("constexpr_"):
                    continue
                where = f"{path.name}: {operation.type}"
                bound = {name: given.arguments[0] for name, given in operation.inputs.items()}
                names = {name: one.name for name, one in bound.items() if one.name}
                given = {name: types[value] for name, value in names.items()}
                given |= {name: tensor_type(one.value.type, where) for name, one in bound.items() if not one.name}
                given |= {name: tensor_type(one.type, where) for name, one in operation.attributes.items()}
                types |= {output.name: tensor_type(output.type, where) for output in operation.outputs}
                if operation.type != "const":
                    found |= {output.name: Expression(operation.type, given, names) for output in operation.outputs}
    return found


def _count(shape: Shape) -> int:
    return int(np.prod([size or 0 for size in shape]))


def _scales(scales: Shape, shape: Shape) -> str:
    """How many weights share a scale."""
    if _count(scales) == 1:
        return "one scale"
    apart = sum(size != 1 for size in scales)
    return "one scale a channel" if apart == 1 else f"one scale for {_count(shape) // _count(scales)} weights"


def _activations(program: Program, op: Op) -> str:
    """The type that an operation takes its input in: int8 behind a dequantize, else the float type stated."""
    makers = {output: one for one in program.ops for output in one.outputs}
    maker = makers.get(op.inputs["x"][0])
    if maker is not None and maker.type == "dequantize":
        quantize = makers.get(maker.inputs["input"][0])
        return quantize.types[0].dtype if quantize is not None else "int8"
    kind = maker.dtype if maker is not None else program.parameters[op.inputs["x"][0]].dtype
    return FLOATS.get(kind, kind)
