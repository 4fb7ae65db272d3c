"""Contracts from the YAML of HRNet's code, which SimpleBaseline began and Lite-HRNet, DARK, TokenPose and others keep.

Facts of lib/config/default.py, lib/dataset/{coco,mpii,JointsDataset}.py, lib/core/inference.py and tools/test.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft
from posekit.contract.drafts.combined import say_combined
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.files import mapping
from posekit.contract.drafts.keypoints import say_named
from posekit.errors import InputError

# torchvision's, which tools/test.py applies to the channels in the order in which they were read
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
PADDING = 1.25
DATASETS = {"coco": "coco17", "mpii": "mpii16", "crowdpose": "crowdpose14", "crowd_pose": "crowdpose14"}
KPD, OFFSETS = 4.0, "offset"  # UDP-Pose's default of LOSS.KPD, and what it calls its combined maps
BOTTOM_UP = ("pose_higher_resolution_net", "pose_higher_hrnet", "hrnet_dekr")


def is_theirs(content: Mapping[Any, Any]) -> bool:
    """Whether a YAML has the sections of HRNet's code."""
    return "MODEL" in content and "DATASET" in content


def read(content: Mapping[Any, Any], path: Path) -> Draft:
    """The contract; InputError for a network of HRNet's code that is for another task, or finds people bottom-up."""
    model, dataset, test = (mapping(content.get(name)) for name in ("MODEL", "DATASET", "TEST"))
    name = str(model.get("NAME", ""))
    _refuse_others(content, model, dataset, name, path)
    draft = Drafting(path.name)
    draft.say("kind", "top_down", f"MODEL.NAME = {name}")
    _say_size(draft, model)
    if "COLOR_RGB" in dataset:
        draft.choose("input.color_order", dataset["COLOR_RGB"], {True: "rgb", False: "bgr"}, "DATASET.COLOR_RGB")
    else:
        draft.say("input.color_order", "bgr", "DATASET.COLOR_RGB is left out: pictures stay OpenCV's BGR")
    draft.say("input.mean", MEAN, "tools/test.py, the same for every configuration; in the order of color_order")
    draft.say("input.std", STD, "tools/test.py, the same for every configuration")
    loss = mapping(content.get("LOSS"))
    # both of UDP-Pose's copy of this code alone
    udp = "KPD" in loss or _target(model) == OFFSETS
    why_udp = "LOSS.KPD is of UDP-Pose" if "KPD" in loss else "MODEL.TARGET_TYPE = offset is of UDP-Pose"
    draft.say("input.resize", "affine_crop", "lib/dataset/JointsDataset.py")
    draft.say("input.box_padding", PADDING, "lib/dataset grows every box by 1.25")
    draft.say("input.pad_value", 0, "cv2.warpAffine leaves black what is outside the picture")
    draft.say("input.sampling", "bilinear", "cv2.warpAffine")
    draft.say("input.alignment", "corners" if udp else "index", why_udp if udp else "warpAffine to w/2")
    if _target(model) == OFFSETS:
        kernels = (15, 7)
        say_combined(draft, "MODEL.TARGET_TYPE = offset", "lib/core/inference.py", loss.get("KPD", KPD), kernels)
    else:
        _say_decoder(draft, model, test, why_udp if udp else "", path)
    _say_keypoints(draft, model, dataset)
    if test.get("FLIP_TEST") is True:
        draft.note("HRNet's figures of accuracy are with FLIP_TEST; an app runs the network once")
    return draft.draft(f"a {name or 'network'} of HRNet's code")


def _refuse_others(
    content: Mapping[Any, Any], model: Mapping[Any, Any], dataset: Mapping[Any, Any], name: str, path: Path
) -> None:
    if name in BOTTOM_UP or "TAG_PER_JOINT" in model or "OFFSET_RADIUS" in dataset:
        raise InputError(
            f"{path} is of {name or 'a bottom-up network'}, which groups the keypoints of several people: posekit has "
            "no decoder for it",
            "expected a network of one person's crop, such as pose_hrnet or pose_resnet",
        )
    if "NUM_CLASSES" in dataset or "NUM_CLASSES" in model:
        raise InputError(f"{path} is of {name or 'a network'} for classes, as segmentation has: expected keypoints", "")
    if not {"NUM_JOINTS", "HEATMAP_SIZE", "SIGMA", "TARGET_TYPE"} & {*model, *mapping(model.get("EXTRA"))}:
        raise InputError(f"{path} says nothing of joints or heatmaps: is it for another task than pose?", "")
    del content


def _say_size(draft: Drafting, model: Mapping[Any, Any]) -> None:
    """Width, height; a lone side in some copies."""
    size = model.get("IMAGE_SIZE")
    if numbers(size, 2, lambda side: side > 0):
        draft.say("input.size_wh", size, "MODEL.IMAGE_SIZE, width first")
    else:
        draft.ask("input.size_wh", f"width and height of the input: MODEL.IMAGE_SIZE is {size!r}")


def _target(model: Mapping[Any, Any]) -> Any:
    return model.get("TARGET_TYPE", mapping(model.get("EXTRA")).get("TARGET_TYPE", "gaussian"))


def _say_decoder(draft: Drafting, model: Mapping[Any, Any], test: Mapping[Any, Any], udp: str, path: Path) -> None:
    """udp: why maps are UDP's, empty where they are not."""
    target = _target(model)
    if target != "gaussian":
        raise InputError(
            f"{path}: MODEL.TARGET_TYPE is {target!r}, expected 'gaussian' or 'offset': others are not drafted",
            "docs/spec.md",
        )
    draft.say("decoder.kind", "heatmap", "MODEL.TARGET_TYPE = gaussian")
    draft.say("decoder.alignment", "corners" if udp else "stride", "lib/core/inference.py")
    draft.say("decoder.activation", "none", "lib/core/inference.py takes a map's maximum as the score")
    if udp or "BLUR_KERNEL" in test:
        draft.say("decoder.refinement", "dark_udp" if udp else "dark", udp or "TEST.BLUR_KERNEL is of DARK")
        usual = 7 if udp else 11  # UDP-Pose's own code has 7 in it
        draft.say("decoder.blur_kernel", test.get("BLUR_KERNEL", usual), f"TEST.BLUR_KERNEL, {usual} where left out")
        if udp:
            draft.say("decoder.blur_edge", "mirror", "UDP-Pose blurs maps with OpenCV's usual border")
        return
    options = {True: "quarter", False: "none"}
    if "POST_PROCESS" in test:
        draft.choose("decoder.refinement", test["POST_PROCESS"], options, "TEST.POST_PROCESS")
    else:
        draft.ask("decoder.refinement", "quarter or none: TEST.POST_PROCESS is left out",
                  '"quarter": with TEST.POST_PROCESS true, as all of their configurations have it',
                  '"none": the maximum itself')  # fmt: skip


def _say_keypoints(draft: Drafting, model: Mapping[Any, Any], dataset: Mapping[Any, Any]) -> None:
    name = str(dataset.get("DATASET", "")).lower()
    count = model.get("NUM_JOINTS")
    known = next((DATASETS[key] for key in DATASETS if name == key or name.startswith(f"{key}_")), "")
    if known:
        say_named(draft, known, f"DATASET.DATASET = {dataset.get('DATASET')}", count)
    else:
        draft.ask(
            "keypoints.skeleton",
            f"{count} keypoints of the dataset {name or 'that is not said'}: name a set, or "
            "spell out names and oks_sigmas",
        )
