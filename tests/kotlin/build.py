"""Render the Android module, type-check it against signature stubs, compile it for the JVM. For test_kotlin.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit, javac, runtime_jars

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULE = ROOT / "templates" / "android" / "module"
STAND_INS = ROOT / "templates" / "desktop" / "kotlin" / "android"
GOLDEN_MAIN = ROOT / "templates" / "desktop" / "kotlin" / "GoldenMain.kt"
BENCHMARK = ROOT / "benchmarks" / "wrapper" / "kotlin" / "WrapperBenchmark.kt"
__all__ = ["Unit", "javac", "runtime_jars"]

DECODERS: dict[str, dict[str, Any]] = {
    "heatmap": {"kind": "heatmap", "output": "heatmaps", "refinement": "dark", "alignment": "stride"},
    "simcc": {"kind": "simcc", "output_x": "simcc_x", "output_y": "simcc_y", "split_ratio": 2.0,
              "score_reduction": "min", "activation": "softmax"},
    "regression": {"kind": "regression", "output": "landmarks", "fields": ["x", "y", "z", "score", "skip"],
                   "range": "input_px", "activation": "sigmoid"},
}  # fmt: skip
SHAPES: dict[str, dict[str, list[int]]] = {
    "heatmap": {"heatmaps": [1, 64, 48, 17]},
    "simcc": {"simcc_x": [1, 17, 384], "simcc_y": [1, 17, 512]},
    "regression": {"presence": [1, 1], "landmarks": [1, 1, 5]},
}


missing = kotlin_compiler.why_not


def spec(kind: str) -> PoseSpec:
    """A contract with that kind of decoder: COCO's keypoints, or for regression a single one without edges."""
    keypoints = {"names": ["tip"], "oks_sigmas": [0.05]} if kind == "regression" else {"skeleton": "coco17"}
    data = {
        "schema": 1, "name": "tiny-pose2", "version": "1", "license": "Apache-2.0", "kind": "top_down",
        "input": {"size_wh": [192, 256], "color_order": "bgr", "mean": [103.53, 116.28, 123.675],
                  "std": [57.375, 57.12, 58.395], "resize": "affine_crop", "box_padding": 1.25,
                  "pad_value": 0, "alignment": "half_pixel"},
        "decoder": DECODERS[kind], "keypoints": keypoints,
    }  # fmt: skip
    return parse_spec(data, "test_kotlin")


def render(source: Path, target: Path, pose_spec: PoseSpec, only_its_decoder: bool) -> None:
    """Render a template tree, or copy one source file, to `target`."""
    if source.is_file():
        target.mkdir(parents=True, exist_ok=True)
        (target / source.name).write_text(wrapper.named(source.read_text(), pose_spec))
        return
    shapes = {name: tuple(shape) for name, shape in SHAPES[pose_spec.decoder.kind].items()}
    values = wrapper.context(pose_spec, f"{pose_spec.name}.tflite", shapes)
    wrapper.render_tree(source, target, pose_spec, values, every_decoder=not only_its_decoder)


def unit(
    name: str,
    sources: tuple[Path, ...],
    classpath: tuple[Path, ...] = (),
    friends: tuple[Path, ...] = (),
    strict: bool = False,
) -> Unit:
    """Sources compiled together, warnings being errors. strict: the public API must be spelled out."""
    options = ("-Werror", "-Xexplicit-api=strict") if strict else ("-Werror",)
    return Unit(name, sources, classpath, friends, options)


def compile_units(units: Sequence[Unit], work: Path) -> dict[str, tuple[int, str]]:
    """Compile to work/classes/<name>, in order, in one compiler process; exit code and messages of each."""
    driver = work / "driver"
    return kotlin_compiler.compile_units(units, work, driver if driver.is_dir() else None)


def java(classpath: Sequence[Path], main: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Standard output of a program; its failure is an AssertionError with all that it said."""
    done = kotlin_compiler.java(classpath, main, arguments, options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
