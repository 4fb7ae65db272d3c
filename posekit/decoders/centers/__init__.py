"""People of a map of their centres and offsets to their keypoints."""
