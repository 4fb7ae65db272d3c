"""What only devices get wrong is found in the program; what is too large for fp16 is found by running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.runtimes import mil
from tests.runtimes.packages import NAMES, altered, built, one

pytestmark = pytest.mark.xdist_group("mil")
WEIGHT = np.ones((2, 2, 3, 3), np.float16)


def transposed(mb: Any, x: Any, **options: Any) -> Any:
    return mb.conv_transpose(x=x, weight=WEIGHT, strides=np.array([2, 2], np.int32), name="y", **options)


CASES: dict[str, tuple[str, Callable[[Any, Any], Any], str]] = {
    "softplus": ("fp16", lambda mb, x: mb.softplus(x=x, name="y"), "softplus-overflow"),
    "softplus in float32": ("fp32", lambda mb, x: mb.softplus(x=x, name="y"), ""),
    "mish": ("fp16", lambda mb, x: mb.mul(x=x, y=mb.tanh(x=mb.softplus(x=x)), name="y"), "softplus-overflow"),
    "log-sum-exp": ("fp16", lambda mb, x: mb.reduce_log_sum_exp(x=x, axes=[-1], name="y"), "log-sum-exp-overflow"),
    "log-softmax": (
        "fp16", lambda mb, x: mb.log(x=mb.softmax(x=x), epsilon=np.float16(1e-4), name="y"), "log-of-softmax"
    ),
    "log of something else": ("fp16", lambda mb, x: mb.log(x=x, epsilon=np.float16(1e-4), name="y"), ""),
    "log without epsilon": ("fp16", lambda mb, x: mb.log(x=x, name="y"), "epsilon-below-fp16"),
    "rsqrt with its epsilon": ("fp16", lambda mb, x: mb.rsqrt(x=x, epsilon=np.float16(1e-3), name="y"), ""),
    "output shape": (
        "fp16", lambda mb, x: transposed(mb, x, output_shape=np.array([1, 2, 4, 4], np.int32)),
        "transposed-convolution-output-shape",
    ),
    "an output shape that follows": (
        "fp16", lambda mb, x: transposed(mb, x, output_shape=np.array([1, 2, 5, 5], np.int32)), ""
    ),
    "no output shape": ("fp16", transposed, ""),
    "dynamic": ("fp32", lambda mb, x: mb.non_zero(x=x, name="y"), "dynamic-shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_findings(tmp_path: Path, case: str) -> None:
    dtype, body, rule = CASES[case]
    path = built(tmp_path / "m.mlpackage", body, {"x": (1, 2, 2, 2)}, dtype=dtype)
    found = mil.lint(mil.open_program(path))
    assert [finding.rule for finding in found] == ([rule] if rule else [])
    for finding in found:
        assert finding.type in finding.sentence
        assert finding.remedy
        if case != "mish" and finding.rule != "log-of-softmax":
            assert finding.op == "y"


def test_more_than_five_dimensions(tmp_path: Path) -> None:
    """coremltools refuses them by now; a file may hold them all the same."""
    path = built(tmp_path / "m.mlpackage", lambda mb, x: mb.relu(x=x, name="y"), {"x": (1, 2)})

    def widen(model: Any) -> None:
        for _ in range(4):
            one(model, "relu").outputs[0].type.tensorType.dimensions.add().constant.size = 1

    altered(path, widen)
    assert [finding.rule for finding in mil.lint(mil.open_program(path))] == ["rank-above-five"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_sound_networks_have_no_findings(package_of, name) -> None:  # type: ignore[no-untyped-def]
    assert mil.lint(mil.open_program(package_of(name, "fp16").path)) == ()


def test_magnitudes_beyond_fp16_are_found_at_the_op_that_makes_them(tmp_path: Path) -> None:
    def body(mb: Any, x: Any) -> Any:
        large = mb.square(x=mb.mul(x=x, y=np.float16(300), name="times"), name="square")
        return mb.sqrt(x=large, name="y")

    path = built(tmp_path / "m.mlpackage", body, {"x": (4,)}, dtype="fp16")
    program, x = mil.open_program(path), {"x": np.array([0.5, 1, -2, 0], np.float16)}
    ranges = {one.name: one for one in mil.magnitudes(program, x)}
    assert list(ranges) == ["times", "square", "y"]
    assert [one.overflows for one in ranges.values()] == [False, True, False]
    assert ranges["square"].largest == 360000
    assert ranges["square"].beyond_fp16 == 2
    assert ranges["square"].count == 4
    assert not any(one.non_finite for one in ranges.values())
    assert np.isinf(mil.run(program, x, "fp16")["y"]).sum() == 2
    assert mil.run(program, x, "fp32")["y"].tolist() == [150, 300, 600, 0]


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    path = built(tmp_path / "m.mlpackage", lambda mb, x: mb.log(x=x, epsilon=np.float32(0), name="y"), {"x": (3,)})
    (one,) = mil.magnitudes(mil.open_program(path), {"x": np.array([-1, 0, 1], np.float32)})
    assert (one.non_finite, one.beyond_fp16, one.largest) == (2, 0, 0)
