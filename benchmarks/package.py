"""Where the time of `package` goes: python benchmarks/package.py [MODEL] (the sample by default).

With `--peers` the CPU seconds of `package --platform all`, its proof included, beside those of litert-torch's and
coremltools' conversions alone, of a network of 10 M parameters (another of benchmarks/networks.py by its name), in
fresh processes and in turn. With `--against FOLDER [NETWORK]` those of `package --platform all` of the sample by this
checkout and by the one in FOLDER, in turn, after one run of each that does not count; of another network by its name,
of 192 x 256 px as hrnet-w32, once each. Else each step in seconds, and the share that is not the converters' own work.
Converters' work: importing torch, litert-torch and coremltools, opening the file and exporting with torch, converting,
loading the runtime.
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


def beside_checkout(other: Path, name: str, runs: int) -> None:
    """Print the CPU seconds of both and the ratio of their medians."""
    ours = Path(__file__).resolve().parents[1]
    taken: dict[Path, list[float]] = {other.resolve(): [], ours: []}
    with tempfile.TemporaryDirectory() as folder:
        posekit = str(Path(sys.executable).parent / "posekit")
        subprocess.run([posekit, "sample", f"{folder}/sample"], check=True, capture_output=True)
        given = ["--platform", "all", "--out", f"{folder}/out", "--overwrite"]
        if name == "tinypose":
            model = Path(f"{folder}/sample/tinypose.pt2")
        else:  # with a preset, since a contract of today has fields that an earlier posekit does not know
            model, _ = written(name, Path(folder))
            model.with_suffix(".json").unlink()
            pictures = ["--images", f"{folder}/sample/images", "--annotations", f"{folder}/sample/annotations.json"]
            given += ["--spec", "hrnet-coco17", *pictures]
        package = [sys.executable, "-P", "-c", COMMAND, "package", str(model), *given]
        for _ in range(runs):
            for checkout, values in taken.items():
                values.append(cpu_seconds(package, checkout))
    counted = {checkout: values[1:] or values for checkout, values in taken.items()}
    for checkout, values in counted.items():
        print(f"{statistics.median(values):7.2f} CPU s  {checkout.name}  {[round(one, 2) for one in values]}")
    before, now = map(statistics.median, counted.values())
    print(f"{now / before:.2f} of {other.name}")


def written(name: str, folder: Path) -> tuple[Path, tuple[int, int]]:
    """A network of benchmarks/networks.py with its contract beside it in `folder`, and the size of its input, px."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import torch

    from benchmarks.networks import build
    from benchmarks.peers.cases import contract

    network, (width, height) = build(name)
    model = folder / f"{name}.pt2"
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3, height, width),)), model)
    spec = contract(name, (width, height)).model_dump(mode="json", by_alias=True)
    model.with_suffix(".json").write_text(json.dumps(spec), encoding="utf-8")
    return model, (width, height)


def beside_peers(name: str) -> None:
    """Print the medians of both and their ratio."""
    from posekit.sources.sample import sample_images

    images, annotations = sample_images()
    with tempfile.TemporaryDirectory() as folder:
        model, size_wh = written(name, Path(folder))
        width, height = size_wh
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
        folder, *named = sys.argv[sys.argv.index("--against") + 1 :]
        beside_checkout(Path(folder), named[0] if named else "tinypose", 1 if named else 1 + RUNS)
    else:
        main()
