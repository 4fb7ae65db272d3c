"""Evaluate a program with torch: prepared once per profile, then run op by op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError, MissingToolError, PosekitError, said
from posekit.runtimes.mil.lazy import torch
from posekit.runtimes.mil.program import ON_A_MAC, Feature, Op, Program
from posekit.runtimes.mil.values import TensorType

if TYPE_CHECKING:
    from torch import Tensor

    from posekit.runtimes.mil.ops.table import Kernel

Profile = Literal["fp32", "fp16", "fp16_accumulate"]
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpRun:
    """One operation as it was evaluated."""

    op: Op
    tensors: tuple[Tensor, ...]

    @property
    def outputs(self) -> dict[str, NDArray[Any]]:
        """Its values by name; fp16 ones as float32 arrays of fp16 values."""
        return {name: tensor.numpy() for name, tensor in zip(self.op.outputs, self.tensors, strict=True)}


@dataclass(frozen=True, slots=True)
class _Step:
    """An op bound to its constants: what reads the values so far, how its outputs are stored, what dies after it."""

    op: Op
    call: Callable[[Values], Any]
    dtypes: tuple[Any, ...]
    halved: bool
    shapes: tuple[tuple[int | None, ...], ...]
    dead: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    constants: Values
    folded: tuple[OpRun, ...]
    steps: tuple[_Step, ...]


def run(
    program: Program,
    inputs: Mapping[str, Any],
    profile: Profile = "fp16",
    observe: Callable[[OpRun], None] | None = None,
) -> dict[str, NDArray[Any]]:
    """The outputs by name for inputs by name: arrays of the described shapes, for an image (H, W, 3) RGB 0-255.

    fp16: every tensor that the program states as fp16 is rounded to it, sums inside an op are float32, as devices do
    it; fp32: nothing is rounded; fp16_accumulate: sums are fp16 as well, a stress test and no device. `observe` is
    called after each operation. InputError where inputs do not fit or the program contradicts itself;
    MissingToolError where it has an operation that is not evaluated here.
    """
    with torch.inference_mode():
        plan = prepare(program, profile)
        values = dict(plan.constants)
        for feature in program.inputs:
            tensor = _input(program.file, feature, inputs)
            values[feature.name] = _stored(tensor, program.parameters[feature.name], profile)
        if len(values) < len(plan.constants) + len(program.parameters):
            raise InputError(f"{program.file} takes {sorted(program.parameters)}, which its description does not say")
        for folded in plan.folded if observe else ():
            observe(folded)  # type: ignore[misc]
        for step in plan.steps:
            tensors = _evaluated(program.file, step, values)
            values.update(zip(step.op.outputs, tensors, strict=True))
            if observe:
                observe(OpRun(step.op, tensors))
            for name in step.dead:
                del values[name]
        pairs = zip(program.outputs, program.results, strict=True)
        return {
            feature.name: _output(feature, values[feature.name if feature.name in program.results else name], profile)
            for feature, name in pairs
        }


def prepare(program: Program, profile: Profile) -> _Plan:
    """The program's ops bound to their constants, made once; what depends on constants alone is evaluated now."""
    if profile not in program.memo:
        with torch.inference_mode():
            program.memo[profile] = _prepared(program, profile)
    plan: _Plan = program.memo[profile]
    return plan


def unbound(program: Program) -> tuple[Values, list[Callable[[Values], None]]]:
    """The constants that operations read by name, and the operations: each reads values by name, constants among them,
    and puts its results there. Nothing is rounded to fp16."""
    with torch.no_grad():
        plan = _prepared(program, "fp32", binds=False)

    def running(step: _Step) -> Callable[[Values], None]:
        return lambda values: values.update(zip(step.op.outputs, _evaluated(program.file, step, values), strict=True))

    return dict(plan.constants), [running(step) for step in plan.steps]


