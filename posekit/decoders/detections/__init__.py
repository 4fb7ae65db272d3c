"""Heads that give people as candidates: boxes, scores and keypoints."""
