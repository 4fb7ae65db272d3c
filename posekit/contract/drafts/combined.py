"""UDP's combined maps, as MMPose and UDP-Pose's own code train and read them: each blurs and multiplies otherwise.

Facts of MMPose 1.3's codecs/udp_heatmap.py, MMPose 0.29's core/evaluation/top_down_eval.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.literals import ABSENT, Unread, at

RADIUS, KERNEL = 0.0546875, 11  # MMPose's, where nothing is said


def say_codec(draft: Drafting, codec: Mapping[str, Any]) -> None:
    """Of the codec UDPHeatmap: offsets as they are, times a part of the longer side."""
    sides, kernel = codec.get("heatmap_size", ABSENT), codec.get("blur_kernel_size", KERNEL)
    factor = _part_of(codec.get("radius_factor", RADIUS), sides, max, "heatmap_size")
    say_combined(draft, "UDPHeatmap's heatmap_type = 'combined'", "UDPHeatmap", factor, (_wide(kernel), 1))


def say_test_cfg(draft: Drafting, test_cfg: Any, sides: Any) -> None:
    """Of MMPose 0.x's CombinedTarget: offsets are blurred too, and multiplied by a part of the height."""
    kernel, radius = at(test_cfg, "modulate_kernel"), at(test_cfg, "valid_radius_factor")
    kernel, radius = KERNEL if kernel is ABSENT else kernel, RADIUS if radius is ABSENT else radius
    factor = _part_of(radius, sides, lambda both: both[1], "data_cfg.heatmap_size")
    say_combined(draft, "test_cfg.target_type = 'CombinedTarget'", "use_udp", factor, (_wide(kernel), kernel))


def say_combined(draft: Drafting, kind: str, source: str, factor: Any, kernels: tuple[Any, Any]) -> None:
    """UDP's combined maps: heat, x and y of each keypoint in turn, and what heat and offsets are blurred by."""
    draft.say("decoder.kind", "offset_map", kind)
    for first, role in enumerate(("heat", "x", "y")):
        draft.say(f"decoder.{role}.first", first, f"{source}: heat, x and y of each keypoint in turn")
        draft.say(f"decoder.{role}.step", 3, f"{source}: heat, x and y of each keypoint in turn")
    draft.say("decoder.unit", "cells", f"{source} adds offsets to cells")
    draft.say("decoder.factor", factor, f"{source} multiplies offsets by it")
    draft.say("decoder.alignment", "corners", source)
    for name, kernel in zip(("decoder.blur_kernel", "decoder.offset_blur_kernel"), kernels, strict=True):
        draft.say(name, kernel, f"{source} blurs so")
    draft.say("decoder.activation", "none", f"{source} takes a map's maximum as the score")


def _part_of(part: Any, sides: Any, side: Any, name: str) -> Any:
    if isinstance(sides, Unread) or isinstance(part, Unread):
        return sides if isinstance(sides, Unread) else part
    if not numbers(sides, 2) or not numbers([part], 1):
        return Unread(f"{name} is not said")
    return round(part * side(sides), 6)


def _wide(kernel: Any) -> Any:
    return 2 * kernel + 1 if isinstance(kernel, int) else kernel
