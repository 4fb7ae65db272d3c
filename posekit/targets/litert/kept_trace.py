"""What a .tflite that is kept computes on one picture, operation by operation."""

from __future__ import annotations

import numpy as np

from posekit.parity.trace import TracedOp, step_of
from posekit.progress import captured
from posekit.runtimes import litert
from posekit.runtimes.flatbuffer import text, unpack
from posekit.sources.reference import network_colours, network_input
from posekit.sources.tflite.editing import unique
from posekit.sources.tflite.graph import WEIGHTS, kind_of
from posekit.targets.kept import Kept


def trace(kept: Kept) -> tuple[TracedOp, ...]:
    """The normalisation, what every operation of the file gives, kernel by kernel, and the outputs as recorded."""
    spec, network = kept.spec, kept.network
    image = network_input(spec, kept.pixels)
    colours = network_colours(spec, kept.pixels.astype(np.float32)) - np.array(spec.input.mean, np.float32)
    steps = [
        step_of("sub", "sub", "", (), np.ascontiguousarray(colours.transpose(2, 0, 1)[None])),
        step_of("mul", "mul", "", ("sub",), image),
    ]
    entered = network.input.entered(image.transpose(0, 2, 3, 1) if network.is_last else image)
    interpreter = litert.loaded_with_all_tensors(network.path, network.content)
    with captured(), litert.refusals(network.path, "run", interpreter):
        interpreter.set_tensor(network.input.number, np.ascontiguousarray(entered))
        interpreter.invoke()
    details = {int(one["index"]): one for one in interpreter.get_tensor_details()}
    unpacked = unpack(network.content)
    names: dict[int, str] = {network.input.number: "mul"}
    taken = {"sub", "mul", *kept.reference}
    for operator in unpacked.subgraphs[0].operators:
        sources = tuple(dict.fromkeys(names[int(one)] for one in operator.inputs if int(one) in names))
        op = kind_of(unpacked, operator)
        for number in map(int, operator.outputs):
            values = litert.dequantised(interpreter.get_tensor(number), details[number]).astype(np.float32)
            if sources and values.size and np.isfinite(values).all():
                name = unique(text(unpacked.subgraphs[0].tensors[number].name or b"tensor"), taken)
                taken.add(name)
                names[number] = name
                steps.append(step_of(name, op.lower(), name if op in WEIGHTS else "", sources, values))
    for name, port in network.outputs.items():
        before = (names[port.number],) if port.number in names else ()
        steps.append(step_of(name, "output", "", before, kept.reference[name]))
    return tuple(steps)
