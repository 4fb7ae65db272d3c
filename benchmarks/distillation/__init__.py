"""What a larger network is worth to a small one that gives places in space, on rendered people."""
