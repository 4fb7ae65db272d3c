"""Core ML packages evaluated here give what the network gives, in the precision that they state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posekit.errors import InputError, MissingToolError
from posekit.runtimes import mil
from posekit.targets.graph.lowering import relative_rms
from tests.runtimes.packages import NAMES, built

pytestmark = pytest.mark.xdist_group("mil")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_float32_package_gives_the_eager_values(package_of, name) -> None:  # type: ignore[no-untyped-def]
    package = package_of(name, "fp32")
    outputs = mil.open_model(package.path)(package.lowered.pixels)
    assert set(outputs) == set(package.reference)
    for output, expected in package.reference.items():
        assert outputs[output].dtype == np.float32
        assert relative_rms(outputs[output], expected) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_profiles_differ_as_they_should(package_of, name) -> None:  # type: ignore[no-untyped-def]
    package = package_of(name, "fp16")
    program = mil.open_program(package.path)
    seen = []

    def keep(done: mil.OpRun) -> None:
        seen.append(done.op.name)
        for (_, values), kind in zip(done.outputs.items(), done.op.types, strict=True):
            if kind.dtype == "fp16":
                assert np.array_equal(values, values.astype(np.float16).astype(np.float32))

    half = mil.run(program, package.inputs, "fp16", keep)
    assert seen == [op.name for op in program.ops]
    whole = mil.run(program, package.inputs, "fp32")
    harsh = mil.run(program, package.inputs, "fp16_accumulate")
    for output, expected in package.reference.items():
        errors = [relative_rms(one[output], expected) for one in (whole, half, harsh)]
        assert errors[0] < 3e-3, "float16 weights alone"
        assert errors[0] * 0.9 < errors[1] < 5e-3
        assert errors[1] * 0.9 < errors[2] < 2e-2


def test_values_are_rounded_where_the_program_says_fp16(tmp_path: Path) -> None:
    path = built(
        tmp_path / "m.mlpackage",
        lambda mb, x: mb.cast(x=mb.mul(x=mb.cast(x=x, dtype="fp16"), y=np.float16(3)), dtype="fp32", name="y"),
        {"x": (4,)},
    )
    program = mil.open_program(path)
    x = np.array([1 + 2**-11 + 2**-13, 1 / 3, 30000, -1e-9], np.float32)
    assert np.array_equal(mil.run(program, {"x": x}, "fp16")["y"], (x.astype(np.float16) * np.float16(3)).astype("f4"))
    assert np.array_equal(mil.run(program, {"x": x}, "fp32")["y"], x * 3)


def test_sums_are_float32_unless_asked_otherwise(tmp_path: Path) -> None:
    """4096 ones and a small weight each: an fp16 sum stands still at 2048."""
    path = built(
        tmp_path / "m.mlpackage",
        lambda mb, x: mb.linear(x=x, weight=np.ones((1, 4096), np.float16), name="y"),
        {"x": (1, 4096)},
        dtype="fp16",
    )
    program, x = mil.open_program(path), {"x": np.ones((1, 4096), np.float16)}
    x["x"][0, 1:] += np.float16(2**-8)
    exact = float(x["x"].astype(np.float64).sum())
    assert mil.run(program, x, "fp16")["y"] == np.float16(exact)
    assert mil.run(program, x, "fp16_accumulate")["y"] != np.float16(exact)


def test_an_image_input_takes_pixels_in_its_own_order(tmp_path: Path) -> None:
    import coremltools as ct
    import torch

    class Shift(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.tensor([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1)

    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    factors = np.array([1, 10, 100], np.float32).reshape(3, 1, 1)
    for layout, order in ((ct.colorlayout.RGB, slice(None)), (ct.colorlayout.BGR, slice(None, None, -1))):
        model = ct.convert(
            torch.jit.trace(Shift(), torch.zeros(1, 3, 4, 6)),
            inputs=[ct.ImageType(name="image", shape=(1, 3, 4, 6), color_layout=layout)],
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        )
        path = tmp_path / f"{layout.name}.mlpackage"
        model.save(str(path))
        run = mil.open_model(path)
        expected = pixels[..., order].transpose(2, 0, 1).astype(np.float32) * factors
        for given in (pixels, pixels.astype(np.float32)):
            (value,) = run(given).values()  # type: ignore[arg-type]
            assert np.array_equal(value[0], expected)


def test_each_function_of_a_package_is_run(tmp_path: Path) -> None:
    from coremltools.models.utils import MultiFunctionDescriptor, save_multifunction

    for name, factor in (("twice", 2), ("thrice", 3)):
        built(
            tmp_path / f"{name}.mlpackage",
            lambda mb, x, k=factor: mb.mul(x=x, y=float(k), name="y"),
            {"x": (2,)},
            ios=18,
        )
    descriptor = MultiFunctionDescriptor()
    for name in ("twice", "thrice"):
        descriptor.add_function(str(tmp_path / f"{name}.mlpackage"), "main", name)
    descriptor.default_function_name = "thrice"
    save_multifunction(descriptor, str(tmp_path / "both.mlpackage"))
    x = {"x": np.array([1, 5], np.float32)}
    for asked, factor in (("twice", 2), ("thrice", 3), ("main", 3)):
        program = mil.open_program(tmp_path / "both.mlpackage", asked)
        assert np.array_equal(mil.run(program, x)["y"], x["x"] * factor)
    with pytest.raises(InputError, match=r"no function 'other', it has \['thrice', 'twice'\]"):
        mil.open_program(tmp_path / "both.mlpackage", "other")


def test_an_op_that_is_not_evaluated_is_named_with_what_it_feeds(tmp_path: Path) -> None:
    path = built(
        tmp_path / "m.mlpackage",
        lambda mb, x: mb.add(x=mb.random_normal(shape=np.array([2], np.int32), name="noise"), y=x, name="y"),
        {"x": (2,)},
    )
    program = mil.open_program(path)
    with pytest.raises(MissingToolError, match=r"'noise' is a random_normal, .* feeds 'y' \(add\)"):
        mil.run(program, {"x": np.zeros(2, np.float32)})
    with pytest.raises(MissingToolError):
        mil.open_model(path)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "takes an input 'x'"),
        ({"x": np.zeros(3, np.float32)}, r"of shape \(2,\), the one given has \(3,\)"),
        ({"x": np.array(["a", "b"])}, "as numbers"),
    ],
)
def test_wrong_inputs_are_told(tmp_path: Path, inputs, words) -> None:  # type: ignore[no-untyped-def]
    path = built(tmp_path / "m.mlpackage", lambda mb, x: mb.relu(x=x, name="y"), {"x": (2,)})
    with pytest.raises(InputError, match=words):
        mil.run(mil.open_program(path), inputs)


def test_what_depends_on_constants_alone_is_evaluated_once_and_still_observed(tmp_path: Path) -> None:
    def body(mb, x):  # type: ignore[no-untyped-def]
        return mb.add(x=x, y=mb.exp(x=np.array([0.0, 1.0], np.float32), name="constant"), name="y")

    path = built(tmp_path / "m.mlpackage", body, {"x": (2,)})
    program, seen = mil.open_program(path), []
    for _ in range(2):
        result = mil.run(program, {"x": np.ones(2, np.float32)}, observe=lambda done: seen.append(done.op.name))
        assert np.allclose(result["y"], 1 + np.exp([0, 1]))
    assert seen == ["constant", "y"] * 2 or seen == ["y"] * 2  # coremltools may have folded it already


def test_the_runtime_has_a_name() -> None:
    assert mil.runtime_name().startswith("ML Program evaluated with torch 2")
