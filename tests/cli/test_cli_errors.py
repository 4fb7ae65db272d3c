"""Every wrong input gets one sentence, a hint and its exit code through the command line, and nothing is lost."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from posekit.cli import console
from posekit.pipelines import bundling
from posekit.runtimes import runtime_for

pytestmark = pytest.mark.xdist_group("bundle")
Refused = Callable[..., dict[str, Any]]

STEPS = (
    "open the model",
    "run the reference",
    "export the network",
    "look at the contract",
    "convert for android",
    "write the model file for android",
    "write the android wrapper",
    "measure parity on android",
)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".convert.log")
    }


def spec_file(tiny: Any, folder: Path, old: str, new: str) -> Path:
    assert old in tiny.spec
    path = folder / "changed.toml"
    path.write_text(tiny.spec.replace(old, new))
    return path


def arguments(tiny: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        "package", tiny.save("exported"), "--platform", "android", "--spec", tiny.spec_file, "--images", tiny.images,
        "--out", out, *more,
    )  # fmt: skip


SPECS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown key": ('kind = "top_down"', 'kind = "top_down"\ncolour = 1', ("unknown key 'colour'",)),
    "unknown nested key": ("box_padding", "padding", ("unknown key 'input.padding'",)),
    "wrong type": ("size_wh = [32, 48]", 'size_wh = "32x48"', ("input.size_wh is '32x48'",)),
    "wrong element": ("size_wh = [32, 48]", "size_wh = [32, 48.5]", ("input.size_wh.1 is 48.5",)),
    "too few": ("mean = [123.675, 116.28, 103.53]", "mean = [0.5]", ("input.mean",)),
    "zero std": ("std = [58.395,", "std = [0.0,", ("input.std", "greater than 0")),
    "NaN": ("std = [58.395,", "std = [nan,", ("input.std.0 is nan",)),
    "missing": ('license = "Apache-2.0"\n', "", ("lacks license",)),
    "no decoder": ('kind = "heatmap"\n', "", ("decoder",)),
    "unknown decoder": ('kind = "heatmap"', 'kind = "magic"', ("decoder", "magic")),
    "unknown skeleton": ("[keypoints]", '[keypoints]\nskeleton = "coco71"', ("coco71",)),
    "other K": (
        'names = ["nose", "left_wrist", "right_wrist"]\nedges = [["nose", "left_wrist"]]\n'
        'flip_pairs = [["left_wrist", "right_wrist"]]\noks_sigmas = [0.03, 0.06, 0.06]',
        'skeleton = "coco17"',
        ("output 'heatmaps' has shape (1, 3, 12, 8)", "17 keypoints", "keypoints.skeleton"),
    ),
    "no such output": (
        'output = "heatmaps"',
        'output = "tags"',
        ("decoder reads output 'tags'", "it has heatmaps (1, 3, 12, 8)"),
    ),
    "too many outputs": ('outputs = ["heatmaps"]', 'outputs = ["heatmaps", "tags"]', ("names 2 outputs", "gives 1")),
    "other size": ("size_wh = [32, 48]", "size_wh = [48, 32]", ("fails on an input of (1, 3, 32, 48)",)),
    "name with a folder": ('name = "tiny"', 'name = "../tiny"', ("name is '../tiny'",)),
    "absolute name": ('name = "tiny"', 'name = "/tmp/tiny"', ("name is '/tmp/tiny'",)),
    "name with a template": ('name = "tiny"', 'name = "{{ 7*7 }}"', ("name is '{{ 7*7 }}'",)),
    "name with a quote": ('name = "tiny"', "name = 'ti\"ny'", ("name is 'ti\"ny'",)),
    "name with a line": ('name = "tiny"', 'name = "tiny\\n"', ("name is 'tiny\\n'",)),
    "name with a digit first": ('name = "tiny"', 'name = "3d"', ("name is '3d'",)),
    "empty name": ('name = "tiny"', 'name = ""', ("name is ''",)),
    "name of the language": ('name = "tiny"', 'name = "class"', ("word of Kotlin or Swift",)),
    "keypoint with a template": ('names = ["nose"', 'names = ["{{ x }}"', ("'{{ x }}'",)),
    "keypoint of the language": ('names = ["nose"', 'names = ["class"', ("'class'",)),
    "licence with a quote": ("Apache-2.0", '\\"', ("license",)),
    "version with a folder": ('"1.0.0"', '"../1"', ("version is '../1'",)),
    "output with a quote": ('outputs = ["heatmaps"]', "outputs = ['a\"b']", ("outputs.0 is 'a\"b'",)),
    "twice the same": ('names = ["nose", "left_wrist"', 'names = ["nose", "nose"', ("nose",)),
    "no TOML": ('name = "tiny"', "name = tiny", ("no valid TOML",)),
}


@pytest.mark.parametrize("change", SPECS)
def test_spec(change: str, tiny: Any, tmp_path: Path, not_packaged: Refused) -> None:
    old, new, says = SPECS[change]
    not_packaged(2, tiny.save("exported"), "--spec", spec_file(tiny, tmp_path, old, new), says=says)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.toml", None, "cannot read the spec"),
        ("empty.toml", b"", "lacks schema, name, version, license, kind, input, decoder, keypoints"),
        ("latin1.toml", b'name = "\xe9"', "no valid TOML"),
        ("list.json", b"[1]", "expected a table"),
        ("deep.json", b"[" * 50_000, "no valid JSON"),
        ("half.json", b'{"schema": 1', "no valid JSON"),
        ("large.toml", b"#" * ((1 << 20) + 1), "at most 1048576 are read"),
    ],
)
def test_spec_file(
    name: str, content: bytes | None, says: str, tiny: Any, tmp_path: Path, not_packaged: Refused
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    not_packaged(2, tiny.save("exported"), "--spec", path, says=(says,))


def test_spec_that_is_a_folder(tiny: Any, tmp_path: Path, not_packaged: Refused) -> None:
    not_packaged(2, tiny.save("exported"), "--spec", tmp_path, says=("cannot read the spec",))


def test_unknown_preset_lists_the_known(tiny: Any, not_packaged: Refused) -> None:
    not_packaged(
        2, tiny.save("exported"), "--spec", "hrnet-coco", says=("hrnet-coco17", "rtmpose-halpe26", "did you mean")
    )


def test_no_spec_says_what_is_missing(tiny: Any, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "model.pt2"
    path.write_bytes(tiny.save("exported").read_bytes())
    refused(
        2, "package", path, "--platform", "android", "--out", tmp_path / "out",
        says=("has no spec", "model.toml", "name, version, license, kind", "mean, std", "keypoints", "with --spec"),
    )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (None, "there is no folder of images"),
        ({}, "holds no pictures"),
        ({"notes.txt": b"hello"}, "holds no pictures"),
        ({"a.png": b""}, "a.png cannot be read as a picture"),
        ({"a.jpg": b"<html>"}, "a.jpg cannot be read as a picture"),
        ({"a.png": b"\x89PNG\r\n\x1a\n" + bytes(40)}, "a.png cannot be read as a picture"),
    ],
)
def test_images(files: dict[str, bytes] | None, says: str, tiny: Any, tmp_path: Path, not_packaged: Refused) -> None:
    folder = tmp_path / "pictures"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    not_packaged(2, tiny.save("exported"), "--images", folder, says=(says,))


def test_a_truncated_picture_is_left_out_of_good_ones(
    tiny: Any, tmp_path: Path, run_posekit: Callable[..., Any]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    data = (tiny.images / "0.png").read_bytes()
    (folder / "a.png").write_bytes(data)
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    result = run_posekit(
        "package", tiny.save("exported"), "--platform", "android", "--spec", tiny.spec_file, "--images", folder,
        "--out", tmp_path, "--json",
    )  # fmt: skip
    (report,) = json.loads(result.out)["bundles"]
    (warning,) = report["warnings"]
    assert "b.png cannot be read as a picture" in warning
    assert f"warning: {warning}" in result.err
    assert (result.code, report["evaluated_on"]) == (0, "1 of 2 pictures given with --images")


PERSON = {"image_id": 1, "bbox": [5, 5, 40, 60], "keypoints": [10, 10, 2] * 3}
IMAGE = {"id": 1, "file_name": "0.png"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "cannot read the annotations"),
        ("{", "no valid JSON"),
        ([], "no COCO annotations"),
        ({"images": []}, "no COCO annotations"),
        ({"images": [IMAGE], "annotations": []}, "has no annotations: its list of them is empty"),
        ({"images": [{**IMAGE, "file_name": "x.png"}], "annotations": [PERSON]}, "do the file names agree?"),
        (
            {"images": [IMAGE], "annotations": [{**PERSON, "keypoints": [1, 1, 2] * 17}]},
            "1 (51 numbers for keypoints, expected 9 for 3)",
        ),
        (
            {"images": [IMAGE], "annotations": [{**PERSON, "keypoints": [1, 1]}]},
            "1 (2 numbers for keypoints, expected 9 for 3)",
        ),
        ({"images": [IMAGE], "annotations": [{**PERSON, "bbox": [5, 5, 0, 9]}]}, "1 (a box without area)"),
        ({"images": [IMAGE], "annotations": [{**PERSON, "bbox": "x"}]}, "1 (a box that is not four numbers)"),
        ({"images": [IMAGE], "annotations": [3]}, "1 (no table)"),
    ],
)
def test_annotations(document: Any, says: str, tiny: Any, tmp_path: Path, not_packaged: Refused) -> None:
    path = tmp_path / "annotations.json"
    if document is not None:
        path.write_text(document if isinstance(document, str) else json.dumps(document))
    not_packaged(2, tiny.save("exported"), "--annotations", path, says=(says,))


def test_annotations_without_images(tiny: Any, tmp_path: Path, refused: Refused) -> None:
    common = ("package", tiny.save("exported"), "--platform", "android", "--spec", tiny.spec_file)
    refused(2, *common, "--annotations", tmp_path / "a.json", says=("--annotations needs --images",))


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        ("bundle", (), "pass --overwrite"),
        ("folder", (), "pass --overwrite"),
        ("folder", ("--overwrite",), "is no bundle, so it is not replaced"),
        ("file", (), "exists"),
        ("file", ("--overwrite",), "is no bundle, so it is not replaced"),
    ],
)
def test_output_that_exists_is_untouched(
    kind: str, more: tuple[str, ...], says: str, tiny: Any, tmp_path: Path, refused: Refused
) -> None:
    out = tmp_path / "out"
    final = out / "tiny-android"
    if kind == "file":
        out.mkdir()
        final.write_text("mine")
    else:
        final.mkdir(parents=True)
        (final / ("manifest.json" if kind == "bundle" else "thesis.txt")).write_text("mine")
    before = contents(out)
    refused(2, *arguments(tiny, out, *more), says=(says,))
    assert contents(out) == before
    assert [path.name for path in out.iterdir()] == ["tiny-android"]


@pytest.mark.parametrize("depth", ["itself", "below"])
def test_output_folder_is_a_file(depth: str, tiny: Any, tmp_path: Path, refused: Refused) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused(2, *arguments(tiny, file if depth == "itself" else file / "out"), says=("is there space, and permission?",))
    assert file.read_text() == "mine"


def test_output_folder_that_cannot_be_written(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    make = Path.mkdir

    def denied(self: Path, *more: Any, **options: Any) -> None:
        if self.name.endswith(".partial"):
            raise PermissionError(errno.EACCES, "Permission denied")
        make(self, *more, **options)

    monkeypatch.setattr(Path, "mkdir", denied)
    refused(2, *arguments(tiny, tmp_path / "out"), says=("cannot write", "Permission denied"))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("part", ["codegen.render", "golden.write", "report.write", "bundle.write_manifest"])
def test_full_disk_keeps_the_old_bundle(
    part: str, bundle: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(bundle.parent)
    room, name = part.split(".")
    monkeypatch.setattr(getattr(bundling, room), name, full)
    refused(2, *arguments(tiny, bundle.parent, "--overwrite"), says=("the disk is full", "make room"))
    assert contents(bundle.parent) == before
    assert [path.name for path in bundle.parent.iterdir() if path.is_dir()] == [bundle.name]


@pytest.mark.slow
def test_a_disk_that_refuses_writes(bundle: Path, tiny: Any) -> None:
    """For real: the process may write no file larger than 2000 bytes, in Python or in a C++ library."""
    before = contents(bundle.parent)
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\nfrom posekit.cli.app import "
        "main; main()"
    )
    command = [sys.executable, "-B", "-c", code, *map(str, arguments(tiny, bundle.parent, "--overwrite"))]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2, result.stderr
    told, hint = result.stderr.splitlines()
    assert told.startswith("error: ")
    assert hint == "hint: is there space, and permission?"
    assert contents(bundle.parent) == before
    assert [path.name for path in bundle.parent.iterdir() if path.is_dir()] == [bundle.name]


@pytest.mark.parametrize("name", STEPS)
def test_ctrl_c_keeps_the_old_bundle(
    name: str, bundle: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch, run_posekit: Callable[..., Any]
) -> None:
    seen = []

    def interrupt(step: str) -> None:
        seen.append(step)
        if step == name:
            raise KeyboardInterrupt

    class Progress:
        def __enter__(self) -> Callable[[str], None]:
            return interrupt

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(console, "progress", Progress)
    before = contents(bundle.parent)
    result = run_posekit(*arguments(tiny, bundle.parent, "--overwrite"))
    assert seen == list(STEPS[: STEPS.index(name) + 1])
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "interrupted; nothing was left half-written"
    assert contents(bundle.parent) == before
    assert [path.name for path in bundle.parent.iterdir() if path.is_dir()] == [bundle.name]


INTERRUPTED = """
import contextlib, os, signal
from posekit.cli import app, console

