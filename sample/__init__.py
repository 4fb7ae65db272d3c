"""What trained the sample networks and drew their pictures; posekit itself does not need it."""
