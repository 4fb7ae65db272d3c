"""The linux package as it is rendered: posekit's own decoders without posekit, for Python 3.9 and newer."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from posekit.bundle import golden, linux_package, python_source, vendored, vendored_text, wrapper
from posekit.contract.presets import preset, preset_names
from posekit.contract.spec import PoseSpec
from posekit.decoders import DECODERS
from posekit.devices import golden_run
from posekit.devices.desktop import linux
from posekit.errors import InputError
from tests import heads

CASES = (*heads.KINDS, heads.TWO_STAGE)
# what runs every golden reader in one Python without posekit: folder, package and stage of each
ALL_READERS = """
import json, runpy, sys
site, *runs = sys.argv[1:]
sys.path[:0] = [site]
found = {}
for run in runs:
    tree, stage = run.split(":")
    sys.path[:0] = [f"{tree}/package/src"]
    sys.argv = ["golden_cases.py", f"{tree}/golden-{stage}", stage]
    print(run, end=" ", flush=True)
    runpy.run_path(f"{tree}/package/tests/golden_cases.py", run_name="__main__")
assert not [name for name in sys.modules if name.partition(".")[0] in ("posekit", "pydantic", "torch", "PIL")]
"""


@cache
def spec_of(kind: str) -> PoseSpec:
    """A contract of that kind: the last settings of its golden cases that go with COCO's keypoints, else
    with one keypoint."""
    name = f"head-{kind.replace('_', '')}"
    for case in range(-1, -len(heads.cases().get(kind, [0])) - 1, -1):
        with contextlib.suppress(InputError):
            return heads.spec(kind, name, case)
    return heads.spec(kind, name, is_tiny=True)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A package of each kind of decoder, and one of two stages, with the golden vectors of its stages."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in CASES:
        spec = spec_of(kind)
        wrapper.render("linux", spec, *with_folder(heads.networks(spec, "tflite"), folder / kind / "package"))
        for stage, one in zip(("pose", "detector"), wrapper.stages_of(spec), strict=False):
            golden.write(folder / kind / f"golden-{stage}", one, every_orientation=True)
    return {kind: folder / kind for kind in CASES}


def with_folder(networks: list[wrapper.Network], folder: Path) -> Iterator[object]:
    first, *others = networks
    yield from (first, folder, *others)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from with numpy, and nothing else that is installed here."""
    folder = tmp_path_factory.mktemp("site")
    for path in linux.needed_paths(["numpy"]):
        (folder / path.name).symlink_to(path)
    return folder


def answers(site: Path, runs: list[str]) -> dict[str, str]:
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", ALL_READERS, str(site), *runs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())  # type: ignore[misc]


def test_every_decoder_gives_the_golden_vectors_without_posekit(trees: dict[str, Path], site: Path) -> None:
    stages = {f"{tree}:pose": spec_of(kind) for kind, tree in trees.items()}
    detector = spec_of(heads.TWO_STAGE).detector_stage
    assert detector is not None
    stages[f"{trees[heads.TWO_STAGE]}:detector"] = detector
    found = answers(site, list(stages))
    for run, spec in stages.items():
        check = golden_run.judged(found[run], spec)
        assert check.outcome == "pass", (run, check.detail)


