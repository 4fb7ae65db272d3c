"""posekit: a trained pose model in, an app's bundle and the proof of its keypoints out."""

__version__ = "0.1.0"
