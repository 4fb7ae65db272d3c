"""Open a trained model's file safely, as the eager network that its training code ran."""

from posekit.sources.source import SourceModel, open_source

__all__ = ["SourceModel", "open_source"]