@contextlib.contextmanager
def progress():
    def step(name):
        if name.startswith("write the android"):
            os.kill(os.getpid(), signal.SIGINT)
    yield step

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children start with it ignored
console.progress = progress
app.main()
"""


@pytest.mark.slow
def test_a_real_sigint_leaves_nothing(tiny: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *map(str, arguments(tiny, out))], capture_output=True, text=True
    )
    assert result.returncode == 130
    assert "Traceback" not in result.stderr
    assert "interrupted; nothing was left half-written" in result.stderr
    assert [path.name for path in out.iterdir()] == ["tiny-android.convert.log"]


def test_json_is_alone_on_standard_output(tiny: Any, tmp_path: Path) -> None:
    """Even where the user's own network prints: a process of its own, so that C++ output counts too."""
    command = [
        sys.executable,
        "-m",
        "posekit.cli.app",
        "inspect",
        str(tiny.save("state_dict")),
        "--arch",
        "tinynet:Printing",
        "--spec",
        str(tiny.spec_file),
        "--json",
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["outputs"] == {"heatmaps": [1, 12, 8, 3]}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("package",), "MODEL"),
        (("package", "m.pt"), "--platform"),
        (("package", "m.pt", "--platform", "tizen"), "tizen"),
        (("package", "m.pt", "--platform", "android", "--precision", "fp8"), "fp8"),
        (("package", "m.pt", "--platform", "android", "--colour", "red"), "--colour"),
        (("package", "m.pt", "--platform"), "--platform"),
        (("package", "m.pt", "n.pt", "--platform", "android"), "n.pt"),
        (("pack",), "pack"),
        (("validate",), "BUNDLE"),
        (("predict", "m.pt"), "IMAGE"),
    ],
)
def test_usage(line: tuple[str, ...], says: str, run_posekit: Callable[..., Any]) -> None:
    result = run_posekit(*line)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("box", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "9,9,1,1", "1,1,1,5", "nan,0,1,1", "0,0,inf,1"])
