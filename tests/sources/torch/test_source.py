"""Every form of file gives the same network; one that gives none says why."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from posekit.errors import InputError  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402

OPTIONS: dict[str, tuple[Form, dict[str, Any]]] = {
    "exported": (Form.EXPORTED_PROGRAM, {}),
    "torchscript": (Form.TORCHSCRIPT, {}),
    "state_dict": (Form.STATE_DICT, {"arch": "tinynet:build"}),
    "module": (Form.MODULE, {"trust": True}),
    "legacy_module": (Form.MODULE, {"trust": True}),
    "checkpoint": (Form.CHECKPOINT, {"trust": True}),
}
CHECKPOINT = (
    Path(__file__).parents[2].resolve().parent / "shared" / "data" / "movenet_mbv3" / "mbv3_e81_valacc0.78953.pth"
)


def save(folder: Path, content: Any, **options: Any) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path, **options)
    return path


def same(path: Path, tiny: Any, **options: Any) -> bool:
    x = torch.rand(1, 3, 48, 32)
    with torch.inference_mode():
        return bool(torch.allclose(open_source(path, **options).module(x), tiny.network(x), atol=1e-5))


@pytest.mark.parametrize(("form", "expected", "options"), [(name, *rest) for name, rest in OPTIONS.items()])
def test_every_form_is_the_same_network(form: str, expected: Form, options: dict[str, Any], tiny: Any) -> None:
    path = tiny.save(form)
    assert same(path, tiny, **options)
    source = open_source(path, **options)
    assert source.form is expected
    assert not any(p.requires_grad for p in source.module.parameters())
    assert not source.module.training or form == "exported"


@pytest.mark.parametrize("form", ["module", "legacy_module", "checkpoint"])
def test_pickled_code_needs_trust(form: str, tiny: Any, not_packaged: Callable[..., Any]) -> None:
    not_packaged(2, tiny.save(form), says=("tinynet.Tiny", "nothing was run", "--trust"))


def test_module_whose_code_is_not_here(tiny: Any, tmp_path: Path, not_packaged: Callable[..., Any]) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(tiny.save("module")) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, old.read(name).replace(b"tinynet", b"goneaway").replace(b"X\x07\0\0\0gone", b"X\x08\0\0\0gone")
            )
    not_packaged(2, path, "--trust", says=("needs the Python module 'goneaway'", "PYTHONPATH"))


@pytest.mark.parametrize(
    ("change", "says"),
    {
        "none": (lambda d: d, None),
        "DataParallel": (lambda d: {f"module.{k}": v for k, v in d.items()}, None),
        "nested": (lambda d: {"state_dict": d, "epoch": 3}, None),
        "nested twice named": (lambda d: {"model_state_dict": d, "optimizer": {}}, None),
        "nested DataParallel": (lambda d: {"state_dict": {f"module.{k}": v for k, v in d.items()}}, None),
        "half": (lambda d: {k: v.half() if v.is_floating_point() else v for k, v in d.items()}, None),
        "missing": (lambda d: {k: v for k, v in d.items() if k != "head.bias"}, "the file lacks head.bias (1 in all)"),
        "unexpected": (lambda d: {**d, "neck.w": torch.zeros(1)}, "the network has no neck.w (1 in all)"),
        "both": (
            lambda d: {"head.scale" if k == "head.bias" else k: v for k, v in d.items()},
            "the file lacks head.bias (1 in all); the network has no head.scale (1 in all)",
        ),
        "many": (lambda d: {f"{k}x": v for k, v in d.items()}, "... ("),
        "shape": (lambda d: {**d, "head.weight": torch.zeros(17, 8, 1, 1)}, "size mismatch for head.weight"),
        "NaN": (
            lambda d: {**d, "head.bias": torch.tensor([0, float("nan"), 0])},
            "'head.bias' holds values that are not finite",
        ),
        "infinite": (lambda d: {**d, "head.bias": torch.tensor([0, 1e39, 0])}, "'head.bias' holds values that are not"),
        "empty": (lambda d: {}, "holds a dict without a network"),
        "no tensors": (lambda d: {"epoch": 3, "lr": 0.1}, "holds a dict without a network"),
        "a tensor": (lambda d: d["head.bias"], "holds a Tensor without a network"),
        "a list": (lambda d: list(d.values()), "holds a list without a network"),
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_state_dict(
    change: str,
    says: tuple[Callable[[Any], Any], str | None],
    tiny: Any,
    tmp_path: Path,
    not_packaged: Callable[..., Any],
) -> None:
    changed, sentence = says
    path = save(tmp_path, changed(dict(tiny.network.state_dict())))
    if sentence is None:
        with_loss = change == "half"
        x = torch.rand(1, 3, 48, 32)
        seen = open_source(path, arch="tinynet:build").module(x)
        assert seen.dtype == torch.float32
        assert torch.allclose(seen, tiny.network(x), atol=1e-2 if with_loss else 1e-6)
    else:
        not_packaged(2, path, "--arch", "tinynet:build", says=(sentence,))


@pytest.mark.parametrize(
    ("arch", "says"),
    {
        "": "--arch package.module:factory",
        "tinynet": "expected package.module:factory",
        ":build": "expected package.module:factory",
        "tinynet:": "expected package.module:factory",
        "no_such_module:build": "cannot be imported: No module named 'no_such_module'",
        "tinynet:no_such_factory": "cannot be imported: module 'tinynet' has no attribute",
        "..tinynet:build": "cannot be imported",
        "tinynet:raises": "failed when called without arguments (tinynet.py, line ",
        "tinynet:number": "gave a int, expected a torch.nn.Module",
        "torch.nn:Conv2d": "failed when called without arguments: Conv2d.__init__() missing",
        "broken_module:build": "cannot be imported: invalid syntax",
    }.items(),
)
def test_arch(arch: str, says: str, tiny: Any, not_packaged: Callable[..., Any]) -> None:
    (tiny.folder / "broken_module.py").write_text("def build(:\n")
    not_packaged(2, tiny.save("state_dict"), *(["--arch", arch] if arch else []), says=(says,))


@pytest.mark.parametrize("new_format", [True, False])
def test_tensors_saved_on_cuda(new_format: bool, tiny: Any, tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save(tiny.network.state_dict(), stream, _use_new_zipfile_serialization=new_format)
    on_cpu, on_cuda = b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"
    path = tmp_path / "cuda.pt"
    if new_format:
        with zipfile.ZipFile(stream) as old, zipfile.ZipFile(path, "w") as new:
            assert any(on_cpu in old.read(name) for name in old.namelist())
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(on_cpu, on_cuda))
    else:
        assert on_cpu in stream.getvalue()
        path.write_bytes(stream.getvalue().replace(on_cpu, on_cuda))
    assert same(path, tiny, arch="tinynet:build")


@pytest.mark.skipif(not CHECKPOINT.is_file(), reason="the public MoveNet checkpoint is not here")
def test_public_checkpoint_saved_on_cuda(not_packaged: Callable[..., Any]) -> None:
    assert b"cuda:0" in CHECKPOINT.read_bytes()
    not_packaged(2, CHECKPOINT, says=("tensors without the network's code", "--arch package.module:factory"))


@pytest.fixture
def ultralytics(tiny: Any, tmp_path: Path) -> Callable[..., Path]:
    """A checkpoint as Ultralytics saves it: in half, with facts on the network, and the average in `ema`."""

    def write(kpt_shape: list[int], *, ema: bool = False, in_yaml: bool = False) -> Path:
        network = tiny.code.build()
        network.stride, network.names = torch.tensor([8.0, 16.0]), {0: "person"}
        if in_yaml:
            network.yaml = {"kpt_shape": kpt_shape, "nc": 1}
        else:
            network.kpt_shape = kpt_shape
        half = network.half()
        return save(
            tmp_path, {"model": None if ema else half, "ema": half if ema else None, "train_args": {"imgsz": 48}}
        )

    return write


@pytest.mark.parametrize("options", [{}, {"ema": True}, {"in_yaml": True}])
def test_checkpoint_facts_are_read_and_shown(
    options: dict[str, bool], ultralytics: Callable[..., Path], tiny: Any, run_posekit: Callable[..., Any]
) -> None:
    path = ultralytics([3, 3], **options)
    source = open_source(path, trust=True)
    assert source.form is Form.CHECKPOINT
    assert source.facts == {"stride": [8.0, 16.0], "kpt_shape": [3, 3], "names": {0: "person"}}
    assert next(source.module.parameters()).dtype == torch.float32
    result = run_posekit("inspect", path, "--trust", "--spec", tiny.spec_file)
    assert result.code == 0
    assert all(text in result.out for text in ("says_kpt_shape", "[3, 3]", "person", "[8.0, 16.0]"))


def test_checkpoint_facts_are_held_against_the_spec(
    ultralytics: Callable[..., Path], not_packaged: Callable[..., Any]
) -> None:
    not_packaged(2, ultralytics([17, 3]), "--trust", says=("kpt_shape [17, 3]", "the spec has 3 keypoints"))


@pytest.mark.parametrize("kpt_shape", ["x", [], [None, 3], 17, {"K": 3}])
def test_odd_checkpoint_facts_are_no_traceback(
    kpt_shape: Any, ultralytics: Callable[..., Path], run_posekit: Callable[..., Any], tiny: Any
) -> None:
    result = run_posekit("inspect", ultralytics(kpt_shape), "--trust", "--spec", tiny.spec_file)
    assert result.code == 0


def test_unreadable_file(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, not_packaged: Callable[..., Any]
) -> None:
    path, opened = save(tmp_path, {}), Path.open

    def deny(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", deny)
    not_packaged(2, path, says=("cannot read", "Permission denied"))


def test_trust_leaves_the_import_path_as_it_was(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    before = list(sys.path)
    open_source(tiny.save("module"), trust=True)
    with pytest.raises(InputError):
        open_source(tiny.save("state_dict"), arch="tinynet:raises")
    assert sys.path == before
