"""TensorFlow's files as sources: SavedModels, Keras models and frozen graphs, run by TensorFlow."""
