"""Compressed constants are decoded by our own decoders to exactly what coremltools decompresses them to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.progress import captured
from posekit.runtimes import mil
from posekit.runtimes.mil import decoders, values
from tests.runtimes.packages import NAMES, built, modern

pytestmark = pytest.mark.xdist_group("mil")
RNG = np.random.default_rng(5)


def quantised(**options: Any) -> Callable[[Any], Any]:
    return lambda cto, model, **k: cto.linear_quantize_weights(
        model, cto.OptimizationConfig(cto.OpLinearQuantizerConfig(weight_threshold=0, **options)), **k
    )


def palette(bits: int, **options: Any) -> Callable[[Any], Any]:
    # uniform tables: k-means needs scikit-learn <= 1.5.1, and the decoder does not care where a table is from
    return lambda cto, model, **k: cto.palettize_weights(
        model, cto.OptimizationConfig(cto.OpPalettizerConfig("uniform", bits, weight_threshold=0, **options)), **k
    )


def pruned(cto: Any, model: Any, **k: Any) -> Any:
    config = cto.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=0)
    return cto.prune_weights(model, cto.OptimizationConfig(config), **k)


def both(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    return lambda cto, model: second(cto, first(cto, model), joint_compression=True)


INT8 = quantised(mode="linear_symmetric")
AFFINE, LUT, SPARSE = "affine_dequantize", "lut_to_dense", "sparse_to_dense"
# system, how it is compressed, what its constants are then
CONFIGURATIONS: dict[str, tuple[int, Callable[..., Any], set[str]]] = {
    "int8": (16, INT8, {AFFINE}),
    "uint8 with zero points": (16, quantised(mode="linear", dtype=np.uint8), {AFFINE}),
    "6-bit palette": (16, palette(6), {LUT}),
    "4-bit palette": (16, palette(4), {LUT}),
    "1-bit palette": (16, palette(1), {LUT}),
    "pruned": (16, pruned, {SPARSE}),
    "int4 by block": (
        18, quantised(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=8),
        {"blockwise_shift_scale"},
    ),
    "uint4 with offsets": (18, quantised(mode="linear", dtype="uint4"), {"blockwise_shift_scale"}),
    "3-bit palette by group": (18, palette(3, granularity="per_grouped_channel", group_size=8), {LUT}),
    "pruned, sparse mask": (18, pruned, {SPARSE}),
    "pruned and 4-bit palette": (18, both(pruned, palette(4)), {"lut_to_sparse", SPARSE}),
    "pruned and int8": (18, both(pruned, INT8), {"sparse_blockwise_shift_scale", SPARSE}),
    "8-bit palette in int8": (
        18, both(palette(8), quantised(mode="linear_symmetric", granularity="per_tensor")),
        {LUT, "blockwise_shift_scale"},
    ),
}  # fmt: skip
REQUIRED = ("int8", "6-bit palette", "4-bit palette", "pruned", "pruned and 4-bit palette")


@pytest.fixture(scope="session")
def compressed(package_of, tmp_path_factory) -> Callable[[str, str], tuple[Path, Path, dict[str, np.ndarray]]]:  # type: ignore[no-untyped-def]
    """A network's package compressed, the same decompressed by coremltools, and inputs."""
    with captured():
        import coremltools as ct
        import coremltools.optimize.coreml as cto
    models: dict[tuple[str, int], Any] = {}

    def compress(name: str, configuration: str) -> tuple[Path, Path, dict[str, np.ndarray]]:
        ios, how, _ = CONFIGURATIONS[configuration]
        package = package_of(name, "fp16")
        folder = tmp_path_factory.mktemp("compressed")
        with captured():
            if (name, ios) not in models:
                models[name, ios] = (
                    modern(package.lowered) if ios == 18 else ct.models.MLModel(str(package.path), skip_model_load=True)
                )
            small = how(cto, models[name, ios])
            small.save(str(folder / "small.mlpackage"))
            cto.decompress_weights(small).save(str(folder / "whole.mlpackage"))
        return folder / "small.mlpackage", folder / "whole.mlpackage", package.inputs

    return compress