SLIPS = {  # file of the package, what stands there, what is wrong, and the suites that must notice
    "half a pixel": ("_posekit/poses/input_spec.py", "return 0.5 if", "return 0.0 if", "warp"),
    "a turn": ("_posekit/poses/regions.py", "rule.target_degrees - math", "rule.target_degrees + math", "tracking"),
    "a scale": ("_posekit/decoders/heatmap.py", "points * input_px", "1.01 * points * input_px", "px"),
    "a mask": ("_posekit/decoders/dense.py", "+ spec.shift) / spec.upsampling", "+ 0.5) / spec.upsampling", "dense"),
    "an id": (
        "_posekit/poses/people_tracking.py",
        "self.moved(self.velocity",
        "self.moved(-2 * self.velocity",
        "people",
    ),
    "somebody": ("_posekit/poses/following.py", ">= self.rule.min_overlap", "> 1", "following"),
    "a setting": ("contract.py", "box_padding=1.25", "box_padding=1.2", "box_padding"),
    "a sigma": ("keypoints.py", "    0.026,", "    0.025,", "oks_sigmas"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_package_is_noticed(name: str, trees: dict[str, Path], site: Path, tmp_path: Path) -> None:
    file, old, new, says = SLIPS[name]
    tree = Path(shutil.copytree(trees[heads.PLAIN], tmp_path / "tree"))
    (place,) = (tree / "package" / "src").iterdir()
    text = (place / file).read_text()
    assert old in text
    (place / file).write_text(text.replace(old, new))
    spec = spec_of(heads.PLAIN)
    check = golden_run.judged(answers(site, [f"{tree}:pose"])[f"{tree}:pose"], spec)
    assert check.outcome == "fail"
    assert says in check.detail


def code(trees: dict[str, Path]) -> dict[str, str]:
    """Every Python file of the packages by its path."""
    return {str(path): path.read_text() for tree in trees.values() for path in (tree / "package").rglob("*.py")}


def too_new(text: str) -> list[str]:
    """What Python 3.9 does not have: its grammar, and what it would stumble over as it runs."""
    tree = ast.parse(text, feature_version=(3, 9))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            given = {keyword.arg for keyword in node.keywords}
            found += [f"{name}({one}=)" for one in given & {"strict", "slots", "kw_only"}]
            if name in ("isinstance", "issubclass") and isinstance(node.args[-1], ast.BinOp):
                found.append(f"{name} of a union")
            found += [name] if name in ("pairwise", "aiter", "anext", "bit_count") and not_own(tree, name) else []
        elif isinstance(node, ast.ImportFrom):
            newer = {"TypeAlias", "Self", "ParamSpec", "TypeGuard", "assert_never", "override", "StrEnum"}
            found += [alias.name for alias in node.names if alias.name in newer]
        elif isinstance(node, ast.Match):
            found.append("match")
    for node in tree.body:  # a union of types is a value there
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            is_union = any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.BitOr) for one in ast.walk(node.value))
            found += ["a union of types as a value"] if is_union else []
    return found


def not_own(tree: ast.Module, name: str) -> bool:
    return not any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").endswith(vendored_text.PYTHON39)
        and name in {alias.name for alias in node.names}
        for node in tree.body
    ) and not any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)


def test_the_code_is_of_python_3_9(trees: dict[str, Path]) -> None:
    found = {path: new for path, text in code(trees).items() if (new := too_new(text))}
    assert found == {}
    lacking = {path for path, text in code(trees).items() if "|" in text and "from __future__ import annot" not in text}
    assert lacking == set()


@pytest.mark.parametrize(
    "text",
    ["zip(a, b, strict=True)", "@dataclass(slots=True)\nclass A: ...", "isinstance(a, int | str)", "A = int | None",
     "from typing import TypeAlias", "itertools.pairwise(a)"],
)  # fmt: skip
def test_what_python_3_9_lacks_is_found(text: str) -> None:
    assert too_new(text)


def test_what_is_newer_than_python_3_9_is_not_in_its_grammar() -> None:
    with pytest.raises(SyntaxError):
        too_new("match a:\n    case 1: ...")


def test_the_package_imports_nothing_but_numpy_litert_and_pythons_own(trees: dict[str, Path]) -> None:
    roots = {
        name.partition(".")[0]
        for text in code(trees).values()
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        )
    }  # fmt: skip
    own = {wrapper.bare_name(spec_of(kind)) for kind in CASES} | {"golden_cases"}
    assert roots - set(sys.stdlib_module_names) - own == {"numpy", "ai_edge_litert", "PIL", "cv2"}


def test_a_package_holds_its_own_decoder_alone(trees: dict[str, Path]) -> None:
    for kind in heads.KINDS:
        modules = {path.stem for path in (trees[kind] / "package").rglob("_posekit/decoders/**/*.py")}
        assert modules & set(DECODERS) <= {kind, "heatmap", "integral", "landmarks"}
        assert kind in modules
    # and of a decoder what it runs: nothing of training, of packing or of checks
    text = "\n".join(code(trees).values())
    assert not re.search(r"def (encode|examples|pack|alternatives|fitting|mirrored)\b", text)
    assert not re.search(r"pydantic|field_validator|Annotated", text)


def test_every_preset_can_be_rendered() -> None:
    for name in preset_names():
        linux_package.check_decoders(wrapper.stages_of(preset(name)))


@pytest.mark.parametrize("name", ["json", "numpy", "class", "posekit", "tests"])
def test_a_name_that_python_has_is_refused(name: str, tmp_path: Path) -> None:
    spec = spec_of(heads.PLAIN).model_copy(update={"name": name})
    with pytest.raises(InputError, match=f"makes the Python package '{name}'"):
        wrapper.render("linux", spec, *with_folder(heads.networks(spec, "tflite"), tmp_path / "package"))


