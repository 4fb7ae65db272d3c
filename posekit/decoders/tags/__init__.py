"""Associative embedding: maps of keypoints and of tags that say whose each is."""
