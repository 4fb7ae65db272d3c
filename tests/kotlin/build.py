"""Render the Android module, type-check it against signature stubs, compile it for the JVM. For test_kotlin.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posekit import codegen
from posekit.spec import PoseSpec, parse_spec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULE = ROOT / "templates" / "android" / "module"
BENCHMARK = ROOT / "benchmarks" / "wrapper" / "kotlin" / "WrapperBenchmark.kt"
JARS = ROOT / ".toolchain" / "kotlin" / "run_kotlin_kernel" / "jars"
FLAGS = ["-no-stdlib", "-no-reflect", "-language-version", "2.1", "-api-version", "2.1", "-jvm-target", "17",
         "-Werror"]  # fmt: skip
COMPILER_JARS = ("kotlin-jupyter-kernel-*-all.jar", "kotlin-stdlib-*.jar", "kotlin-reflect-*.jar",
                 "kotlin-script-runtime-*.jar")  # fmt: skip

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
    "regression": {"presence": [1, 1], "landmarks": [1, 5]},
}


def missing() -> str:
    """Why nothing can be compiled here; empty when it can."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        return "no JDK: java and javac are not on the PATH"
    if not _jars("kotlin-stdlib-*.jar") or not _jars("kotlin-jupyter-kernel-*-all.jar"):
        return f"no Kotlin compiler under {JARS.relative_to(ROOT)}"
    return ""


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
        (target / source.name).write_text(codegen.named(source.read_text(), pose_spec))
        return
    shapes = {name: tuple(shape) for name, shape in SHAPES[pose_spec.decoder.kind].items()}
    values = codegen.context(pose_spec, f"{pose_spec.name}.tflite", shapes)
    codegen.render_tree(source, target, pose_spec, values, every_decoder=not only_its_decoder)


@dataclass(frozen=True)
class Unit:
    """Sources compiled together. strict: the public API must be spelled out. friends: whose internals it sees."""

    name: str
    sources: tuple[Path, ...]
    classpath: tuple[Path, ...] = ()
    friends: tuple[Path, ...] = ()
    strict: bool = False


def compile_units(units: Sequence[Unit], work: Path) -> dict[str, tuple[int, str]]:
    """Compile to work/classes/<name>, in order, in one compiler process; exit code and messages of each."""
    work.mkdir(parents=True, exist_ok=True)
    files = []
    for unit in units:
        classpath = os.pathsep.join(map(str, [*unit.classpath, *runtime_jars()]))
        target = str(work / "classes" / unit.name)
        arguments = [*FLAGS, "-cp", classpath, "-d", target, "-module-name", unit.name]
        arguments += ["-Xexplicit-api=strict"] if unit.strict else []
        arguments += [f"-Xfriend-paths={','.join(map(str, unit.friends))}"] if unit.friends else []
        arguments += [str(file) for source in unit.sources for file in _files(source, "*.kt")]
        files.append(work / f"{unit.name}.args")
        files[-1].write_text("\n".join(arguments) + "\n")
    compiler = os.pathsep.join(str(jar) for pattern in COMPILER_JARS for jar in _jars(pattern))
    driver = work / "driver"
    javac([HERE / "CompilerDriver.java"], driver, compiler)
    options = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{driver}{os.pathsep}{compiler}"]
    command = ["java", *options, "CompilerDriver", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    codes = [int(line.rpartition("\t")[2]) for line in done.stdout.splitlines() if "\t" in line]
    assert len(codes) == len(units), done.stderr
    messages = done.stderr.split("----\n")
    return {unit.name: (code, text) for unit, code, text in zip(units, codes, messages, strict=False)}


def javac(sources: Sequence[Path], target: Path, classpath: str = "") -> None:
    """Compile Java sources."""
    files = [str(file) for source in sources for file in _files(source, "*.java")]
    target.mkdir(parents=True, exist_ok=True)
    command = ["javac", "--release", "17", "-Xlint:-options", "-cp", classpath or ".", "-d", str(target), *files]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def java(classpath: Sequence[Path], main: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Standard output of a program; its failure is an AssertionError with all that it said."""
    path = os.pathsep.join(map(str, [*classpath, *runtime_jars()]))
    command = ["java", "-XX:+UseSerialGC", *options, "-cp", path, main, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def runtime_jars() -> list[Path]:
    """What the module and its tests link against, beside the stubs."""
    return [*_jars("kotlin-stdlib-*.jar"), *_jars("kotlinx-serialization-*.jar"), *_jars("annotations-*.jar")]


def _jars(pattern: str) -> list[Path]:
    return sorted(JARS.glob(pattern))


def _files(source: Path, pattern: str) -> list[Path]:
    return [source] if source.is_file() else sorted(source.rglob(pattern))
