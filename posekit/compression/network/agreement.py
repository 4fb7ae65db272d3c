"""How far a network's keypoints are from the original's, on pictures that neither was shown to learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.compression.network.graph import Batched
from posekit.compression.network.result import Agreement
from posekit.compression.network.views import Pixels, Run
from posekit.contract.outputs import packaged
from posekit.contract.spec import PoseSpec
from posekit.parity.cases import Case, found_in
from posekit.parity.matching import aligned
from posekit.parity.metrics import Found, compare_keypoints
from posekit.parity.quality import quality_of
from posekit.sources.reference import normalised

AT_ONCE = 16
UNSURE = 20  # percent of the original's keypoints, those of the lowest scores, are no keypoints to agree about


def runner(network: Batched, names: Sequence[str], spec: PoseSpec) -> Run:
    """The network on pixels (N, H, W, 3) as the contract makes them; outputs of each with a batch axis of 1."""
    import torch

    def run(pixels: Pixels) -> list[Mapping[str, NDArray[Any]]]:
        with torch.no_grad():
            outputs = network(as_tensor(pixels, spec))[: len(names)]
        return [
            {name: packaged(name, values[i : i + 1].numpy(), spec) for name, values in zip(names, outputs, strict=True)}
            for i in range(len(pixels))
        ]

    return run


def as_tensor(pixels: Pixels, spec: PoseSpec) -> Any:
    """The tensor (N, C, H, W) that the network takes, of pixels (N, H, W, 3) RGB 0-255; laid out channels last."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(normalised(spec, pixels), np.float32)).permute(0, 3, 1, 2)


def keypoints_on(cases: Sequence[Case], run: Run, spec: PoseSpec) -> list[Found]:
    """The keypoints of each case."""
    return [found_in(case, outputs, spec) for case, outputs in zip(cases, _outputs(cases, run), strict=True)]


def _outputs(cases: Sequence[Case], run: Run) -> Iterator[Mapping[str, NDArray[Any]]]:
    for start in range(0, len(cases), AT_ONCE):
        yield from run(np.stack([case.pixels for case in cases[start : start + AT_ONCE]]))


def agreement(seen: Sequence[Found], expected: Sequence[Found], spec: PoseSpec) -> Agreement:
    """Compare person by person with the original, of whose keypoints those count that it is sure of; who is on one side
    alone counts as nothing alike. The original finds somebody."""
    names, sigmas, least = spec.keypoints.names, spec.keypoints.oks_sigmas, spec.gate.min_score
    if least is None:
        least = float(np.percentile(np.concatenate([found.scores for found in expected]), UNSURE))
    pairs, theirs, people = aligned(seen, expected, sigmas, one_each=not spec.has_several)
    is_there = any(len(found.keypoints) for found in theirs)
    error = compare_keypoints(pairs, theirs, names, sigmas, least) if is_there else None
    found = quality_of(error, None, None, people if spec.has_several else None)
    assert found is not None
    lost = len(people.missed) + len(people.invented) if spec.has_several else 0
    return Agreement(found.oks, found.mean_px, found.p95_px, found.people, lost)