def test_box(box: str, tiny: Any, refused: Refused) -> None:
    refused(
        2,
        "predict",
        tiny.save("exported"),
        tiny.images / "0.png",
        "--spec",
        tiny.spec_file,
        "--box",
        box,
        says=("--box is",),
    )


@pytest.mark.parametrize("name", ["gone.png", "text.png"])
def test_predict_on_what_is_no_picture(name: str, tiny: Any, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "text.png").write_text("x")
    refused(2, "predict", tiny.save("exported"), tmp_path / name, "--spec", tiny.spec_file, says=(name,))


@pytest.mark.parametrize("as_json", [False, True])
def test_predict_names_what_is_no_picture_after_the_others(
    as_json: bool, tiny: Any, tmp_path: Path, run_posekit: Callable[..., Any]
) -> None:
    (tmp_path / "text.png").write_text("x")
    pictures = (tiny.images / "0.png", tmp_path / "text.png", tiny.images / "1.png", tmp_path / "gone.png")
    result = run_posekit("predict", tiny.save("exported"), *pictures, "--spec", tiny.spec_file, *(["--json"] * as_json))
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert [name in error for name, error in zip(("text.png", "gone.png"), errors, strict=True)] == [True, True]
    if as_json:
        document = json.loads(result.out)
        assert [row["image"] for row in document["predictions"]] == [str(pictures[0]), str(pictures[2])]
        assert [row["image"] for row in document["failed"]] == [str(pictures[1]), str(pictures[3])]
    else:
        assert result.out.count("person 0") == 2