def _prepared(program: Program, profile: Profile, *, binds: bool = True) -> _Plan:
    from posekit.runtimes.mil.ops import ACCUMULATING, KERNELS

    kernels = KERNELS | ACCUMULATING if profile == "fp16_accumulate" else KERNELS
    _refuse_unknown(program, kernels)
    last_reader = {
        name: number for number, op in enumerate(program.ops) for names in op.inputs.values() for name in names
    }
    constants: Values = {}
    known: set[str] = set(program.constants)
    folded: list[OpRun] = []
    steps: list[_Step] = []
    for number, op in enumerate(program.ops):
        names = {name for names in op.inputs.values() for name in names}
        for name in names & set(program.constants) - set(constants):
            constants[name] = _constant(program, name)
        kept = {*known, *program.results}
        dead = tuple(sorted(name for name in names if name not in kept and last_reader[name] == number))
        step = _step(program, op, kernels[op.type], constants, profile, dead, binds)
        if names <= known:
            tensors = _evaluated(program.file, step, constants)
            constants.update(zip(op.outputs, tensors, strict=True))
            known.update(op.outputs)
            folded.append(OpRun(op, tensors))
        else:
            steps.append(step)
    read = {name for op in program.ops for names in op.inputs.values() for name in names} | set(program.results)
    for name in set(program.results) & set(program.constants):
        constants[name] = _constant(program, name)
    return _Plan({name: value for name, value in constants.items() if name in read}, tuple(folded), tuple(steps))


def _step(
    program: Program, op: Op, kernel: Kernel, constants: Values, profile: Profile, dead: tuple[str, ...], binds: bool
) -> _Step:
    fixed: dict[str, Any] = {}
    single: list[tuple[str, str]] = []
    other: list[tuple[str, tuple[str, ...], bool]] = []
    for parameter, names in op.inputs.items():
        reads = kernel.reads.get(parameter)
        if reads is None:
            raise MissingToolError(f"{program.file}: {op.type} {op.name!r} has a parameter {parameter!r} unknown here")
        if reads == "plain" and all(name in constants for name in names):
            plain = [_plain(constants[name]) for name in names]
            fixed[parameter] = plain[0] if len(plain) == 1 else plain
        elif binds and reads == "tensor" and len(names) == 1 and names[0] in constants:
            fixed[parameter] = constants[names[0]]
        elif reads == "tensor":
            single.append((parameter, names[0]))
        else:
            other.append((parameter, names, reads == "plain"))
    function = kernel.call

    def call(values: Values) -> Any:
        return function(**fixed, **{parameter: values[name] for parameter, name in single})

    def call_with_lists(values: Values) -> Any:
        lists = {
            parameter: _plain(values[names[0]]) if plain else [values[name] for name in names]
            for parameter, names, plain in other
        }
        return function(**fixed, **lists, **{parameter: values[name] for parameter, name in single})

    halved = profile != "fp32" and not kernel.exact and any(one.dtype == "fp16" for one in op.types)
    dtypes = tuple(_dtype(one) for one in op.types)
    return _Step(op, call_with_lists if other else call, dtypes, halved, tuple(one.shape for one in op.types), dead)


def _evaluated(file: str, step: _Step, values: Values) -> tuple[Tensor, ...]:
    try:
        result = step.call(values)
        tensors = result if isinstance(result, tuple) else (result,)
        if len(tensors) != len(step.dtypes):
            raise ValueError(f"{len(tensors)} outputs, the program states {len(step.dtypes)}")
        stored = []
        for tensor, dtype, stated, kind in zip(tensors, step.dtypes, step.shapes, step.op.types, strict=True):
            shape = tensor.shape
            if len(shape) != len(stated) or any(b is not None and a != b for a, b in zip(shape, stated, strict=True)):
                raise ValueError(f"its output has shape {tuple(shape)}, the program states {stated}")
            tensor = tensor if tensor.dtype == dtype else tensor.to(dtype)
            stored.append(tensor.half().float() if step.halved and kind.dtype == "fp16" else tensor)
        return tuple(stored)
    except PosekitError:
        raise
    except Exception as error:  # whatever torch says of sizes that do not fit
        raise InputError(f"{file}: op {step.op.name!r} ({step.op.type}) cannot be evaluated{said(error)}") from error


