"""Where the time of `package` goes: python benchmarks/package.py [MODEL] (the sample by default).

With `--peers` the CPU seconds of `package --platform all`, its proof included, beside those of litert-torch's and
coremltools' conversions alone, of a network of 10 M parameters (another of benchmarks/networks.py by its name), in
fresh processes and in turn. With `--against FOLDER` those of `package --platform all` of the sample by this checkout
and by the one in FOLDER, in turn, after one run of each that does not count. Else each step in seconds, and the share
that is not the converters' own work. Converters' work: importing torch, litert-torch and coremltools, opening the file
and exporting with torch, converting, loading the runtime.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = time.perf_counter()
RUNS = 3
TEN_MILLION = "simple-baseline"
# what a user writes who has the two converters alone, as their own documentation shows it
PLAIN = """
import sys, numpy, torch, litert_torch, coremltools
network = torch.export.load(sys.argv[1]).module()
width, height = map(int, sys.argv[2].split("x"))
image = torch.zeros(1, 3, height, width)
litert_torch.convert(network, (image,)).export(sys.argv[3] + "/model.tflite")
traced = torch.jit.trace(network, image)
shape = coremltools.TensorType(name="image", shape=image.shape)
made = coremltools.convert(
    traced, inputs=[shape], minimum_deployment_target=coremltools.target.iOS16, skip_model_load=True
)
made.save(sys.argv[3] + "/model.mlpackage")
"""
# the command line of a checkout, whichever module it is in there
COMMAND = """
try:
    from posekit.cli.app import main
except ImportError:
    from posekit.cli import main
main()
"""


def cpu_seconds(command: list[str], checkout: Path | None = None) -> float:
    """User and system time of a command and all that it starts; checkout: whose modules it imports."""
    path = {} if checkout is None else {"PYTHONPATH": str(checkout)}
    before = os.times()
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env={**os.environ, **path}
    )
    after = os.times()
    if done.returncode not in (0, 1):  # 1: a gate failed, of a network that was never trained
        raise subprocess.CalledProcessError(done.returncode, command)
    return after.children_user + after.children_system - before.children_user - before.children_system


def beside_checkout(other: Path) -> None:
    """Print the CPU seconds of both and the ratio of their medians."""
    ours = Path(__file__).resolve().parents[1]
    taken: dict[Path, list[float]] = {other.resolve(): [], ours: []}
    with tempfile.TemporaryDirectory() as folder:
        posekit = str(Path(sys.executable).parent / "posekit")
        subprocess.run([posekit, "sample", f"{folder}/sample"], check=True, capture_output=True)
        package = [sys.executable, "-P", "-c", COMMAND, "package", f"{folder}/sample/tinypose.pt2"]
        for _ in range(1 + RUNS):
            for checkout, values in taken.items():
                given = ["--platform", "all", "--out", f"{folder}/out", "--overwrite"]
                values.append(cpu_seconds([*package, *given], checkout))
    for checkout, values in taken.items():
        print(f"{statistics.median(values[1:]):7.2f} CPU s  {checkout.name}  {[round(one, 2) for one in values[1:]]}")
    before, now = (statistics.median(values[1:]) for values in taken.values())
    print(f"{now / before:.2f} of {other.name}")


def beside_peers(name: str) -> None:
    """Print the medians of both and their ratio."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import torch

    from benchmarks.networks import build
    from benchmarks.peers.cases import contract
    from posekit.sources.sample import sample_images

    network, size_wh = build(name)
    width, height = size_wh
    images, annotations = sample_images()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"{name}.pt2"
        torch.export.save(torch.export.export(network, (torch.zeros(1, 3, height, width),)), model)
        spec = contract(name, size_wh).model_dump(mode="json", by_alias=True)
        model.with_suffix(".json").write_text(json.dumps(spec), encoding="utf-8")
        posekit = [str(Path(sys.executable).parent / "posekit"), "package", str(model), "--platform", "all"]
        given = ["--images", str(images), "--annotations", str(annotations), "--out", folder, "--overwrite"]
        plain = [sys.executable, "-c", PLAIN, str(model), f"{width}x{height}", folder]
        taken: dict[str, list[float]] = {"posekit": [], "converters alone": []}
        for _ in range(RUNS):
            taken["posekit"].append(cpu_seconds([*posekit, *given]))
            taken["converters alone"].append(cpu_seconds(plain))
    medians = {side: statistics.median(values) for side, values in taken.items()}
    for side, value in medians.items():
        print(f"{value:7.2f} CPU s  {side}")
    ratio = medians["posekit"] / medians["converters alone"]
    print(f"{ratio:.2f} of the converters alone (the aim is at most 1.00)")
    found = {"machine": f"{platform.machine()}, {platform.system()}", "network": name, "ratio": round(ratio, 3)}
    seconds = {side: [round(one, 2) for one in values] for side, values in taken.items()}
    print(json.dumps({**found, "cpu_seconds": seconds}))


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
    if "--peers" in sys.argv:
        beside_peers(next((one for one in sys.argv[1:] if one != "--peers"), TEN_MILLION))
    elif "--against" in sys.argv:
        beside_checkout(Path(sys.argv[sys.argv.index("--against") + 1]))
    else:
        main()
