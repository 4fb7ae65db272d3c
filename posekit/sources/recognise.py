"""What a model file is, told from its bytes and never from its name; and what its pickles would import."""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path

from posekit import documents
from posekit.errors import InputError, said
from posekit.sources import limits, protobuf

LEGACY_TORCH_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # pickled torch.serialization.MAGIC_NUMBER
# numbers of protobuf fields: onnx.ModelProto (ir_version, graph), CoreML.Specification.Model (version, description, and
# one of the model's types), tensorflow.GraphDef (node, library, version, versions)
ONNX_NEEDED, ONNX_FIELDS = {1, 7}, {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
COREML_NEEDED, COREML_FIRST_TYPE = {1, 2}, 200
GRAPH_FIELDS = {1, 2, 3, 4, 5}
LEGACY_PICKLES = 4  # magic number, protocol version, system info, the object; storages follow


class Form(StrEnum):
    """The forms in which models are handed on; MODULE and CHECKPOINT are told apart when loaded."""

    EXPORTED_PROGRAM = "exported program"
    TORCHSCRIPT = "TorchScript"
    STATE_DICT = "state dict"
    MODULE = "pickled module"
    CHECKPOINT = "checkpoint with a pickled module"
    ONNX = "ONNX"
    TFLITE = "TFLite"
    SAVED_MODEL = "TensorFlow SavedModel"
    FROZEN_GRAPH = "frozen TensorFlow graph"
    KERAS = "Keras"
    NEURAL_NETWORK = "Core ML neural network"
    ML_PROGRAM = "Core ML program"
    ENSEMBLE = "ensemble"


class Container(StrEnum):
    """How the bytes are packed."""

    EXPORTED_PROGRAM = "exported program"
    TORCHSCRIPT = "TorchScript"
    PICKLE = "pickle"
    SAFETENSORS = "safetensors file"
    ONNX = "ONNX model"
    TFLITE = "TFLite model"
    SAVED_MODEL = "TensorFlow SavedModel"
    FROZEN_GRAPH = "frozen TensorFlow graph"
    KERAS = "Keras model"
    COREML = "Core ML model"
    TASK = "MediaPipe task"
    ENSEMBLE = "ensemble"

    @property
    def described(self) -> str:
        """With its article."""
        return f"{'an' if self[0] in 'eEO' else 'a'} {self}"


AGAIN = "copy or save it again"
EXPECTED = "a model of PyTorch, ONNX, TensorFlow, TFLite or Core ML"
GIVE_FILE = "give the model file itself, such as model.pt, model.onnx or model.tflite"


def container(path: Path) -> Container:
    """Recognise a model by its content; InputError says what it is instead, or what is wrong with it."""
    if not path.exists():
        raise InputError(f"there is no file {path}", "check the path")
    if path.is_dir():
        return _folder_container(path)
    if not path.is_file():
        raise InputError(f"{path} is no regular file, expected a model file", GIVE_FILE)
    limits.refuse_above(path.stat().st_size, limits.MODEL_BYTES, f"{path} has")
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if not head:
        raise InputError(f"{path} is empty", "was the download or the save interrupted?")
    if head.startswith(b"PK"):
        return _zip_container(path)
    if head.startswith(LEGACY_TORCH_MAGIC):
        return Container.PICKLE
    if head[4:8] == b"TFL3":
        return Container.TFLITE
    if head.lstrip().startswith(b"{") and b'"posekit_ensemble"' in head:
        return Container.ENSEMBLE
    if head.startswith(b"\x89HDF\r\n"):
        return Container.KERAS
    if (
        head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size - 8
    ):  # a header's length, then JSON
        return Container.SAFETENSORS
    found = _protobuf_container(path)
    if found is not None:
        return found
    raise InputError(f"{path} is {_describe(head)}, expected {EXPECTED}", f"was it cut off? Else {GIVE_FILE}")


def _folder_container(path: Path) -> Container:
    if (path / "saved_model.pb").is_file():
        return Container.SAVED_MODEL
    if (path / "Manifest.json").is_file() and path.suffix == ".mlpackage":
        return Container.COREML
    raise InputError(f"{path} is a folder, expected a model file, a SavedModel or an .mlpackage", GIVE_FILE)


def _protobuf_container(path: Path) -> Container | None:
    """Which protobuf message a file is, told by the numbers of its outermost fields; None where it is none of them."""
    try:
        numbers = protobuf.field_numbers(path)
    except protobuf.DamagedError as damaged:
        numbers = damaged.numbers
        if len(numbers) < 2 or not numbers <= ONNX_FIELDS:
            return None
        raise InputError(f"{path} is a damaged or truncated ONNX or Core ML model", AGAIN) from damaged
    if ONNX_NEEDED <= numbers <= ONNX_FIELDS:
        return Container.ONNX
    if numbers >= COREML_NEEDED and max(numbers) >= COREML_FIRST_TYPE:
        return Container.COREML
    return Container.FROZEN_GRAPH if 1 in numbers and numbers <= GRAPH_FIELDS else None


def _zip_container(path: Path) -> Container:
    names = [name.split("/", 1)[-1] for name in _zip_names(path)]
    if "archive_format" in names or "serialized_exported_program.json" in names:
        return Container.EXPORTED_PROGRAM
    if "constants.pkl" in names:
        return Container.TORCHSCRIPT
    if "data.pkl" in names:
        return Container.PICKLE
    if "model.weights.h5" in names and "config.json" in names:
        return Container.KERAS
    if any(name.endswith(".tflite") for name in names):
        return Container.TASK
    raise InputError(
        f"{path} is a zip file without {EXPECTED} in it",
        "save it with torch.save or torch.export.save",
    )


def _zip_names(path: Path) -> list[str]:
    """Names of the files in a zip; InputError where it is damaged, or says that it unpacks to too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path} is a damaged or truncated zip file{said(error)}", "copy or save it again") from error
    limits.refuse_above(size, limits.MODEL_BYTES, f"{path} unpacks to")
    if len(set(names)) != len(names):
        raise InputError(f"{path} holds two files of one name, which readers resolve differently")
    return names


def read_entry(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """One file of a zip; InputError where it is damaged or too large to look through."""
    limit = limits.PICKLE_BYTES if name.endswith((".pkl", ".pt")) else limits.TABLE_BYTES
    limits.refuse_above(archive.getinfo(name).file_size, limit, f"{name} in {path} has")
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise InputError(f"{path} is a damaged zip file: {name}{said(error)}", "copy or save it again") from error


def _describe(head: bytes) -> str:
    kinds = {b"\x80": "a bare pickle"}
    for magic, name in kinds.items():
        if head.startswith(magic):
            return name
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return f"of an unknown format (first bytes {head[:8].hex(' ')})"
    return f"a text file ({text.strip()[:20]!r}...)" if text.isprintable() or "\n" in text else "of an unknown format"


def imports_of_pickles(path: Path) -> set[str]:
    """Every `module.name` that the pickles of a PyTorch file would import; nothing is executed.

    InputError where a pickle cannot be read through to its end.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return set().union(*(_imports_of_stream(file, path) for _ in range(LEGACY_PICKLES)))
    found: set[str] = set()
    with zipfile.ZipFile(path) as archive:
        flagged = _flagged_payloads(archive, path)
        for info in archive.infolist():
            name = info.filename
            if info.file_size and (name.endswith((".pt", ".pkl")) or name.rsplit("/", 1)[-1] in flagged):
                found |= _imports_of_bytes(read_entry(archive, name, path), path)
    return found


def _flagged_payloads(archive: zipfile.ZipFile, path: Path) -> set[str]:
    """Names of the payloads that an exported program's own tables say are pickles."""
    flagged: set[str] = set()
    for name in archive.namelist():
        if name.endswith("_config.json"):
            try:
                entries = list(documents.parse(read_entry(archive, name, path))["config"].values())
                flagged |= {entry["path_name"] for entry in entries if entry.get("use_pickle", True)}
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise InputError(f"{name} in {path} is no valid JSON table{said(error)}", "export it anew") from error
    return flagged


def _imports_of_bytes(data: bytes, path: Path) -> set[str]:
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [name for name in archive.namelist() if name.endswith((".pkl", ".pt"))]
                return set().union(*(_imports_of_bytes(read_entry(archive, name, path), path) for name in names))
        except (zipfile.BadZipFile, RecursionError) as error:
            raise InputError(f"{path} holds a damaged zip file{said(error)}") from error
    stream, found = io.BytesIO(data), set[str]()
    if data.startswith(LEGACY_TORCH_MAGIC):
        return found.union(*(_imports_of_stream(stream, path) for _ in range(LEGACY_PICKLES)))
    return _imports_of_stream(stream, path)


def _imports_of_stream(stream: io.BufferedReader | io.BytesIO, path: Path) -> set[str]:
    found: set[str] = set()
    strings: list[str] = []
    memo: dict[int, str] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in ("GLOBAL", "INST"):
                found.add(str(argument).replace(" ", "."))
            elif name == "STACK_GLOBAL":
                found.add(".".join(strings[-2:]))
            elif name == "MEMOIZE" and strings:
                memo[len(memo)] = strings[-1]
            elif name in ("PUT", "BINPUT", "LONG_BINPUT") and strings and isinstance(argument, int):
                memo[argument] = strings[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET") and argument in memo:
                strings.append(memo[argument])
            elif isinstance(argument, str):
                strings.append(argument)
    except Exception as error:  # pickletools raises whatever the malformed bytes lead it to
        raise InputError(f"{path} holds a damaged pickle{said(error)}", "copy or save it again") from error
    return found
