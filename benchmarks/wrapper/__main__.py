"""Time the wrappers and every decoder in Python, Kotlin and Swift: python -m benchmarks.wrapper [TEXT].

TEXT: part of the names of the decoders' cases. All decode the same outputs (cases.py), and what Kotlin and Swift find
is held to Python's people. CPU time of one thread, medians after warm-up. Prints a table, and JSON with the rest. A
desktop tells how variants of the code compare, not what a phone takes.
"""

from __future__ import annotations

import os

# before numpy is imported: one core, so that all languages have the same
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json  # noqa: E402
import platform  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks.wrapper.cases import TIMED, Timed, write  # noqa: E402
from posekit.decoders import of  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "kotlin"), str(ROOT / "tests" / "swift")]
import render  # noqa: E402

import build  # noqa: E402  (the rendering and compiling that the tests use)
from tests.heads import plain_spec  # noqa: E402

FRAMES = 60
CLOSE = 0.001  # px
Rows = dict[str, dict[str, Any]]  # by name of the case


def median_ms(run: Callable[[], object]) -> float:
    """Of a Python call."""
    taken = []
    for frame in range(FRAMES + 10):
        start = time.thread_time()
        run()
        if frame >= 10:
            taken.append(time.thread_time() - start)
    return float(np.median(taken)) * 1e3


def in_python(timed: tuple[Timed, ...]) -> Rows:
    """The check for NaN included, as in the other languages."""
    found = {}
    for one in timed:
        (spec, image, sigmas), outputs = one.contract(), one.outputs()

        def run() -> object:
            assert all(np.isfinite(values).all() for values in outputs.values())  # noqa: B023
            return of(spec).decode(outputs, spec, image, sigmas)  # noqa: B023

        found[one.name] = {"median_ms": median_ms(run)}
    return found


def in_kotlin(folder: Path, work: Path) -> tuple[Rows, dict[str, Any]]:
    """The decoders, and the wrapper around a model."""
    if reason := build.missing():
        print(f"SKIPPED Kotlin: {reason}", file=sys.stderr)
        return {}, {}
    core, stubs, classes = work / "core", work / "java", work / "classes"
    spec = plain_spec(build.NAME)
    build.render(build.MODULE / "src" / "main", core, spec, only_its_decoder=False)
    build.render(build.BENCHMARKS, core, spec, only_its_decoder=False)
    for file in (build.MODULE / "src" / "test").rglob("Golden*Cases.kt"):
        build.render(file, core, spec, only_its_decoder=False)
    build.render(build.GOLDEN_MAIN, core, spec, only_its_decoder=False)
    build.registry(core, spec)
    build.javac([build.HERE / "stubs" / "java"], stubs, build.runtime_jars())
    units = [
        build.unit("stubs", (build.HERE / "stubs" / "kotlin",), (stubs,)),
        build.unit("main", (core,), (stubs, classes / "stubs")),
    ]
    for code, messages in build.compile_units(units, work).values():
        if code != 0:
            sys.exit(messages)
    package, options = "posekit.tinypose2", [f"-Dposekit.golden={folder}"]
    lines = build.java([classes / "main"], f"{package}.DecoderBenchmark", options=options).splitlines()
    whole = json.loads(build.java([classes / "main"], f"{package}.WrapperBenchmark"))
    return {row["name"]: row for row in map(json.loads, lines)}, whole


def in_swift(folder: Path) -> tuple[Rows, dict[str, Any]]:
    """The decoders, and the warp; compiled in release mode, again only where a source changed."""
    if shutil.which("swift") is None:
        print("SKIPPED Swift: `swift` is not on PATH", file=sys.stderr)
        return {}, {}
    package = ROOT / "build" / "benchmark-swift"
    render.assemble_core(package, Path(__file__).parent / "swift")
    subprocess.run(["swift", "build", "-c", "release"], cwd=package, check=True, stdout=sys.stderr)
    command = [str(package / ".build" / "release" / "Benchmark"), str(folder)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for errors in report["errors"].values():
        if errors["count"] or max(float(errors["px"]), float(errors["box"])) > CLOSE:
            sys.exit(f"Swift finds other people: {errors}")
    return {row["name"]: row for row in report["decoders"]}, report["warps"]


def main() -> None:
    text = sys.argv[1] if len(sys.argv) > 1 else ""
    timed = tuple(one for one in TIMED if text in one.name)
    cases = [one.case() for one in timed]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "golden"
        write(folder, cases)
        python = in_python(timed)
        kotlin, wrapper = in_kotlin(folder, Path(place))
        swift, warps = in_swift(folder)
    for row in kotlin.values():
        if row["count"] or row["off"] > CLOSE:
            sys.exit(f"Kotlin finds other people: {row}")
    print(
        "| decoder | settings of | people | outputs | Python ms | Kotlin ms | Swift ms |\n|---|---|---|---|---|---|---|"
    )
    for one, case in zip(timed, cases, strict=True):
        shapes = ", ".join(" x ".join(map(str, output["shape"])) for output in case["outputs"])
        figures = [f"{rows[one.name]['median_ms']:.2f}" if rows else "" for rows in (python, kotlin, swift)]
        print(f"| {one.name} | {one.preset} | {case['people']} | {shapes} | {' | '.join(figures)} |")
    machine = f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    allocated = {name: row["bytes"] for name, row in kotlin.items()}
    print(json.dumps({"machine": machine, "kotlin": wrapper, "swift": warps, "kotlin_bytes": allocated}))


if __name__ == "__main__":
    main()
