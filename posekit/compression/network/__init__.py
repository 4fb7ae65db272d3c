"""Make the network itself smaller, on the torch side and without labels: the result is an ordinary model."""

from posekit.compression.network.asked import Wanted
from posekit.compression.network.result import Agreement, Change, Compressed
from posekit.pipelines.compress import compress

__all__ = ["Agreement", "Change", "Compressed", "Wanted", "compress"]
