"""An .mlpackage as coremltools' program of operations: opened for an iOS, made half precision, written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.mlpackage import coremltools

VERSIONS = {16: 7, 17: 8, 18: 9}  # of the specification, by iOS
MIN_WEIGHTS = 64  # fewer belong to a decoder in the graph, as the 16 of an expectation over bins: kept float
SHORT = {"const": "c", "quantize": "q", "dequantize": "d"}  # names of what they give, with a number
PRODUCTS = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}  # op -> its weights


@dataclass(frozen=True, slots=True)
class Opened:
    """A program, and what the package says of its inputs and outputs."""

    program: Any
    description: Any
    ios: int

    @property
    def block(self) -> Any:
        """Its operations."""
        return self.program.functions["main"]


@dataclass(frozen=True, slots=True)
class Weight:
    """The constant of a product: the op that multiplies with it, the op that holds it, and its values."""

    op: Any
    const: Any
    values: NDArray[Any]

    @property
    def axes(self) -> tuple[int, int]:
        """Where its output and its input channels lie."""
        if self.op.op_type == "conv_transpose":
            return 1, 0
        if self.op.op_type == "matmul" and not (self.op.transpose_y is not None and self.op.transpose_y.val):
            return self.values.ndim - 1, self.values.ndim - 2
        return (self.values.ndim - 2, self.values.ndim - 1) if self.op.op_type == "matmul" else (0, 1)


def opened(path: Path, ios: int) -> Opened:
    """The program of a package, as one for this iOS or a later one than it was written for."""
    ct = coremltools()
    from coremltools.converters.mil.frontend.milproto.load import load

    model = ct.models.MLModel(str(path), skip_model_load=True)
    specification = model.get_spec()
    return Opened(load(specification, VERSIONS[ios], model.weights_dir), specification.description, ios)


def halve(model: Opened, may_be_half: Callable[[Any], bool]) -> None:
    """Make every operation of which `may_be_half` says so compute in float16, and its constants too."""
    from coremltools.converters.mil.mil.passes.defs.quantization import FP16ComputePrecision
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    FP16ComputePrecision(op_selector=may_be_half).apply(model.program)
    for name in ("const_elimination", "dead_code_elimination"):  # constants are cast by operations until then
        PASS_REGISTRY[f"common::{name}"](model.program)


def write(model: Opened, path: Path) -> None:
    """Save as an .mlpackage."""
    ct = coremltools()
    from coremltools.converters.mil.converter import mil_convert

    mil_convert(
        model.program,
        convert_to="mlprogram",
        convert_from="milinternal",
        specification_version=VERSIONS[model.ios],
        compute_units=ct.ComputeUnit.CPU_ONLY,
        model_description=model.description,
        skip_model_load=True,
    ).save(str(path))


def weights(model: Opened) -> list[Weight]:
    """The constants that products multiply with, in the order of execution: a layer of the network each."""
    found = []
    for op in model.block.operations:
        held = getattr(op, PRODUCTS[op.op_type], None) if op.op_type in PRODUCTS else None
        const = held.op if held is not None else None
        if const is None or const.op_type != "const":
            continue
        values = np.asarray(const.outputs[0].val)
        if values.ndim >= 2 and values.size and values.dtype in (np.float16, np.float32):
            found.append(Weight(op, const, values))
    return found


def replace(model: Opened, old: Any, new: Any) -> None:
    """Let what read the constant `old` read the variable `new`."""
    model.block.replace_uses_of_var_after_op(
        anchor_op=old, old_var=old.outputs[0], new_var=new, no_check_var_types=True
    )
    model.block.remove_ops([old])


def shorten(specification: Any) -> None:
    """Take out of the program's text what needs not be there: a small network's is a tenth of its file, and most of it
    are small constants written again for each operation, and long names."""
    for function in specification.mlProgram.functions.values():
        for block in function.block_specializations.values():
            _share_constants(block)
            _short_names(block, {given.name for given in function.inputs})


def _share_constants(block: Any) -> None:
    """One constant for all small ones of one value (strides, paddings, scales)."""
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    kept = []
    for operation in block.operations:
        _rename(operation, same)
        if operation.type == "const" and operation.attributes["val"].WhichOneof("value") == "immediateValue":
            name = operation.outputs[0].name
            value = operation.attributes["val"].SerializeToString(deterministic=True)
            if name not in block.outputs and first.setdefault(value, name) != name:
                same[name] = first[value]
                continue
        kept.append(type(operation).FromString(operation.SerializeToString()))
    del block.operations[:]
    block.operations.extend(kept)


def _short_names(block: Any, inputs: Collection[str]) -> None:
    """Values by what gives them and a number; what the block gives, and takes, keeps its name."""
    taken = {*inputs, *block.outputs}
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for operation in block.operations:
        _rename(operation, names)
        kind = "w" if operation.type.startswith("constexpr_") else SHORT.get(operation.type, f"{operation.type}_")
        for output in operation.outputs:
            if output.name not in taken:
                counts[kind] += 1
                while f"{kind}{counts[kind]}" in taken:
                    counts[kind] += 1
                names[output.name] = f"{kind}{counts[kind]}"
                output.name = names[output.name]
        if "name" in operation.attributes:
            operation.attributes["name"].immediateValue.tensor.strings.values[0] = operation.outputs[0].name


def _rename(operation: Any, names: Mapping[str, str]) -> None:
    for argument in operation.inputs.values():
        for bound in argument.arguments:
            if bound.name in names:
                bound.name = names[bound.name]
