"""TensorFlow's files as one graph without variables, its inputs, its results, and functions of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.errors import InputError, said
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
    the file calls them; sides: of the outputs."""

    graph: Any
    inputs: Mapping[str, Port]
    outputs: Mapping[str, str]
    sides: Mapping[str, tuple[int, ...]]


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
        safety.refuse_reaching(safety.all_nodes(graph), path)
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
    names = {_short(one.name): one.name for one in ends}
    return Frozen(graph, inputs, names, {_short(one.name): _sides(one) for one in ends})


def _of_function(function: Callable[..., Any], sides: Sequence[int]) -> Frozen:
    """A function of one picture, with its variables as constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = function(sides)
    named = concrete.structured_outputs if isinstance(concrete.structured_outputs, dict) else {}
    names = tf.nest.flatten({name: name for name in named})  # in the order in which TensorFlow lays values flat
    constant = convert_variables_to_constants_v2(concrete)
    outputs = [one for one in constant.outputs if isinstance(one, tf.Tensor)]
    names = names if len(names) == len(outputs) else [_short(one.name) for one in outputs]
    return Frozen(
        constant.graph.as_graph_def(), {one.name: _port(one) for one in constant.inputs if one.dtype != tf.resource},
        dict(zip(names, (one.name for one in outputs), strict=True)),
        dict(zip(names, map(_sides, outputs), strict=True)),
    )  # fmt: skip


def _keras(path: Path, *, trust: bool) -> Callable[..., Any]:
    import tensorflow as tf

    if not trust:
        safety.refuse_code(path)
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=not trust)
    inputs = model.inputs
    if len(inputs) != 1:
        raise InputError(f"{path} has {len(inputs)} inputs, expected one picture", "save the model with one input")

    def concrete(sides: Sequence[int]) -> Any:
        shape = [1, *inputs[0].shape[1:]]
        fixed = [given if one is None else one for one, given in zip(shape, sides or shape, strict=True)]
        spec = tf.TensorSpec(fixed, inputs[0].dtype)
        return tf.function(lambda image: _named(model, model(image, training=False))).get_concrete_function(spec)

    return concrete


def _named(model: Any, result: Any) -> dict[str, Any]:
    """Outputs under the names of the layers that give them."""
    if isinstance(result, dict):
        return dict(result)
    values = list(result) if isinstance(result, list | tuple) else [result]
    names = list(getattr(model, "output_names", []))
    if len(set(names)) != len(values):
        names = [f"output_{place}" for place in range(len(values))]
    return dict(zip(names, values, strict=True))


def _saved_model(path: Path, *, trust: bool) -> Callable[..., Any]:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    safety.refuse_outside(path)
    whole = saved_model_pb2.SavedModel()
    whole.ParseFromString((path / "saved_model.pb").read_bytes())
    for one in whole.meta_graphs:
        safety.refuse_assets(one, path)
        if not trust:
            safety.refuse_reaching(safety.all_nodes(one.graph_def), path)
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
        call = tf.function(lambda image: signature(**{name: image}))
        found = call.get_concrete_function(tf.TensorSpec(fixed, given.dtype))
        found.kept = loaded  # its variables live as long as it does
        return found

    return concrete


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
