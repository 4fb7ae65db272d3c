"""What converters, quantizers and runtimes refuse ends in a sentence with the operation, at every precision.

The libraries themselves are made to fail wherever they can be; where an error is planted instead, the test says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posekit.contract.precisions import of_platform
from posekit.contract.recipe import uniform
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError
from posekit.runtimes import litert as litert_runtime
from posekit.targets import TARGETS, Base, Calibration
from posekit.targets.coreml import weights
from posekit.targets.litert import fallback
from tests.targets.refused import SPEC, lowered, pixels

pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")
pytestmark = pytest.mark.xdist_group("refusals")  # one import of the converters for all
PYTHON = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b|NoneType|Traceback")
Between = Callable[[Tensor, Tensor], Tensor]
# what neither converter has: by the name that the graph has for it
UNKNOWN: dict[str, Between] = {
    "erfinv": lambda x, _: torch.erfinv(torch.tanh(x) * 0.9),
    "_linalg_svd": lambda x, _: x * torch.linalg.svdvals(x).sum(),
}


def told(error: PosekitError) -> str:
    text = f"{error.message} | {error.hint}"
    assert not PYTHON.search(text), text
    assert "\n" not in text
    return text


def based(platform: str, between: Between, folder: Path) -> Base:
    (folder / "base").mkdir()
    return TARGETS[platform].base(lowered(between), folder / "base", folder / "log")


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Base, Calibration]]:
    """A network that converts, and its ranges, by platform."""

    @cache
    def build(platform: str) -> tuple[Base, Calibration]:
        made = based(platform, lambda x, _: torch.relu(x) * 2, tmp_path_factory.mktemp(platform))
        return made, TARGETS[platform].calibrate(made, [pixels()])

    return build


@pytest.fixture
def one_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the second route to LiteRT, whose packages are an extra."""

    def missing(*_: object) -> bytes:
        raise MissingToolError("onnx2tf is not installed", "pip install 'posekit[tf]'")

    monkeypatch.setattr(fallback, "convert", missing)


