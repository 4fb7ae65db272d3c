"""From a .tflite to the network that LiteRT runs, what it says of itself, and the same as a PyTorch module."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.drafts.fitting import is_probe
from posekit.errors import InputError, PosekitError, reading
from posekit.progress import captured
from posekit.runtimes import litert
from posekit.runtimes.flatbuffer import pack, unpack
from posekit.sources.network import build, refusing
from posekit.sources.outputs import chosen, is_turned
from posekit.sources.recognise import Form
from posekit.sources.source import ROUNDING, SourceModel, digest_of, settled
from posekit.sources.tflite import metadata
from posekit.sources.tflite.editing import cut, with_sizes
from posekit.sources.tflite.graph import WEIGHTS, graph_of, kind_of, range_of
from posekit.sources.tflite.ports import (
    Network,
    Port,
    entering,
    inputs_of,
    is_channels_last,
    name_of,
    outputs_of,
    own_size_wh,
    port_of,
    probed,
    the_picture,
)
from posekit.sources.tflite.rules import RULES
from posekit.sources.tflite.verifying import verify

if TYPE_CHECKING:
    from torch import nn

    from posekit.contract.spec import PoseSpec

WHOLE = "whole numbers of 8 or 16 bits: Android's file keeps them, others are made in float"
ROUNDING_OF_8_BITS = 0.25  # relative RMS of a network in float against itself in 8 bits, outputs that choose included


def opened(path: Path, spec: PoseSpec | None) -> SourceModel:
    """Open a .tflite file under a contract, which says its sizes and outputs; without one it must say its sizes."""
    content = path.read_bytes()
    verify(content, path)
    with reading(path, "no readable TFLite model", "copy or save it again"):
        unpacked = unpack(content)
        facts: dict[str, Any] = {}
        if is_rounded := _is_rounded(unpacked):
            facts["arithmetic"] = WHOLE
        said = metadata.said_of(unpacked, content)
        picture = _picture(unpacked, path)
        if size_wh := own_size_wh(picture):
            facts["size_wh"] = list(size_wh)
        spec = spec or probed(picture, len(unpacked.subgraphs[0].outputs), path)
        if said is not None and not is_probe(spec) and (other := metadata.against(said, spec)):
            facts["metadata"] = f"{other}; the contract is followed"
    network = network_of(path, content, spec)
    return SourceModel(
        path, Form.TFLITE, digest_of(path), settled(module_or_why(network)), facts, run=runner(network),
        rounding=ROUNDING_OF_8_BITS if is_rounded else ROUNDING, tflite=network,
    )  # fmt: skip


def described(path: Path) -> dict[str, Any]:
    """Inputs, outputs, operations and metadata, for who has no contract yet."""
    content = path.read_bytes()
    verify(content, path)
    with reading(path, "no readable TFLite model", "copy or save it again"):
        unpacked = unpack(content)
        graph = unpacked.subgraphs[0]

        outputs = {name: port_of(graph, one, path).described for name, one in outputs_of(unpacked)[0].items()}
        counts = Counter(kind_of(unpacked, one) for one in graph.operators)
        facts: dict[str, Any] = {
            "form": str(Form.TFLITE),
            "sha256": digest_of(path),
            "inputs": {port.name: port.described for port in inputs_of(unpacked, path)},
            "outputs": outputs,
            "operations": dict(sorted(counts.items())),
        }
        if _is_rounded(unpacked):
            facts["arithmetic"] = WHOLE
        said = metadata.said_of(unpacked, content)
        if said is not None:
            labels = {name: f"{len([one for one in lines if one])} lines" for name, lines in said.labels.items()}
            scaled = {"normalisation": f"mean {list(said.mean)}, std {list(said.std)}"} if said.mean else {}
            facts["metadata"] = said.texts | labels | scaled
    return facts


def network_of(path: Path, content: bytes, spec: PoseSpec, *, taken: Mapping[str, int] | None = None) -> Network:
    """The file with its sizes fixed and its outputs taken as the contract says, or by the places given."""
    unpacked = unpack(content)
    graph = unpacked.subgraphs[0]
    _refuse_unknown(unpacked, path)
    image = _picture(unpacked, path)
    is_last = is_channels_last(image, spec, path)
    width, height = spec.input.size_wh
    channels = 1 if spec.input.color_order == "gray" else 3
    is_open = 0 in image.sides
    if is_open:
        with_sizes(unpacked, (1, height, width, channels) if is_last else (1, channels, height, width), path)
    if taken is not None:
        numbers = [int(graph.outputs[place]) for place in taken.values()]
    else:
        taken, numbers = _chosen(unpacked, spec, path)
    if is_open or numbers != [int(one) for one in graph.outputs]:
        cut(unpacked, numbers)
        content = pack(unpacked)
    outputs = dict(zip(taken, (port_of(graph, int(one), path) for one in graph.outputs), strict=True))
    turned = {name for name, port in outputs.items() if is_turned(name, port.sides, spec, is_last)}
    picture = entering(_picture(unpacked, path), spec, path)
    return Network(path, content, picture, outputs, is_last, frozenset(turned))


def _chosen(unpacked: Any, spec: PoseSpec, path: Path) -> tuple[Mapping[str, Any], list[int]]:
    """The contract's outputs, and the numbers of their tensors in its order."""
    graph = unpacked.subgraphs[0]
    own, has_order = outputs_of(unpacked)
    names = _numbers_by_name(graph) | own
    sides = {name: port_of(graph, one, path).sides for name, one in own.items()}
    taken = chosen(spec, sides, names.keys(), path, has_order=has_order)
    return taken, [names[name] for name in taken.values()]


