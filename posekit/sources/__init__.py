"""Open a trained model's file safely, as the eager network that its training code ran."""

import os

# OpenMP threads that spin while they wait make torch some 40 times slower as soon as another process wants the cores
# (15 crops of the sample on two busy cores: 12 s against 0.3 s). Read when torch is first imported, so set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from posekit.sources.source import SourceModel, described, drafted, open_source, says_contract

__all__ = ["SourceModel", "described", "drafted", "open_source", "says_contract"]
