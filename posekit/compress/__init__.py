"""Make the network itself smaller, on the torch side and without labels: the result is an ordinary model."""

from posekit.compress.asked import Wanted
from posekit.compress.compressing import compress
from posekit.compress.result import Agreement, Change, Compressed

__all__ = ["Agreement", "Change", "Compressed", "Wanted", "compress"]
