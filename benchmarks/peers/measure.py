"""Time and error of files beside each other, in the peers' environment: python -m benchmarks.peers.measure ASKED.json.

One process, one thread: every round runs all files in an order drawn anew, what is quick twice, of which the second
counts, by the CPU time of the thread. So what else the machine does slows none of them more than another.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.environment import plain
from benchmarks.peers.kinds import Row

Run = Callable[[], Any]
Outputs = Callable[[], list[np.ndarray]]
LEAST, MOST = 9, 200  # rounds
HOPELESS, FEW = 4.0, 5  # what takes that many times as long as the quickest of its precision runs that often
LAYOUTS = {4: [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2)], 3: [(0, 1, 2), (0, 2, 1)]}  # channels last, or first
OPENING = "opening"
QUICK = 20.0  # milliseconds, below which it matters whose data is in the caches
SIDE, PRODUCT = 1024, "product"  # rows of the matrices whose product tells the machine's rate


def litert(path: Path, values: np.ndarray) -> tuple[Run, Outputs]:
    """A .tflite's run, and its outputs as floats."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    if tuple(details["shape"]) != values.shape:
        values = values.transpose(0, 2, 3, 1)
    scale, zero = details["quantization"]
    if details["dtype"] != np.float32:
        ends = np.iinfo(details["dtype"])
        values = np.clip(np.round(values / scale) + zero, ends.min, ends.max)
    interpreter.set_tensor(details["index"], np.ascontiguousarray(values.astype(details["dtype"])))

    def outputs() -> list[np.ndarray]:
        found = []
        for one in interpreter.get_output_details():
            got, (step, origin) = interpreter.get_tensor(one["index"]), one["quantization"]
            found.append(got if got.dtype.kind == "f" else (got.astype(np.float32) - origin) * step)
        return found

    return interpreter.invoke, outputs


def onnxruntime(path: Path, values: np.ndarray) -> tuple[Run, Outputs]:
    """An ONNX file's run, and its outputs."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: values}

    def run() -> Any:
        return session.run(None, feed)

    return run, run


def torch_eager(name: str, path: Path, values: np.ndarray) -> tuple[Run, Outputs]:
    """The network's run in torch, and its outputs."""
    import torch

    from benchmarks.peers.convert import network_of

    torch.set_num_threads(1)
    module, image = network_of(name, path.parent), torch.from_numpy(values)

    def run() -> Any:
        with torch.inference_mode():
            return module(image)

    def outputs() -> list[np.ndarray]:
        found = run()
        found = list(found.values()) if isinstance(found, dict) else found
        return [one.numpy() for one in (found if isinstance(found, (list, tuple)) else [found])]

    return run, outputs


def error_of(seen: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Largest difference over the largest value, of the worst output; their order does not count, nor where the
    channels are."""
    worst = 0.0
    for wanted in expected:
        scale = float(np.abs(wanted).max())
        turned = [one.transpose(axes) for one in seen for axes in LAYOUTS.get(one.ndim, [range(one.ndim)])]
        alike = [float(np.abs(one - wanted).max()) for one in turned if one.shape == wanted.shape]
        worst = max(worst, min(alike, default=float("inf")) / scale)
    return worst


def opened(
    name: str, files: list[dict[str, Any]], folder: Path
) -> tuple[dict[int, Run], dict[int, float | None], dict[int, str]]:
    """Runs and errors of the files by their place, and why others do not run."""
    runs: dict[int, Run] = {}
    errors: dict[int, float | None] = {}
    failed: dict[int, str] = {}
    expected = list(np.load(folder / "expected.npz").values())
    pixels, network = np.load(folder / "pixels.npy"), np.load(folder / "calibration.npy")[:1]
    for place, one in enumerate(files):
        print(OPENING, place, flush=True)  # what ends the process is known by the last of these
        opens = {".tflite": litert, ".onnx": onnxruntime, ".pt2": partial(torch_eager, name)}[Path(one["path"]).suffix]
        try:
            run, outputs = opens(Path(one["path"]), pixels if one["tool"] == "posekit" else network)
            run()
            errors[place] = error_of(outputs(), expected) if one["is_same"] else None
            runs[place] = run
        except Exception as error:
            failed[place] = plain(f"its file does not run: {error}")
    return runs, errors, failed


def timed(runs: dict[Any, Run], alike: dict[Any, str], seconds: float) -> dict[Any, list[float]]:
    """Milliseconds of every run, by thread-CPU time, in about so many seconds of it.

    alike: a word for each run; those of one word are compared, so that what is hopeless among them is run less.
    """
    taken: dict[Any, list[float]] = {key: [] for key in runs}
    order, draw, started = list(runs), random.Random(0), time.thread_time()
    for number in range(MOST):
        if number >= LEAST and time.thread_time() - started > seconds:
            break
        draw.shuffle(order)
        for key in order:
            if number >= FEW and min(taken[key]) > HOPELESS * min(
                min(taken[one]) for one in runs if alike[one] == alike[key]
            ):
                continue
            if not taken[key] or min(taken[key]) < QUICK:
                runs[key]()  # so that what was run before it has left its caches
            begin = time.thread_time()
            runs[key]()
            taken[key].append(1000 * (time.thread_time() - begin))
    return taken


def main() -> None:
    """Measure what is asked, and write the answer beside it."""
    asked_at = Path(sys.argv[1])
    asked = json.loads(asked_at.read_text())
    folder, files = Path(asked["folder"]), asked["files"]
    runs, errors, failed = opened(asked["name"], files, folder)
    print(OPENING, "none", flush=True)
    left, right = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
    alike = {**{place: files[place]["precision"] for place in runs}, PRODUCT: "product"}
    taken = timed({**runs, PRODUCT: lambda: left @ right}, alike, asked["seconds"])
    rows = [
        Row(
            one["tool"], one["precision"],
            statistics.median(taken[place]) if place in runs else None,
            min(taken[place]) if place in runs else None, len(taken.get(place, [])), errors.get(place),
            one["bytes"], failed.get(place, ""), one["note"],
        )
        for place, one in enumerate(files)
    ]  # fmt: skip
    rate = SIDE**3 / statistics.median(taken[PRODUCT]) / 1e6
    answer = {"rate": rate, "rows": [asdict(row) for row in rows]}
    asked_at.with_name("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