def check_same(small: Path, whole: Path, inputs: dict[str, np.ndarray], kinds: set[str]) -> None:
    program, expected = mil.open_program(small), mil.open_program(whole)
    assert {one.encoding for one in program.constants.values()} - {""} == {f"constexpr_{kind}" for kind in kinds}
    assert not any(one.encoding for one in expected.constants.values())
    seen = mil.run(program, inputs)
    for name, value in mil.run(expected, inputs).items():
        assert np.isfinite(value).all()
        assert value.std() > 0
        assert np.array_equal(seen[name], value)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_compression_of_one_network(compressed, configuration) -> None:  # type: ignore[no-untyped-def]
    check_same(*compressed("hardswish_se", configuration), CONFIGURATIONS[configuration][2])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "hardswish_se"])
def test_the_required_compressions_of_every_network(compressed, name) -> None:  # type: ignore[no-untyped-def]
    for configuration in REQUIRED:
        check_same(*compressed(name, configuration), CONFIGURATIONS[configuration][2])


def big_endian(packed: np.ndarray, bits: int, count: int, signed: bool = False) -> np.ndarray:
    lanes = np.unpackbits(packed, bitorder="big")[: count * bits].reshape(count, bits)
    return (lanes @ (1 << np.arange(bits)[::-1])).astype(np.int8 if signed else np.uint8)


def on_the_first_axis(quantized_data: Any, zero_point: Any, scale: Any, axis: Any) -> Any:
    return decoders.affine_dequantize(np.swapaxes(quantized_data, 0, 1), zero_point, scale, np.int32(1)).swapaxes(
        0, 1
    ) * np.float16(1.01)


def without_offset(data: Any, scale: Any, offset: Any = None) -> Any:
    return decoders.blockwise_shift_scale(data, scale)


def block_by_block_in_turn(blocks: int, size: int) -> Any:
    return np.arange(size) % blocks


@pytest.mark.parametrize(
    ("configuration", "owner", "name", "fault"),
    [
        ("4-bit palette", decoders, "unpack", big_endian),
        ("int4 by block", values, "unpack", big_endian),
        ("int4 by block", decoders, "_block_numbers", block_by_block_in_turn),
        ("3-bit palette by group", decoders, "_block_numbers", block_by_block_in_turn),
        ("uint4 with offsets", decoders.DECODERS, "constexpr_blockwise_shift_scale", without_offset),
        ("int8", decoders.DECODERS, "constexpr_affine_dequantize", on_the_first_axis),
    ],
)
def test_a_broken_decoder_is_caught(compressed, monkeypatch, configuration, owner, name, fault) -> None:  # type: ignore[no-untyped-def]
    files = compressed("hardswish_se", configuration)
    if isinstance(owner, dict):
        monkeypatch.setitem(owner, name, fault)
    else:
        monkeypatch.setattr(owner, name, fault)
    with pytest.raises((AssertionError, InputError)):
        check_same(*files, CONFIGURATIONS[configuration][2])


def sub_byte(bits: int, shape: tuple[int, ...], signed: bool = False) -> Any:
    from coremltools.converters.mil.mil import types

    kind = types.string_to_builtin(f"{'' if signed else 'u'}int{bits}")
    low = -(1 << bits - 1) if signed else 0
    return RNG.integers(low, low + (1 << bits), shape).astype(types.nptype_from_builtin(kind))


def mask(shape: tuple[int, ...]) -> Any:
    return sub_byte(1, shape)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8])
def test_tables_of_every_width_and_vectors_survive_the_file(tmp_path: Path, bits: int) -> None:
    from coremltools.converters.mil.mil.ops.defs.iOS18.compression import constexpr_lut_to_dense

    shapes = [(1, 1, None), (4, 1, None), (1, 2, 0), (2, 3, 1), (2, 2, -1)]  # groups, vector size, vector axis
    indices = sub_byte(bits, (8, 6))
    tables = [RNG.normal(size=(groups, 1, 1 << bits, vector)).astype(np.float16) for groups, vector, _ in shapes]
    axes: list[dict[str, Any]] = [{} if axis is None else {"vector_axis": np.int32(axis)} for *_, axis in shapes]

    def body(mb: Any, x: Any) -> Any:
        cases = enumerate(zip(tables, axes, strict=True))
        return tuple(
            mb.add(x=x, y=mb.constexpr_lut_to_dense(indices=indices, lut=lut, **axis), name=f"y{number}")
            for number, (lut, axis) in cases
        )

    path = built(tmp_path / "m.mlpackage", body, {"x": (1, 1)}, dtype="fp16", ios=18)
    seen = mil.run(mil.open_program(path), {"x": np.zeros((1, 1), np.float16)})
    for number, (lut, (*_, axis)) in enumerate(zip(tables, shapes, strict=True)):
        assert np.array_equal(seen[f"y{number}"], constexpr_lut_to_dense.decompress(indices, lut, axis))


