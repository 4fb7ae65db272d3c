"""PoseNet's heads: heatmaps, offsets and displacements."""
