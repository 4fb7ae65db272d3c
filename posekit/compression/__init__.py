"""Smaller within a budget: calibration, the search for a recipe, and the network itself."""
