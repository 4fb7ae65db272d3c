"""How far a packaged model's keypoints are from the reference's, step by step, and whether that is good enough."""
