"""How much CPU posekit takes to start: python benchmarks/startup.py [BUNDLE]. Medians of fresh processes.

BUNDLE: of an Android model, to measure `posekit inspect` of it and of its model file too.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 15
POSEKIT = str(Path(sys.executable).parent / "posekit")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import posekit": [sys.executable, "-c", "import posekit"],
    "posekit --help": [POSEKIT, "--help"],
}


def commands() -> dict[str, list[str]]:
    """What is measured, by name."""
    if len(sys.argv) < 2:
        return COMMANDS
    bundle = Path(sys.argv[1])
    (model,) = bundle.glob("*.tflite")
    inspect = {"inspect, a bundle": bundle, "inspect, a .tflite": model}
    return COMMANDS | {name: [POSEKIT, "inspect", str(path)] for name, path in inspect.items()}


def cpu_seconds(command: list[str]) -> float:
    """User and system time of a command, which another program on the machine does not lengthen as it does the
    clock's."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Interleave the commands, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in commands()}
    for _ in range(RUNS):
        for name, command in commands().items():
            seconds[name].append(cpu_seconds(command))
    medians = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{value:7.3f} s  {name}")
    print(
        json.dumps(
            {"machine": f"{platform.machine()}, {platform.system()}", "runs": RUNS, "median_cpu_seconds": medians}
        )
    )


if __name__ == "__main__":
    main()
