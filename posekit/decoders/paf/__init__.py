"""Part affinity fields: maps of keypoints and of the limbs between them."""
