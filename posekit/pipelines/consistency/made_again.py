"""The model file converted again from the network by the bundle's recipe: the same bytes, and the same share of the
error."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posekit import bundle
from posekit.contract import recipe
from posekit.contract.outputs import Run
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import PosekitError, version_of
from posekit.parity.gate import Check, Outcome
from posekit.pipelines.consistency.bundle_report import BundleReport, shares
from posekit.pipelines.consistency.evidence import Recordings
from posekit.pipelines.consistency.finding import differing, judged
from posekit.pipelines.preparation import Calibrated
from posekit.runtimes import runtime_for
from posekit.targets import TARGETS, Calibration, Converted, ranges
from posekit.targets.kept import Start

NAME = "the model file is what the network becomes"
PICTURES = "the ranges of activations are those of the calibration pictures"
CLOSE = 1e-4  # of the larger end: processors differ in the last digits
SHARES = "conversion and precision share the error as the report says"


def checks(
    opened: bundle.Bundle,
    told: BundleReport,
    evidence: Recordings,
    start: Start,
    run: Run,
    calibrated: Calibrated | None,
) -> tuple[Check, ...]:
    """The file converted again and compared byte for byte, layers, route and notes with the report; then the figures
    before and after compression, and the ranges of activations, measured again. run: of the bundle's model."""
    made = recipe.read(opened.folder / recipe.FILE)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            again = _convert(opened, made, start, Path(scratch), calibrated)
        except PosekitError as error:
            return (Check(NAME, Outcome.SKIPPED, f"it cannot be converted here: {error.message}"),)
        same = bundle.file_hash(again.converted.path) == bundle.file_hash(opened.model_path)
        layers = list(_otherwise(told, made, again.converted))
        other = sorted(name for name, was in told.facts.tools.items() if version_of(name) != was)
        if same:
            one = judged(NAME, layers, "converted again, byte for byte")
        elif other:
            why = f"another version of {', '.join(other)} is installed, whose files may differ"
            one = Check(NAME, Outcome.SKIPPED, why)
        else:
            one = judged(NAME, ["converted again by its recipe it is another file", *layers], "")
        pictures = (
            ()
            if calibrated is None
            else (
                judged(
                    PICTURES, list(_pictures(opened, told, again, calibrated)), "chosen again, and their ranges read"
                ),
            )
        )
        if again.baseline is None or not same:
            return (one, *pictures)
        baseline = runtime_for(opened.platform, again.baseline.path).run
        return (one, *pictures, shares(SHARES, opened, told, evidence, run, baseline))


@dataclass(frozen=True, slots=True)
class _Again:
    """The file, the same at fp32 where it is something else, and the ranges of activations over the pictures given."""

    converted: Converted
    baseline: Converted | None
    ranges: Calibration | None


def _convert(opened: bundle.Bundle, made: Recipe, start: Start, scratch: Path, calibrated: Calibrated | None) -> _Again:
    target, spec, log = TARGETS[opened.platform], opened.spec, scratch / "convert.log"
    work, path, plain = scratch / "base", scratch / opened.model_path.name, scratch / "fp32" / opened.model_path.name
    work.mkdir()
    plain.parent.mkdir()
    target.require()
    calibration = ranges.read(opened.folder / ranges.FILE) if made.calibrates else Calibration()
    base = target.base(replace(start, without=made.without), work, log)
    converted = target.compress(base, spec, made, calibration, path, log)
    found = None if calibrated is None else target.calibrate(base, calibrated.inputs)
    if made.name == "fp32":
        return _Again(converted, None, found)
    return _Again(converted, target.compress(base, spec, uniform("fp32"), Calibration(), plain, log), found)


def _pictures(opened: bundle.Bundle, told: BundleReport, again: _Again, calibrated: Calibrated) -> Iterator[str]:
    """Where the bundle's calibration is not that of these pictures."""
    if again.ranges is None:
        return
    seen, expected = told.document["calibration"], calibrated.settled(again.ranges.by_input)
    for key in sorted(set(seen) | set(expected)):
        if key != "warnings":
            yield from differing(f"the report's {key} of the calibration pictures", seen.get(key), expected.get(key))
    missing = [one for one in expected["warnings"] if one not in seen.get("warnings", ())]
    yield from (f"the report does not warn of the calibration pictures: {one}" for one in missing)
    if not (opened.folder / ranges.FILE).exists():
        return
    stored = ranges.read(opened.folder / ranges.FILE)
    theirs, ours = stored.ranges, again.ranges.ranges
    yield from differing("the list of ranges", sorted(theirs), sorted(ours))
    for name in theirs.keys() & ours.keys():
        if not np.allclose(theirs[name], ours[name], rtol=0, atol=CLOSE * max(map(abs, ours[name]))):
            yield f"ranges of {name} are {theirs[name]}, the pictures give {ours[name]}"
    for name in stored.lost.keys() | again.ranges.lost.keys():
        theirs_of, ours_of = stored.lost.get(name), again.ranges.lost.get(name)
        if theirs_of is None or ours_of is None or abs(theirs_of - ours_of) > CLOSE:
            yield f"what 8 bits lose of {name} is {theirs_of}, the pictures give {ours_of}"


def _otherwise(told: BundleReport, made: Recipe, again: Converted) -> Iterator[str]:
    """Where the report's layers, route and notes are not those of the file made again."""
    yield from differing("the report's layers", list(told.document["layers"]), [one.as_json() for one in again.layers])
    yield from differing("the report's route", told.facts.route, again.route)
    yield from differing("the report's rewrites", told.facts.rewrites, dict(again.rewrites))
    notes = (
        told.facts.notes[: len(again.notes)] if made.budget else told.facts.notes
    )  # a search has its own behind them
    yield from differing("the report's notes", notes, tuple(again.notes))
