"""What is said of a model beside its weights: spec, skeletons, presets, precisions, recipe."""
