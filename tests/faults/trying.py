"""Plant faults in bundles of a small network, and tell which of them validate does not see."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.faults.planting import planted

COMPRESSED = (
    ("android", "fp16"), ("android", "w8"), ("android", "w8a8"), ("android", "w4"),
    ("ios", "fp16"), ("ios", "w8"), ("ios", "pal4"), ("ios", "w8a8"),
)  # fmt: skip


def passes(folder: Path, source: Path | None = None, calibration: Path | None = None) -> bool:
    """Whether validate takes a bundle for good; a refusal is none. source: the network, whose spec lies beside it."""
    from posekit.errors import PosekitError
    from posekit.pipelines.validate import validate
    from posekit.pipelines.validate_options import ValidateOptions

    try:
        return validate(folder, ValidateOptions(source=source, calibration=calibration)).evaluation.is_good
    except PosekitError:
        return False


@dataclass
class Tally:
    """Faults that pass, those that the network alone tells, and how many of each kind were planted."""

    unseen: list[str] = field(default_factory=list)
    by_source: list[str] = field(default_factory=list)
    planted: Counter[str] = field(default_factory=Counter)


def tried(bundles: Sequence[Path], source: Path, seeds: Iterable[int]) -> Tally:
    """Plant each fault in a fresh copy of a bundle, of each in turn; what passes is validated again with the
    network."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch, converted_once():
        for number, seed in enumerate(seeds):
            of = bundles[number % len(bundles)]
            folder = Path(shutil.copytree(of, Path(scratch) / of.name))
            said = planted(folder, seed)
            tally.planted[said.partition(":")[0]] += 1
            if passes(folder):
                precision = of.parent.name
                calibration = source.parent / "calibration" if precision in ("w8a8",) else None
                seen = tally.unseen if passes(folder, source, calibration) else tally.by_source
                seen.append(f"{seed}, {said} ({of.name}, {precision})")
            shutil.rmtree(folder)
    return tally


@contextlib.contextmanager
def converted_once() -> Iterator[None]:
    """The float conversion of the same network is kept: it takes seconds, and every bundle and fault needs the same."""
    from posekit.pipelines import making
    from posekit.pipelines.consistency import made_again

    kept: dict[tuple[str, str], Any] = {}
    real = made_again.TARGETS
    with tempfile.TemporaryDirectory() as scratch:

        def caching(target: Any) -> Any:
            def base(lowered: Any, folder: Path, log: Path) -> Any:
                key = (target.platform, str(tuple(lowered.output_shapes.items())) + str(lowered.graph.code))
                if key not in kept:
                    place = Path(scratch) / f"{len(kept)}"
                    place.mkdir()
                    kept[key] = target.base(lowered, place, log)
                return kept[key]

            return replace(target, base=base)

        made_again.TARGETS = making.TARGETS = {name: caching(target) for name, target in real.items()}
        try:
            yield
        finally:
            made_again.TARGETS = making.TARGETS = real


def made(folder: Path, network: str = "build") -> tuple[Path, list[Path]]:
    """A small network, its spec beside it, and its fp32 bundles for both platforms."""
    from posekit.pipelines import inputs, package

    source = saved(folder, network)
    contract = inputs.find_spec(source, "")
    pictures = inputs.find_images(folder / "images", None, contract)
    return source, [one.folder for one in package.package(source, "all", contract, pictures, out=folder / "fp32")]


def made_small(folder: Path, wanted: Sequence[tuple[str, str]] = COMPRESSED) -> tuple[Path, list[Path]]:
    """A network large enough that compressing it saves room, its spec beside it, and a bundle of each precision."""
    from posekit.compression.settings import asked
    from posekit.pipelines import inputs, package

    source = saved(folder, "build_wider")
    contract = inputs.find_spec(source, "")
    pictures = inputs.find_images(folder / "images", None, contract)
    found = []
    with converted_once():
        for platform, precision in wanted:
            calibration = folder / "calibration" if precision == "w8a8" else None
            (one,) = package.package(
                source, platform, contract, pictures, compression=asked(precision, calibration=calibration),
                out=folder / precision,
            )  # fmt: skip
            assert one.evaluation.is_good, (platform, precision, one.evaluation.checks)
            found.append(one.folder)
    return source, found


def saved(folder: Path, network: str) -> Path:
    """The network as tiny.pt2, with tiny.toml, pictures and calibration pictures beside it."""
    from tests.conftest import NETWORKS, SPEC, Tiny, write_pictures

    (folder / "tinynet.py").write_text(NETWORKS)
    (folder / "tiny.toml").write_text(SPEC)
    write_pictures(folder / "images")
    (folder / "calibration").mkdir()
    for seed in range(6):
        pixels = np.random.default_rng(seed + 1).integers(0, 256, (12, 9, 3), np.uint8)
        Image.fromarray(pixels).resize((60, 80), Image.Resampling.BICUBIC).save(folder / "calibration" / f"{seed}.png")
    if "tinynet" not in sys.modules:
        sys.path.insert(0, str(folder))
    code = importlib.import_module("tinynet")
    return Tiny(folder, code, getattr(code, network)()).save("exported").rename(folder / "tiny.pt2")