def test_predict_on_nothing_but_what_is_no_picture(tmp_path: Path, tiny: Any, refused: Refused) -> None:
    gone = (tmp_path / "a.png", tmp_path / "b.png")
    refused(2, "predict", tiny.save("exported"), *gone, "--spec", tiny.spec_file, says=("a.png", "1 other pictures"))


def test_predict_into_a_file(tiny: Any, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "out").write_text("mine")
    common = ("predict", tiny.save("exported"), tiny.images / "0.png", "--spec", tiny.spec_file)
    refused(2, *common, "--out", tmp_path / "out", says=("cannot write",))
    assert (tmp_path / "out").read_text() == "mine"


def test_sample_into_a_folder_that_has_one(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "tinypose.pt2").write_text("mine")
    refused(2, "sample", tmp_path, says=("tinypose.pt2 exists",))
    assert [path.name for path in tmp_path.iterdir()] == ["tinypose.pt2"]


def test_sample_into_a_file(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("mine")
    refused(2, "sample", tmp_path / "file")


def test_errors_without_json_say_the_same_on_stderr_alone(tmp_path: Path, run_posekit: Callable[..., Any]) -> None:
    result = run_posekit("validate", tmp_path / "gone")
    assert (result.code, result.out) == (2, "")
    assert [line.split(":")[0] for line in result.err.splitlines()] == ["error", "hint"]


def test_a_file_that_is_not_there_is_said_before_its_spec_is_missed(
    refused: Callable[..., Any], tmp_path: Path
) -> None:
    refused(2, "package", tmp_path / "nope.pt", "--platform", "android", says=("there is no file", "nope.pt"))


def of_class(tiny: Any, name: str, folder: Path) -> Path:
    """An exported network of tests/conftest.py."""
    import torch

    torch.manual_seed(1)
    path = folder / f"{name.lower()}.pt2"
    with path.open("wb") as file:
        torch.export.save(torch.export.export(getattr(tiny.code, name)().eval(), (torch.rand(1, 3, 48, 32),)), file)
    return path


@pytest.mark.slow
def test_what_nothing_here_can_run_is_packaged_unverified(
    tiny: Any, tmp_path: Path, run_posekit: Callable[..., Any], refused: Refused
) -> None:
    model = of_class(tiny, "Recurrent", tmp_path)
    arguments = ("package", model, "--spec", tiny.spec_file, "--images", tiny.images, "--out", tmp_path / "out")
    result = run_posekit(*arguments, "--platform", "ios", "--json")
    assert result.code == 0, result.err
    (report,) = json.loads(result.out)["bundles"]
    assert (report["status"], report["verdict"]) == ("UNVERIFIED", "unverified")
    assert "lstm, which is not evaluated here" in report["checks"][0]["detail"]
    cases = json.loads((Path(report["folder"]) / "evaluation" / "cases.json").read_text())["cases"]
    assert len(cases) == 2, "the reference is recorded, for a device to be compared with"
    refused(3, "validate", report["folder"], says=("lstm, which is not evaluated here",))


def test_a_mask_of_minus_infinity_is_no_bad_weight(tiny: Any, tmp_path: Path, run_posekit: Callable[..., Any]) -> None:
    from posekit.sources import open_source

    assert open_source(of_class(tiny, "Masking", tmp_path)).module is not None


@pytest.mark.slow
def test_what_one_platform_does_not_have_is_named_and_the_other_is_written(
    tiny: Any, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posekit.errors import MissingToolError
    from posekit.targets.litert import fallback

    def missing(*_: object) -> bytes:
        raise MissingToolError("onnx2tf is not installed", "pip install 'posekit[tf]'")

    monkeypatch.setattr(fallback, "convert", missing)
    model, out = tiny.save("state_dict"), tmp_path / "out"
    rest = ("--arch", "tinynet:Sorting", "--spec", tiny.spec_file, "--images", tiny.images, "--out", out)
    says = ("LiteRT has no sort", "tinynet.py, line", "torch.topk", "pip install", "tiny-ios is written and whole")
    document = refused(4, "package", model, *rest, "--platform", "all", says=says)
    assert document["step"] == "convert for android"
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["tiny-ios"]


@pytest.mark.parametrize(("cells", "code"), [(0, 0), (2, 1)])
def test_the_accelerators_of_a_mac_are_held_to_the_gates(
    cells: int, code: int, bundle: Path, monkeypatch: pytest.MonkeyPatch, run_posekit: Callable[..., Any]
) -> None:
    from posekit.pipelines import validate

    def on_a_mac(platform: str, path: Path) -> Any:
        cpu = runtime_for(platform, path)
        moved = lambda pixels: {name: np.roll(maps, cells, axis=2) for name, maps in cpu.run(pixels).items()}  # noqa: E731
        return dataclasses.replace(cpu, accelerated=moved)

    monkeypatch.setattr(validate, "runtime_for", on_a_mac)
    result = run_posekit("validate", bundle, "--json")
    report = json.loads(result.out)
    assert (result.code, report["blamed"]) == (code, ["accelerator"] if code else [])


def test_a_report_is_not_written_into_the_bundle(bundle: Path, refused: Refused) -> None:
    before = contents(bundle)
    refused(2, "validate", bundle, "--report", bundle / "again", says=("is in the bundle", "--report"))
    assert contents(bundle) == before


def test_pictures_without_annotations_are_refused_before_anything_runs(
    tiny: Any, bundle: Path, refused: Refused
) -> None:
    found = refused(2, "validate", bundle, "--images", tiny.images, says=("no labelled keypoints", "--annotations"))
    assert found["step"] == "verify the bundle"


def test_a_case_without_the_outputs_to_decode_is_refused(bundle: Path, refused: Refused) -> None:
    path = bundle / "evaluation" / "cases.json"
    document = json.loads(path.read_text())
    document["cases"][1]["outputs"] = {}
    path.write_text(json.dumps(document))
    manifest = bundle / "manifest.json"
    listed = json.loads(manifest.read_text())
    listed["files"]["evaluation/cases.json"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(listed))
    refused(2, "validate", bundle, says=("lacks heatmaps of case '1.png",))


def test_where_an_error_comes_from_is_printed_when_asked_for(
    tiny: Any, run_posekit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("m/constants.pkl", b"no TorchScript")
    plain = run_posekit("inspect", tmp_path / "m.pt")
    assert plain.code == 2
    assert "Traceback" not in plain.err
    monkeypatch.setenv("POSEKIT_TRACEBACK", "1")
    told = run_posekit("inspect", tmp_path / "m.pt")
    assert told.code == 2
    assert told.err.startswith(plain.err)
    assert "Traceback" in told.err
    assert "torch/jit" in told.err, "where the library raised it"
