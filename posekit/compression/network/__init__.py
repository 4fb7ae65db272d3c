"""Make the network itself smaller, on the torch side and without labels: the result is an ordinary model."""

from posekit.compression.network.asked import Wanted
from posekit.compression.network.result import Agreement, Change, Compressed

__all__ = ["Agreement", "Change", "Compressed", "Wanted"]