@pytest.mark.parametrize(
    ("version", "seen"),
    [("1.0.0", "1.0.0"), ("1", "1"), ("2.1rc1", "2.1rc1"), ("v3-final", "0+v3.final"), ("+", "0+unknown")],
)
def test_a_version_becomes_one_of_a_python_package(version: str, seen: str, tmp_path: Path) -> None:
    spec = spec_of(heads.PLAIN).model_copy(update={"version": version})
    wrapper.render("linux", spec, *with_folder(heads.networks(spec, "tflite"), tmp_path / "package"))
    assert f'version = "{seen}"' in (tmp_path / "package" / "pyproject.toml").read_text()


# What is taken out of a file


OUTSIDE = '''"""A decoder."""

from __future__ import annotations

import itertools
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from posekit.documents import Part
from posekit.poses import Floats

Pairs: TypeAlias = Annotated[list[tuple[int, int]], Field(max_length=3)]
# how many
COUNT = 3


class Settings(Part):
    """Settings."""

    first: Annotated[int, Field(ge=1)] = 2
    rest: tuple[int, ...] = Field(default=())

    @field_validator("first")
    @classmethod
    def _odd(cls, value: int) -> int:
        return value

    @property
    def double(self) -> int:
        """Twice."""
        return 2 * self.first

    def unused(self) -> int:
        return COUNT


def decode(values: Floats, spec: Settings) -> Pairs:
    """Pairs."""
    found = list(itertools.pairwise(values))
    # the first ones
    return [(int(a), int(b) * spec.double) for (a, b), _ in zip(found, range(COUNT), strict=True)]


def encode(values: Floats) -> Floats:
    """For tests."""
    return np.flip(values)
'''
TAKEN = '''# SPDX-License-Identifier: Apache-2.0
"""A decoder."""

from __future__ import annotations

from ..documents import Part
from ..poses import Floats
from ..python39 import pairwise

Pairs = list[tuple[int, int]]
# how many
COUNT = 3


class Settings(Part):
    """Settings."""

    first: int = 2
    rest: tuple[int, ...]

    @property
    def double(self) -> int:
        """Twice."""
        return 2 * self.first


def decode(values: Floats, spec: Settings) -> Pairs:
    """Pairs."""
    found = list(pairwise(values))
    # the first ones
    return [(int(a), int(b) * spec.double) for (a, b), _ in zip(found, range(COUNT))]
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module that can be imported, under a name of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    count = iter(range(9))

    def written(text: str) -> str:
        name = f"outside_{tmp_path.name}_{next(count)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return written


def test_a_definition_is_taken_as_it_is_written(outside: Callable[[str], str]) -> None:
    module = outside(OUTSIDE)
    found = vendored.files([vendored.Name(module, "decode")])
    assert found[f"outside/{module}.py"] == TAKEN
    assert set(found) == {f"outside/{module}.py", "outside/__init__.py", "poses/__init__.py"}
    assert "class Poses" not in found["poses/__init__.py"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import torch\n\n\ndef decode(a):\n    return torch.tensor(a)\n", "it needs torch"),
        ("from scipy import ndimage\n\n\ndef decode(a):\n    return ndimage.zoom(a)\n", "it needs scipy"),
        ("from pydantic import BaseModel\n\n\ndef decode(a):\n    return BaseModel()\n", "it needs pydantic"),
        ("from posekit.documents import parse\n\n\ndef decode(a):\n    return parse(a)\n", "checks contracts"),
        ("def decode(a):\n    return a.model_dump()\n", "it reads model_dump, which is pydantic's"),
        ("from . import other\n\n\ndef decode(a):\n    return a\n", "imports relatively"),
    ],
)
def test_a_decoder_of_more_than_numpy_is_refused(outside: Callable[[str], str], text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        vendored.files([vendored.Name(outside(text), "decode")])
    assert says in raised.value.message + raised.value.hint


def test_a_function_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="is no function of a module"):
        vendored.of(lambda a: a)


@pytest.mark.parametrize(
    "value",
    [1, 1.5, -0.0, 1e-12, True, None, "a b", "it's", 'a "b"', (), (1,), (2.5, ("x",)), {"a": (1,)}, tuple(range(60))],
)  # fmt: skip
def test_a_literal_is_read_back(value: object) -> None:
    assert ast.literal_eval(linux_package.literal(value)) == value


def test_a_literal_of_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="expected texts, numbers, flags"):
        linux_package.literal(np.zeros(2))


def test_a_source_is_read_once() -> None:
    path = Path(str(vendored.__file__))
    assert python_source.source("a", path) is python_source.source("a", path)
    json.dumps(sorted(python_source.source("a", path).defined))
