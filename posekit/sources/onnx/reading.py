"""An ONNX file as a checked message, with its weights in it: nothing outside its folder is read."""

from __future__ import annotations

import ast
import hashlib
import heapq
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import documents
from posekit.errors import InputError, MissingToolError, said
from posekit.sources import limits
from posekit.sources.network import Branch, Node
from posekit.sources.source import digest_of

AGAIN = "copy or export it again"
EXTERNAL = 1  # TensorProto.DataLocation
TENSOR = 4  # AttributeProto.AttributeType
LONGEST_LITERAL = 1 << 16  # characters of a metadata entry that is looked into
MOST_NESTED = 8  # graphs in graphs
DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class File:
    """model: its ModelProto, functions inlined and weights from files beside it taken in. sha256: of it, and those."""

    model: Any
    sha256: str


def read(path: Path) -> File:
    """Read a file and check it; InputError says what is wrong."""
    onnx = imported()
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # protobuf has its own kinds
        raise InputError(f"{path} is a damaged or truncated ONNX model{said(error)}", AGAIN) from error
    if not model.graph.node or not model.graph.output:
        raise InputError(f"{path} is an ONNX model without {'outputs' if model.graph.node else 'operations'}", AGAIN)
    newest = onnx.defs.onnx_opset_version()
    version = version_of(model)
    if not 1 <= version <= newest:
        raise InputError(
            f"{path} has opset {version}, and the onnx package that is installed knows those up to {newest}",
            "export it with an older opset, or update: pip install --upgrade onnx onnxruntime",
        )
    for graph in graphs_of(model.graph):
        if not all(isinstance(name, str) for name in _names(graph)):
            raise InputError(f"{path} is a damaged ONNX model: names in it are no text", AGAIN)
    weights_of = [*_tensors(model)]
    total = sum(_count(weight, path) * _bytes_of_one(weight, path) for weight in weights_of)
    limits.refuse_above(total, limits.MODEL_BYTES, f"the weights of {path} have")
    whole = hashlib.sha256(content)
    for place in sorted({place for weight in weights_of if (place := _taken_in(weight, path))}):
        whole.update(f"{place}\0{digest_of(path.parent / place)}\n".encode())
    if model.functions:
        try:
            model = onnx.inliner.inline_local_functions(model)
        except Exception as error:
            raise InputError(f"the functions in {path} cannot be inlined{said(error)}", AGAIN) from error
    return File(model, whole.hexdigest())


def imported() -> Any:
    """The onnx package; MissingToolError where it, or what runs its models, is not installed."""
    try:
        import onnx
        import onnx.inliner
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingToolError(f"{error.name or 'onnx'} is not installed", "pip install 'posekit[onnx]'") from error
    return onnx


def version_of(model: Any) -> int:
    """The opset of ONNX's own operations."""
    return next((int(one.version) for one in model.opset_import if one.domain in DOMAINS), 1)


def metadata(model: Any) -> dict[str, Any]:
    """What the exporter wrote into the file, values as the Python literals that they are, else as text."""
    return {one.key: _literal(one.value) for one in model.metadata_props}


def _literal(text: str) -> Any:
    try:
        with documents.shallow():
            return ast.literal_eval(text) if len(text) <= LONGEST_LITERAL else text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def graphs_of(graph: Any, depth: int = 0) -> Iterator[Any]:
    """A graph and those in its nodes."""
    if depth > MOST_NESTED:
        raise InputError(f"graphs are nested more than {MOST_NESTED} deep", AGAIN)
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for one in [attribute.g, *attribute.graphs] if attribute.type in (5, 10) else []:
                yield from graphs_of(one, depth + 1)


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor in a model: weights, and the attributes of nodes, of its functions too."""
    graphs = [*graphs_of(model.graph)]
    for graph in graphs:
        yield from graph.initializer
    for node in (node for owner in (*graphs, *model.functions) for node in owner.node):
        for attribute in node.attribute:
            yield from (attribute.t,) if attribute.type == TENSOR else attribute.tensors


def _names(graph: Any) -> Iterator[Any]:
    """Every name in a graph; protobuf gives bytes for what is no UTF-8."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for one in (*graph.input, *graph.output, *graph.initializer):
        yield one.name


def cut(model: Any, outputs: Collection[str]) -> Any:
    """A copy that ends at tensors of the graph, without the operations that only what came after needed."""
    onnx = imported()
    made = onnx.ModelProto()
    made.CopyFrom(model)
    wanted, kept = set(outputs), []
    for node in reversed(made.graph.node):
        if wanted & set(node.output):
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            inner = [one for attribute in node.attribute for one in (attribute.g, *attribute.graphs)]
            inside = [part for graph in inner for nested in graphs_of(graph) for part in nested.node]
            wanted |= set(node.input) | {name for part in inside for name in part.input}
            wanted |= {one.name for graph in inner for one in graph.output}
    del made.graph.node[:], made.graph.output[:]
    made.graph.node.extend(reversed(kept))
    made.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return made