@pytest.mark.parametrize(("vector", "axis"), [(1, None), (2, 0), (2, 1)])
def test_sparse_tables(tmp_path: Path, vector, axis) -> None:  # type: ignore[no-untyped-def]
    from coremltools.converters.mil.mil.ops.defs.iOS18 import compression

    places = mask((6, 8))
    nonzero = sub_byte(2, (int(np.count_nonzero(places)),))
    lut = RNG.normal(size=(1, 2, 4, vector)).astype(np.float32)
    axes = {} if axis is None else {"vector_axis": np.int32(axis)}

    def body(mb: Any, x: Any) -> Any:
        kept, data = mb.constexpr_lut_to_sparse(indices_mask=places, indices_nonzero_data=nonzero, lut=lut, **axes)
        return mb.add(x=x, y=mb.constexpr_sparse_to_dense(nonzero_data=data, mask=kept), name="y")

    path = built(tmp_path / "m.mlpackage", body, {"x": (1, 1)}, ios=18)
    wide, data = compression.constexpr_lut_to_sparse.decompress(places, nonzero, lut, axis)
    expected = compression.constexpr_sparse_to_dense.decompress(data, wide)
    assert np.array_equal(mil.run(mil.open_program(path), {"x": np.zeros((1, 1), np.float32)})["y"], expected)


@pytest.mark.parametrize(("bits", "signed"), [(4, True), (4, False), (8, True), (8, False)])
def test_blocks_with_offsets(tmp_path: Path, bits: int, signed: bool) -> None:
    from coremltools.converters.mil.mil.ops.defs.iOS18.compression import constexpr_blockwise_shift_scale

    data = sub_byte(bits, (6, 8), signed)
    grids = [(1, 1), (6, 1), (1, 4), (3, 2)]
    offsets = [sub_byte(bits, grid, signed) for grid in grids]
    scales = [RNG.uniform(0.01, 0.1, grid).astype(np.float16) for grid in grids]

    def body(mb: Any, x: Any) -> Any:
        cases = enumerate(zip(scales, offsets, strict=True))
        return tuple(
            mb.add(x=x, y=mb.constexpr_blockwise_shift_scale(data=data, scale=scale, offset=offset), name=f"y{number}")
            for number, (scale, offset) in cases
        )

    path = built(tmp_path / "m.mlpackage", body, {"x": (1, 1)}, dtype="fp16", ios=18)
    seen = mil.run(mil.open_program(path), {"x": np.zeros((1, 1), np.float16)})
    plain = np.int8 if signed else np.uint8
    for number, (scale, offset) in enumerate(zip(scales, offsets, strict=True)):
        expected = constexpr_blockwise_shift_scale.decompress(data.astype(plain), scale, offset.astype(plain))
        assert np.array_equal(seen[f"y{number}"], expected)


def test_activations_in_eight_bits_are_calibrated_and_run_here(package_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Ranges span all samples, in whichever order they come."""
    package = package_of("hardswish_se", "fp16")
    samples = [package.inputs, {"image": package.inputs["image"] * 0.25}]
    with captured():
        import coremltools as ct
        import coremltools.optimize.coreml as cto

        experimental = cto.experimental
        config = cto.OptimizationConfig(experimental.OpActivationLinearQuantizerConfig(mode="linear_symmetric"))
        model, before = modern(package.lowered), ct.models.MLModel.predict
        for number, data in enumerate((samples, samples[::-1])):
            with mil.predicting():
                small = experimental.linear_quantize_activations(model, config, data)
            INT8(cto, small).save(str(tmp_path / f"{number}.mlpackage"))
        assert ct.models.MLModel.predict is before
    first, second = (mil.open_program(tmp_path / f"{number}.mlpackage") for number in range(2))
    scales = [
        [program.constant(op.inputs["scale"][0]).item() for op in program.ops if op.type == "quantize"]
        for program in (first, second)
    ]
    assert len(scales[0]) > 5
    assert scales[0] == scales[1]
    (seen,), (expected,) = mil.run(first, package.inputs).values(), package.reference.values()
    error = float(np.sqrt(np.mean((seen - expected) ** 2) / np.mean(expected**2)))
    assert 1e-4 < error < 0.1, "eight bits are seen, and no more than that"
