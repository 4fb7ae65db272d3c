"""All files of a network: made where they are not there yet, since conversions take longer than measuring."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.peers import cases, environment, ours, ultralytics
from benchmarks.peers.convert import PRECISIONS, recipe_of
from benchmarks.peers.environment import CONSTRAINTS, HOME, REQUIREMENTS, digest
from benchmarks.peers.kinds import Made

LONGEST = 1800.0  # seconds of one conversion; most take one or two minutes


def folder_of(case: cases.Case) -> Path:
    """The network's folder, with what the peers need to convert it."""
    made_by = [REQUIREMENTS.read_bytes(), CONSTRAINTS.read_bytes(), inspect.getsource(cases.Case).encode()]
    folder = HOME / "files" / f"{case.name}-{digest(case.key, *made_by)}"
    if not (folder / "expected.npz").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        case.write(folder)
    return folder


def peers_of(case: cases.Case, step: Callable[[str], None]) -> list[tuple[Path, Made]]:
    """The files of the peers that convert every network, each with the folder that it is in."""
    folder, found = folder_of(case), []
    for peer in ["onnx", *PRECISIONS]:
        where = folder / peer
        made = _made(where, digest(recipe_of(peer)), partial(_converted, peer, case.name, where), case.name, step)
        found += [(where, one) for one in made if peer != "onnx"]
    return found


def files_of(case: cases.Case, step: Callable[[str], None]) -> tuple[Path, list[tuple[Path, Made]]]:
    """The network's folder, and each file with the folder that it is in; ours come first."""
    folder = folder_of(case)
    at = folder / "posekit"
    found = [(at, made) for made in _made(at, ours.key(), lambda: ours.make(case, at), case.name, step)]
    found += peers_of(case, step)
    if case.name == ultralytics.NETWORK:
        where = folder / "ultralytics"
        found += [
            (where, one) for one in _made(where, ultralytics.key(), partial(ultralytics.make, where), case.name, step)
        ]
    return folder, [*found, (folder, Made("torch", "fp32", "network.pt2"))]


def _made(at: Path, key: str, make: Callable[[], list[Made]], name: str, step: Callable[[str], None]) -> list[Made]:
    """What is in a tool's folder, made now unless it was made whole before, of the same `key`."""
    done = at / f"{key}.json"
    if not done.is_file():
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir(parents=True)
        step(f"convert {name} with {at.name}")
        done.write_text(json.dumps([one.as_json() for one in make()]))
    return [Made(**one) for one in json.loads(done.read_text())]


def _converted(peer: str, name: str, at: Path) -> list[Made]:
    """What a peer made of the network; a crash leaves what it had made, and says so of the rest."""
    failed = environment.run("convert", peer, name, at.parent, log=at / "log", seconds=LONGEST)
    made = at / "made.json"
    found = [Made(**one) for one in json.loads(made.read_text())] if made.is_file() else []
    there = {one.precision for one in found}
    return found + [Made(peer, one, failed=failed) for one in PRECISIONS.get(peer, ()) if one not in there]  # type: ignore[arg-type]


def bytes_of(path: Path) -> int:
    """Of a file, with the weights that ONNX keeps beside it."""
    beside = path.with_name(f"{path.name}.data")
    return path.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)
