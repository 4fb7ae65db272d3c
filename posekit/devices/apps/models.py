"""Checks of the models in an app: which operations they need, and whether the code beside them was made for them."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from posekit import documents
from posekit.devices.apps import App, AppFile, Finding
from posekit.errors import InputError, MissingToolError, reading, said
from posekit.parity.gate import Outcome
from posekit.runtimes import flatbuffer
from posekit.sources.limits import MODEL_BYTES, refuse_above
from posekit.sources.tflite.graph import kind_of
from posekit.targets import TARGETS

CODE = ("classes*.dex", "*.kt", "*.java", "*.swift", "*.jar")
MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")  # of one processor, of several
METADATA = "posekit.contract_sha256"
HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def models_of(app: App) -> list[AppFile]:
    """The model files: .tflite, and what holds the metadata of a compiled or a packaged Core ML model."""
    return app.matching("*.tflite") if app.is_android else app.matching("*.mlmodelc/metadata.json", "model.mlmodel")


def model_name(one: AppFile) -> str:
    """A model's own name: that of its folder where it is one."""
    parts = PurePosixPath(one.name).parts
    return next((part for part in parts if part.endswith((".mlmodelc", ".mlpackage"))), parts[-1])


def operations(app: App) -> Iterator[Finding]:
    """Whether a .tflite has operations that LiteRT by itself does not have."""
    for one in app.matching("*.tflite"):
        name = f"operations of {model_name(one)}"
        try:
            unpacked = flatbuffer.unpack(one.content())
            custom = sorted({
                kind_of(unpacked, operator) for graph in unpacked.subgraphs for operator in graph.operators
                if unpacked.operatorCodes[operator.opcodeIndex].customCode is not None
            })  # fmt: skip
        except ImportError as error:
            raise MissingToolError("ai-edge-litert is not installed", "pip install 'posekit[litert]'") from error
        except InputError:
            raise
        except Exception as error:  # damage shows in many ways
            yield Finding(name, Outcome.FAIL, f"it is no .tflite that can be read{said(error)}", "package it again")
            continue
        flex = [kind for kind in custom if kind.startswith("Flex")]
        if custom and not holds_contract(one):
            detail = f"it needs {', '.join(custom)}, and is none of posekit's: the app may bring them"
            yield Finding(name, Outcome.SKIPPED, detail)
        elif flex:
            remedy = "convert the model without SELECT_TF_OPS: TensorFlow's own operations are not in LiteRT"
            yield Finding(name, Outcome.FAIL, f"it needs {', '.join(flex)}", remedy)
        elif custom:
            remedy = "end the network before them and decode in the app, as posekit's bundles do"
            yield Finding(name, Outcome.FAIL, f"it has operations of its own: {', '.join(custom)}", remedy)
        else:
            yield Finding(name, Outcome.PASS, "all are LiteRT's own")


def contracts(app: App) -> Iterator[Finding]:
    """Whether the hash of each model's contract is in the app's code, as the wrapper asks when it starts."""
    code = [*app.matching(*CODE), *(_binaries(app) if app.is_built and not app.is_android else [])]
    known = {found.decode() for one in code for text in _texts(one) for found in HASH.findall(text)}
    for one in models_of(app):
        name = f"contract of {model_name(one)}"
        found = _hash_in(one)
        if found is None:
            yield Finding(name, Outcome.SKIPPED, "it holds no contract of posekit's")
        elif found in known:
            yield Finding(name, Outcome.PASS, f"{found[:12]}, which the code was made from too")
        else:
            remedy = "take the model and the generated code from the same bundle"
            yield Finding(name, Outcome.FAIL, f"{found[:12]}, of which no code of the app was made", remedy)


def _texts(code: AppFile) -> Iterator[bytes]:
    """The bytes of a file of code, of a library those of each of its classes."""
    if code.suffix != ".jar":
        yield code.content()
        return
    damaged = reading(Path(code.name), "no readable archive", "build it again")
    with damaged, zipfile.ZipFile(io.BytesIO(code.content())) as archive:
        for info in archive.infolist():
            refuse_above(info.file_size, MODEL_BYTES, f"{info.filename} in {code.name} has")
            yield archive.read(info)


def _binaries(app: App) -> list[AppFile]:
    """The executables and libraries of a built iOS app."""
    return [one for one in app.files if _may_be_code(PurePosixPath(one.name)) and one.read(4) in MACH_O]


def _may_be_code(path: PurePosixPath) -> bool:
    """Apple's executables have no suffix, or are called as the app or the framework that they are in."""
    return path.suffix in ("", ".dylib") or (
        path.parent.suffix in (".app", ".appex", ".framework") and path.name == path.parent.stem
    )


def holds_contract(one: AppFile) -> bool:
    """Whether posekit has packaged a model."""
    return _hash_in(one) is not None


def _hash_in(one: AppFile) -> str | None:
    """The hash of the contract that a model holds; None where it holds none, or cannot be read."""
    if one.suffix == ".json":
        return _of_metadata(one.content())
    if one.suffix == ".mlmodel":
        found = re.search(re.escape(METADATA.encode()) + rb".{1,8}?([0-9a-f]{64})", one.content(), re.DOTALL)
        return found.group(1).decode() if found else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(one.content())
        try:
            return hashlib.sha256(TARGETS["android"].contract_of(path)).hexdigest()
        except InputError:
            return None


def _of_metadata(text: bytes) -> str | None:
    """Of a compiled model's metadata.json: a list of one model."""
    try:
        told = documents.parse(text)[0]["userDefinedMetadata"].get(METADATA)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return told if isinstance(told, str) else None
