"""The first steps of every run on a trained model: open it, run it, and bring it into one static graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.compression.calibration import choose, is_sample, judge_people, look_for_people, needed, saturation
from posekit.contract.outputs import check_outputs, decode
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.errors import ConversionError, InputError
from posekit.parity.cases import cases_of
from posekit.pipelines.inputs import Images
from posekit.poses import Poses
from posekit.progress import Progress, announced
from posekit.sources import SourceModel, open_source
from posekit.sources.reference import run_reference
from posekit.sources.sample import sample_images
from posekit.targets.kept import Start, starts_of

MOST_KNOWN = 16  # evaluation pictures in which people are looked for


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network that runs and depends on its picture, its contract, and what each platform's file is made from."""

    source: SourceModel
    spec: PoseSpec
    starts: Mapping[str, Start]

    @property
    def output_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of the packaged outputs by name, batch 1."""
        return next(iter(self.starts.values())).output_shapes


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Calibration inputs (H, W, 3) RGB 0-255, and what the report says of them, as plain values."""

    inputs: tuple[NDArray[np.float32], ...]
    facts: dict[str, Any]

    def settled(self, by_input: NDArray[np.float64] | None) -> dict[str, Any]:
        """The facts, with whether the ranges of activations still grow; by_input: (inputs, tensors, 2), if it is
        known."""
        if by_input is None:
            return self.facts
        found = saturation(by_input)
        told = () if found.is_settled else (f"{found.sentence}: more pictures would widen them",)
        return {**self.facts, "saturation": found.sentence, "warnings": (*self.facts["warnings"], *told)}


def prepare(
    model: Path,
    spec: PoseSpec,
    images: Images,
    step: Progress,
    *,
    platforms: tuple[str, ...],
    arch: str = "",
    trust: bool = False,
    weights: str = "",
) -> Prepared:
    """Open a model and bring it to where the platforms start from, after the checks that need the eager network alone;
    PosekitError names the step."""
    with announced(step, "open the model"):
        source = open_source(model, spec, arch=arch, trust=trust, weights=weights)
    with announced(step, "run the reference"):
        pixels, outputs = _referenced(source, spec, images)
    with announced(step, "export the network"):
        return Prepared(source, spec, starts_of(platforms, source, spec, pixels, outputs))


def calibrating(
    source: SourceModel,
    spec: PoseSpec,
    pictures: Path | None,
    annotations: Path | None,
    images: Images | None,
    what: str,
    step: Progress,
) -> Calibrated:
    """The calibration set of a precision (`what`) that needs one: of the pictures given, the sample's own for the
    sample.

    InputError where none are given, or they are plainly of the wrong kind: too few, blank, without anybody whom the
    network sees though it sees people in the annotated evaluation pictures.
    """
    if pictures is None:
        if annotations is not None:
            raise InputError("--calibration-annotations needs --calibration, the folder of its pictures")
        if not is_sample(source.sha256):
            raise needed(what)
        pictures, annotations = sample_images()
    with announced(step, "choose calibration pictures"):
        chosen = choose(pictures, spec, annotations=annotations, step=step)

        def look(pixels: NDArray[np.float32]) -> Poses:
            return decode(run_reference(source, spec, pixels), spec)

        seen = look_for_people(look, chosen.inputs)
        photos = () if images is None else images.photos[:MOST_KNOWN]
        known = [case.pixels for photo in photos if photo.people for case in cases_of(photo, spec)]
        doubt = judge_people(seen, look_for_people(look, known) if known else None)
    warnings = (*chosen.facts.warnings, *([doubt] if doubt else []))
    return Calibrated(
        chosen.inputs, {**chosen.facts.model_dump(mode="json"), "seen": seen.sentence, "warnings": warnings}
    )


def _referenced(source: SourceModel, spec: PoseSpec, images: Images) -> tuple[NDArray[np.float32], Outputs]:
    """An input and the network's outputs for it, after the checks that need the eager network alone."""
    pixels = cases_of(images.photos[0], spec)[0].pixels
    outputs = run_reference(source, spec, pixels)
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    again, other = run_reference(source, spec, pixels), run_reference(source, spec, 255 - pixels)
    for name in outputs:
        if not np.isfinite(outputs[name]).all():
            raise ConversionError(f"the network's own output {name!r} is not finite", "check mean, std and the weights")
        if not np.array_equal(outputs[name], again[name]):
            raise InputError(
                f"the network gives another {name!r} each time for the same picture",
                "are layers created inside forward(), or dropout left on? Make them in __init__ and call eval()",
            )
        is_flat = outputs[name].size > 1 and np.ptp(outputs[name]) == 0  # a single number is always flat
        if name in spec.outputs_read and (np.array_equal(outputs[name], other[name]) or is_flat):
            raise InputError(
                f"the network's output {name!r} is constant: it does not depend on the picture",
                "were the weights loaded, and do mean and std fit the training?",
            )
    return pixels, outputs
