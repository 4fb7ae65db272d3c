"""From a source model to a model file: one lowering, one file a target."""

from posekit.targets.target import TARGETS, Converted, Target

__all__ = ["TARGETS", "Converted", "Target"]
