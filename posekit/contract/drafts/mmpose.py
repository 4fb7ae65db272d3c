"""Contracts of networks that MMPose 1.x trained, from their configuration.

Facts of MMPose 1.3: codecs/*.py, datasets/transforms/topdown_transforms.py, models/heads, data_preprocessor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft, mmpose_old
from posekit.contract.drafts.combined import say_codec
from posekit.contract.drafts.drafting import Drafting
from posekit.contract.drafts.literals import ABSENT, Unread, at
from posekit.contract.drafts.mmpose_datasets import say_dataset
from posekit.contract.drafts.pyconfig import read_config
from posekit.errors import InputError

ESTIMATOR = "TopdownPoseEstimator"
OTHER_TASKS = {
    "bbox_head": "detection",
    "roi_head": "detection",
    "rpn_head": "detection",
    "mask_head": "segmentation",
    "decode_head": "segmentation",
    "auxiliary_head": "segmentation",
    "cls_head": "video recognition",
}
# what decoding of a codec posekit has none of
UNKNOWN = {
    "MegviiHeatmap": "blurs the maps and adds half a cell",
    "AssociativeEmbedding": "groups keypoints by tags",
    "SPR": "regresses people from their centres",
    "DecoupledHeatmap": "finds people by their centres",
    "EDPoseLabel": "gives queries of a transformer",
    "YOLOXPoseAnnotationProcessor": "gives candidates of a one-stage network",
    "Hand3DHeatmap": "gives maps with depth",
    "SimCC3DLabel": "gives three axes",
}
DUMPED = ("test_dataloader", "val_dataloader", "test_pipeline", "data", "default_scope")
PADDING = 1.25
AFFINE, CENTER_SCALE = "TopdownAffine", "GetBBoxCenterScale"


def is_theirs(path: Path) -> bool:
    """Whether a file is a configuration in Python."""
    return path.suffix == ".py"


def is_dumped(content: Mapping[Any, Any]) -> bool:
    """Whether a JSON or YAML is what MMEngine writes of a whole configuration."""
    return isinstance(at(content, "model", "type"), str) and any(name in content for name in DUMPED)


def read(path: Path) -> Draft:
    """The contract that a configuration says; InputError for one of another task, or with a codec that posekit has no
    decoder for."""
    config, missing = read_config(path)
    return _of(config, path, missing)


def of_dump(content: Mapping[Any, Any], path: Path) -> Draft:
    """The same of a configuration that was written as JSON or YAML."""
    return _of(content, path, ())


def _of(config: Mapping[Any, Any], path: Path, missing: tuple[str, ...]) -> Draft:
    model = at(config, "model")
    kind = _type(at(model, "type"))
    draft = Drafting(path.name)
    for one in missing:
        draft.note(f"{one}, on which {path.name} is based, is not there: what it says is not in this contract")
    if mmpose_old.is_theirs(kind, model):
        return mmpose_old.read(config, path, draft)
    if kind != ESTIMATOR:
        raise _no_estimator(path, kind, model, missing)
    codec = _codec(model, path)
    pipeline = _pipeline(config)
    _say_input(draft, model, codec, pipeline)
    _say_decoder(draft, model, codec, path)
    say_dataset(draft, config, path, _count(model))
    draft.say("kind", "top_down", f"model.type = {kind!r}")
    for name, said in (("flip_test", True), ("shift_heatmap", True)):
        if at(model, "test_cfg", name) is said and name == "flip_test":
            draft.note("MMPose's figures of accuracy are with flip_test; an app runs the network once")
    return draft.draft(f"a {kind} with {_type(at(model, 'head', 'type'))} and codec {_type(codec.get('type'))}")


def _count(model: Any) -> Any:
    """How many keypoints the head gives; heads of heatmaps call them channels, those of numbers joints."""
    head = at(model, "head")
    return next((one for name in ("out_channels", "num_joints") if (one := at(head, name)) is not ABSENT), ABSENT)


def _type(value: Any) -> str:
    """`mmpose.TopdownPoseEstimator`, or the class that a configuration imports, by its bare name."""
    return value.rpartition(".")[2] if isinstance(value, str) else ""


def _no_estimator(path: Path, kind: str, model: Any, missing: tuple[str, ...]) -> InputError:
    if not isinstance(model, Mapping) or not kind:
        lost = f"; it is based on {', '.join(missing)}, which is not there" if missing else ""
        unread = at(model, "type")
        where = f", which is computed, {unread.where}" if isinstance(unread, Unread) else ""
        return InputError(
            f"{path} has no model with a type{where}{lost}",
            "give a whole configuration of MMPose, such as the one that lies beside the checkpoint in work_dirs",
        )
    task = next((task for key, task in OTHER_TASKS.items() if key in model), "")
    of = f", a network for {task}" if task else ""
    return InputError(
        f"{path} is of a {kind}{of}: expected a {ESTIMATOR}",
        "posekit reads MMPose's top-down configurations; for others write a spec (docs/spec.md) or take a preset",
    )


def _codec(model: Any, path: Path) -> Mapping[str, Any]:
    """The codec that the head decodes with."""
    codec = at(model, "head", "decoder")
    if isinstance(codec, list | tuple) and codec:
        codec = codec[-1]  # a head of several outputs decodes the last
    if isinstance(codec, Mapping) and isinstance(codec.get("type"), str):
        return codec
    why = f", which is computed, {codec.where}" if isinstance(codec, Unread) else ""
    raise InputError(
        f"{path} does not say model.head.decoder{why}", "it names the codec, as dict(type='MSRAHeatmap', ...)"
    )


def _pipeline(config: Mapping[str, Any]) -> Any:
    """The steps that a picture goes through in testing: ABSENT where no loader is there."""
    for loader in ("test_dataloader", "val_dataloader"):
        steps = at(config, loader, "dataset", "pipeline")
        if steps is not ABSENT:
            return steps
    return next((config[name] for name in ("test_pipeline", "val_pipeline") if name in config), ABSENT)


def _step(pipeline: Any, kind: str) -> Any:
    """A step by its type; ABSENT where the pipeline has none, Unread where one of its steps cannot be read."""
    if not isinstance(pipeline, list | tuple):
        return pipeline
    for step in pipeline:
        if _type(at(step, "type")) == kind:
            return step
    return next((at(one, "type") for one in pipeline if isinstance(at(one, "type"), Unread)), ABSENT)


def _say_input(draft: Drafting, model: Any, codec: Mapping[str, Any], pipeline: Any) -> None:
    size = codec.get("input_size", ABSENT)
    affine = _step(pipeline, AFFINE)
    size_there = at(affine, "input_size") if isinstance(affine, Mapping) else ABSENT
    if size is ABSENT:
        size = size_there
    elif isinstance(size, list | tuple) and isinstance(size_there, list | tuple) and list(size) != list(size_there):
        draft.note(f"the codec says input_size {list(size)}, TopdownAffine {list(size_there)}; the first is taken")
    if size is ABSENT:
        draft.ask("input.size_wh", "width and height of the input, of which the configuration says nothing")
    else:
        draft.say("input.size_wh", size, "the codec's input_size")
    _say_colours(draft, at(model, "data_preprocessor"), _step(pipeline, "LoadImage"))
    draft.say("input.resize", "affine_crop", f"MMPose's {AFFINE}")
    _say_padding(draft, pipeline)
    draft.say("input.pad_value", 0, f"MMPose's {AFFINE} leaves black what is outside the picture")
    draft.say("input.sampling", "bilinear", "cv2.warpAffine")
    if affine is ABSENT and pipeline is not ABSENT:
        draft.ask("input.alignment", f"the test pipeline has no {AFFINE}: how are pixels counted?",
                  '"index": warpAffine to w/2', '"corners": UDP, sizes counted as n - 1')  # fmt: skip
    elif affine is ABSENT:
        udp = _type(codec.get("type")) == "UDPHeatmap"
        draft.ask("input.alignment", "corners with use_udp=True, index without: no test pipeline is there",
                  *(["the codec is UDP's, whose configurations say use_udp=True"] if udp else []))  # fmt: skip
    else:
        udp = at(affine, "use_udp")
        draft.choose("input.alignment", False if udp is ABSENT else udp, {False: "index", True: "corners"},
                     f"{AFFINE}'s use_udp, False where left out")  # fmt: skip


def _say_padding(draft: Drafting, pipeline: Any) -> None:
    step = _step(pipeline, CENTER_SCALE)
    padding = at(step, "padding")
    if isinstance(step, Unread) or (step is ABSENT and pipeline is not ABSENT):
        draft.ask(
            "input.box_padding", f"by how much a person's box grows: no {CENTER_SCALE} can be read", f"{PADDING}: usual"
        )
    elif step is ABSENT:
        draft.ask(
            "input.box_padding", "by how much a person's box grows: no test pipeline is there", f"{PADDING}: usual"
        )
    elif padding is ABSENT:
        draft.say("input.box_padding", PADDING, f"{CENTER_SCALE}, which pads by that where nothing is said")
    else:
        draft.say("input.box_padding", padding, f"{CENTER_SCALE}'s padding")


def _say_colours(draft: Drafting, preprocessor: Any, loader: Any) -> None:
    """What the network sees. Pictures are loaded as BGR."""
    if preprocessor is ABSENT:
        for name in ("color_order", "mean", "std"):
            draft.ask(f"input.{name}", "the model has no data_preprocessor that says it")
        return
    if at(loader, "color_type") not in (ABSENT, "color") or at(loader, "channel_order") is not ABSENT:
        draft.ask("input.color_order", "LoadImage does not load plain colour pictures: what does the network see?",
                  '"rgb"', '"bgr"', '"gray"')  # fmt: skip
    else:
        turned = [at(preprocessor, name) for name in ("bgr_to_rgb", "rgb_to_bgr")]
        unread = next((one for one in turned if isinstance(one, Unread)), None)
        if unread is not None:
            draft.say("input.color_order", unread, "data_preprocessor.bgr_to_rgb")
        else:
            is_rgb = any(one is True for one in turned)
            draft.say(
                "input.color_order",
                "rgb" if is_rgb else "bgr",
                "data_preprocessor.bgr_to_rgb" + ("" if is_rgb else " is not set, pictures are loaded as BGR"),
            )
    for name, nothing in (("mean", [0.0] * 3), ("std", [1.0] * 3)):
        value = at(preprocessor, name)
        if value is ABSENT or value is None:
            draft.say(f"input.{name}", nothing, f"data_preprocessor has no {name}: pixels of 0-255 as they are")
        else:
            draft.say(f"input.{name}", value, f"data_preprocessor.{name}")


def _say_decoder(draft: Drafting, model: Any, codec: Mapping[str, Any], path: Path) -> None:
    kind, head = _type(codec.get("type")), _type(at(model, "head", "type"))
    if kind == "MSRAHeatmap":
        _say_maps(draft, "stride")
        unbiased = codec.get("unbiased", False)
        draft.choose(
            "decoder.refinement",
            unbiased,
            {False: "quarter", True: "dark"},
            "MSRAHeatmap's unbiased, False where left out",
        )
        if unbiased is False:
            draft.say("decoder.border", "each", "MMPose looks at the edges axis by axis")
        else:
            draft.say(
                "decoder.blur_kernel",
                codec.get("blur_kernel_size", 11),
                "MSRAHeatmap's blur_kernel_size, 11 where left out",
            )
    elif kind == "UDPHeatmap":
        maps = codec.get("heatmap_type", "gaussian")
        if maps == "combined":
            say_codec(draft, codec)
            return
        if maps != "gaussian":
            shown = maps.where if isinstance(maps, Unread) else repr(maps)
            raise _undecodable(path, f"UDPHeatmap with heatmap_type {shown}", "gives offsets beside each map")
        _say_maps(draft, "corners")
        draft.say("decoder.refinement", "dark_udp", "the codec's type")
        draft.say(
            "decoder.blur_kernel", codec.get("blur_kernel_size", 11), "UDPHeatmap's blur_kernel_size, 11 where left out"
        )
    elif kind == "SimCCLabel":
        _say_simcc(draft, codec, path)
    elif kind in ("RegressionLabel", "IntegralRegressionLabel"):
        _say_regression(draft, head, path)
    else:
        raise _undecodable(path, kind, UNKNOWN.get(kind, "is not among those that posekit knows"))


def _undecodable(path: Path, codec: str, why: str) -> InputError:
    return InputError(
        f"{path} trains with the codec {codec}, which {why}: it is not drafted",
        "known are MSRAHeatmap, UDPHeatmap, SimCCLabel, RegressionLabel and "
        "IntegralRegressionLabel; for others write a spec by hand (docs/spec.md)",
    )


def _say_maps(draft: Drafting, alignment: str) -> None:
    draft.say("decoder.kind", "heatmap", "the codec's type")
    draft.say("decoder.alignment", alignment, "the codec's type")
    draft.say("decoder.activation", "none", "MMPose takes a map's maximum as the score")


def _say_simcc(draft: Drafting, codec: Mapping[str, Any], path: Path) -> None:
    if codec.get("use_dark", False) is not False:
        raise _undecodable(path, "SimCCLabel with use_dark", "blurs each axis and steps as DARK does")
    draft.say("decoder.kind", "simcc", "the codec's type")
    draft.say(
        "decoder.split_ratio", codec.get("simcc_split_ratio", 2.0), "the codec's simcc_split_ratio, 2 where left out"
    )
    draft.say("decoder.score_reduction", "min", "MMPose takes the smaller maximum of the two axes")
    draft.say("decoder.refinement", "none", "MMPose takes the best bin")
    draft.say("decoder.activation", "none", "MMPose takes a maximum as it is")


def _say_regression(draft: Drafting, head: str, path: Path) -> None:
    fields = {"RLEHead": ["x", "y", "skip", "skip"]}.get(head, ["x", "y"])
    if head not in ("RLEHead", "RegressionHead", "IntegralRegressionHead", "DSNTHead"):
        raise _undecodable(path, f"RegressionLabel under a {head or 'head without a type'}", "is not known")
    draft.say("decoder.kind", "regression", "the codec's type")
    draft.say("decoder.fields", fields, f"the rows of a {head}")
    draft.say("decoder.range", "unit", "the codec multiplies by the input's size")
    if head == "RLEHead":
        draft.note("MMPose makes scores of the deviations that an RLEHead gives; here every score is 1")
