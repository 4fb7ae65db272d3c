"""Where the time of `package` goes: python benchmarks/package.py [MODEL] (the sample by default).

Each step in seconds, and the share that is not the converters' own work. Converters' work: importing torch,
litert-torch and coremltools, opening the file and exporting with torch, converting, loading the runtime.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path

START = time.perf_counter()


def main() -> None:
    """Package once and print a line a step."""
    from posekit.pipelines.inputs import find_images, find_spec
    from posekit.pipelines.package import package
    from posekit.sources.sample import sample_images, write_sample

    ready = time.perf_counter() - START
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_sample(work / "sample")
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else work / "sample" / "tinypose.pt2"
        spec = find_spec(model, "")
        images = find_images(*sample_images(), spec)
        marks: list[tuple[str, float]] = []
        results = package(
            model, "all", spec, images, out=work, step=lambda name: marks.append((name, time.perf_counter()))
        )
        end = time.perf_counter()
    seconds = {"start posekit": ready}
    for (name, start), (_, stop) in zip(marks, [*marks[1:], ("", end)], strict=True):
        seconds[name] = seconds.get(name, 0.0) + stop - start
    total = sum(seconds.values())
    own = {name: value for name, value in seconds.items() if name.startswith(("start", "write", "measure"))}
    for name, value in seconds.items():
        print(f"{value:7.2f} s  {100 * value / total:4.0f} %  {'posekit' if name in own else 'converter'}  {name}")
    share = sum(own.values()) / total
    print(f"{total:7.2f} s in all; {100 * share:.0f} % is posekit's own (the aim is at most 25 %)")
    print(
        json.dumps(
            {
                "machine": f"{platform.machine()}, {platform.system()}",
                "cases": results[0].evaluation.cases,
                "own_share": round(share, 3),
                "seconds": {k: round(v, 3) for k, v in seconds.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
