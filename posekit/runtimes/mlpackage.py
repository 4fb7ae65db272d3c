"""The specification inside an .mlpackage: read from the protobuf itself, without coremltools' ten-second import."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posekit.errors import MissingToolError, reading

_PROTO = "posekit_coreml_proto"  # coremltools.proto under a name whose import does not run coremltools/__init__


# what coremltools imports wherever it is installed, to convert from it: TensorFlow alone is half of its import's time
OTHER_CHAINS = ("tensorflow", "sklearn", "xgboost", "transformers", "executorch", "torchaudio")


def coremltools() -> Any:
    """coremltools, without the frameworks that posekit does not convert from; MissingToolError where it is not
    installed."""
    hidden = [name for name in OTHER_CHAINS if "coremltools" not in sys.modules and name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an import of it fails at once
    try:
        return importlib.import_module("coremltools")
    except ImportError as error:
        raise MissingToolError("coremltools is not installed", "pip install 'posekit[coreml]'") from error
    finally:
        for name in hidden:
            del sys.modules[name]


def data_folder(path: Path) -> Path:
    """Where an .mlpackage keeps its specification and weights."""
    return path / "Data" / "com.apple.CoreML"


def specification_file(path: Path) -> Path:
    """The specification of an .mlpackage."""
    return data_folder(path) / "model.mlmodel"


def read_specification(path: Path) -> Any:
    """The specification (Model protobuf); InputError where it is damaged, MissingToolError without coremltools."""
    model = empty_specification()
    with reading(path, "no readable Core ML package"):
        model.ParseFromString(specification_file(path).read_bytes())
    return model


def empty_specification() -> Any:
    """A specification without anything in it, of coremltools' own classes where it is imported already."""
    if "coremltools" in sys.modules:
        return importlib.import_module("coremltools.proto.Model_pb2").Model()
    if _PROTO not in sys.modules:
        found = importlib.util.find_spec("coremltools")
        if found is None or found.origin is None:
            raise MissingToolError("coremltools is not installed", "pip install 'posekit[coreml]'")
        folder = Path(found.origin).parent / "proto"
        spec = importlib.util.spec_from_file_location(
            _PROTO, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_PROTO] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{_PROTO}.Model_pb2").Model()


def operations_of(model: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Every operation of a specification, those inside of others too, and the results of the block that it is in."""
    for function in model.mlProgram.functions.values():
        for block in function.block_specializations.values():
            yield from _inside(block)


def _inside(block: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    for operation in block.operations:
        yield operation, tuple(block.outputs)
        for inner in operation.blocks:
            yield from _inside(inner)


def blobs_of(model: Any) -> set[int]:
    """Where in the weight file the constants of a specification begin."""
    values = (
        value for operation, _ in operations_of(model)
        for value in (
            *operation.attributes.values(),
            *(bound.value for given in operation.inputs.values() for bound in given.arguments if not bound.name),
        )
    )  # fmt: skip
    return {int(one.blobFileValue.offset) for one in values if one.WhichOneof("value") == "blobFileValue"}
