"""Render the wrapper of a platform: templates/ copied, names replaced, only `.j2` files rendered.

Runtime source is plain Kotlin and Swift that compiles as it stands in templates/; the literal placeholders below are
the only thing that changes in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit import __version__
from posekit.bundle import linux_package
from posekit.bundle.taken_names import refuse_taken_name
from posekit.contract.skeletons import flip_indices, lower_camel
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import canonical_json, contract_hash
from posekit.contract.stages import following_rule
from posekit.decoders import DECODERS, of
from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

# platform -> (tree in templates/, where model and contract go inside the rendered tree)
TREES = {
    "android": ("android/module", "src/main/assets"), "ios": ("ios/package", "Sources/{type_name}"),
    "linux": ("linux/package", "src/{package}"),
}  # fmt: skip
# platform -> where in its tree a decoder's twin lies, in templates/ or rendered, and how its file's name ends
DECODER_FILES = {
    "android": ("src/main/kotlin/posekit/template", ".kt"),
    "ios": ("Sources/TemplatePoseCore/Decoders", ".swift"),
}
# all in one pass: what stands for one may hold another, as the package com.acme.template_pose does
PLACEHOLDER = re.compile(r"(?<![\w.])(?:posekit[./]template\b|template_pose)|TemplatePose")
MINIMUM_IOS = "16"
MACOS_OF_IOS = {"16": "13", "17": "14", "18": "15"}  # released together, with the same Core ML


def template_root() -> Path:
    """The folder of templates: inside the installed package, else beside it in a checkout."""
    inside = Path(str(resources.files("posekit"))) / "templates"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True, slots=True)
class Network:
    """What the generated code knows of a model file. output_shapes: of all outputs in file order, batch 1, channels
    last; minimum_system: the oldest iOS that loads it."""

    model_file: str
    output_shapes: Mapping[str, tuple[int, ...]]
    minimum_system: str = ""


def context(spec: PoseSpec, network: Network, detector: Network | None = None) -> dict[str, Any]:
    """What the `.j2` files are rendered with; detector: of a contract of two stages the first network."""
    systems = [one.minimum_system or MINIMUM_IOS for one in (network, detector) if one is not None]
    ios = max(systems, key=int)
    names, first, pose = spec.keypoints.names, spec.detector_stage, _of_network(spec, network)
    following = None if first is None else following_rule(spec)
    usual = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
    return {
        **pose,
        "pose": pose,
        "name": spec.name,
        "type_name": spec.type_name,
        "package": bare_name(spec),
        "maven_group": kotlin_package(spec).rpartition(".")[0],
        "contract_hash": contract_hash(spec),
        "posekit_version": __version__,
        "input_name": "image",
        "keypoints": [{"name": name, "camel": lower_camel(name), "upper": name.upper()} for name in names],
        "edge_indices": [(names.index(a), names.index(b)) for a, b in spec.keypoints.edges],
        "flip_indices": list(flip_indices(spec.keypoints.as_skeleton())),
        "oks_sigmas": list(spec.keypoints.oks_sigmas),
        "has_depth": spec.decoder.has_depth,
        "has_several": spec.has_several,
        "may_be_nobody": spec.may_find_nobody and not spec.has_several,
        "tracker_min_score": float(usual if following is None else following.min_score),
        "detector": None if first is None or detector is None else _of_network(first, detector),
        "following": following,
        "minimum_ios": ios,
        "minimum_macos": MACOS_OF_IOS[ios],
    }


def _of_network(spec: PoseSpec, network: Network) -> dict[str, Any]:
    """What the generated code says of one network."""
    return {
        "spec": spec,
        "model_file": network.model_file,
        "output_names": list(network.output_shapes),
        "output_shapes": {name: list(shape) for name, shape in network.output_shapes.items()},
        "decoder_class": decoder_class(spec.decoder.kind),
        "decoder_settings": of(spec.decoder).settings(spec.decoder, spec.keypoints.oks_sigmas),
    }


def decoder_class(kind: str) -> str:
    """What Kotlin and Swift call the decoder of that kind: "two_words" is TwoWordsDecoder."""
    return "".join(word.capitalize() for word in kind.split("_")) + "Decoder"


def bare_name(spec: PoseSpec) -> str:
    """The model's name without `-` and `_`, by which Python imports the linux package."""
    return re.sub("[-_]", "", spec.name)


def kotlin_package(spec: PoseSpec) -> str:
    """The package of the Android module, and its namespace."""
    return spec.kotlin_package or f"posekit.{bare_name(spec)}"


