"""Contracts of SLEAP: training_config.json (SLEAP up to 1.4) or training_config.yaml (sleap-nn).

A configuration says the skeleton, the head and the scaling. Facts of sleap/nn/config and sleap/nn/inference.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.files import mapping, sequence
from posekit.contract.drafts.keypoints import say_own
from posekit.errors import InputError

HEADS = {"single_instance": "one_stage", "centered_instance": "top_down"}  # of one animal's keypoints
SYMMETRY = 2  # jsonpickle's value of EdgeType
USUAL = "SLEAP scores with 0.025 for each"
REFINED = 'SLEAP itself averages the 5 x 5 cells about a maximum ("integral"), which posekit does not'


def is_theirs(content: Mapping[Any, Any]) -> bool:
    """Whether a JSON or YAML is a training configuration of SLEAP."""
    return ("data" in content and "heads" in mapping(content.get("model"))) or "head_configs" in mapping(
        content.get("model_config")
    )


def read(content: Mapping[Any, Any], path: Path) -> Draft:
    """The contract; InputError for a head that finds several animals, or only where they are."""
    is_new = "model_config" in content
    data = mapping(content.get("data_config" if is_new else "data"))
    model = mapping(content.get("model_config" if is_new else "model"))
    heads = {
        name: mapping(one) for name, one in mapping(model.get("head_configs" if is_new else "heads")).items() if one
    }
    head = next((name for name in heads if name in HEADS), "")
    if not head:
        raise InputError(
            f"{path} trains the head {', '.join(map(str, heads)) or 'of no name'}, expected single_instance or "
            "centered_instance",
            "posekit has no decoder for part affinity fields and centroids; give the model of one animal's keypoints",
        )
    settings = mapping(heads[head].get("confmaps")) if is_new else heads[head]
    draft = Drafting(path.name)
    draft.say("kind", HEADS[head], f"the head {head}")
    names, edges, pairs = _skeleton(data, mapping(content.get("data_config")), is_new, path)
    parts = settings.get("part_names")
    names = [name for name in parts if name in names] if isinstance(parts, list) and parts else names
    say_own(draft, names, path.name, edges=edges, pairs=pairs, usual=USUAL)
    _say_input(draft, data, head, is_new)
    draft.say("decoder.kind", "heatmap", f"the head {head} gives confidence maps")
    draft.say("decoder.alignment", "stride", "a cell's index times output_stride")
    draft.say("decoder.activation", "none", "a map's maximum is the score")
    draft.ask(
        "decoder.refinement",
        "none, quarter or dark",
        REFINED,
        '"none": the best cell',
        '"quarter": a quarter of a cell towards the higher neighbour',
        '"dark": a step on the logarithm',
    )
    if settings.get("offset_refinement"):
        draft.note("offset_refinement: the network also gives offsets, which posekit does not read")
    return draft.draft(f"a {head} network of SLEAP, output stride {settings.get('output_stride')}")


def _say_input(draft: Drafting, data: Mapping[Any, Any], head: str, is_new: bool) -> None:
    settings = mapping(data.get("preprocessing"))
    grayscale, rgb = settings.get("ensure_grayscale"), settings.get("ensure_rgb")
    if grayscale is True and rgb is not True:
        draft.say("input.color_order", "gray", "preprocessing.ensure_grayscale")
    elif rgb is True and grayscale is not True:
        draft.say("input.color_order", "rgb", "preprocessing.ensure_rgb")
    else:
        draft.ask("input.color_order", "rgb or gray: neither ensure_rgb nor ensure_grayscale is set, it is the videos'",
                  '"gray"', '"rgb"')  # fmt: skip
    count = 1 if grayscale is True and rgb is not True else 3
    if settings.get("imagenet_mode"):
        for name in ("mean", "std"):
            draft.ask(f"input.{name}", f"imagenet_mode is {settings['imagenet_mode']!r}: what the network is given")
    elif "input.color_order" in draft.values:
        draft.say("input.mean", [0.0] * count, "SLEAP divides by 255 alone")
        draft.say("input.std", [255.0] * count, "SLEAP divides by 255 alone")
    else:
        draft.ask("input.mean", "0 for every channel: SLEAP divides by 255 alone", "[0]: gray", "[0, 0, 0]: rgb")
        draft.ask(
            "input.std", "255 for every channel: SLEAP divides by 255 alone", "[255]: gray", "[255, 255, 255]: rgb"
        )
    _say_size(draft, settings, mapping(data.get("instance_cropping")), head, is_new)


def _say_size(
    draft: Drafting, settings: Mapping[Any, Any], cropping: Mapping[Any, Any], head: str, is_new: bool
) -> None:
    scale = settings.get("scale" if is_new else "input_scaling", 1.0)
    crop = settings.get("crop_size") if is_new else cropping.get("crop_size")
    side = crop[0] if isinstance(crop, list) and crop else crop
    sizes = [
        settings.get(name) for name in (("max_width", "max_height") if is_new else ("target_width", "target_height"))
    ]
    if head == "centered_instance":
        draft.ask(
            "input.resize",
            "SLEAP cuts crop_size px out about an animal and never scales it: what will the app do?",
            '"affine_crop": with box_padding, a box grown to the input',
            '"stretch": the crop as it is',
        )
        found: Sequence[Any] = (side, side)
    else:
        draft.ask(
            "input.resize",
            "how the video's picture becomes the input",
            "\"stretch\": with both sides scaled alike where the app's pictures have the videos' shape",
            '"letterbox": padded at the bottom and right: anchor = "top_left"',
        )
        found = sizes
    draft.ask("input.alignment", "how pixels are counted", '"half_pixel": as tf.image.resize and torch interpolate do',
              '"index": where nothing is scaled')  # fmt: skip
    if numbers(found, 2) and numbers([scale], 1):
        draft.say("input.size_wh", [round(one * scale) for one in found], f"the size times a scaling of {scale}")
    else:
        draft.ask("input.size_wh", f"width and height of the input, after a scaling of {scale}")


def _skeleton(
    data: Mapping[Any, Any], new: Mapping[Any, Any], is_new: bool, path: Path
) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """(names in the network's order, edges, symmetric pairs)."""
    skeletons = new.get("skeletons") if is_new else mapping(data.get("labels")).get("skeletons")
    if isinstance(skeletons, Mapping):
        skeletons = list(skeletons.values())
    first = mapping(skeletons[0]) if isinstance(skeletons, list) and skeletons else {}
    if not first.get("nodes"):
        raise InputError(f"{path} holds no skeleton", "expected data.labels.skeletons with nodes, as SLEAP writes it")
    return _plain_skeleton(first) if is_new else _pickled_skeleton(first, path)


def _plain_skeleton(skeleton: Mapping[Any, Any]) -> tuple[list[str], list[list[str]], list[list[str]]]:
    names = [str(mapping(one).get("name", one)) for one in sequence(skeleton["nodes"])]
    edges = [
        [_end(mapping(one).get(key)) for key in ("source", "destination")] for one in sequence(skeleton.get("edges"))
    ]
    pairs = [[_end(end) for end in (one if isinstance(one, list) else sequence(mapping(one).get("nodes")))]
             for one in sequence(skeleton.get("symmetries"))]  # fmt: skip
    return names, edges, [pair for pair in pairs if len(pair) == 2]


def _end(value: Any) -> str:
    return str(mapping(value).get("name", value))


def _pickled_skeleton(skeleton: Mapping[Any, Any], path: Path) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """jsonpickle's form: a node or kind of edge is spelled out once, and `py/id` counts both from then on."""
    objects = list(_objects(skeleton))

    def resolved(value: Any) -> Any:
        number = mapping(value).get("py/id")
        if number is None:
            return _name(value)
        if type(number) is not int or not 1 <= number <= len(objects):
            raise InputError(f"{path}: the skeleton refers to object {number!r} of {len(objects)}", "save it again")
        return objects[number - 1]

    nodes = [resolved(mapping(one).get("id")) for one in sequence(skeleton["nodes"])]
    if not all(isinstance(one, str) for one in nodes) or len(set(nodes)) != len(nodes):
        raise InputError(f"{path}: the skeleton's nodes cannot be read: {nodes[:5]}", "save it again with SLEAP")
    edges: list[list[str]] = []
    pairs: list[list[str]] = []
    for link in sequence(skeleton.get("links")):
        ends = [resolved(mapping(link).get(key)) for key in ("source", "target")]
        kind = resolved(mapping(link).get("type"))
        (pairs if kind == SYMMETRY else edges).append([str(end) for end in ends])
    return nodes, edges, pairs


def _name(value: Any) -> Any:
    """A node's name, or the number of a kind of edge; what else it is, as it is."""
    state = mapping(mapping(value).get("py/state")).get("py/tuple")
    reduced = mapping(value).get("py/reduce")
    if isinstance(state, list) and state:
        return state[0]
    if isinstance(reduced, list) and len(reduced) > 1:
        return next(iter(sequence(mapping(reduced[1]).get("py/tuple"))), None)
    return mapping(value).get("name", value)


def _objects(value: Any, depth: int = 0) -> Iterator[Any]:
    """Nodes and kinds of edges in the order in which they are spelled out."""
    if isinstance(value, Mapping):
        if "py/object" in value or "py/reduce" in value:
            yield _name(value)
            return
        for inner in value.values():
            yield from _objects(inner, depth + 1)
    elif isinstance(value, list) and depth < 20:
        for inner in value:
            yield from _objects(inner, depth + 1)
