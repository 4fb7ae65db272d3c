"""TensorFlow's files as one graph without variables, its inputs, its results, and functions of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.errors import InputError, said
from posekit.sources.outputs import numbered
from posekit.sources.recognise import Container
from posekit.sources.tensorflow import safety
from posekit.sources.tflite.ports import Port

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

UNREAD = ("Const", "Placeholder", "NoOp", "Assert", "VariableV2", "VarHandleOp", "Assign", "SaveV2", "RestoreV2")
WHAT = "save it again with the TensorFlow that made it"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A graph without variables. inputs: with their sizes, 0 for an open one, by tensor name; outputs: tensors by what
    the file calls them; sides: of the outputs. has_order: whether the file says which output is the first."""

    graph: Any
    inputs: Mapping[str, Port]
    outputs: Mapping[str, str]
    sides: Mapping[str, tuple[int, ...]]
    has_order: bool


@dataclass(frozen=True, slots=True)
class Callee:
    """What a file computes of a picture. concrete: the function for its sizes; names: of what that gives, one after the
    other."""

    concrete: Callable[[Sequence[int]], Any]
    names: Sequence[str]
    has_order: bool


def frozen_of(path: Path, kind: Container, sides: Sequence[int], *, trust: bool) -> Frozen:
    """The graph of a file; sides: what open sizes of a Keras model or SavedModel are fixed to, empty to leave them."""
    try:
        if kind is Container.FROZEN_GRAPH:
            return _of_graph(path, trust=trust)
        function = _keras(path, trust=trust) if kind is Container.KERAS else _saved_model(path, trust=trust)
        return _of_function(function, sides)
    except InputError:
        raise
    except Exception as error:  # TensorFlow raises what its many parts do
        raise InputError(f"{path} is {kind.described} that TensorFlow cannot open{said(error)}", WHAT) from error


def _of_graph(path: Path, *, trust: bool) -> Frozen:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    if not trust:
        safety.refuse_reaching(graph, path)
    with tf.Graph().as_default() as whole:
        tf.graph_util.import_graph_def(graph, name="")
    inputs = {one.outputs[0].name: _port(one.outputs[0]) for one in whole.get_operations() if one.type == "Placeholder"}
    reached: set[str] = set()
    for one in whole.get_operations():  # in an order in which what is read comes first
        if one.type == "Placeholder" or any(source.op.name in reached for source in one.inputs):
            reached.add(one.name)
    ends = [
        one.outputs[0] for one in whole.get_operations()
        if one.name in reached and one.type not in UNREAD and one.outputs
        and not any(tensor.consumers() for tensor in one.outputs)
    ]  # fmt: skip
    return _frozen(graph, inputs, {_short(one.name): one for one in ends}, has_order=False)


def _frozen(graph: Any, inputs: Mapping[str, Port], ends: Mapping[str, Any], *, has_order: bool) -> Frozen:
    """With the outputs `ends` in the order that their names say, if the file says none."""
    order = list(ends) if has_order else numbered(ends)
    names = order or list(ends)
    return Frozen(
        graph, inputs, {name: ends[name].name for name in names}, {name: _sides(ends[name]) for name in names},
        order is not None,
    )  # fmt: skip