def render(platform: str, spec: PoseSpec, network: Network, folder: Path, detector: Network | None = None) -> Path:
    """Write the wrapper's tree into `folder`; returns where in it the model files belong.

    InputError where the spec's type_name is a type that the wrapper or the platform already has, or where there is no
    decoder of the spec's kind in the platform's language.
    """
    tree = template_root() / TREES[platform][0]
    twins = brought(platform, spec)
    values = context(spec, network, detector)
    if platform == "linux":
        values["python"] = linux_package.context(stages_of(spec))
        for one in filter(None, (values["pose"], values["detector"])):
            one["python"] = linux_package.of_network(one["spec"], one["output_shapes"])
    render_tree(tree, folder, spec, values)
    for twin in twins:
        target = folder / named(DECODER_FILES[platform][0], spec) / twin.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(named(twin.read_text(encoding="utf-8"), spec), encoding="utf-8")
    place = folder / assets_folder(platform, spec)
    place.mkdir(parents=True, exist_ok=True)
    if platform == "linux":
        linux_package.write_code(stages_of(spec), place / linux_package.CODE)
    (place / CONTRACT).write_bytes(canonical_json(spec))
    return place


def stages_of(spec: PoseSpec) -> list[PoseSpec]:
    """The contracts of a bundle's networks, the pose network's first."""
    first = spec.detector_stage
    return [spec] if first is None else [spec, first]


def assets_folder(platform: str, spec: PoseSpec) -> str:
    """Where in a wrapper's tree its model and pose.json are."""
    return TREES[platform][1].format(type_name=spec.type_name, package=bare_name(spec))


def render_tree(
    source: Path, folder: Path, spec: PoseSpec, values: Mapping[str, Any], *, every_decoder: bool = False
) -> None:
    """Write one template tree into `folder`, leaving out the decoders that the spec does not use."""
    files = sorted(path for path in source.rglob("*") if path.is_file() and ".build" not in path.parts)
    parts = (source.parent / "parts").glob("*.j2")  # which a file includes
    refuse_taken_name(spec.type_name, [decoder_class(spec.decoder.kind)], [*files, *parts])
    used = {one.decoder.kind for one in (spec, spec.detector) if one is not None}
    unused = tuple(decoder_class(kind) for kind in DECODERS if kind not in used and not every_decoder)
    for path in (one for one in files if not one.name.startswith(unused)):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".j2":
            text = source_template(text).render(values)
        target = folder / named(path.relative_to(source).as_posix(), spec).removesuffix(".j2")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(named(text, spec), encoding="utf-8")


def brought(platform: str, spec: PoseSpec) -> list[Path]:
    """The files that decoders from outside bring for a platform's wrapper (Decoder.sources), of both stages.

    InputError where there is no decoder of a spec's kind in the platform's language, or where Python has a package of
    its name.
    """
    if platform == "linux":
        linux_package.check_name(bare_name(spec))
        linux_package.check_decoders(stages_of(spec))
        return []
    return [twin for one in stages_of(spec) if (twin := _twin(platform, one)) is not None]


def _twin(platform: str, spec: PoseSpec) -> Path | None:
    place, suffix = DECODER_FILES[platform]
    name = f"{decoder_class(spec.decoder.kind)}{suffix}"
    if (template_root() / TREES[platform][0] / place / name).is_file():
        return None
    folder = of(spec.decoder).sources
    if folder is None or not (folder / name).is_file():
        raise InputError(
            f"decoder {spec.decoder.kind!r} has no {name}, so no {platform} wrapper can be written",
            f"write {name}, and name its folder as `sources` of the decoder where it is not one of posekit's own",
        )
    return folder / name


@cache
def source_template(text: str) -> Any:
    """A text of templates, with what renders it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(template_root())  # of parts that a file includes
    jinja = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    jinja.filters |= {"lower_camel": lower_camel, "kotlin": kotlin_literal, "swift": swift_literal}
    return jinja.from_string(text)


def kotlin_literal(value: Any) -> str:
    """A setting as Kotlin writes it: text, number, flag, or a list of them."""
    if isinstance(value, list):
        return f"listOf({', '.join(map(kotlin_literal, value))})" if value else "emptyList<Any>()"
    return _literal(value).replace("$", r"\$")


def swift_literal(value: Any) -> str:
    """A setting as Swift writes it: text, number, flag, or a list of them."""
    if isinstance(value, list):
        return f"[{', '.join(map(swift_literal, value))}]"
    return _literal(value)


def _literal(value: Any) -> str:
    """Text, number or flag as both languages write it: as JSON does, but for what cannot be printed."""
    if not isinstance(value, str | bool | int | float) or (isinstance(value, str) and not value.isprintable()):
        raise InputError(
            f"a decoder's setting is {value!r}, expected a printable text, a number, a flag or a list of them"
        )
    return json.dumps(value, ensure_ascii=False)


def page(template: str, **values: Any) -> str:
    """A page of templates/report as HTML, every value escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(template_root() / "report")
    jinja = Environment(loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    return jinja.get_template(template).render(values)


def named(text: str, spec: PoseSpec) -> str:
    """`text` of plain source, or a path, with the placeholders replaced."""
    package = kotlin_package(spec)
    names = {
        "posekit.template": package,
        "posekit/template": package.replace(".", "/"),
        "template_pose": bare_name(spec),
        "TemplatePose": spec.type_name,
    }
    return PLACEHOLDER.sub(lambda found: names[found[0]], text)
