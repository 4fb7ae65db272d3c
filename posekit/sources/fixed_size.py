"""The size of the picture that a file's network was exported for."""

from __future__ import annotations

from posekit.sources.source import SourceModel


def fixed_size_wh(source: SourceModel) -> tuple[int, int] | None:
    """Width and height in px that the file itself fixes; None where its network takes any, or says nothing."""
    said = source.facts.get("size_wh")
    if isinstance(said, list | tuple) and len(said) == 2:
        return int(said[0]), int(said[1])
    nodes = getattr(getattr(source.module, "graph", None), "nodes", ())
    for node in () if callable(nodes) else nodes:  # TorchScript's graph tells no sizes
        shape = tuple(getattr(node.meta.get("val"), "shape", ())) if node.op == "placeholder" else ()
        if len(shape) == 4 and shape[1] in (1, 3) and all(type(side) is int for side in shape[2:]):
            return int(shape[3]), int(shape[2])
    return None
