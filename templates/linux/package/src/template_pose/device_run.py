# SPDX-License-Identifier: Apache-2.0
"""`python -m PACKAGE.device_run REQUEST OUT`: a bundle's cases through this package, as `posekit validate` asks for.

REQUEST holds request.json and the files beside it, and OUT is given run.json, in the forms that posekit's docs
describe. `image` is run as an app's estimates are.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contract as known
from ._posekit.poses.regions import Region
from ._posekit.poses.transforms import Orientation, input_transform
from .device_request import Document, picture_of, read_request, region_of, tensor
from .errors import NonFiniteOutputError, PoseError
from .network import Network, Outputs, contract_hash_of
from .people import People
from .pose import Pose, each_of

NO_HASH = "0" * 64
MOST_TEXT = 4000
STEPS = ("preprocessing", "inference", "decoding")


def run(request: Path, out: Path) -> str | None:
    """Run a request and write run.json; what went wrong, None when nothing did."""
    out.mkdir(parents=True, exist_ok=True)
    contract, passes, error = known.CONTRACT, list[Document](), None
    folder = Path(__file__).resolve().parent
    try:
        asked = read_request(request)
        stage = asked.get("stage", "pose")
        if stage != "pose" and known.DETECTOR is None:
            raise ValueError("this package has no detector")
        if stage == "detector":
            assert known.DETECTOR is not None
            contract = known.DETECTOR
        passes = [one_pass(name, asked, request, out) for name in dict.fromkeys(["cpu", *asked["accelerators"]])]
    except Exception as thrown:  # whatever it is, it is told
        error = f"{type(thrown).__name__}: {thrown}"[:MOST_TEXT]
    model = folder / contract.model_file
    document = {
        "schema": 1,
        "device": {"name": processor(), "os": f"{platform.system()} {platform.release()}", "simulated": False},
        "runtime": f"LiteRT {version('ai-edge-litert')}",
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest() if model.is_file() else NO_HASH,
        "contract_sha256": (contract_hash_of(model) if model.is_file() else None) or NO_HASH,
        "build": None,
        "error": error,
        "passes": passes,
    }
    (out / "run.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return error


def one_pass(requested: str, asked: Document, request: Path, out: Path) -> Document:
    """All cases on one accelerator."""
    result: Document = {"requested": requested, "used": None, "cases": []}
    if requested != "cpu":
        return {**result, "fallback_reason": "this package runs a model on the CPU only"}
    folder = Path(__file__).resolve().parent
    stage = asked.get("stage", "pose")
    try:
        contract = known.DETECTOR if stage == "detector" else known.CONTRACT
        assert contract is not None
        network = Network(contract, folder)
        people = None
        if stage == "both":
            assert known.DETECTOR is not None and known.RULE is not None
            people = People(Network(known.DETECTOR, folder), network, known.RULE)
        times: list[tuple[float, ...]] = []
        cases = [
            case_run(case, f"{requested}-{number:03d}", asked, (request, out), network, people, times)
            for number, case in enumerate(asked["cases"])
        ]
    except PoseError as error:
        return {**result, "used": "cpu", "failure": str(error)[:MOST_TEXT]}
    return {**result, "used": "cpu", "latencies": summary(times), "cases": cases}


def case_run(
    case: Document, stem: str, asked: Document, folders: tuple[Path, Path], network: Network, people: People | None,
    times: list[tuple[float, ...]],
) -> Document:
    """What each mode of one case gives."""
    request, out = folders
    raw, picture, orientation = picture_of(request, case["picture"])
    pixels = tensor(request, case["input"])
    given = case["region"]
    region = network.whole_frame(picture, orientation) if given is None else region_of(given)
    if people is not None:
        found = people.estimate(picture, orientation)
        results: list[Document] = [{"mode": "image", "people": written(found), "outputs": {}, "dense": {}}]
    else:
        results = [
            one_mode(mode, case, (picture, orientation, region, pixels), f"{stem}-{mode}", (request, out), network)
            for mode in asked["modes"]
        ]
        if "image" in asked["modes"]:
            times.extend(timed(asked, picture, orientation, region, network))
    return {
        "name": case["name"],
        "sha256": hashlib.sha256(raw + pixels.tobytes()).hexdigest(),
        "region": {
            "center_xy": list(region.center_xy), "size_wh": list(region.size_wh),
            "rotation_degrees": region.rotation_degrees,
        },
        "results": results,
    }


def one_mode(
    mode: str, case: Document, source: tuple[NDArray[np.uint8], Orientation, Region, NDArray[np.float32]], stem: str,
    folders: tuple[Path, Path], network: Network,
) -> Document:
    """image: from the picture; tensor: from the reference's input; outputs: from given outputs."""
    picture, orientation, region, pixels = source
    request, out = folders
    result: Document = {"mode": mode, "input": None, "outputs": {}, "people": None, "dense": {}}
    transform = input_transform(region, network.contract.input)
    outputs: Outputs
    if mode == "outputs":
        outputs = {name: tensor(request, one) for name, one in case["outputs"].items()}
    else:
        if mode == "image":
            made, transform = network.preprocess(picture, orientation, region)
            result["input"] = write(out, f"{stem}-input.f32", made[None])
        else:
            made = pixels[0]
        outputs = network.infer(made)
        for number, (name, values) in enumerate(outputs.items()):
            result["outputs"][name] = write(out, f"{stem}-output{number}.f32", values)
    try:
        result["people"] = written(each_of(network.decode(outputs, transform), region))
        maps = network.dense(outputs, transform) if outputs else ()
    except NonFiniteOutputError:
        return result
    for one in maps:
        result["dense"][one.name] = write(out, f"{stem}-dense-{one.name}.f32", one.values)
        if one.uv is not None:
            result["dense"][f"{one.name}_uv"] = write(out, f"{stem}-dense-{one.name}-uv.f32", one.uv)
    return result


