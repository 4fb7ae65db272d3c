"""Make the network itself smaller, on the torch side and without labels: the result is an ordinary model."""

from posekit.compression.network.options import CompressOptions
from posekit.compression.network.result import Agreement, Compressed, LayerChange

__all__ = ["Agreement", "CompressOptions", "Compressed", "LayerChange"]
