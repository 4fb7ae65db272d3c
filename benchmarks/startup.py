"""How long `posekit --help` and `import posekit` take: python benchmarks/startup.py. Medians of fresh processes."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import posekit": [sys.executable, "-c", "import posekit"],
    "posekit --help": [str(Path(sys.executable).parent / "posekit"), "--help"],
}


def main() -> None:
    """Interleave the commands, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{value:7.3f} s  {name}")
    print(
        json.dumps({"machine": f"{platform.machine()}, {platform.system()}", "runs": RUNS, "median_seconds": medians})
    )


if __name__ == "__main__":
    main()