def runner(network: Network) -> Any:
    """What runs it, from (1, C, H, W) normalised to the outputs by name: maps channels first, whole numbers as what
    they stand for."""
    interpreter = litert.loaded(network.path, content=network.content, num_threads=2)

    def run(image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        values = image.transpose(0, 2, 3, 1) if network.is_last else image
        with litert.refusals(network.path, "run", interpreter):
            interpreter.set_tensor(network.input.number, np.ascontiguousarray(network.input.entered(values)))
            interpreter.invoke()
            found = {name: port.left(interpreter.get_tensor(port.number)) for name, port in network.outputs.items()}
        return {name: one.transpose(0, 3, 1, 2) if name in network.turned else one for name, one in found.items()}

    return run


def module_or_why(network: Network) -> nn.Module:
    """The network in PyTorch, or a module that says why there is none: Android's file needs none."""
    try:
        return module_of(network)
    except PosekitError as error:
        return refusing(error)


def module_of(network: Network) -> nn.Module:
    """The network in PyTorch; ConversionError names an operation that has no rule."""

    @functools.cache
    def run_once() -> Any:
        interpreter = litert.loaded_with_all_tensors(network.path, network.content)
        with captured(), litert.refusals(network.path, "run", interpreter):
            interpreter.invoke()
        return interpreter

    def densified(number: int) -> NDArray[Any]:
        return np.array(run_once().get_tensor(number))

    with reading(network.path, "no readable TFLite model", "copy or save it again"):
        graph = graph_of(unpack(network.content), densified)
    outputs = {name: graph.names[port.number] for name, port in network.outputs.items()}
    sides = network.input.sides
    shape = (1, sides[3], sides[1], sides[2]) if network.is_last else sides  # channels first
    inputs = {graph.names[network.input.number]: np.zeros(shape, np.float32)}
    prepare = _last if network.is_last else _same

    def arrange(given: dict[str, Any]) -> dict[str, Any]:
        return {name: one.permute(0, 3, 1, 2) if name in network.turned else one for name, one in given.items()}

    return build(graph.nodes, graph.constants, inputs, outputs, RULES, prepare, arrange)


def _last(image: Any) -> Any:
    return image.permute(0, 2, 3, 1)


def _same(values: Any) -> Any:
    return values


def _picture(unpacked: Any, path: Path) -> Port:
    """The one input; InputError where there are others."""
    return the_picture(inputs_of(unpacked, path), path)


def _numbers_by_name(graph: Any) -> dict[str, int]:
    """Tensors that operations give, by name; of several of one name the last, an output first of all."""
    given = [int(one) for operator in graph.operators for one in operator.outputs]
    return {name_of(graph, one): one for one in [*given, *map(int, graph.outputs)]}


def _refuse_unknown(unpacked: Any, path: Path) -> None:
    """InputError that names operations of nobody's, where LiteRT does not have them."""
    custom = sorted({
        kind_of(unpacked, one) for one in unpacked.subgraphs[0].operators
        if unpacked.operatorCodes[one.opcodeIndex].customCode is not None
    })  # fmt: skip
    if not custom:
        return
    try:
        litert.loaded(path, content=pack(unpacked))
    except PosekitError as error:
        own = all(one.startswith("Flex") for one in custom)
        raise InputError(
            f"{path} has operations that LiteRT does not: {', '.join(custom)}",
            "they are TensorFlow's own: convert it without SELECT_TF_OPS"
            if own
            else "take the file before they were added, or end the network before them with file_outputs",
        ) from error


def _is_rounded(unpacked: Any) -> bool:
    """Whether layers compute in whole numbers: they give them, or make their input whole for a kernel that is."""
    tensors = unpacked.subgraphs[0].tensors
    for one in unpacked.subgraphs[0].operators:
        kernel = tensors[int(one.inputs[1])] if kind_of(unpacked, one) in WEIGHTS and len(one.inputs) > 1 else None
        given = [tensors[int(number)] for number in one.outputs]
        if any(range_of(tensor) is not None for tensor in [*given, *([] if kernel is None else [kernel])]):
            return True
    return False
