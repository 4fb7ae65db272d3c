"""Shared by the tests: a network so small that it converts in seconds, and the command line in this process."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from tests.scheduling import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler

# before torch is imported: see posekit/sources/__init__.py
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
settings.register_profile("posekit", deadline=None)  # no timed assertions
settings.load_profile("posekit")

NETWORKS = '''
import torch
import torch.nn.functional as F
from torch import nn


class Tiny(nn.Module):
    """1x3x48x32 to heatmaps 1x3x12x8."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                                  nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        return self.head(self.body(x))


class Wider(Tiny):
    """Of so many weights that compressing them saves room."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                                  nn.Conv2d(16, 24, 3, 2, 1), nn.Hardswish(), nn.Conv2d(24, 24, 3, 1, 1), nn.ReLU())
        self.head = nn.Conv2d(24, 3, 1)


class Branching(Tiny):
    def forward(self, x):
        y = super().forward(x)
        return y if y.mean() > 0 else y * 2


class MakesLayers(Tiny):
    def forward(self, x):
        return nn.Conv2d(8, 3, 1)(self.body(x))


class MakesTheSameLayers(Tiny):
    def forward(self, x):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return nn.Conv2d(8, 3, 1)(self.body(x))


class Dropping(Tiny):
    def forward(self, x):
        return F.dropout(super().forward(x), 0.5, training=True)


class Constant(Tiny):
    def forward(self, x):
        return super().forward(x) * 0 + 1


class Infinite(Tiny):
    def forward(self, x):
        return super().forward(x) / 0


class Overflowing(Tiny):
    def forward(self, x):
        return self.head(F.relu(self.body(x) * 1e6 - 1.0) * 1e-6)


class Recurrent(Tiny):
    """With an operation that is converted for Core ML and that nothing here runs."""

    def __init__(self):
        super().__init__()
        self.rows = nn.LSTM(2, 2, batch_first=True)

    def forward(self, x):
        y = super().forward(x)
        return y + self.rows(y.reshape(1, 144, 2))[0].reshape(y.shape)


class Sorting(Tiny):
    """With an operation that Core ML has, and that LiteRT does not load; of too many values to be rewritten."""

    def forward(self, x):
        y = super().forward(x)
        return y.repeat(1, 1, 3, 3).reshape(1, 2592).sort(1)[0][:, :288].reshape(y.shape)


class Masking(Tiny):
    """With a buffer that holds -inf, as attention masks do."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.zeros(3).masked_fill(torch.arange(3) > 2, float("-inf")))
        self.mask[2] = float("-inf")

    def forward(self, x):
        y = super().forward(x)
        return y + torch.softmax(self.mask, 0).reshape(1, 3, 1, 1)


class ScaledSum(Tiny):
    def forward(self, x):
        y = super().forward(x)
        return torch.add(y, y.flip(3), alpha=2.5)


class NoTensor(Tiny):
    def forward(self, x):
        return "heatmaps"


class TwoOutputs(Tiny):
    def forward(self, x):
        y = super().forward(x)
        return y, y * 2


class Printing(Tiny):
    def __init__(self):
        super().__init__()
        print("building")

    def forward(self, x):
        print("running")
        return super().forward(x)


