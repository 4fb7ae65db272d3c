"""What a file says of itself, held against the contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.contract.drafts.fitting import is_probe
from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec


def check_facts(path: Path, facts: Mapping[str, Any], spec: PoseSpec) -> None:
    """InputError where a file says another number of keypoints than the contract, or an input that its network does
    not take; facts: of the file, as SourceModel has them."""
    if is_probe(spec):
        return  # which says nothing of the file
    shape = facts.get("kpt_shape")
    count = shape[0] if isinstance(shape, list | tuple) and shape else None
    if isinstance(count, int) and count != spec.keypoint_count:
        raise InputError(
            f"{path} says kpt_shape {list(shape or ())}, but the spec has {spec.keypoint_count} keypoints",
            "choose the skeleton that the model was trained with",
        )
    size_wh = " x ".join(map(str, spec.input.size_wh))
    largest = _largest(facts.get("stride"))
    if any(side % largest for side in spec.input.size_wh):
        raise InputError(
            f"input.size_wh is {size_wh}, but the coarsest level of {path} has a cell every {largest} px",
            f"set multiples of {largest}, such as "
            + " x ".join(str(max(round(side / largest), 1) * largest) for side in spec.input.size_wh),
        )
    fixed = facts.get("size_wh")
    if fixed is not None and tuple(fixed) != spec.input.size_wh:
        raise InputError(
            f"input.size_wh is {size_wh}, but {path} was exported for {' x '.join(map(str, fixed))}",
            "export it anew with the size that you want, or give the checkpoint that it was made from",
        )


def _largest(strides: Any) -> int:
    """The largest of whole strides; 1 where a file says none, or something else."""
    found = strides if isinstance(strides, list | tuple) else [strides]
    whole = [int(one) for one in found if isinstance(one, int | float) and one >= 1 and one == int(one)]
    return max(whole, default=1)