@pytest.mark.usefixtures("one_route")
@pytest.mark.parametrize(
    ("platform", "library", "name"),
    [("android", "litert-torch", "erfinv"), ("ios", "coremltools", "erfinv"), ("ios", "coremltools", "_linalg_svd")],
)
def test_a_converter_names_the_operation_and_its_layer(platform: str, library: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as raised:
        based(platform, UNKNOWN[name], tmp_path)
    text = told(raised.value)
    assert text.startswith(f"{library} cannot convert the network: it has no {name} in layer head")
    assert "test_refusals.py, line" in text or "refused.py, line" in text


@pytest.mark.usefixtures("one_route")
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_what_a_converter_does_not_know_is_told_before_it_is_started(
    platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import coremltools
    import litert_torch

    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a conversion was started")

    monkeypatch.setattr(litert_torch, "convert", started)
    monkeypatch.setattr(coremltools, "convert", started)
    with pytest.raises(ConversionError, match="it has no erfinv"):
        based(platform, UNKNOWN["erfinv"], tmp_path)


@pytest.mark.usefixtures("one_route")
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_without_its_lists_a_converter_itself_names_the_operation(
    platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A converter of another version keeps its lists elsewhere."""
    from posekit.targets.graph import blame

    monkeypatch.setattr(blame, "first_unknown", lambda *_: None)
    with pytest.raises(ConversionError) as raised:
        based(platform, UNKNOWN["erfinv"], tmp_path)
    assert "erfinv in layer head" in told(raised.value)
    assert "Traceback" in (tmp_path / "log").read_text()


def test_more_axes_than_core_ml_has_are_told_before_it_is_started(tmp_path: Path) -> None:
    def between(x: Tensor, _: Tensor) -> Tensor:
        y = torch.stack((x, -x), -1).unsqueeze(-2)
        return y.gather(5, (y > 0).long()).sum((4, 5))

    with pytest.raises(ConversionError, match="at most 5 axes, fewer than those of .* in layer head") as raised:
        based("ios", between, tmp_path)
    assert "reshape" in raised.value.hint


def test_an_exception_of_coremltools_that_says_sizes_is_told_with_the_operation(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as raised:
        based("ios", lambda x, _: torch.searchsorted(torch.linspace(-1, 1, 8), x).float(), tmp_path)
    assert "searchsorted in layer head" in told(raised.value)


def test_what_only_the_log_of_coremltools_names_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An error planted in one of its own conversions, which does not name the operation: its log does."""
    from coremltools.converters.mil.frontend.torch import ops

    def fails(*_: Any) -> None:
        np.linalg.inv(np.zeros((2, 2)))

    registry = ops._TORCH_OPS_REGISTRY
    found = registry.get_func
    monkeypatch.setattr(registry, "get_func", lambda name: fails if name == "tanh" else found(name))
    with pytest.raises(ConversionError) as raised:
        based("ios", lambda x, _: torch.tanh(x), tmp_path)
    assert told(raised.value).startswith(
        "coremltools cannot convert the network: Singular matrix | tanh in layer head ("
    )


def test_the_second_route_names_it_too(tmp_path: Path) -> None:
    pytest.importorskip("onnx2tf")
    with pytest.raises(ConversionError) as raised:
        fallback.convert(lowered(UNKNOWN["erfinv"]), tmp_path, tmp_path / "log")
    assert told(raised.value).startswith("onnx2tf cannot convert the network")
    assert "erfinv in layer head" in raised.value.hint


@pytest.mark.parametrize("precision", [one for one in of_platform("android") if one != "fp32"])
def test_the_quantizer_is_blamed_with_the_layer(
    precision: Any, simple: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error planted at the quantizer's boundary, at one operation, as it raises them."""
    from posekit.targets.litert import target as litert

    target = TARGETS["android"]
    base, calibration = simple("android")
    done = litert.quantize

    def refuses(model: bytes, nodes: Any, made: Any, known: Any) -> bytes:
        if any(one is not None for node, one in zip(nodes, made.done, strict=True) if node.layer == "head.conv"):
            np.linalg.inv(np.zeros((2, 2)))
        return done(model, nodes, made, known)

    monkeypatch.setattr(litert, "quantize", refuses)
    with pytest.raises(ConversionError) as raised:
        target.compress(base, SPEC, uniform(precision), calibration, tmp_path / "m.tflite", tmp_path / "log")
    text = told(raised.value)
    assert text.startswith(f"ai-edge-quantizer cannot make {precision!r} of the network: Singular matrix")
    assert "it fails at CONV_2D of layer 'head.conv'" in text
    assert not (tmp_path / "m.tflite").exists()


@pytest.mark.parametrize("precision", [one for one in of_platform("ios") if one not in ("fp32", "fp16")])
def test_coremltools_is_blamed_with_the_layer(
    precision: Any, simple: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It builds every expression that it is given rightly: weights of another type than it takes make it fail."""
    target, (base, calibration) = TARGETS["ios"], simple("ios")
    packed = weights.pack

    def wrong(weight: Any, *rest: Any) -> Any:
        made = packed(weight, *rest)
        build = made.build
        given = {"scale": "text"} if "scale" in getattr(build, "keywords", {}) else {"before_op": "text"}
        return replace(made, build=lambda before_op: build(**{"before_op": before_op, **given}))

    monkeypatch.setattr(weights, "pack", wrong)
    monkeypatch.setattr(weights, "is_worth_it", lambda *_: True)
    with pytest.raises(ConversionError) as raised:
        target.compress(base, SPEC, uniform(precision), calibration, tmp_path / "m.mlpackage", tmp_path / "log")
    text = told(raised.value)
    assert text.startswith(f"coremltools cannot make {precision!r} of conv in layer 'body'")


def test_an_operation_that_fails_as_it_runs_is_named(tmp_path: Path) -> None:
    """A division of integers by a picture that is 0 somewhere: LiteRT's own kernel ends the run."""
    target = TARGETS["android"]
    base = based("android", lambda x, picture: x + (100 // picture[:, :1, ::4, ::4].int()).float(), tmp_path)
    path = target.compress(
        base, SPEC, uniform("fp32"), target.calibrate(base, [pixels()]), tmp_path / "m.tflite", tmp_path / "log"
    ).path
    run, black = litert_runtime.open_model(path), np.zeros_like(pixels())
    run(pixels())
    with pytest.raises(InputError) as raised:
        run(black)
    text = told(raised.value)
    assert re.match(r"LiteRT cannot run m\.tflite: \w*DIV \(operation \d+, which gives '\w*div\w*'\): ", text), text
    assert text.lower().count("div") > 2, "the kernel's own words"
    with pytest.raises(ConversionError) as failed:  # a converter's file: exit 4, not the user's input
        target.calibrate(base, [black])
    assert "DIV (operation" in told(failed.value)
