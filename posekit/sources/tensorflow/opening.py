"""From a TensorFlow file to the network that TensorFlow runs, and through its own converter to a .tflite."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError, said
from posekit.progress import captured
from posekit.sources.network import refusing
from posekit.sources.outputs import chosen, listed
from posekit.sources.recognise import Container, Form, container
from posekit.sources.source import SourceModel, digest_of, settled
from posekit.sources.tensorflow.graphs import Frozen, frozen_of, function_of, inside, with_sizes
from posekit.sources.tflite.opening import module_of, network_of
from posekit.sources.tflite.ports import Network, Port, entering, is_channels_last, probed, the_picture

if TYPE_CHECKING:
    from torch import nn

    from posekit.contract.spec import PoseSpec

ROUTE = "TensorFlow's own converter"
FORMS = {
    Container.SAVED_MODEL: Form.SAVED_MODEL,
    Container.FROZEN_GRAPH: Form.FROZEN_GRAPH,
    Container.KERAS: Form.KERAS,
}


def opened(path: Path, spec: PoseSpec | None, *, trust: bool = False) -> SourceModel:
    """Open a SavedModel, a Keras model or a frozen graph under a contract, which says its sizes and outputs.

    Without a contract the file must say its sizes.

    MissingToolError without TensorFlow; ConversionError where its own converter makes no .tflite of it.
    """
    _require()
    kind, digest = container(path), digest_of(path)
    with captured(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frozen = frozen_of(path, kind, _sides(spec), trust=trust)
        spec = spec or _probed(frozen, path)
        picture, outputs, function = _function(frozen, spec, path)
        content = _converted(function, path)
        network = network_of(path, content, spec, taken={name: place for place, name in enumerate(outputs)})
        network = replace(network, route=ROUTE)
        module, kept = _module(network)
    run = _runner(function, picture, outputs, network)
    return SourceModel(path, FORMS[kind], digest, settled(module), run=run, tflite=kept)


def _module(network: Network) -> tuple[nn.Module, Network | None]:
    """The network in PyTorch, of which the faster Android file is made; where there is none, the reason, and the
    converter's .tflite to keep."""
    try:
        return module_of(network), None
    except PosekitError as error:
        return refusing(error), network


def described(path: Path, *, trust: bool = False) -> dict[str, Any]:
    """Inputs, outputs and operations, for who has no contract yet; code in the file is not run, unless `trust`."""
    _require()
    kind = container(path)
    with captured(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frozen = frozen_of(path, kind, (), trust=trust)
    counts = Counter(node.op for node in frozen.graph.node)
    return {
        "form": str(FORMS[kind]), "sha256": digest_of(path),
        "inputs": {port.name: port.described for port in frozen.inputs.values()},
        "outputs": {name: " x ".join(str(side or "any") for side in sides) for name, sides in frozen.sides.items()},
        "operations": dict(sorted(counts.items())),
    }  # fmt: skip


def _require() -> None:
    """TensorFlow, without its chatter and without a GPU."""
    if find_spec("tensorflow") is None:
        raise MissingToolError("TensorFlow is not installed", "pip install 'posekit[tf]'")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


def _probed(frozen: Frozen, path: Path) -> PoseSpec:
    return probed(the_picture(list(frozen.inputs.values()), path), len(frozen.outputs), path)


def _sides(spec: PoseSpec | None) -> tuple[int, ...]:
    """What open sizes of a picture are fixed to, its channels last as TensorFlow has them."""
    if spec is None:
        return ()
    width, height = spec.input.size_wh
    return (1, height, width, 1 if spec.input.color_order == "gray" else 3)


def _function(frozen: Frozen, spec: PoseSpec, path: Path) -> tuple[Port, list[str], Any]:
    """The picture, the contract's outputs in its order, and the function from one to the others."""
    names = inside(frozen)
    taken = chosen(spec, frozen.sides, names.keys(), path, has_order=frozen.has_order)
    needed = _inputs_of(frozen, [names[one] for one in taken.values()])
    ports = {name: port for name, port in frozen.inputs.items() if name in needed}
    given = the_picture(list(ports.values()), path)
    (name,) = ports
    picture = entering(with_sizes(given, spec, is_channels_last(given, spec, path)), spec, path)
    try:
        function = function_of(frozen, name, picture, [names[one] for one in taken.values()])
    except Exception as error:
        raise InputError(
            f"{path} does not take {picture.described}{said(error)}", "set input.size_wh to what the network takes"
        ) from error
    for output, tensor in zip(taken, function.outputs, strict=True):
        if tensor.shape.rank is None or None in tensor.shape.as_list():
            raise InputError(
                f"output {output!r} of {path} has a size that depends on the picture: {tensor.shape}",
                f"take an output of fixed size; there are {listed(frozen.sides)}",
            )
    return picture, list(taken), function


def _inputs_of(frozen: Frozen, tensors: Sequence[str]) -> set[str]:
    """Which inputs of the graph some of its tensors come from."""
    nodes = {node.name: node for node in frozen.graph.node}
    waiting, seen = [one.split(":")[0] for one in tensors], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        waiting += [one.lstrip("^").split(":")[0] for one in nodes[name].input]
    return {name for name in frozen.inputs if name.split(":")[0] in seen}


def _runner(function: Any, picture: Port, outputs: Sequence[str], network: Network) -> Any:
    """What runs it, from (1, C, H, W) normalised to the outputs by name, maps channels first."""

    def run(image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        import tensorflow as tf

        values = image.transpose(0, 2, 3, 1) if network.is_last else image
        results = function(tf.constant(picture.entered(values)))
        found = {name: np.asarray(one.numpy(), np.float32) for name, one in zip(outputs, results, strict=True)}
        return {name: one.transpose(0, 3, 1, 2) if name in network.turned else one for name, one in found.items()}

    return run


def _converted(function: Any, path: Path) -> bytes:
    """TensorFlow's own conversion, in float, its outputs in the function's order."""
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        content = bytes(converter.convert())
    except Exception as error:
        raise ConversionError(
            f"TensorFlow's converter makes no .tflite of {path}{_missing(error) or said(error)}",
            "end the network before what LiteRT does not have: file_outputs names the tensors",
        ) from error
    return content


def _missing(error: Exception) -> str:
    """`: LiteRT has no Einsum`: the operations that the converter names."""
    import re

    found = re.findall(r"(?:Some ops are not supported[^\n]*|TF Select ops: |Custom ops: )([\w, ]*)", str(error))
    names = next((one.strip() for one in found if one.strip()), "")
    return f": LiteRT has no {names}" if names else ""