class Failing(Tiny):
    def forward(self, x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def build():
    torch.manual_seed(1)
    return Tiny().eval()


def build_wider():
    torch.manual_seed(1)
    return Wider().eval()


def raises():
    raise FileNotFoundError("no config.yaml")


def number():
    return 3
'''

SPEC = """\
schema = 1
name = "tiny"
version = "1.0.0"
license = "Apache-2.0"
kind = "top_down"
outputs = ["heatmaps"]

[input]
size_wh = [32, 48]
color_order = "rgb"
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
resize = "affine_crop"
box_padding = 1.25
alignment = "half_pixel"

[decoder]
kind = "heatmap"
output = "heatmaps"
refinement = "quarter"
alignment = "stride"

[keypoints]
names = ["nose", "left_wrist", "right_wrist"]
edges = [["nose", "left_wrist"]]
flip_pairs = [["left_wrist", "right_wrist"]]
oks_sigmas = [0.03, 0.06, 0.06]
"""


@dataclass(frozen=True)
class Tiny:
    """The network, and files of it: tinynet.py, tiny.toml, images/, and tiny.<form> on demand."""

    folder: Path
    code: Any
    network: Any
    spec: str = SPEC
    made: dict[str, Path] = field(default_factory=dict)

    @property
    def spec_file(self) -> Path:
        return self.folder / "tiny.toml"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def save(self, form: str) -> Path:
        """The network as `exported`, `torchscript`, `state_dict`, `module`, `legacy_module` or `checkpoint`."""
        import torch

        if form not in self.made:
            path = self.folder / f"tiny.{form}"
            example = torch.rand(1, 3, 48, 32)
            if form == "exported":
                with path.open("wb") as file:
                    torch.export.save(torch.export.export(self.network, (example,)), file)
            elif form == "torchscript":
                torch.jit.trace(self.network, example).save(str(path))
            else:
                facts = {"model": self.network, "ema": None, "epoch": 3}
                content = {"state_dict": self.network.state_dict(), "checkpoint": facts}.get(form, self.network)
                torch.save(content, path, _use_new_zipfile_serialization=form != "legacy_module")
            self.made[form] = path
        return self.made[form]


def write_pictures(folder: Path) -> None:
    """Two small pictures of smooth noise."""
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
    for seed, size in enumerate(((60, 80), (70, 50))):
        Image.fromarray(np.roll(pixels, seed, 0)).resize(size, Image.Resampling.BICUBIC).save(folder / f"{seed}.png")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tinynet.py").write_text(NETWORKS)
    (folder / "tiny.toml").write_text(SPEC)
    write_pictures(folder / "images")
    sys.path.insert(0, str(folder))
    code = importlib.import_module("tinynet")
    sys.path.remove(str(folder))
    return Tiny(folder, code, code.build())


@pytest.fixture(scope="session")
def packaged(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Android bundle of the tiny network; tests copy it before they damage it."""
    from posekit.pipelines import inputs, package

    pytest.importorskip("litert_torch")
    contract = inputs.find_spec(tiny.save("exported"), str(tiny.spec_file))
    pictures = inputs.find_images(tiny.images, None, contract)
    out = tmp_path_factory.mktemp("packaged")
    (result,) = package.package(tiny.save("exported"), "android", contract, pictures, out=out)
    assert result.evaluation.is_good
    return result.folder


@pytest.fixture(scope="session")
def small(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A network that is worth compressing, and bundles of it: w8a8 and w8 on Android, pal4 and w8a8 on iOS."""
    from tests import faults

    pytest.importorskip("litert_torch")
    pytest.importorskip("coremltools")
    wanted = (("android", "w8a8"), ("android", "w8"), ("ios", "pal4"), ("ios", "w8a8"))
    return faults.made_small(tmp_path_factory.mktemp("small"), wanted)


@pytest.fixture
def bundle(packaged: Path, tmp_path: Path) -> Path:
    """A bundle to damage."""
    return Path(shutil.copytree(packaged, tmp_path / "out" / packaged.name))


@pytest.fixture(scope="session")
def swift_harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of tests/swift: every Swift decoder on golden cases. Tests that use it are of the group `swift`."""
    if shutil.which("swift") is None:
        pytest.skip("no Swift toolchain: `swift` is not on PATH")
    swift = Path(__file__).parent / "swift"
    sys.path.insert(0, str(swift))
    render = importlib.import_module("render")  # a folder of Swift sources, not a package
    package: Path = render.assemble_core(tmp_path_factory.mktemp("swift") / "harness", swift)
    command = ["swift", "build", "-Xswiftc", "-warnings-as-errors"]
    built = subprocess.run(command, check=False, cwd=package, capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stdout[-6000:] + built.stderr[-2000:]
    return package / ".build" / "debug" / "Harness"


@pytest.fixture(scope="session")
def swift_stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins of Apple's modules, compiled. Tests that use it are of the group `swift`."""
    if shutil.which("swift") is None:
        pytest.skip("no Swift toolchain: `swift` is not on PATH")
    sys.path.insert(0, str(Path(__file__).parent / "swift"))
    render = importlib.import_module("render")
    folder = tmp_path_factory.mktemp("swift") / "stubs"
    folder.mkdir()
    for module, names in render.APP_STUBS.items():
        command = ["swiftc", "-emit-module", "-parse-as-library", "-swift-version", "6", "-wmo", "-I", folder,
                   "-module-name", module, "-o", folder / f"{module}.swiftmodule",
                   *(render.STUB_FOLDER / f"{name}.swift" for name in names)]  # fmt: skip
        made = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, timeout=300)
        assert made.returncode == 0, made.stdout + made.stderr
    return folder


@dataclass(frozen=True)
class Run:
    """One command: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_posekit(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Run the command line in this process."""
    from posekit.cli.app import main

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Run(int(ended.value.code or 0), printed.out, printed.err)

    return run


PYTHON = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b|NoneType|Traceback")  # no word of a sentence


@pytest.fixture
def refused(run_posekit: Callable[..., Run]) -> Callable[..., dict[str, Any]]:
    """Run a command that must fail with `code`: one sentence on stderr, the same as one JSON document on stdout."""

    def run(code: int, *arguments: object, says: tuple[str, ...] = ()) -> dict[str, Any]:
        result = run_posekit(*arguments, "--json")
        assert result.code == code, result
        told = [line for line in result.err.splitlines() if not line.startswith(("warning: ", "hint: "))]
        assert len(told) == 1, result.err
        assert told[0].startswith("error: ")
        document: dict[str, Any] = json.loads(result.out)
        assert document["exit_code"] == code
        assert told[0].endswith(document["error"])
        assert ("hint: " in result.err) == bool(document["hint"])
        assert not PYTHON.search(document["error"] + document["hint"]), document
        for text in says:
            assert text in document["error"] + " " + document["hint"]
        return document

    return run


@pytest.fixture
def not_packaged(refused: Callable[..., dict[str, Any]], tiny: Tiny, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`posekit package MODEL` must fail with `code` and leave nothing behind."""

    def run(code: int, model: Path, *more: object, says: tuple[str, ...] = ()) -> dict[str, Any]:
        out = tmp_path / "not_packaged"
        common = ("--platform", "android", "--out", out)
        defaults = {"--spec": tiny.spec_file, "--images": tiny.images}
        given = [part for name, value in defaults.items() if name not in more for part in (name, value)]
        document = refused(code, "package", model, *common, *given, *more, says=says)
        assert not out.exists() or [path for path in out.iterdir() if not path.name.endswith(".convert.log")] == []
        return document

    return run


@pytest.fixture
def rezipped(tmp_path: Path) -> Callable[..., Path]:
    """A zip file written anew with some of its files changed or added; names are without the leading folder."""

    def write(source: Path, changes: dict[str, bytes]) -> Path:
        target = tmp_path / source.name
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            root = old.namelist()[0].split("/", 1)[0]
            contents = {name: old.read(name) for name in old.namelist()}
            contents |= {f"{root}/{name}": content for name, content in changes.items()}
            for name, content in contents.items():
                new.writestr(name, content)
        return target

    return write
