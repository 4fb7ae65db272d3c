"""Contracts of Hugging Face's ViTPose: config.json, and the preprocessor_config.json beside it.

Facts of transformers' models/vitpose: image_processing_vitpose.py (UDP's warp and DARK's step).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posekit.contract import skeletons
from posekit.contract.drafts import Draft
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.files import mapping, read_json, sequence
from posekit.contract.drafts.keypoints import say_own, side_first, snake
from posekit.errors import InputError

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NAME = "vitpose"
PADDING, BLUR = 1.25, 11
COCO = "coco17"


def is_theirs(content: Mapping[Any, Any]) -> bool:
    """Whether a JSON is a configuration of transformers."""
    return "model_type" in content or "image_processor_type" in content or "feature_extractor_type" in content


def read(content: Mapping[Any, Any], path: Path) -> Draft:
    """The contract of either file and the other one beside it; InputError for a model of another task."""
    config, processor = _both(content, path)
    if config is not None and config.get("model_type") != NAME:
        task = ", ".join(map(str, sequence(config.get("architectures")))) or config.get("model_type")
        raise InputError(f"{path} is of {task}, expected ViTPose: VitPoseForPoseEstimation", "for others write a spec")
    if processor is not None and "VitPose" not in str(processor.get("image_processor_type", "VitPose")):
        raise InputError(
            f"{path.parent / PREPROCESSOR} is of a {processor['image_processor_type']}, expected ViTPose's", ""
        )
    draft = Drafting(path.name if config is None or processor is None else f"{CONFIG} and {PREPROCESSOR}")
    draft.say("kind", "top_down", f"model_type = {NAME}")
    _say_size(draft, config or {}, processor)
    _say_picture(draft, processor)
    draft.say("decoder.kind", "heatmap", "VitPoseForPoseEstimation gives heatmaps")
    draft.say("decoder.refinement", "dark_udp", "post_process_pose_estimation")
    draft.say("decoder.alignment", "corners", "post_process_pose_estimation")
    draft.say(
        "decoder.blur_kernel", BLUR, "post_process_pose_estimation's kernel_size, 11 where the caller says nothing"
    )
    draft.say("decoder.blur_edge", "mirror", "post_process_pose_estimation blurs maps that go on mirrored")
    draft.say("decoder.activation", "none", "post_process_pose_estimation takes a map's maximum as the score")
    _say_keypoints(draft, config)
    return draft.draft("a ViTPose of transformers")


def _both(content: Mapping[Any, Any], path: Path) -> tuple[Mapping[Any, Any] | None, Mapping[Any, Any] | None]:
    """(the network's configuration, the picture's), None where there is none."""
    is_config = "model_type" in content
    beside = path.parent / (PREPROCESSOR if is_config else CONFIG)
    other = mapping(read_json(beside)) if beside.is_file() else None
    return (content, other) if is_config else (other, content)


def _say_size(draft: Drafting, config: Mapping[Any, Any], processor: Mapping[Any, Any] | None) -> None:
    """The preprocessor's size is what the network is given; the backbone's is what it was made for."""
    size = mapping((processor or {}).get("size"))
    made_for = mapping(config.get("backbone_config")).get("image_size")
    made_wh = [made_for[1], made_for[0]] if numbers(made_for, 2) and isinstance(made_for, list) else None
    if "width" in size and "height" in size:
        size_wh = [size["width"], size["height"]]
        draft.say("input.size_wh", size_wh, "the preprocessor's size")
        if made_wh and made_wh != size_wh:
            draft.note(
                f"backbone_config.image_size is {made_wh} (w, h), the preprocessor's size {size_wh}: which is right?"
            )
            draft.ask(
                "input.size_wh", f"{made_wh} of backbone_config.image_size, or {size_wh} of the preprocessor's size"
            )
    elif made_wh:
        draft.say("input.size_wh", made_wh, "backbone_config.image_size, height first there")
    else:
        draft.ask("input.size_wh", "width and height of the input, which neither file says")


def _say_picture(draft: Drafting, processor: Mapping[Any, Any] | None) -> None:
    if processor is None:
        why = f"there is no {PREPROCESSOR} beside it"
        draft.ask("input.color_order", f"rgb or bgr: {why}", '"rgb": Hugging Face\'s ViTPose')
        for name, usual in (("mean", "[123.675, 116.28, 103.53]"), ("std", "[58.395, 57.12, 57.375]")):
            draft.ask(f"input.{name}", f"three numbers in 0-255 units: {why}", f"{usual}: of the published models")
    else:
        draft.say("input.color_order", "rgb", "VitPoseImageProcessor takes RGB")
        _say_normalisation(draft, processor)
    if processor is not None and processor.get("do_affine_transform", True) is not True:
        draft.ask("input.resize", "do_affine_transform is off: how does the picture become the input?",
                  '"affine_crop", "letterbox" or "stretch"')  # fmt: skip
        draft.ask(
            "input.alignment", "do_affine_transform is off: how are pixels counted?", '"half_pixel", "index", "corners"'
        )
        return
    draft.say("input.resize", "affine_crop", "do_affine_transform")
    draft.say("input.box_padding", PADDING, "VitPoseImageProcessor grows every box by 1.25")
    draft.say("input.pad_value", 0, "its affine transform leaves black what is outside the picture")
    draft.say("input.sampling", "bilinear", "its affine transform, of order 1")
    draft.say("input.alignment", "corners", "its affine transform is UDP's")


def _say_normalisation(draft: Drafting, processor: Mapping[Any, Any]) -> None:
    """(pixel * rescale_factor - mean) / std in 0-255 units: (pixel - mean / factor) / (std / factor)."""
    factor = processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 1.0
    if not numbers([factor], 1, lambda value: value > 0):
        for name in ("mean", "std"):
            draft.ask(f"input.{name}", f"three numbers in 0-255 units: rescale_factor is {factor!r}")
        return
    is_normal = processor.get("do_normalize", True)
    for name, nothing in (("mean", [0.0] * 3), ("std", [1.0] * 3)):
        said = processor.get(f"image_{name}") if is_normal else nothing
        if numbers(said, 3):
            values = [round(one / factor, 6) for one in said or nothing]
            draft.say(
                f"input.{name}", values, f"image_{name} over rescale_factor" if is_normal else "do_normalize is off"
            )
        else:
            draft.ask(f"input.{name}", f"three numbers in 0-255 units: image_{name} is {said!r}")


def _say_keypoints(draft: Drafting, config: Mapping[Any, Any] | None) -> None:
    labels = mapping((config or {}).get("id2label"))
    try:
        names = [str(name) for _, name in sorted((int(key), name) for key, name in labels.items())]
    except (TypeError, ValueError):
        names = []
    if not names or all(name.startswith("LABEL_") for name in names):
        count = f"{len(names)} keypoints" if names else "no keypoints"
        draft.ask("keypoints.skeleton", f"id2label names {count}: name a set, or spell out names and oks_sigmas",
                  f"sets: {', '.join(skeletons.SKELETONS)}")  # fmt: skip
        return
    if tuple(side_first(snake(name)) for name in names) == skeletons.skeleton(COCO).keypoints:
        draft.say("keypoints.skeleton", COCO, "the names of id2label")
        return
    edges = (config or {}).get("edges")
    pairs = (
        [one for one in edges if numbers(one, 2) and all(type(n) is int and 0 <= n < len(names) for n in one)]
        if isinstance(edges, list)
        else []
    )
    say_own(draft, names, "id2label", edges=[(names[a], names[b]) for a, b in pairs])
