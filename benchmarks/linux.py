"""The linux package of samples and larger networks, installed from its wheel: python -m benchmarks.linux [NAME].

Each is packaged, its wheel built, and installed with pip from the package index in a new environment. There every
evaluation case goes from its picture to keypoints, which are held to the reference's (of the samples: the others'
weights are seeded, and full of near ties), and a frame is timed beside LiteRT's own inference on the same input: CPU
time of one thread, medians. Prints a table, and JSON with the machine.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.package import written as written_network
from posekit.bundle import Bundle, open_bundle
from posekit.devices.desktop import linux
from posekit.errors import version_of
from posekit.parity.cases import found_in, recorded
from posekit.pipelines import inputs, package
from posekit.poses.images import load_image
from posekit.poses.regions import region_of
from posekit.sources.sample import write_sample

SAMPLES = ("tinypose", "tinysimcc")
LARGER = ("mobilenet-v3", "hrnet-w32")
FRAMES = 40
MOST_TIMES, MOST_MS, MOST_PX = 1.3, 3.0, 0.001

# runs in the package's environment
FRAME = """
import importlib, json, sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter

package, cases, count = sys.argv[1], json.loads(open(sys.argv[2]).read()), int(sys.argv[3])
api = importlib.import_module(package)
make = next(one for name, one in vars(api).items() if hasattr(one, "create"))
assert not [name for name in sys.modules if name.partition(".")[0] in ("posekit", "torch")]


def median_ms(run):
    taken = []
    for frame in range(count + 5):
        start = time.thread_time()
        run()
        taken.append(time.thread_time() - start)
    return float(np.median(taken[5:])) * 1e3


rows = []
with make.create(threads=1) as model:
    folder, contract = __import__("pathlib").Path(api.__file__).parent, model.network.contract
    bare = Interpreter(model_path=str(folder / contract.model_file), num_threads=1)
    bare.allocate_tensors()
    (place,), results = bare.get_input_details(), [one["index"] for one in bare.get_output_details()]
    for case in cases:
        picture = np.fromfile(case["file"], np.uint8).reshape(case["shape"])
        region = api.Region(*map(tuple, case["region"][:2]), case["region"][2])
        found = model.estimate(picture, region=region)
        people = found if isinstance(found, list) else [found]
        row = {"name": case["name"], "keypoints": [one.keypoints.tolist() for one in people]}
        if case["timed"]:
            pixels, _ = model.network.preprocess(picture, api.network.Orientation(), region)

            def infer():
                bare.set_tensor(place["index"], pixels[None])
                bare.invoke()
                return [bare.get_tensor(one) for one in results]

            row["litert_ms"] = median_ms(infer)
            row["frame_ms"] = median_ms(lambda: model.estimate(picture, region=region))
        rows.append(row)
print(json.dumps(rows))
"""


def made(name: str, folder: Path) -> Bundle:
    """The linux bundle of a sample, or of a network of networks.py."""
    if name in SAMPLES:
        write_sample(folder / "sample")
        model = folder / "sample" / f"{name}.pt2"
        spec = inputs.find_spec(model, str(model.with_suffix(".toml")))
    else:
        written_network(name, folder)
        model = folder / f"{name}.pt2"
        spec = inputs.find_spec(model, "")
    pictures = inputs.find_images(*pictures_of(folder), spec)
    (result,) = package.package(model, "linux", spec, pictures, out=folder)
    return open_bundle(result.folder)


def pictures_of(folder: Path) -> tuple[Path, Path]:
    """The sample's pictures and annotations."""
    if not (folder / "sample").exists():
        write_sample(folder / "sample")
    return folder / "sample" / "images", folder / "sample" / "annotations.json"


def installed(opened: Bundle, folder: Path) -> tuple[Path, float]:
    """Python of a new environment with the package's wheel, from the index; and the wheel's size in MB."""
    wheel = linux.build_wheel(opened.wrapper_path, folder / "wheel")
    venv.create(folder / "environment", with_pip=True)
    python = folder / "environment" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return python, wheel.stat().st_size / 1e6


def large(opened: Bundle, folder: Path) -> dict[str, Any]:
    """A frame of 1280 x 720 px of noise, one person in the middle."""
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    noise.tofile(folder / "large.rgb")
    region = region_of((440.0, 60.0, 840.0, 660.0), (1280, 720), opened.spec.input)
    return written("1280 x 720", folder / "large.rgb", noise.shape, region, timed=True)


def written(name: str, file: Path, shape: tuple[int, ...], region: Any, *, timed: bool) -> dict[str, Any]:
    """A case as the other environment reads it."""
    where = [region.center_xy, region.size_wh, region.rotation_degrees]
    return {"name": name, "file": str(file), "shape": shape, "region": where, "timed": timed}


def row_of(name: str, folder: Path) -> dict[str, Any]:
    """What one package gives and takes."""
    opened = made(name, folder)
    python, megabytes = installed(opened, folder)
    asked, expected = [large(opened, folder)], {}
    for number, (case, outputs) in enumerate(recorded(opened.folder / "evaluation", opened.spec)):
        picture = load_image(case.photo.path)
        picture.tofile(folder / f"{number}.rgb")
        region = case.region or region_of(None, (picture.shape[1], picture.shape[0]), opened.spec.input)
        asked.append(written(case.name, folder / f"{number}.rgb", picture.shape, region, timed=number == 0))
        expected[case.name] = found_in(case, outputs, opened.spec).keypoints
    (folder / "cases.json").write_text(json.dumps(asked))
    command = [str(python), "-I", "-c", FRAME, next((opened.wrapper_path / "src").iterdir()).name]
    command += [str(folder / "cases.json"), str(FRAMES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = json.loads(done.stdout.splitlines()[-1])
    away = [
        float(np.abs(np.array(row["keypoints"]) - expected[row["name"]]).max())
        for row in rows if row["name"] in expected
    ]  # fmt: skip
    return {
        "name": name, "cases": len(away), "max_px": max(away), "wheel_mb": round(megabytes, 2),
        "frames": {row["name"]: [row["litert_ms"], row["frame_ms"]] for row in rows if "litert_ms" in row},
    }  # fmt: skip


def main() -> None:
    """Run them one after another."""
    names = [one for one in (*SAMPLES, *LARGER) if not sys.argv[1:] or one in sys.argv[1:]]
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(row_of(name, Path(scratch)))
        row = rows[-1]
        print(f"{name}: {row['cases']} cases, at most {row['max_px']:.2g} px from the reference")
        for frame, (litert, whole) in row["frames"].items():
            limit = MOST_TIMES * litert + MOST_MS
            print(f"  {frame}: LiteRT {litert:.2f} ms, a frame {whole:.2f} ms (at most {limit:.2f})")
    slow = {row["name"] for row in rows for a, b in row["frames"].values() if b > MOST_TIMES * a + MOST_MS}
    wrong = {row["name"] for row in rows if row["name"] in SAMPLES and not row["max_px"] <= MOST_PX}
    machine = {"machine": platform.machine(), "python": platform.python_version(), "numpy": np.__version__}
    print(json.dumps({"rows": rows, **machine, "litert": version_of("ai-edge-litert"), "missed": sorted(slow | wrong)}))
    sys.exit(bool(slow | wrong))


if __name__ == "__main__":
    main()
