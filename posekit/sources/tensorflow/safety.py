"""What a TensorFlow file would do beside computing: told from its bytes before TensorFlow opens it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from posekit import documents
from posekit.errors import InputError, reading
from posekit.sources import limits
from posekit.sources.tensorflow.operations import COMPUTING, RESTORING, SAVING, STATEFUL

ALLOWED = COMPUTING | STATEFUL
MOST_NAMED = 8
TRUST = "nothing was run; if you know where the file comes from, pass --trust"
LONGEST = 60  # characters of a name
# layers of Keras that run another framework's code, or another file's
FOREIGN_LAYERS = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
WIDTHS = ("filters", "units", "depth_multiplier", "output_dim", "input_dim")
OWN = ("keras", "builtins", "tf_keras", "tensorflow")


def refuse_reaching(graph: Any, path: Path) -> None:
    """InputError that names operations of a GraphDef and its functions which may do more than compute."""
    _refuse({node.op for node in _all_nodes(graph)}, graph, path)


def refuse_running(meta_graph: Any, path: Path, *, is_restored: bool) -> None:
    """InputError that names operations of a SavedModel's graph which may do more than compute.

    The file's own saver may read and write checkpoints, where nothing that loading or running starts leads to it: the
    signatures, what initialises (main op, tables), and what restores variables, which reads that checkpoint alone.
    is_restored: whether the graph does that itself, as those of TensorFlow 1.
    """
    graph, saver = meta_graph.graph_def, meta_graph.saver_def
    everywhere = {node.op for node in _all_nodes(graph)}
    run = {node.op for node in _reached(graph, _started(meta_graph), _initialising(meta_graph))}
    restored = _reached(graph, {_node(saver.restore_op_name)}, set()) if is_restored else []
    restoring = {node.op for node in restored if not (node.op in RESTORING and _reads(node, saver))}
    _refuse((everywhere - SAVING) | run | restoring, graph, path)


def _refuse(operations: set[str], graph: Any, path: Path) -> None:
    """InputError that names those which are neither known to compute, nor functions of the graph under names of their
    own."""
    from tensorflow.python.framework import op_def_registry

    own = {one.signature.name for one in graph.library.function}
    found = sorted(one for one in operations - ALLOWED if one not in own or op_def_registry.get(one) is not None)
    if found:
        raise InputError(f"{path} may do more than compute: it has {', '.join(found[:MOST_NAMED])}", TRUST)


def _all_nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _started(meta_graph: Any) -> set[str]:
    """Nodes that loading or running a SavedModel asks for."""
    found = set()
    for signature in meta_graph.signature_def.values():
        found |= {_node(one.name) for side in (signature.inputs, signature.outputs) for one in side.values()}
    for name in ("saved_model_main_op", "legacy_init_op", "table_initializer"):
        if name in meta_graph.collection_def:
            found |= {_node(one) for one in meta_graph.collection_def[name].node_list.value}
    return found


def _initialising(meta_graph: Any) -> set[str]:
    """Functions that make and fill the resources of a SavedModel of TensorFlow 2 when it is loaded."""
    nodes = meta_graph.object_graph_def.nodes
    found: set[str] = set()
    for node in nodes:
        for child in node.children:
            if child.local_name in ("_initialize", "_create_resource", "_destroy_resource"):
                one = nodes[child.node_id] if 0 <= child.node_id < len(nodes) else node
                found |= {*one.function.concrete_functions, one.bare_concrete_function.concrete_function_name}
    return found


def _reached(graph: Any, names: set[str], functions: set[str]) -> list[Any]:
    """Nodes that those of these names need, and all of the functions that they call, and of these functions."""
    nodes = {node.name: node for node in graph.node}
    bodies = {one.signature.name: one.node_def for one in graph.library.function}
    waiting: list[Any] = [nodes[name] for name in names if name in nodes]
    waiting += [node for name in functions for node in bodies.get(name, ())]
    found: list[Any] = []
    seen_names, seen_functions = set(names), set(functions)
    while waiting:
        node = waiting.pop()
        found.append(node)
        is_inside = nodes.get(node.name) is not node  # of a function, whose nodes are all there
        needed = set() if is_inside else {_node(one) for one in node.input} - seen_names
        called = _called(node) - seen_functions
        seen_names |= needed
        seen_functions |= called
        waiting += [nodes[one] for one in needed if one in nodes]
        waiting += [each for one in called for each in bodies.get(one, ())]
    return found


def _called(node: Any) -> set[str]:
    """Functions that a node calls: by its kind, or as one of its attributes."""
    found = {node.op}
    for value in node.attr.values():
        found |= {value.func.name, *(one.name for one in value.list.func)}
    return found


def _reads(node: Any, saver: Any) -> bool:
    """Whether what restores reads the checkpoint that the saver is given."""
    return bool(node.input) and _node(node.input[0]) == _node(saver.filename_tensor_name)


def _node(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]


def refuse_outside(folder: Path) -> None:
    """InputError where a file of a SavedModel is a link that leads out of its folder, or all are too large."""
    root, size = folder.resolve(), 0
    for one in sorted(folder.rglob("*")):
        if not one.resolve().is_relative_to(root):
            raise InputError(f"{folder} has {one.relative_to(folder)}, which leads out of it", "copy the file itself")
        size += one.stat().st_size if one.is_file() else 0
    limits.refuse_above(size, limits.MODEL_BYTES, f"{folder} has")


def refuse_assets(meta_graph: Any, folder: Path) -> None:
    """InputError where an asset is named by a path that is not within the folder."""
    for asset in meta_graph.asset_file_def:
        name = PurePosixPath(asset.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in asset.filename:
            raise InputError(
                f"{folder} names the file {asset.filename!r} outside of it", "save the model with its assets again"
            )


def refuse_code(path: Path) -> None:
    """InputError where a Keras file holds Python's code (a Lambda layer), or names classes that are not Keras' own."""
    with reading(path, "no readable Keras model", "save it again"):
        config = documents.parse(_config(path))
    found = sorted(set(_foreign(config)))
    if found:
        raise InputError(f"{path} would run code of its own: {', '.join(found[:6])}", TRUST)


def refuse_larger(path: Path) -> None:
    """InputError where a layer of a Keras file has more outputs than the file has bytes for its weights: it would be
    built before anybody looks."""
    size = _unpacked_bytes(path)
    with reading(path, "no readable Keras model", "save it again"):
        largest = max(_widths(documents.parse(_config(path))), default=0)
    if largest > size:
        raise InputError(
            f"{path} has a layer of {largest:,} outputs, but only {size:,} bytes for all weights", "save it again"
        )


def _unpacked_bytes(path: Path) -> int:
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return sum(one.file_size for one in archive.infolist())


def _widths(config: Any) -> Iterator[int]:
    """How many outputs the layers with weights are said to have."""
    if isinstance(config, dict):
        yield from (config[name] for name in WIDTHS if type(config.get(name)) is int)
        for one in config.values():
            yield from _widths(one)
    elif isinstance(config, list):
        for one in config:
            yield from _widths(one)


def _config(path: Path) -> str:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            limits.refuse_above(
                archive.getinfo("config.json").file_size, limits.TABLE_BYTES, f"config.json in {path} has"
            )
            return archive.read("config.json").decode()
    import h5py

    with h5py.File(path, "r") as file:
        _refuse_links(file, path)
        config = file.attrs.get("model_config")
    if config is None:
        raise InputError(f"{path} holds weights without a model", "save the whole model: model.save(...)")
    return config.decode() if isinstance(config, bytes) else str(config)


def _refuse_links(group: Any, path: Path) -> None:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{path} takes {name!r} from another file, {link.filename}", "save the model in one file")
        if isinstance(group.get(name), h5py.Group) and isinstance(link, h5py.HardLink):
            _refuse_links(group[name], path)


def _foreign(config: Any) -> Iterator[str]:
    """Lambda layers, functions that are code, and classes of modules that are not Keras' own."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        if name == "Lambda" or name in FOREIGN_LAYERS:
            yield f"the {name} layer{_called_as(config.get('config'))}"
            return
        if name == "__lambda__" or (name == "function" and not _is_own(module)):
            yield "a lambda" if name == "__lambda__" else f"the function {str(config.get('config'))[:LONGEST]!r}"
        elif isinstance(name, str) and isinstance(module, str) and not _is_own(module):
            yield f"{module}.{name}"[:LONGEST]
        for one in config.values():
            yield from _foreign(one)
    elif isinstance(config, list):
        for one in config:
            yield from _foreign(one)


def _called_as(config: Any) -> str:
    name = config.get("name") if isinstance(config, dict) else None
    return f" {name[:LONGEST]!r}" if isinstance(name, str) else ""


def _is_own(module: Any) -> bool:
    return isinstance(module, str) and module.split(".")[0] in OWN
