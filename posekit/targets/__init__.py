"""From a source model to a model file: one lowering, one float base a target, and what is made of it."""

from posekit.targets.target import TARGETS, Base, Calibration, Converted, Layer, Target, check_recipe, file_bytes

__all__ = ["TARGETS", "Base", "Calibration", "Converted", "Layer", "Target", "check_recipe", "file_bytes"]
