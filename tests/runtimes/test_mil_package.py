"""Packages from outside are hostile: whatever is wrong with one is told, and nothing outside of it is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posekit.errors import InputError, PosekitError
from posekit.runtimes import mil
from posekit.runtimes.mlpackage import specification_file
from tests.runtimes.packages import altered, built, one, operations, weight_file

pytestmark = pytest.mark.xdist_group("mil")
X = {"x": np.linspace(-1, 1, 3 * 8 * 8, dtype=np.float32).reshape(1, 3, 8, 8)}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)

    def body(mb: Any, x: Any) -> Any:
        y = mb.conv(x=x, weight=rng.normal(size=(16, 3, 3, 3)).astype(np.float32), pad_type="same", name="conv")
        y = mb.reshape(x=mb.relu(x=y), shape=np.array([1, 16, 64], np.int32))
        return mb.linear(x=y, weight=rng.normal(size=(5, 64)).astype(np.float32), name="y")

    return built(tmp_path_factory.mktemp("sound") / "m.mlpackage", body, {"x": (1, 3, 8, 8)})


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "m.mlpackage"))


def blob(model: Any) -> Any:
    return next(
        op.attributes["val"].blobFileValue
        for op in operations(model)
        if op.type == "const" and op.attributes["val"].WhichOneof("value") == "blobFileValue"
    )


def dimension(op: Any, size: int) -> None:
    op.outputs[0].type.tensorType.dimensions[0].constant.size = size


def big_reshape(model: Any) -> None:
    dimension(one(model, "reshape"), 1 << 40)


FAULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "an offset beyond the file": (lambda m: setattr(blob(m), "offset", 1 << 40), "lies at byte"),
    "an offset between constants": (lambda m: setattr(blob(m), "offset", 96), "begins no constant"),
    "a file outside": (lambda m: setattr(blob(m), "fileName", "@model_path/../../../../../etc/passwd"), "outside"),
    "an absolute file": (lambda m: setattr(blob(m), "fileName", "/etc/passwd"), "outside"),
    "a file that is not there": (lambda m: setattr(blob(m), "fileName", "@model_path/weights/w.bin"), "cannot be read"),
    "an absurd size": (big_reshape, "more than the"),
    "a size that is not so": (lambda m: dimension(one(m, "relu"), 2), "states"),
    "a value from nowhere": (lambda m: setattr(one(m, "relu").inputs["x"].arguments[0], "name", "z"), "reads 'z'"),
    "two values of one name": (lambda m: setattr(one(m, "relu").outputs[0], "name", "conv"), "two operations give"),
    "an output from nowhere": (
        lambda m: next(iter(m.mlProgram.functions["main"].block_specializations.values())).outputs.__setitem__(0, "z"),
        "given by no",
    ),
    "no functions": (lambda m: m.mlProgram.functions.clear(), "no function 'main'"),
    "no program": (lambda m: m.ClearField("mlProgram"), "not an ML Program"),
    "an unknown type": (lambda m: setattr(one(m, "relu").outputs[0].type.tensorType, "dataType", 99), "not known"),
    "weights of another size": (lambda m: dimension(one(m, "linear"), 7), "states"),
    "no sense in a reshape": (lambda m: one(m, "reshape").inputs["x"].arguments[0].__setattr__("name", "x"), "reshape"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_package_that_contradicts_itself_is_an_input_error(copy: Path, fault: str) -> None:
    alter, words = FAULTS[fault]
    altered(copy, alter)
    with pytest.raises(InputError, match=words):
        mil.run(mil.open_program(copy), X)


def test_a_sound_package_runs(copy: Path) -> None:
    assert mil.run(mil.open_program(copy), X)["y"].shape == (1, 16, 5)


@pytest.mark.parametrize("kept", [0, 63, 200, -1])
@pytest.mark.parametrize("which", [specification_file, weight_file])
def test_truncated_files_are_input_errors(copy: Path, which: Callable[[Path], Path], kept: int) -> None:
    content = which(copy).read_bytes()
    which(copy).write_bytes(content[:kept])
    with pytest.raises(InputError):
        mil.run(mil.open_program(copy), X)


def test_a_link_out_of_the_package_is_not_followed(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.bin"
    weight_file(copy).rename(outside)
    weight_file(copy).symlink_to(outside)
    with pytest.raises(InputError, match="outside of the package"):
        mil.open_program(copy)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_bytes(b"x")])
def test_no_package_at_all(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "m.mlpackage")
    with pytest.raises(InputError, match="no readable Core ML package"):
        mil.open_program(tmp_path / "m.mlpackage")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_gives_a_traceback(sound: Path, copy: Path, data: st.DataObject) -> None:
    for which in (specification_file, weight_file):
        content = bytearray(which(sound).read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        which(copy).write_bytes(content)
    with suppress(PosekitError):
        mil.run(mil.open_program(copy), X)
