"""TFLite files of anybody's as sources: run by LiteRT, kept on Android, and as a PyTorch module for everything else."""
