"""A file is what its bytes are; what is no PyTorch model, or would run code, is refused in a sentence."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from posekit.errors import InputError  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.recognise import Container, container, imports_of_pickles  # noqa: E402

FORMS = {
    "exported": Container.EXPORTED_PROGRAM,
    "torchscript": Container.TORCHSCRIPT,
    "state_dict": Container.PICKLE,
    "module": Container.PICKLE,
    "legacy_module": Container.PICKLE,
    "checkpoint": Container.PICKLE,
}


class Malicious:
    """Unpickled, it makes the file `marker`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def saved(content: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "it_ran"


@pytest.mark.parametrize(("form", "expected"), FORMS.items())
def test_recognised_by_content(form: str, expected: Container, tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(tiny.save(form).read_bytes())
    assert container(path) is expected


def make(folder: Path, kind: str) -> Path:
    path = folder / "model.pt"
    contents = {
        "empty": b"",
        "text": b"<!DOCTYPE html><title>404</title>",
        "bare pickle": pickle.dumps([1, 2]),
        "keras": b"\x89HDF\r\n\x1a\n" + bytes(64),
        "tflite": b"\x1c\0\0\0TFL3" + bytes(64),
        "noise": bytes(range(129, 200)),
        "truncated zip": saved({"a": torch.zeros(99)})[:-60],
        "half a zip": saved({"a": torch.zeros(9999)})[:20_000],
        "no central directory": b"PK\x03\x04" + bytes(99),
        "truncated legacy": saved({"a": torch.zeros(99)}, _use_new_zipfile_serialization=False)[:90],
    }
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in contents:
        path.write_bytes(contents[kind])
    elif kind == "two of one name":
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
            for _ in range(2):
                archive.writestr("model/data.pkl", b"")
    elif kind == "other zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("word/document.xml", b"<w/>")
    elif kind == "changed byte":
        data = bytearray(saved({"a": torch.zeros(9)}))
        data[data.index(b"torch._utils")] ^= 1
        path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    {
        "nothing": "there is no file",
        "folder": "is a folder",
        "pipe": "is no regular file",
        "empty": "is empty",
        "text": "is a text file ('<!DOCTYPE html><titl'...)",
        "bare pickle": "a bare pickle",
        "keras": "no readable Keras model",
        "tflite": "a TFLite model",
        "noise": "of an unknown format",
        "truncated zip": "damaged or truncated zip",
        "half a zip": "damaged or truncated zip",
        "no central directory": "damaged or truncated zip",
        "truncated legacy": "damaged pickle",
        "two of one name": "two files of one name",
        "other zip": "zip file without a model of PyTorch",
        "changed byte": "damaged",
    }.items(),
)
def test_what_is_no_model(kind: str, says: str, tmp_path: Path, not_packaged: Callable[..., Any]) -> None:
    not_packaged(2, make(tmp_path, kind), says=(says,))


@pytest.mark.parametrize("cut", range(0, 100, 7))
@pytest.mark.parametrize("form", ["exported", "torchscript", "module", "legacy_module"])
def test_truncated_anywhere(form: str, cut: int, tiny: Any, tmp_path: Path) -> None:
    data = tiny.save(form).read_bytes()
    path = tmp_path / "model.pt"
    path.write_bytes(data[: len(data) * cut // 100])
    with pytest.raises(InputError):
        open_source(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}, {"pickle_protocol": 5}],
    ids=["zip", "legacy", "protocol 4", "protocol 5"],
)
def test_malicious_pickle_does_not_run(
    options: dict[str, Any], marker: Path, tmp_path: Path, not_packaged: Callable[..., Any]
) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(saved({"state_dict": {"w": Malicious(marker)}}, **options))
    not_packaged(2, path, says=(f"import and run {os.system.__module__}.system", "nothing was run", "--trust"))
    assert not marker.exists()


def test_the_malicious_pickle_would_have_run(marker: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(saved(Malicious(marker)))
    with pytest.raises(InputError, match="holds a int"):
        open_source(path, trust=True)
    assert marker.exists()


def test_every_import_of_a_long_list_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    names = [f"module_{i}.name_{i}" for i in range(20)]
    lines = "".join(f"c{name.replace('.', chr(10))}\n" for name in names)  # protocol 0: c = GLOBAL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", f"({lines}t.".encode())
    assert imports_of_pickles(path) == set(names)
    with pytest.raises(InputError, match="module_0.name_0, .* and 12 more"):
        open_source(path)


def test_import_through_the_memo_is_found(tmp_path: Path) -> None:
    # strings memoized first, other strings in between, then read back and imported by STACK_GLOBAL
    code = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x8c\x05other\x94000h\x00h\x01\x93."
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", code)
    assert imports_of_pickles(path) == {"os.system"}


def hidden_pickles(marker: Path, source: Path) -> dict[str, dict[str, bytes]]:
    evil = saved({"a": Malicious(marker)})
    with zipfile.ZipFile(source) as archive:
        config = next(name for name in archive.namelist() if name.endswith("weights_config.json"))
        weights = json.loads(archive.read(config))["config"]
    first = next(iter(weights))
    meta = weights[first]["tensor_meta"]

    def table(path: str, use_pickle: bool) -> bytes:
        entry = {"path_name": path, "is_param": True, "use_pickle": use_pickle, "tensor_meta": meta}
        return json.dumps({"config": {**weights, first: entry}}).encode()

    weights_table, constants_table = (f"data/{n}/model_{n}_config.json" for n in ("weights", "constants"))
    return {
        "sample inputs": {"data/sample_inputs/model.pt": evil},
        "old weights": {"data/weights/model.pt": evil},
        "old constants": {"data/constants/model.pt": evil},
        "weights": {weights_table: table("weight_0", True), "data/weights/weight_0": evil},
        "weights in a folder": {weights_table: table("x/weight_0", True), "data/weights/x/weight_0": evil},
        "constants": {constants_table: table("tensor_0", True), "data/constants/tensor_0": evil},
        "opaque object": {
            constants_table: table("opaque_obj_0", False),
            "data/constants/opaque_obj_0": pickle.dumps(Malicious(marker)),
        },
        "legacy pickle": {
            "data/sample_inputs/model.pt": saved(Malicious(marker), _use_new_zipfile_serialization=False)
        },
    }


PLACES = ("sample inputs", "old weights", "old constants", "weights", "weights in a folder", "constants",
          "opaque object", "legacy pickle")  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_pickle_hidden_in_an_exported_program_does_not_run(
    place: str, tiny: Any, marker: Path, rezipped: Callable[..., Path], not_packaged: Callable[..., Any]
) -> None:
    source = tiny.save("exported")
    path = rezipped(source, hidden_pickles(marker, source)[place])
    not_packaged(2, path, says=("nothing was run",))
    assert not marker.exists()


def replace_everywhere(value: Any, old: str, new: str) -> Any:
    return json.loads(json.dumps(value).replace(json.dumps(old), json.dumps(new)))


def hidden_code(place: str, table: Any, code: str) -> Any:
    """The table of a graph with `code` where torch.export.load would evaluate it."""
    graph = table["graph_module"]["graph"]
    signature = next(c["signature"] for c in table["graph_module"]["module_call_graph"] if c["signature"])
    if place == "size":
        graph["tensor_values"]["x"]["sizes"][0] = {"as_expr": {"expr_str": code, "hint": {"as_int": 1}}}
    elif place == "size by name":
        graph["sym_int_values"]["metadata"] = {"as_expr": {"expr_str": code, "hint": None}}
    elif place == "argument":
        return replace_everywhere(table, "x", f"x={code}")
    elif place == "argument names":
        signature["forward_arg_names"] = [f"x={code}"]
    elif place == "import":
        context = json.dumps({"default_factory_module": "antigravity", "default_factory_name": "x", "dict_context": []})
        spec = {"type": "collections.defaultdict", "context": context, "children_spec": []}
        signature["in_spec"] = json.dumps([1, spec])
    elif place == "file operator":
        graph["nodes"][0]["target"] = "torch.ops.aten.from_file.default"
    return table


@pytest.mark.parametrize(
    "place", ["size", "size by name", "argument", "argument names", "import", "file operator", "no JSON"]
)
def test_code_hidden_in_the_tables_does_not_run(
    place: str, tiny: Any, marker: Path, rezipped: Callable[..., Path], not_packaged: Callable[..., Any]
) -> None:
    source = tiny.save("exported")
    with zipfile.ZipFile(source) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("models/model.json"))
        table = json.loads(archive.read(name))
    changed = hidden_code(place, table, f"__import__('os').system('touch {marker}')")
    content = b"{" if place == "no JSON" else json.dumps(changed).encode()
    says = "is no valid JSON" if place == "no JSON" else "nothing was run"
    not_packaged(2, rezipped(source, {"models/model.json": content}), says=("models/model.json", says))
    assert not marker.exists()


@pytest.mark.parametrize("config", [b"{", b"[]", b'{"config": []}', b'{"config": {"w": 3}}', b'{"config": {"w": {}}}'])
def test_damaged_table_of_payloads(
    config: bytes, tiny: Any, rezipped: Callable[..., Path], not_packaged: Callable[..., Any]
) -> None:
    path = rezipped(tiny.save("exported"), {"data/weights/model_weights_config.json": config})
    not_packaged(2, path, says=("is no valid JSON table",))


def test_compiled_code_is_refused(tiny: Any, rezipped: Callable[..., Path], not_packaged: Callable[..., Any]) -> None:
    path = rezipped(tiny.save("exported"), {"data/aotinductor/model/model.so": b"\x7fELF"})
    not_packaged(2, path, says=("compiled native code", "--trust"))


@pytest.mark.parametrize("call", ["torch.from_file", "torch . from_file", "torch.\\\n  from_file", "torch . save"])
def test_torchscript_that_writes_files_is_refused(
    call: str, tmp_path: Path, rezipped: Callable[..., Path], not_packaged: Callable[..., Any]
) -> None:
    """TorchScript's own reader takes blanks and line breaks inside a call."""

    class Writes(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.from_file("it_ran", True, 4)[0]

    (tmp_path / "made").mkdir()
    path = tmp_path / "made" / "model.pt"
    torch.jit.script(Writes()).save(str(path))
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".py"))
        code = archive.read(name).replace(b"torch.from_file", call.encode())
    not_packaged(2, rezipped(path, {name.split("/", 1)[1]: code}), says=("--trust",))


def test_written_anew_unchanged_it_opens(tiny: Any, rezipped: Callable[..., Path]) -> None:
    """The tests above refuse for what they changed, and not because the zip was written anew."""
    assert open_source(rezipped(tiny.save("exported"), {})).module is not None


def test_symbolic_sizes_are_plain_arithmetic(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    sizes = {0: torch.export.Dim("batch", max=8), 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.export.export(tiny.network, (torch.rand(2, 3, 48, 32),), dynamic_shapes=(sizes,))
    torch.export.save(program, path)
    x = torch.rand(1, 3, 48, 32)
    assert torch.equal(open_source(path).module(x), tiny.network(x))