def _taken_in(weight: Any, path: Path) -> str:
    """Read the numbers of a weight that lies in a file beside the model, and check how many they are; that file's place
    in the model's folder, empty where the weight is in the model."""
    onnx = imported()
    if weight.data_location != EXTERNAL:
        return ""
    said_of = {one.key: one.value for one in weight.external_data}
    place = said_of.get("location", "")
    folder = path.resolve().parent
    file = (folder / place).resolve()
    if not place or Path(place).is_absolute() or not file.is_relative_to(folder):
        raise InputError(
            f"weight {weight.name!r} of {path} is said to lie in {place!r}, outside the model's folder",
            "nothing was read; export it anew",
        )
    if not file.is_file():
        raise InputError(
            f"the weights of {path} lie in {place!r}, which is not beside it",
            "copy that file too, it belongs to it",
        )
    try:
        offset, size = int(said_of.get("offset", 0)), int(said_of.get("length", 0)) or None
        expected = _count(weight, path) * _bytes_of_one(weight, path)
    except ValueError as error:
        raise InputError(f"weight {weight.name!r} of {path} has no readable place in {place!r}", AGAIN) from error
    size = expected if size is None else size
    if size != expected or offset < 0 or offset + size > file.stat().st_size:
        raise InputError(
            f"weight {weight.name!r} of {path} is said to be {size} bytes at {offset} of {place!r}, which has "
            f"{file.stat().st_size}; its shape takes {expected}",
            AGAIN,
        )
    with file.open("rb") as content:
        content.seek(offset)
        weight.raw_data = content.read(size)
    weight.data_location = onnx.TensorProto.DEFAULT
    del weight.external_data[:]
    return str(place)


def _count(weight: Any, path: Path) -> int:
    if any(side < 0 for side in weight.dims):
        raise InputError(f"weight {weight.name!r} of {path} has the shape {list(weight.dims)}", AGAIN)
    count = 1
    for side in weight.dims:
        count *= int(side)
    return count


def _bytes_of_one(weight: Any, path: Path) -> int:
    try:
        return int(np.dtype(imported().helper.tensor_dtype_to_np_dtype(weight.data_type)).itemsize)
    except (KeyError, TypeError) as error:
        raise InputError(f"weight {weight.name!r} of {path} has the unknown type {weight.data_type}", AGAIN) from error


def weights(graph: Any, path: Path) -> dict[str, NDArray[Any]]:
    """Constants of a graph by name, floats of any width in float32."""
    numpy_helper = imported().numpy_helper
    found: dict[str, NDArray[Any]] = {}
    for weight in graph.initializer:
        try:
            found[weight.name] = plain(numpy_helper.to_array(weight))
        except Exception as error:  # whatever numpy makes of too few bytes
            raise InputError(f"weight {weight.name!r} of {path} cannot be read{said(error)}", AGAIN) from error
    if graph.sparse_initializer:
        raise InputError(f"{path} holds sparse weights", "export them dense")
    return found


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as PyTorch has them: every float in 32 bits."""
    if values.dtype.kind == "f" or values.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        return np.asarray(values, np.float32)
    return values.astype(np.int64) if values.dtype.kind == "u" and values.dtype.itemsize > 1 else values


def nodes(graph: Any, constants: Mapping[str, NDArray[Any]], version: int, path: Path) -> list[Node]:
    """The operations of a graph in an order in which each comes after what it reads; InputError where there is none."""
    ready = {one.name for one in graph.input} | set(constants) | {""}
    waiting: dict[str, list[int]] = {}
    missing = [0] * len(graph.node)
    for place, one in enumerate(graph.node):
        for name in {name for name in one.input if name not in ready}:
            waiting.setdefault(name, []).append(place)
            missing[place] += 1
    free = [place for place, count in enumerate(missing) if not count]  # a heap: a sorted file stays as it is
    found = []
    while free:
        one = graph.node[heapq.heappop(free)]
        found.append(_node(one, version))
        for name in dict.fromkeys(one.output):
            for place in waiting.pop(name, ()):
                missing[place] -= 1
                if not missing[place]:
                    heapq.heappush(free, place)
    if waiting:
        name, (place, *_) = next(iter(waiting.items()))
        what = f"{graph.node[place].op_type} {graph.node[place].name!r}"
        raise InputError(f"in {path} {what} reads {name!r}, which nothing gives before it", AGAIN)
    return found


def _node(node: Any, version: int) -> Node:
    op = node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}"
    if op == "If":
        named = {one.name: one.g for one in node.attribute}
        branches = tuple(_branch(named[name], version) for name in ("then_branch", "else_branch"))
        reads = sorted(set().union(*(one.reads for one in branches)))
        return Node(op, node.name, (*node.input, *reads), tuple(node.output), {"branches": branches}, version)
    attributes = {one.name: _value(one) for one in node.attribute if not one.HasField("g")}
    return Node(op, node.name, tuple(node.input), tuple(node.output), attributes, version)


def _branch(graph: Any, version: int) -> Branch:
    constants = weights(graph, Path(graph.name or "branch"))
    return Branch(tuple(_node(one, version) for one in graph.node), constants, tuple(one.name for one in graph.output))


def _value(attribute: Any) -> Any:
    onnx = imported()
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return plain(onnx.numpy_helper.to_array(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
