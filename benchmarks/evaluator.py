"""Core ML evaluated with torch beside the eager network it was made from, in one run: python benchmarks/evaluator.py

Both on the same threads (the first argument, 1 by default), rounds in turn, medians in ms; then what loading takes in
a fresh process.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

NAMES = ("deconv_batchnorm", "hardswish_se", "yolo_pose", "gated_attention_simcc", "vit")
ROUNDS = 40
LOADING = """
import sys, time
from pathlib import Path
started = time.perf_counter()
import torch
imported = time.perf_counter()
from posekit.runtimes import mil
run = mil.open_model(Path(sys.argv[1]))
opened = time.perf_counter()
import coremltools
print(imported - started, opened - imported, time.perf_counter() - opened)
"""


def medians(functions: list[Callable[[], Any]]) -> list[float]:
    """Median milliseconds of each, one call of each in turn."""
    for function in functions * 3:
        function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for function, own in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            own.append(1e3 * (time.perf_counter() - started))
    return [statistics.median(own) for own in times]


def compare(name: str, folder: Path) -> tuple[str, Path, list[float]]:
    """A row of the table, the float32 package, and its medians: eager, float32 and fp16 package evaluated."""
    import torch

    from posekit.runtimes import mil
    from tests import networks
    from tests.runtimes.packages import packaged

    network = networks.build(name)
    whole, half = packaged(name, "fp32", folder / "fp32"), packaged(name, "fp16", folder / "fp16")
    x = torch.from_numpy(whole.lowered.pixels.transpose(2, 0, 1)[None].copy())

    def eager() -> Any:
        with torch.inference_mode():
            return network(x)

    programs = [mil.open_program(one.path) for one in (whole, half)]
    runs = [lambda program=program: mil.run(program, whole.inputs, "fp16") for program in programs]
    base, *own = medians([eager, *runs])
    cells = [f"{base:8.2f}", *(f"{one:8.2f} ({one / base:4.2f}x)" for one in own)]
    return f"{name:<24}{len(programs[0].ops):>5}" + "".join(f"{cell:>18}" for cell in cells), whole.path, [base, *own]


def main() -> None:
    import torch

    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    rows, paths, times = [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            row, path, times[name] = compare(name, Path(folder) / name)
            rows.append(row)
            paths.append(path)
        print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), medians of {ROUNDS} in ms")
        print(f"{'network':<24}{'ops':>5}{'eager':>18}{'evaluated fp32':>18}{'evaluated fp16':>18}")
        print("\n".join(rows))
        print(
            "\nin a fresh process, "
            f"s\n{'network':<24}{'import torch':>14}{'load the package':>18}{'import coremltools':>20}"
        )
        for name, path in zip(NAMES, paths, strict=True):
            ran = subprocess.run([sys.executable, "-c", LOADING, str(path)], capture_output=True, text=True, check=True)
            first, own, other = ran.stdout.split()
            print(f"{name:<24}{float(first):>14.2f}{float(own):>18.2f}{float(other):>20.2f}")
    figures = {name: [round(one, 3) for one in own] for name, own in times.items()}
    machine = f"{platform.machine()}, {platform.system()}"
    print(json.dumps({"machine": machine, "threads": torch.get_num_threads(), "median_ms": figures}))


if __name__ == "__main__":
    main()