def written(people: Sequence[Pose]) -> list[Document] | None:
    """People as run.json has them; None where a number is not finite."""
    documents = []
    for one in people:
        document: Document = {
            "keypoints": one.keypoints.tolist(), "scores": one.scores.tolist(), "confidence": one.confidence,
            "box_xyxy": None if one.box_xyxy is None else one.box_xyxy.tolist(),
        }
        each = {name: getattr(one, name) for name in ("visibility", "presence", "world")}
        document.update({name: values.tolist() for name, values in each.items() if values is not None})
        arrays = [one.keypoints, one.scores, np.array(one.confidence), one.box_xyxy, *each.values()]
        if not all(values is None or np.isfinite(values).all() for values in arrays):
            return None
        documents.append(document)
    return documents


def timed(
    asked: Document, picture: NDArray[np.uint8], orientation: Orientation, region: Region, network: Network
) -> Iterator[tuple[float, ...]]:
    """Seconds of each step of the timed runs of a case."""
    warmup, repeats = asked.get("warmup", 2), asked.get("repeats", 20)
    for number in range(warmup + repeats if repeats else 0):
        moments = [time.perf_counter()]
        pixels, transform = network.preprocess(picture, orientation, region)
        moments.append(time.perf_counter())
        outputs = network.infer(pixels)
        moments.append(time.perf_counter())
        try:
            network.decode(outputs, transform)
        except NonFiniteOutputError:
            pass
        moments.append(time.perf_counter())
        if number >= warmup:
            yield tuple(after - before for before, after in zip(moments, moments[1:]))


def summary(times: Sequence[tuple[float, ...]]) -> Document | None:
    """Percentiles by step in ms; None where nothing was timed."""
    if not times:
        return None
    found = {}
    for name, seconds in zip(STEPS, zip(*times)):
        ordered = sorted(seconds)
        p50, p90 = (ordered[max(math.ceil(part * len(ordered)) - 1, 0)] * 1e3 for part in (0.5, 0.9))
        found[name] = {"p50_ms": p50, "p90_ms": p90, "runs": len(ordered)}
    return found


def write(folder: Path, name: str, values: NDArray[Any]) -> Document:
    """A tensor written beside run.json."""
    np.ascontiguousarray(values, "<f4").tofile(folder / name)
    return {"file": name, "shape": list(values.shape)}


def processor() -> str:
    """The processor as it names itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown"


if __name__ == "__main__":
    wrong = run(Path(sys.argv[1]), Path(sys.argv[2]))
    if wrong is not None:
        print(wrong, file=sys.stderr)
    sys.exit(0 if wrong is None else 1)