def _refuse_unknown(program: Program, kernels: Mapping[str, Kernel]) -> None:
    unknown = [op for op in program.ops if op.type not in kernels]
    if not unknown:
        return
    first = unknown[0]
    fed = [f"{reader.name!r} ({reader.type})" for output in first.outputs for reader in program.readers(output)]
    kinds = sorted({op.type for op in unknown})
    raise MissingToolError(
        f"{program.file}: op {first.name!r} is a {first.type}, which is not evaluated here; "
        f"it feeds {', '.join(fed[:4]) or 'the output'}" + (f"; so are {kinds}" if len(kinds) > 1 else ""),
        ON_A_MAC,
    )


def _dtype(kind: TensorType) -> Any:
    """What a value is held as: floats as float32, integers wide enough for torch to index with."""
    held = {"bool": torch.bool, "int8": torch.int8, "uint8": torch.uint8, "int64": torch.int64, "uint32": torch.int64}
    return torch.float32 if kind.is_float else held.get(kind.dtype, torch.int32)


def _constant(program: Program, name: str) -> Any:
    """A tensor, or the text of a string."""
    kind = program.constants[name].type
    array = program.constant(name)
    if kind.dtype == "str":
        return str(array.reshape(-1)[0]) if array.size == 1 else [str(text) for text in array.reshape(-1)]
    if kind.dtype == "fp16":
        array = array.astype(np.float32)
    elif kind.dtype in ("uint16", "uint32", "uint64"):
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array)).to(_dtype(kind))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | list) else value.tolist()


def _stored(tensor: Tensor, kind: TensorType, profile: Profile) -> Tensor:
    tensor = tensor.to(_dtype(kind))
    return tensor.half().float() if kind.dtype == "fp16" and profile != "fp32" else tensor


def _input(file: str, feature: Feature, inputs: Mapping[str, Any]) -> Tensor:
    if feature.name not in inputs:
        raise InputError(f"{file} takes an input {feature.name!r}, {sorted(inputs)} are given")
    array = np.asarray(inputs[feature.name])
    if feature.colour == "GRAYSCALE" and array.ndim == 2:
        array = array[..., None]
    if len(array.shape) != len(feature.shape) or any(
        b is not None and a != b for a, b in zip(array.shape, feature.shape, strict=True)
    ):
        raise InputError(f"{file} takes {feature.name!r} of shape {feature.shape}, the one given has {array.shape}")
    if array.dtype.kind not in "biuf":
        raise InputError(f"{file} takes {feature.name!r} as numbers, those given are {array.dtype}")
    if feature.colour:
        array = array[..., ::-1] if feature.colour == "BGR" else array
        array = np.moveaxis(array, -1, 0)[None]
    narrow = array.dtype.kind == "f" or array.dtype in (np.uint16, np.uint32, np.uint64)
    return torch.from_numpy(np.array(array, np.float32 if narrow else None))


def _output(feature: Feature, tensor: Tensor, profile: Profile) -> NDArray[Any]:
    array: NDArray[Any] = tensor.numpy()
    if feature.colour:  # (1, C, H, W) to bytes (H, W, C), RGB
        pixels: NDArray[Any] = np.moveaxis(np.clip(np.rint(array[0]), 0, 255).astype(np.uint8), 0, -1)
        return pixels[..., ::-1] if feature.colour == "BGR" else pixels
    if feature.dtype == "fp16":
        return array.astype(np.float32 if profile == "fp32" else np.float16)
    return array.astype({"int32": np.int32, "int8": np.int8, "fp64": np.float64}.get(feature.dtype, np.float32))
