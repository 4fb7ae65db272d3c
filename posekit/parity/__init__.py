"""How far a packaged model's keypoints are from the reference's, stage by stage, and whether that is good enough."""
