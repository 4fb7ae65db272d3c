"""Build and run the Swift benchmark: `python benchmarks/wrapper/swift/run.py [FRAMES]`; prints JSON."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "swift")]

import render  # noqa: E402  (a folder of tests, not a package)


def main() -> None:
    package = ROOT / "build" / "benchmark-swift"
    render.assemble_core(package, Path(__file__).parent)
    subprocess.run(["swift", "build", "-c", "release"], cwd=package, check=True, stdout=sys.stderr)
    subprocess.run([str(package / ".build" / "release" / "Benchmark"), *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
