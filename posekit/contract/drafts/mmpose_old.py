"""Contracts of networks that MMPose 0.x trained: Lite-HRNet, HRFormer and many others keep its form.

Facts of MMPose 0.29: datasets/pipelines, core/evaluation/top_down_eval.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft
from posekit.contract.drafts.combined import say_test_cfg
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.literals import ABSENT, Unread, at
from posekit.contract.drafts.mmpose_datasets import say_info, say_type
from posekit.errors import InputError

ESTIMATOR = "TopDown"
PADDING = 1.25


def is_theirs(kind: str, model: Any) -> bool:
    """Whether a model is one of 0.x."""
    return kind == ESTIMATOR or (isinstance(model, Mapping) and "keypoint_head" in model)


def read(config: Mapping[str, Any], path: Path, draft: Drafting) -> Draft:
    """The contract; InputError for another estimator than the top-down one, or a head that posekit cannot decode."""
    model, data = at(config, "model"), at(config, "data")
    kind, head = at(model, "type"), at(model, "keypoint_head", "type")
    if kind != ESTIMATOR:
        raise InputError(
            f"{path} is of a {kind} of MMPose 0.x: expected {ESTIMATOR}", "for others write a spec: docs/spec.md"
        )
    test_cfg = at(model, "test_cfg")
    dataset = next((one for name in ("test", "val") if (one := at(data, name)) is not ABSENT), ABSENT)
    steps = at(dataset, "pipeline")
    udp = next(
        (
            value
            for value in (at(test_cfg, "use_udp"), at(_step(steps, "TopDownAffine"), "use_udp"))
            if value is not ABSENT
        ),
        False,
    )
    size = at(dataset, "data_cfg", "image_size")
    size = at(config, "data_cfg", "image_size") if size is ABSENT else size
    if size is ABSENT:
        draft.ask("input.size_wh", "width and height of the input: no data_cfg says image_size")
    else:
        draft.say("input.size_wh", [size, size] if isinstance(size, int) else size, "data_cfg.image_size")
    _say_picture(draft, steps, udp)
    map_wh = at(dataset, "data_cfg", "heatmap_size")
    map_wh = at(config, "data_cfg", "heatmap_size") if map_wh is ABSENT else map_wh
    _say_decoder(draft, at(head), test_cfg, udp, map_wh, path)
    count = at(model, "keypoint_head", "out_channels")
    info = at(dataset, "dataset_info")
    if isinstance(info, Mapping) and "keypoint_info" in info:
        say_info(draft, info, "dataset_info", count)
    else:
        say_type(draft, at(dataset, "type"), count)
    draft.say("kind", "top_down", f"model.type = {kind!r}")
    return draft.draft(f"a {kind} of MMPose 0.x with {head}")


def _step(steps: Any, *kinds: str) -> Any:
    if not isinstance(steps, list | tuple):
        return steps
    return next((step for step in steps if at(step, "type") in kinds), ABSENT)


def _say_picture(draft: Drafting, steps: Any, udp: Any) -> None:
    loader, normalize = _step(steps, "LoadImageFromFile"), _step(steps, "NormalizeTensor")
    order = at(loader, "channel_order")
    draft.choose("input.color_order", "rgb" if order is ABSENT and isinstance(loader, Mapping) else order,
                 {"rgb": "rgb", "bgr": "bgr"}, "LoadImageFromFile's channel_order")  # fmt: skip
    for name in ("mean", "std"):
        value = at(normalize, name)
        if numbers(value, 3):
            draft.say(f"input.{name}", [round(one * 255, 6) for one in value], f"NormalizeTensor's {name}, times 255")
        elif isinstance(value, Unread):
            draft.say(f"input.{name}", value, f"NormalizeTensor's {name}")
        else:
            draft.ask(f"input.{name}", f"three numbers in 0-255 units: the test pipeline says no {name}")
    draft.say("input.resize", "affine_crop", "MMPose's TopDownAffine")
    padding = at(_step(steps, "TopDownGetBboxCenterScale"), "padding")
    source = "TopDownGetBboxCenterScale's padding" if padding is not ABSENT else "MMPose 0.x, where nothing is said"
    draft.say("input.box_padding", PADDING if padding is ABSENT else padding, source)
    draft.say("input.pad_value", 0, "MMPose's TopDownAffine leaves black what is outside the picture")
    draft.say("input.sampling", "bilinear", "cv2.warpAffine")
    draft.choose("input.alignment", udp, {False: "index", True: "corners"}, "use_udp")


def _say_decoder(draft: Drafting, head: Any, test_cfg: Any, udp: Any, map_wh: Any, path: Path) -> None:
    if isinstance(head, str) and "Regression" in head:
        draft.say("decoder.kind", "regression", f"keypoint_head.type = {head!r}")
        draft.say("decoder.fields", ["x", "y"], f"the rows of a {head}")
        draft.say("decoder.range", "unit", "MMPose multiplies by the input's size")
        return
    if not isinstance(head, str) or ("Heatmap" not in head and "Simple" not in head):
        shown = head.where if isinstance(head, Unread) else head if isinstance(head, str) else "not said"
        raise InputError(
            f"{path}: the keypoint_head is {shown}, expected one of heatmaps or of regression", "docs/spec.md"
        )
    target = at(test_cfg, "target_type")
    if target == "CombinedTarget":
        say_test_cfg(draft, test_cfg, map_wh)
        return
    if target not in (ABSENT, "GaussianHeatmap", "GaussianHeatMap"):
        raise InputError(
            f"{path}: target_type is {target!r}, expected 'GaussianHeatmap' or 'CombinedTarget'", "docs/spec.md"
        )
    post = at(test_cfg, "post_process")
    if at(test_cfg, "unbiased_decoding") is True:
        post = "unbiased"
    draft.say("decoder.kind", "heatmap", f"keypoint_head.type = {head!r}")
    draft.choose("decoder.alignment", udp, {False: "stride", True: "corners"}, "use_udp")
    if udp is True:
        draft.say("decoder.refinement", "dark_udp", "use_udp")
    else:
        draft.choose("decoder.refinement", "default" if post is ABSENT else post,
                     {"default": "quarter", True: "quarter", "unbiased": "dark", None: "none", False: "none"},
                     "test_cfg.post_process")  # fmt: skip
    if draft.values.get("decoder.refinement") and draft.values["decoder.refinement"].value in ("dark", "dark_udp"):
        kernel = at(test_cfg, "modulate_kernel")
        draft.say(
            "decoder.blur_kernel", 11 if kernel is ABSENT else kernel, "test_cfg.modulate_kernel, 11 where left out"
        )
    if udp is True:
        draft.say("decoder.blur_edge", "mirror", "use_udp blurs maps with OpenCV's usual border")
    draft.say("decoder.activation", "none", "MMPose takes a map's maximum as the score")
