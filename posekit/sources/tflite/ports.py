"""Inputs and outputs of a .tflite: their numbers as they lie in the file, and the values that those stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.drafts.fitting import is_probe, probe
from posekit.errors import InputError
from posekit.runtimes.flatbuffer import text
from posekit.sources import limits
from posekit.sources.outputs import numbered
from posekit.sources.steps import check_steps, levels

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.poses.input_spec import InputSpec

DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
SLACK = 3e-5  # of a whole number: what float32 loses of 255 of them
SAME, SAME_STEP = 1e-3, 2e-6  # of a whole number; of a step, which 255 pixels make a thousandth of
CHANNELS = {"gray": 1, "rgb": 3, "bgr": 3}


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor where values enter or leave. number: of the tensor; sides: as the file says, 0 for an open one. scale,
    zero: of whole numbers that stand for others, scale 0 where they stand for themselves. shift: added before rounding,
    where every pixel would lie between two numbers. slack: how far float32 may have moved a half, or a whole number,
    where those are the pixels' own (of_pixels)."""

    number: int
    name: str
    sides: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero: int = 0
    shift: float = 0.0
    slack: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self.dtype not in ("float32", "float16")

    @property
    def described(self) -> str:
        """`uint8 1 x 192 x 192 x 3, scale 0.0078125, zero point 128`."""
        sides = " x ".join(str(side or "any") for side in self.sides)
        return f"{self.dtype} {sides}" + (f", scale {self.scale:g}, zero point {self.zero}" if self.scale else "")

    def entered(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Values as the file's numbers: whole ones rounded half to even, and clipped to their type."""
        if not self.is_whole:
            return values.astype(self.dtype)
        places = values.astype(np.float64) / (self.scale or 1.0) + self.zero + self.shift
        halves = np.rint(places * 2) / 2
        numbers = np.rint(np.where(np.abs(places - halves) < self.slack, halves, places))
        if self.dtype != "bool":
            kind = np.iinfo(self.dtype)
            numbers = np.clip(numbers, kind.min, kind.max)
        return numbers.astype(self.dtype)

    def left(self, numbers: NDArray[Any]) -> NDArray[np.float32]:
        """The file's numbers as the values that they stand for."""
        if not self.scale or not self.is_whole:
            return numbers.astype(np.float32)
        return ((numbers.astype(np.float64) - self.zero) * np.float64(np.float32(self.scale))).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Network:
    """A .tflite with one picture of fixed size as its input, and the outputs that a contract names, in its order.

    content: the flatbuffer. route: how it came about, where it is not the file itself. is_last: the picture's channels
    come last. turned: outputs that are maps with their channels last, which a torch network gives first.
    """

    path: Path
    content: bytes
    input: Port
    outputs: Mapping[str, Port]
    is_last: bool
    turned: frozenset[str]
    route: str = ""


def name_of(graph: Any, number: int) -> str:
    """A tensor's name, or its number where it has none."""
    return text(graph.tensors[number].name or b"") or f"tensor {number}"


def signed(unpacked: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of the main graph by the names that the file's signature gives them; empty without one."""
    for one in unpacked.signatureDefs or []:
        if not one.subgraphIndex:
            sides = (
                {text(each.name): int(each.tensorIndex) for each in side or []} for side in (one.inputs, one.outputs)
            )
            inputs, outputs = sides
            return inputs, outputs
    return {}, {}


def inputs_of(unpacked: Any, path: Path) -> list[Port]:
    """What goes into the main graph, as its signature calls it, else as the tensors are called."""
    graph, names = unpacked.subgraphs[0], {number: name for name, number in signed(unpacked)[0].items()}
    return [port_of(graph, int(one), path, names.get(int(one), "")) for one in graph.inputs]


def outputs_of(unpacked: Any) -> tuple[dict[str, int], bool]:
    """Outputs of the main graph by name, in its order, and whether that says anything: converters shuffle the outputs
    of a signature, so that there only numbers in its names do."""
    graph, given = unpacked.subgraphs[0], signed(unpacked)[1]
    numbers = [int(one) for one in graph.outputs]
    if not given:
        return {name_of(graph, one): one for one in numbers}, True
    given = {name: one for name, one in given.items() if one in numbers}
    known = set(given.values())
    given |= {name_of(graph, one): one for one in numbers if one not in known}
    order = numbered(given)
    return {name: given[name] for name in order or given}, order is not None


def port_of(graph: Any, number: int, path: Path, name: str = "") -> Port:
    """One tensor of a graph; InputError where it holds neither numbers nor one scale for all of them."""
    tensor = graph.tensors[number]
    name = name or name_of(graph, number)
    if tensor.type not in DTYPES:
        raise InputError(f"tensor {name!r} of {path} is of type {tensor.type}, expected numbers", "")
    signature = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    shape = () if tensor.shape is None else tensor.shape
    open_sides = shape if signature is None or len(signature) != len(shape) else signature
    sides = tuple(max(int(side), 0) for side in open_sides)
    limits.refuse_above(math.prod(max(side, 1) for side in sides), limits.INPUT_PIXELS * 16, f"{name} of {path} has",
                        "numbers")  # fmt: skip
    scale, zero = _scale(tensor, name, path)
    return Port(number, name, sides, DTYPES[tensor.type], scale, zero)


def _scale(tensor: Any, name: str, path: Path) -> tuple[float, int]:
    given = tensor.quantization
    scales = [] if given is None or given.scale is None else [float(one) for one in given.scale]
    zeros = [] if given is None or given.zeroPoint is None else [int(one) for one in given.zeroPoint]
    if not scales or DTYPES[tensor.type] in ("float32", "float16"):
        return 0.0, 0
    if len(scales) > 1 or not (math.isfinite(scales[0]) and scales[0] > 0):
        raise InputError(f"tensor {name!r} of {path} has the scales {scales[:4]}, expected one above 0", "")
    return scales[0], zeros[0] if zeros else 0


def the_picture(ports: Sequence[Port], path: Path) -> Port:
    """The one input; InputError where there are others, or none."""
    if len(ports) != 1:
        names = ", ".join(f"{one.name} ({one.described})" for one in ports[:4])
        raise InputError(
            f"{path} has {len(ports)} inputs, expected one picture{f': {names}' if names else ''}",
            "export the network with one input",
        )
    return ports[0]


def offset_of_pixels(port: Port, image: InputSpec) -> float | None:
    """What is added to a pixel to be the port's number, before rounding; None where a step of it is another than the
    pixel's."""
    scale = port.scale or 1.0
    steps = [1 / (std * scale) for std in image.std]
    offsets = [port.zero - mean / (std * scale) for mean, std in zip(image.mean, image.std, strict=True)]
    is_own = all(abs(one - 1) < SAME_STEP for one in steps) and max(offsets) - min(offsets) < SAME
    return round(offsets[0] + port.shift, 3) if port.is_whole and is_own else None


def of_pixels(port: Port, image: InputSpec) -> Port:
    """The port of a picture that the contract normalises.

    A mean of 127.5 puts every pixel between two whole numbers, as near to one as to the other: it is itself then.
    """
    offset = offset_of_pixels(port, image)
    if offset is None:
        return port
    is_exact = all(math.frexp(one)[0] == 0.5 for one in (*image.std, port.scale or 1.0))  # powers of two
    shift = -offset if abs(abs(offset) - 0.5) < SAME else 0.0
    return replace(port, shift=shift, slack=0.0 if is_exact else SLACK)


def entering(port: Port, spec: PoseSpec, path: Path) -> Port:
    """The picture's port under a contract; InputError where mean and std do not belong to its whole numbers."""
    found = of_pixels(port, spec.input)
    if found.is_whole and not is_probe(spec):
        what, scale = f"the input {port.name!r}, {port.dtype}", port.scale or 1.0
        check_steps(found.entered(levels(spec.input)), what, path, scale=scale, zero=port.zero)
    return found


def own_size_wh(port: Port) -> tuple[int, int] | None:
    """Width and height that the file itself fixes; None where it leaves them open, or they are none."""
    if len(port.sides) != 4 or 0 in port.sides[1:]:
        return None
    height, width = port.sides[1:3] if port.sides[3] in CHANNELS.values() else port.sides[2:]
    return width, height


def probed(port: Port, count: int, path: Path) -> PoseSpec:
    """A contract under which a file is opened for what it gives: its own size, and all of its `count` outputs."""
    size_wh = own_size_wh(port)
    if size_wh is None:
        raise InputError(
            f"{path} leaves the size of its input {port.name!r} open", "say it in a contract: input.size_wh = [W, H]"
        )
    order = "gray" if 1 in (port.sides[1], port.sides[3]) else "rgb"
    return probe(size_wh, order, [f"output_{place}" for place in range(count)])


def is_channels_last(port: Port, spec: PoseSpec, path: Path) -> bool:
    """Whether the picture's channels come last; InputError where the input is no picture of the contract's size."""
    width, height = spec.input.size_wh
    channels = CHANNELS[spec.input.color_order]
    wanted = {True: (1, height, width, channels), False: (1, channels, height, width)}
    for is_last, shape in wanted.items():
        if len(port.sides) == 4 and all(side in (0, one) for side, one in zip(port.sides, shape, strict=True)):
            return is_last
    raise InputError(
        f"{path} takes {port.name!r}, {port.described}, but the contract makes a picture of {width} x {height} with "
        f"{channels} {'channel' if channels == 1 else 'channels'}",
        "set input.size_wh and input.color_order to what the file takes",
    )
