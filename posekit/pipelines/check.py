"""The contract of a model file, checked on the user's pictures and against the training code's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posekit.contract.spec import PoseSpec
from posekit.parity.contract.check import ContractCheck, check, network_of
from posekit.parity.contract.contract import ContractStep, contract_step
from posekit.parity.predictions import read_predictions
from posekit.poses.images import Photo
from posekit.progress import Progress, announced, silent
from posekit.sources import SourceModel, open_source


@dataclass(frozen=True, slots=True)
class Checked:
    """What the pictures say of the contract, and what the training code's predictions say, where they are given."""

    check: ContractCheck
    contract: ContractStep | None

    @property
    def is_judged(self) -> bool:
        """Whether anything could be said of the contract at all."""
        return bool(self.check.judged) or self.contract is not None

    @property
    def is_good(self) -> bool:
        """Whether something could be judged, and nothing looks wrong."""
        return self.is_judged and not self.check.looks_wrong and (self.contract is None or self.contract.is_good)


def check_model(
    model: Path,
    spec: PoseSpec,
    photos: tuple[Photo, ...],
    *,
    reference: Path | None = None,
    arch: str = "",
    trust: bool = False,
    weights: str = "",
    step: Progress = silent,
) -> Checked:
    """Open a model and check its contract; reference: COCO keypoint results or .npz of the training code."""
    with announced(step, "open the model"):
        source = open_source(model, spec, arch=arch, trust=trust, weights=weights)
    contract = None
    if reference is not None:
        with announced(step, "compare with the training code"):
            contract = step_of(source, spec, photos, reference)
    with announced(step, "try the alternatives"):
        return Checked(check(source, spec, photos, step=step), contract)


def step_of(source: SourceModel, spec: PoseSpec, photos: tuple[Photo, ...], reference: Path) -> ContractStep:
    """The waterfall's first step: the eager network under `spec` against the training code's own predictions."""
    return contract_step(network_of(source), spec, photos, read_predictions(reference, photos, spec))
