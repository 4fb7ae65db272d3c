"""Contracts of DeepLabCut projects: config.yaml, and pose_cfg.yaml (TensorFlow) or pytorch_config.yaml.

A project says its keypoints and what the network gives. Facts of DeepLabCut 2.3 and 3.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.files import mapping, read_yaml
from posekit.contract.drafts.keypoints import say_own
from posekit.errors import InputError

PROJECT = "config.yaml"
IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
USUAL = "DeepLabCut scores with 0.1 for each"
LOCREF = 7.2801  # by which offsets were divided, where nothing else is said
NEAR = 4  # folders up to the project's, from dlc-models/iteration-0/NAME/train


def is_theirs(content: Mapping[Any, Any]) -> bool:
    """Whether a YAML is a project's, or what it trains a network with."""
    return (
        ("bodyparts" in content and "Task" in content)
        or "all_joints_names" in content
        or ("bodyparts" in mapping(content.get("metadata")) and "model" in content)
    )


def read(content: Mapping[Any, Any], path: Path) -> Draft:
    """The contract of one of the files, with the project's own where it lies above it."""
    project = content if "bodyparts" in content else _project(path)
    network = {} if "bodyparts" in content else content
    draft = Drafting(path.name)
    names, edges = _names(project, network, path)
    say_own(draft, names, path.name, edges=edges, usual=USUAL)
    if "all_joints_names" in network:
        _say_tensorflow(draft, network)
    elif network:
        _say_torch(draft, network, path)
    else:
        draft.note(
            "a project's config.yaml says nothing of the network: give pytorch_config.yaml or pose_cfg.yaml of its "
            "train folder"
        )
    kind = network.get("net_type") or project.get("default_net_type") or "network"
    return draft.draft(f"a {kind} of DeepLabCut with {len(names)} keypoints")


def _project(path: Path) -> Mapping[Any, Any]:
    """The project's config.yaml in a folder above, empty where there is none."""
    for folder in list(path.resolve().parents)[: NEAR + 1]:
        file = folder / PROJECT
        if file.is_file() and file != path.resolve():
            content = mapping(read_yaml(file))
            if "bodyparts" in content:
                return content
    return {}


def _names(project: Mapping[Any, Any], network: Mapping[Any, Any], path: Path) -> tuple[list[str], list[Sequence[str]]]:
    """What the network gives, in its order, and the project's edges."""
    own = network.get("all_joints_names") or mapping(network.get("metadata")).get("bodyparts")
    several = project.get("multianimalbodyparts")
    of_project = several if isinstance(several, list) and several else project.get("bodyparts")
    names = own if isinstance(own, list) and own else of_project
    if not isinstance(names, list) or not names:
        raise InputError(f"{path} names no bodyparts", "is it the project's config.yaml?")
    skeleton = project.get("skeleton")
    edges = (
        [[str(end) for end in edge] for edge in skeleton if isinstance(edge, list)]
        if isinstance(skeleton, list)
        else []
    )
    return [str(name) for name in names], list(edges)


def _say_tensorflow(draft: Drafting, network: Mapping[Any, Any]) -> None:
    """pose_cfg.yaml: the graph subtracts the mean by itself, and gives score maps and offsets."""
    draft.say("input.color_order", "rgb", "DeepLabCut reads pictures as RGB")
    draft.say("input.mean", [0.0] * 3, "the graph subtracts mean_pixel by itself")
    draft.say("input.std", [1.0] * 3, "the graph takes 0-255")
    if network.get("location_refinement") is True:
        draft.say("decoder.activation", "none", "the graph's part_prob went through its sigmoid")
        _say_offsets(draft, network.get("locref_stdev", LOCREF), "locref_stdev")
    else:
        _ask_decoder(draft, f"stride {network.get('stride', 8.0)}, location_refinement false")


