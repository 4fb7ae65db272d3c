"""`posekit validate` over many pictures: python benchmarks/validate.py [NETWORK]. The sample's Android bundle by
default, or that of a network of benchmarks/networks.py by its name.

Copies of the sample's pictures, each person's box moved by a fraction of a pixel so that no two crops are the same. One
worker and two in turn, on as many cores, the quickest runs of each: other work on the machine only makes them slower.
The share of CPU time that is the runtime's own; the largest process. Python's bytecode is kept, as pip keeps it.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FEW, MANY, RUNS = 50, 500, 3
# validate in this process on one core, with the CPU time within the runtime, where it loads models as where it runs
# them, written to standard error
SHARE = """
import functools, os, sys, time
os.sched_setaffinity(0, {0})
from ai_edge_litert.interpreter import Interpreter, SignatureRunner
spent = [0.0]
def timed(entry):
    @functools.wraps(entry)
    def timing(*given, **more):
        start = time.process_time()
        try:
            return entry(*given, **more)
        finally:
            spent[0] += time.process_time() - start
    return timing
for owner, name in ((Interpreter, "allocate_tensors"), (Interpreter, "invoke"), (SignatureRunner, "__call__")):
    setattr(owner, name, timed(getattr(owner, name)))
from posekit.cli.app import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write(f"\\n{spent[0]} {time.process_time()}")
"""


def write_pictures(folder: Path, count: int) -> tuple[Path, Path]:
    """Pictures and their annotations in COCO's form."""
    from posekit.sources.sample import sample_images

    images, annotations = sample_images()
    known, rng = json.loads(annotations.read_text(encoding="utf-8")), random.Random(0)
    pictures: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        source = known["images"][number % len(known["images"])]
        name = f"{number:05d}.jpg"
        shutil.copyfile(images / source["file_name"], folder / "images" / name)
        pictures.append({**source, "id": number, "file_name": name})
        for person in known["annotations"]:
            if person["image_id"] == source["id"]:
                x, y, width, height = person["bbox"]
                box = [x + rng.random() / 4, y + rng.random() / 4, width, height]
                people.append({**person, "id": len(people) + 1, "image_id": number, "bbox": box})
    path = folder / "people.json"
    path.write_text(json.dumps({**known, "images": pictures, "annotations": people}))
    return folder / "images", path


def packaged(posekit: str, name: str, work: Path) -> Path:
    """The Android bundle of the sample or of another network, in `work`."""
    subprocess.run([posekit, "sample", str(work / "sample")], check=True, capture_output=True)
    model, given = work / "sample" / "tinypose.pt2", list[str]()
    if name != "tinypose":
        # by another process: the size of this one, with torch, would be that of every process it starts
        write = (
            f"from benchmarks.package import written; from pathlib import Path; written({name!r}, Path({str(work)!r}))"
        )
        subprocess.run([sys.executable, "-c", write], check=True, cwd=Path(__file__).resolve().parents[1])
        model = work / f"{name}.pt2"
        given = ["--images", f"{work}/sample/images", "--annotations", f"{work}/sample/annotations.json"]
    package = [posekit, "package", str(model), "--platform", "android", "--out", str(work), *given]
    subprocess.run(package, check=True, capture_output=True)
    return work / f"{name}-android"


def measured(command: list[str], cores: set[int]) -> tuple[float, float, float]:
    """Seconds by the clock, CPU seconds and MB of the largest process of a command that may use `cores`."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def main() -> None:
    """Measure and print a line a number of workers."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    posekit = str(Path(sys.executable).parent / "posekit")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        os.environ["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")
        name = sys.argv[1] if len(sys.argv) > 1 else "tinypose"
        bundle = packaged(posekit, name, work)
        commands = {}
        for count in (FEW, MANY):
            images, people = write_pictures(work / str(count), count)
            commands[count] = ["validate", str(bundle), "--images", str(images), "--annotations", str(people), "--json"]
        found: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
        for _ in range(RUNS):
            for workers, cores in ((1, {0}), (2, {0, 1})):
                for count, command in commands.items():
                    one = measured([posekit, *command, "--workers", str(workers)], cores)
                    found.setdefault((workers, count), []).append(one)
        alone = [sys.executable, "-c", SHARE, *commands[MANY], "--workers", "1"]
        within, cpu = map(float, subprocess.run(alone, check=False, capture_output=True, text=True).stderr.split()[-2:])
    rows = {key: tuple(map(min, zip(*values, strict=True))) for key, values in found.items()}
    for (workers, count), (seconds, cpu_s, megabytes) in rows.items():
        print(
            f"{workers} worker{'s' if workers > 1 else ' '} {count:4d} pictures {seconds:7.2f} s  {cpu_s:7.2f} CPU s  "
            f"{megabytes:6.1f} MB"
        )
    share, gain = within / cpu, rows[1, MANY][0] / rows[2, MANY][0]
    print(
        f"in the runtime: {share:.0%} of the CPU time, {within:.2f} of {cpu:.2f} s; "
        f"two workers: {gain:.2f} times as fast"
    )
    print(
        json.dumps(
            {
                "machine": f"{platform.machine()}, {platform.system()}",
                "network": name,
                "runtime_share": round(share, 3),
                "two_workers": round(gain, 2),
                "largest_mb": {f"{w} x {c}": round(r[2], 1) for (w, c), r in rows.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
