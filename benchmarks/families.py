"""What a precision does to each family of heads: python benchmarks/families.py [w8a8|fp16|w8 ...] [NAME ...]

The small networks of tests/families.py, whose heads see coloured squares as people, behind three layers of seeded
weights that pass the picture on, so that what a head reads is rounded; on 40 pictures of up to four people that did not
calibrate. 8-bit activations have their ranges from 40 others. The gates are those of `package`.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from posekit.contract.outputs import decode
from posekit.contract.precisions import PRECISIONS, Precision
from posekit.contract.recipe import uniform
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.parity.cases import cases_in
from posekit.parity.evaluate import ReferenceCase, Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.gate import Outcome
from posekit.poses.images import Photo, load_image
from posekit.runtimes import runtime_for
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import TARGETS
from posekit.targets.graph.lowering import lower
from tests.families import FAMILIES, Family

PICTURES, SEEN, HELD_OUT = 40, 1000, 5000  # seeds of the pictures that calibrate, and of those that do not
HEAD = """| family | platform | precision | people | missed, invented | mean px | max px | OKS | confidence | gates |
|---|---|---|---|---|---|---|---|---|---|"""
COUNTS = (1, 2, 0, 3, 4)  # people of a picture, in turn; a head of one person sees one each


@dataclass(frozen=True, slots=True)
class Network:
    """What is measured, by the name of its rows."""

    name: str
    source: SourceModel
    spec: PoseSpec


def trunk() -> torch.nn.Module:
    """1 x 3 x h x w, 0 to 1, to nearly itself, over twelve channels."""
    torch.manual_seed(5)
    layers = [torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.Conv2d(12, 12, 3, padding=1), torch.nn.Conv2d(12, 3, 1)]
    with torch.no_grad():
        for layer in layers:
            own = torch.zeros_like(layer.weight)
            torch.nn.init.dirac_(own)
            layer.weight.copy_((0.1 if layer is layers[0] else 0.02) * torch.randn_like(own))
            layer.weight[:3] *= 0.1
            layer.weight += own
            layer.bias[3:].uniform_(-0.1, 0.3)
            layer.bias[:3].zero_()
    return torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2]).eval()


def pictures(family: Family, first: int) -> list[NDArray[np.float32]]:
    """(H, W, 3) RGB 0-255 each, from a seed on."""
    one = not of(family.spec.decoder).several
    most = 3 if family.is_limbs else 4
    return [family.random(1 if one else min(COUNTS[n % len(COUNTS)], most), first + n) for n in range(PICTURES)]


def measured(name: str, precisions: Sequence[Precision], folder: Path) -> list[dict[str, Any]]:
    """A row a platform and precision of a network of set weights."""
    family = FAMILIES[name]
    source = SourceModel(Path("in-memory"), Form.MODULE, "", torch.nn.Sequential(trunk(), family.network()).eval())
    own, seen = pictures(family, HELD_OUT), pictures(family, SEEN)
    return rows_of(Network(name, source, family.spec), own, seen, precisions, folder)


def rows_of(
    network: Network,
    own: Sequence[NDArray[Any]],
    seen: Sequence[NDArray[np.float32]],
    precisions: Sequence[Precision],
    folder: Path,
) -> list[dict[str, Any]]:
    """A row a platform and precision; own: pictures (H, W, 3), measured; seen: inputs of the network that calibrate."""
    name, source, spec = network.name, network.source, network.spec
    references: list[ReferenceCase] = []
    for number, pixels in enumerate(own):
        path = folder / f"{name}-{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        (case,) = cases_in(load_image(path), Photo(path, number), spec)
        references.append((case, run_reference(source, spec, case.pixels)))
    graph = lower(source, spec, seen[0], run_reference(source, spec, seen[0]))
    rows = []
    for platform_name, target in TARGETS.items():
        work = folder / f"{name}-{platform_name}"
        (work / "base").mkdir(parents=True)
        base = target.base(graph, work / "base", work / "log")
        calibration = target.calibrate(base, seen)
        for precision in precisions:
            if platform_name not in PRECISIONS[precision].platforms:
                continue
            path = work / precision / target.model_file(spec.name)
            path.parent.mkdir()
            made = target.compress(base, spec, uniform(precision), calibration, path, work / "log")
            run = runtime_for(platform_name, made.path).run
            found = evaluate(references, spec, Runs(run, "HOST", "none"), Terms(precision))
            confidences = _confidences(spec, run, references)
            rows.append({"family": name, "platform": platform_name, "precision": precision,
                         **_figures(found), "max_confidence": confidences})  # fmt: skip
    return rows


def _confidences(spec: PoseSpec, run: Any, references: Sequence[ReferenceCase]) -> float | None:
    """The largest difference of a person's confidence, or of the mean score of a head of one; of equally many people.

    None where no picture has as many."""
    found = []
    for case, outputs in references:
        seen, expected = decode(run(case.pixels), spec), decode(outputs, spec)
        if seen.count == expected.count and seen.count:
            sure = [one.scores.mean(axis=1) if one.confidences is None else one.confidences for one in (seen, expected)]
            found.append(float(np.abs(np.sort(sure[0]) - np.sort(sure[1])).max()))
    return max(found, default=None)


def _figures(found: Evaluation) -> dict[str, Any]:
    people, error = found.total.people, found.total.keypoints
    return {
        "people": None if people is None else people.reference,
        "missed": None if people is None else len(people.missed),
        "invented": None if people is None else len(people.invented),
        "mean_px": None if error is None else round(error.mean_px, 3),
        "max_px": None if error is None else round(error.max_px, 2),
        "oks": None if error is None else round(error.oks, 4),
        "failed": [f"{one.name}: {one.detail}" for one in found.checks if one.outcome is Outcome.FAIL],
    }


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, printed as lines of a table."""
    for row in rows:
        lost = "" if row["people"] is None else f"{row['missed']}, {row['invented']}"
        sure = "" if row["max_confidence"] is None else f"{row['max_confidence']:.3f}"
        print(f"| {row['family']} | {row['platform']} | {row['precision']} | {row['people'] or 'one each'} | {lost} "
              f"| {row['mean_px']} | {row['max_px']} | {row['oks']} | {sure} "
              f"| {'; '.join(row['failed']) or 'passed'} |", flush=True)  # fmt: skip
    return rows


Measure = Callable[[str, Sequence[Precision], Path], list[dict[str, Any]]]


def tell(asked: Sequence[str], known: Iterable[str], measured: Measure) -> None:
    """Print a table of the networks and precisions that are asked for, all and w8a8 where none is, and a line of JSON
    with the machine."""
    precisions = [cast(Precision, one) for one in asked if one in PRECISIONS] or [cast(Precision, "w8a8")]
    names = [one for one in asked if one in known] or list(known)
    rows: list[dict[str, Any]] = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            rows += told(measured(name, precisions, Path(folder)))
    print(json.dumps({"machine": f"{platform.machine()}, {platform.system()}", "rows": rows}))


if __name__ == "__main__":
    tell(sys.argv[1:], FAMILIES, measured)
