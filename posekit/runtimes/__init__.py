"""What runs a packaged model on this machine."""