def _say_torch(draft: Drafting, network: Mapping[Any, Any], path: Path) -> None:
    data = mapping(network.get("data"))
    method = network.get("method")
    draft.choose("kind", method, {"td": "top_down", "bu": "one_stage", "ctd": "top_down"}, "method")
    draft.choose("input.color_order", data.get("colormode", "RGB"), {"RGB": "rgb", "BGR": "bgr"}, "data.colormode")
    _say_normalisation(draft, mapping(data.get("inference", data.get("train"))))
    crop = mapping(mapping(data.get("inference")).get("top_down_crop"))
    if numbers([crop.get("width"), crop.get("height")], 2):
        draft.say("input.size_wh", [crop["width"], crop["height"]], "data.inference.top_down_crop")
    heads = mapping(mapping(network.get("model")).get("heads"))
    head = mapping(heads.get("bodypart"))
    predictor = mapping(head.get("predictor"))
    kind = predictor.get("type")
    if kind == "SimCCPredictor":
        _say_simcc(draft, predictor)
    elif kind == "HeatmapPredictor":
        if predictor.get("location_refinement", True) is True:
            draft.choose("decoder.activation", predictor.get("apply_sigmoid", True), {True: "sigmoid", False: "none"},
                         "predictor.apply_sigmoid, true where left out")  # fmt: skip
            _say_offsets(draft, predictor.get("locref_std", LOCREF), "predictor.locref_std")
        else:
            _ask_decoder(draft, "location_refinement false")
    else:
        raise InputError(
            f"{path}: the network's predictor is {kind!r}, for which posekit has no decoder",
            "expected HeatmapPredictor or SimCCPredictor, of one animal's keypoints",
        )


def _say_normalisation(draft: Drafting, transforms: Mapping[Any, Any]) -> None:
    normal = transforms.get("normalize_images")
    if normal is True:
        for name, values in zip(("mean", "std"), IMAGENET, strict=True):
            draft.say(f"input.{name}", values, "normalize_images: torchvision's numbers")
    else:
        for name in ("mean", "std"):
            draft.ask(f"input.{name}", f"three numbers in 0-255 units: data.inference.normalize_images is {normal!r}")


def _say_simcc(draft: Drafting, predictor: Mapping[Any, Any]) -> None:
    draft.say("decoder.kind", "simcc", "predictor.type = SimCCPredictor")
    draft.say("decoder.split_ratio", predictor.get("simcc_split_ratio", 2.0), "predictor.simcc_split_ratio")
    draft.say("decoder.score_reduction", "min", "SimCCPredictor takes the smaller maximum of the two axes")
    draft.choose("decoder.activation", predictor.get("apply_softmax", False), {False: "none", True: "softmax"},
                 "predictor.apply_softmax")  # fmt: skip
    draft.say("decoder.refinement", "none", "SimCCPredictor takes the best bin")


def _say_offsets(draft: Drafting, deviation: Any, name: str) -> None:
    """Score maps, and beside them locref: x and y of each keypoint in turn, from the middle of a cell."""
    draft.say("decoder.kind", "offset_map", "location_refinement: score maps, and offsets (locref) beside them")
    for axis, first in (("x", 0), ("y", 1)):
        draft.say(f"decoder.{axis}.first", first, "locref has x and y of each keypoint in turn")
        draft.say(f"decoder.{axis}.step", 2, "locref has x and y of each keypoint in turn")
    draft.say("decoder.heat.step", 1, "a score map a keypoint")
    draft.say("decoder.unit", "input_px", "DeepLabCut adds offsets to px of the input")
    draft.say("decoder.factor", deviation, f"{name}, 7.2801 where left out")
    draft.say("decoder.alignment", "stride", "DeepLabCut counts from the middle of a cell")
    draft.say("decoder.shift", 0.5, "DeepLabCut counts from the middle of a cell")
    draft.note(
        "a network that ends in x and y of each keypoint, decoded in itself, is read by --set decoder.kind=regression"
    )


def _ask_decoder(draft: Drafting, said: str) -> None:
    draft.ask(
        "decoder.kind", f"what the network gives as it is exported ({said})",
        '"regression": where forward() ends in x and y of each keypoint, decoded in the network',
        '"heatmap": where it gives score maps: right to a cell alone',
    )  # fmt: skip
