"""A teacher: a network of the same contract, which the network to be compressed learns from."""

from __future__ import annotations

from posekit.compression.network.graph import Graph, batched, export_network
from posekit.compression.network.options import CompressOptions
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.sources import open_source

FIELDS = ("input", "decoder", "keypoints", "depth", "dense")  # of a contract, that pupil and teacher share


def teacher_of(
    wanted: CompressOptions, own: PoseSpec | None, spec: PoseSpec, names: tuple[str, ...], pupil: Graph, trust: bool
) -> tuple[Graph, str]:
    """The teacher as a graph, and the SHA-256 of its file.

    own: its contract, where it has one. InputError where that or its outputs are not those of `pupil`.
    """
    assert wanted.teacher is not None
    for field in FIELDS if own is not None else ():
        if getattr(own, field) != getattr(spec, field):
            raise InputError(
                f"the teacher's contract has another `{field}`, expected that of the network that it teaches",
                "a teacher looks at the same input and means the same by its outputs",
            )
    source = open_source(wanted.teacher, spec, arch=wanted.teacher_arch, trust=trust)
    graph, given = export_network(source, spec)
    theirs, ours = (_shapes(each, outputs, spec) for each, outputs in ((graph, given), (pupil, names)))
    if theirs != ours or given != names:
        raise InputError(
            f"the teacher gives {_said(theirs)}, the network that it teaches {_said(ours)}: expected the same"
        )
    return graph, source.sha256


def _shapes(graph: Graph, names: tuple[str, ...], spec: PoseSpec) -> dict[str, tuple[int, ...]]:
    import torch

    width, height = spec.input.size_wh
    with torch.no_grad():
        outputs = batched(graph, spec.input.size_wh)(torch.zeros(1, len(spec.input.mean), height, width))
    return {name: tuple(one.shape) for name, one in zip(names, outputs, strict=True)}


def _said(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in shapes.items())
