"""What a TensorFlow file would do beside computing: told from its bytes before TensorFlow opens it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from posekit.errors import InputError, reading
from posekit.sources import limits

# operations that reach beyond the numbers they are given: the machine's files, and Python's functions
REACHING = frozenset({
    "WriteFile", "ReadFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "WholeFileReader",
    "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "FixedLengthRecordReader", "TFRecordReader",
    "TFRecordReaderV2", "DebugIdentity", "DebugIdentityV2", "PrintV2", "WriteSummary", "CreateSummaryFileWriter",
})  # fmt: skip
TRUST = "nothing was run; if you know where the file comes from, pass --trust"
OWN = ("keras", "builtins", "tf_keras", "tensorflow")


def refuse_reaching(nodes: Iterable[Any], path: Path) -> None:
    """InputError that names operations which read or write files, or call Python; nodes: of a GraphDef."""
    found = sorted({node.op for node in nodes} & REACHING)
    if found:
        raise InputError(f"{path} would do more than compute: it has {', '.join(found)}", TRUST)


def all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a GraphDef and of its functions."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


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
        config = json.loads(_config(path))
    found = sorted(set(_foreign(config)))
    if found:
        raise InputError(f"{path} would run code of its own: {', '.join(found[:6])}", TRUST)


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
        if name in ("Lambda", "__lambda__", "function") and (name != "function" or not _is_own(module)):
            yield "a Lambda layer" if name == "Lambda" else f"the function {config.get('config')!r}"
        elif isinstance(name, str) and isinstance(module, str) and not _is_own(module):
            yield f"{module}.{name}"
        for one in config.values():
            yield from _foreign(one)
    elif isinstance(config, list):
        for one in config:
            yield from _foreign(one)


def _is_own(module: Any) -> bool:
    return isinstance(module, str) and module.split(".")[0] in OWN
