"""The pictures that say how far a network's values reach: chosen, counted, and refused where they are plainly wrong."""

from posekit.calibration.choosing import LIMIT, CalibrationSet, choose
from posekit.calibration.facts import Coverage, Facts, Quantiles
from posekit.calibration.need import CALIBRATED, calibrates, is_sample, needed
from posekit.calibration.people import Seen, judge_people, look_for_people
from posekit.calibration.saturation import Saturation, saturation

__all__ = [
    "CALIBRATED",
    "LIMIT",
    "CalibrationSet",
    "Coverage",
    "Facts",
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