def _of_function(function: Callee, sides: Sequence[int]) -> Frozen:
    """A function of one picture, with its variables as constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    constant = convert_variables_to_constants_v2(function.concrete(sides))
    outputs = [one for one in constant.outputs if isinstance(one, tf.Tensor)]
    inputs = {one.name: _port(one) for one in constant.inputs if one.dtype != tf.resource}
    ends = dict(zip(function.names, outputs, strict=True))
    return _frozen(constant.graph.as_graph_def(), inputs, ends, has_order=function.has_order)


def _keras(path: Path, *, trust: bool) -> Callee:
    import tensorflow as tf

    if not trust:
        safety.refuse_code(path)
    safety.refuse_larger(path)
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=not trust)
    inputs = model.inputs
    if len(inputs) != 1:
        raise InputError(f"{path} has {len(inputs)} inputs, expected one picture", "save the model with one input")

    def concrete(sides: Sequence[int]) -> Any:
        shape = [1, *inputs[0].shape[1:]]
        fixed = [given if one is None else one for one, given in zip(shape, sides or shape, strict=True)]
        spec = tf.TensorSpec(fixed, inputs[0].dtype)
        call = tf.function(lambda image: tf.nest.flatten(model(image, training=False)))
        return call.get_concrete_function(spec)

    return Callee(concrete, *_names(model))


def _names(model: Any) -> tuple[list[str], bool]:
    """Names of a model's outputs as it gives them laid flat, and whether it gives them one after the other: those of a
    dictionary are its keys, others those of the layers that give them."""
    import tensorflow as tf

    given = model.output
    names = list(model.output_names)
    if isinstance(given, dict):
        keys = sorted(given)  # as TensorFlow lays it flat
        return (keys if len(keys) == len(names) else names), False
    if len(set(names)) < len(tf.nest.flatten(given)):
        names = [f"output_{place}" for place in range(len(tf.nest.flatten(given)))]
    return names, True


def _saved_model(path: Path, *, trust: bool) -> Callee:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    safety.refuse_outside(path)
    whole = saved_model_pb2.SavedModel()
    whole.ParseFromString((path / "saved_model.pb").read_bytes())
    for one in whole.meta_graphs:
        safety.refuse_assets(one, path)
        if not trust:
            is_second = len(whole.meta_graphs) == 1 and one.HasField("object_graph_def")  # of TensorFlow 2
            safety.refuse_running(one, path, is_restored=not is_second)
    loaded = tf.saved_model.load(str(path))
    names = [name for name in loaded.signatures if not name.startswith("__")]
    if "serving_default" not in names and len(names) != 1:
        known = f"{len(names)} signatures: {', '.join(names)}" if names else "no signature"
        raise InputError(
            f"{path} has {known}, expected serving_default", "save it with signatures={...} of one picture"
        )
    signature = loaded.signatures["serving_default" if "serving_default" in names else names[0]]
    _, inputs = signature.structured_input_signature
    if len(inputs) != 1:
        raise InputError(
            f"{path} has {len(inputs)} inputs ({', '.join(inputs)}), expected one picture", "save it with one input"
        )
    ((name, given),) = inputs.items()

    def concrete(sides: Sequence[int]) -> Any:
        shape = given.shape.as_list() if given.shape.rank is not None else [None] * 4
        fixed = [other if one is None else one for one, other in zip(shape, sides or shape, strict=True)]
        call = tf.function(lambda image: [result for _, result in sorted(signature(**{name: image}).items())])
        found = call.get_concrete_function(tf.TensorSpec(fixed, given.dtype))
        found.kept = loaded  # its variables live as long as it does
        return found

    return Callee(concrete, sorted(signature.structured_outputs), has_order=False)


def function_of(frozen: Frozen, name: str, port: Port, outputs: Sequence[str]) -> Any:
    """A function of the picture `name`, of the port's sizes, that gives the tensors `outputs`."""
    import tensorflow as tf

    def call(image: Any) -> Any:
        return tf.graph_util.import_graph_def(
            frozen.graph, input_map={name: image}, return_elements=list(outputs), name=""
        )

    return tf.compat.v1.wrap_function(call, [tf.TensorSpec(port.sides, port.dtype, "image")])


def inside(frozen: Frozen) -> dict[str, str]:
    """Every tensor of the graph by the names that it may be called by."""
    found = {}
    for node in frozen.graph.node:
        found[node.name] = found[f"{node.name}:0"] = f"{node.name}:0"
    return found | dict(frozen.outputs)


def with_sizes(port: Port, spec: PoseSpec, is_last: bool) -> Port:
    """The picture's port with the sizes that the contract fixes."""
    width, height = spec.input.size_wh
    channels = 1 if spec.input.color_order == "gray" else 3
    sides = (1, height, width, channels) if is_last else (1, channels, height, width)
    return Port(port.number, port.name, sides, port.dtype)


def _port(tensor: Any) -> Port:
    return Port(0, _short(tensor.name), _sides(tensor) or (0, 0, 0, 0), tensor.dtype.name)


def _sides(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape.rank is None else tuple(side or 0 for side in tensor.shape.as_list())


def _short(name: str) -> str:
    return name.removesuffix(":0")
