"""Sets that are too small or plainly wrong are refused; thin ones are warned about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posekit.compression.calibration.entries import Description
from posekit.compression.calibration.facts import CalibrationFacts
from posekit.compression.calibration.pictures import Pictures
from posekit.errors import InputError

LEAST = 4  # different inputs
ENOUGH = 32
FLAT = 2.0  # levels of contrast: jpeg of a single colour has less than 1
GRAINY = 0.75  # of the contrast lost in the cells: renders and photographs lose 0.1 to 0.5, pixel noise 0.9
TINY = 4.0  # input px a source px: an icon
COARSE = 2.0  # input px a source px: warned about
NEARLY_ALL = 0.8  # of the inputs
DARK, BRIGHT = 40.0, 215.0  # levels of 255
PALE = 15.0  # levels of contrast
HINT = "give pictures of people such as the app will see, from many scenes"


def is_blank(one: Description) -> bool:
    """Whether an input hardly differs from one colour."""
    return one.contrast < FLAT


def is_noise(one: Description) -> bool:
    """Whether an input's contrast is between neighbouring pixels only."""
    return not is_blank(one) and one.grain > GRAINY


def refuse_wrong(
    pictures: Pictures, found: Sequence[Description], different: Sequence[Description], error: str
) -> None:
    """InputError where nothing can be read, and for blank pictures, noise, icons, and too few different inputs.

    found: every input; different: those that are neither blank nor noise nor the same as another. error: why the first
    unreadable picture is not read.
    """
    where = pictures.where
    if not found:
        raise InputError(f"none of the {len(pictures.names)} pictures in {where} can be read: {error or 'no frame'}")
    for test, what in (
        (is_blank, "blank, with a contrast below 2 levels of 255"),
        (is_noise, "noise, without anything larger than a pixel"),
        (_is_tiny, f"icons, with less than a px for {TINY:.0f} x {TINY:.0f} px of the network's input"),
    ):
        count = sum(map(test, found))
        if count >= NEARLY_ALL * len(found):
            raise InputError(f"{count} of {len(found)} calibration inputs from {where} are {what}", HINT)
    if len(different) < LEAST:
        raise InputError(
            f"{len(found)} calibration inputs from {where} hold {len(different)} that differ, expected at least "
            f"{LEAST}",
            HINT,
        )


def _is_tiny(one: Description) -> bool:
    return one.upsampling > TINY


def warnings_of(facts: CalibrationFacts, chosen: Sequence[Description], kind: str) -> tuple[str, ...]:
    """What is thin about a set that is taken, in sentences; kind: of the model."""
    cover, count = facts.coverage, facts.chosen
    scales = [one.region_px for one in chosen]
    checks = (
        (count < ENOUGH, f"{count} calibration inputs are few, {ENOUGH} or more are better"),
        (
            facts.readable < facts.looked_at,
            f"{facts.looked_at - facts.readable} of {facts.looked_at} calibration pictures cannot be read",
        ),
        (
            facts.source == "folder" and 2 * facts.duplicates > facts.inputs,
            f"{facts.duplicates} of {facts.inputs} calibration inputs look like another one",
        ),
        (facts.blank + facts.noise > 0, f"{facts.blank} blank and {facts.noise} noisy calibration inputs are left out"),
        (
            cover.brightness.p75 < DARK,
            f"the calibration inputs are dark: three quarters have a mean below {DARK:.0f} of 255",
        ),
        (
            cover.brightness.p25 > BRIGHT,
            f"the calibration inputs are bright: three quarters have a mean above {BRIGHT:.0f} of 255",
        ),
        (
            cover.contrast.p75 < PALE,
            f"the calibration inputs are pale: three quarters have a contrast below {PALE:.0f} of 255",
        ),
        (
            cover.upsampling.median > COARSE,
            f"the calibration inputs are coarse: half have a px for {COARSE:.0f} x {COARSE:.0f} px of the input or "
            "less",
        ),
        (
            facts.is_annotated and kind == "top_down" and float(np.ptp(np.log(scales))) < np.log(1.25),
            "the calibration people are all of one size",
        ),
        (
            kind == "top_down" and not facts.is_annotated,
            "without --calibration-annotations the calibration inputs are whole pictures, and the app will show the "
            "network one person in a box",
        ),
        (
            facts.source != "folder",
            "the calibration inputs are frames of one video: one scene, its light and its people",
        ),
        (
            facts.source == "folder" and cover.pictures < LEAST,
            f"the calibration inputs come from {cover.pictures} pictures",
        ),
    )
    return tuple(sentence for is_so, sentence in checks if is_so)
