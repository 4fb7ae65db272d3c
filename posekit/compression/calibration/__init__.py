"""The pictures that say how far a network's values reach: chosen, counted, and refused where they are plainly wrong."""

from posekit.compression.calibration.choosing import LIMIT, CalibrationSet, choose
from posekit.compression.calibration.facts import CalibrationFacts, Coverage, Quantiles
from posekit.compression.calibration.need import CALIBRATED, calibrates, is_sample, needed
from posekit.compression.calibration.people import Seen, judge_people, look_for_people
from posekit.compression.calibration.saturation import Saturation, saturation

__all__ = [
    "CALIBRATED",
    "LIMIT",
    "CalibrationFacts",
    "CalibrationSet",
    "Coverage",
    "Quantiles",
    "Saturation",
    "Seen",
    "calibrates",
    "choose",
    "is_sample",
    "judge_people",
    "look_for_people",
    "needed",
    "saturation",
]
