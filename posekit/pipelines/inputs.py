"""What a run starts from: the contract of a model, and the pictures to evaluate on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posekit.contract.presets import preset, preset_names
from posekit.contract.spec import PoseSpec, read_spec
from posekit.errors import InputError
from posekit.poses.images import Photo
from posekit.poses.photos import find_photos, readable
from posekit.progress import Progress, silent
from posekit.sources import limits
from posekit.sources.sample import sample_images

# one_stage: a single person in the whole frame, as MoveNet
SUPPORTED_KINDS = ("top_down", "one_stage")
SUBSTITUTE_IMAGES = "posekit's own synthetic pictures; give yours with --images"


@dataclass(frozen=True, slots=True)
class Images:
    """Which pictures to evaluate on; `what` is said in the report, and `warnings` of what was left out."""

    photos: tuple[Photo, ...]
    what: str
    warnings: tuple[str, ...] = ()

    @property
    def are_given(self) -> bool:
        """Whether they are the user's."""
        return self.what != SUBSTITUTE_IMAGES


def find_spec(model: Path, wanted: str) -> PoseSpec:
    """The contract of a model: a file, a preset's name, or the .toml or .json beside the model.

    InputError where there is none, or where its kind needs a decoder that this version does not have.
    """
    if not model.exists():
        raise InputError(f"there is no file {model}", "check the path")
    spec = _find_spec(model, wanted)
    check_input_size(spec)
    if spec.kind not in SUPPORTED_KINDS:
        raise InputError(
            f"kind {spec.kind!r} is not supported yet: the decoders of this version find one person a region",
            f"supported are {' and '.join(SUPPORTED_KINDS)}",
        )
    return spec


def check_input_size(spec: PoseSpec) -> None:
    """InputError for an input of more pixels than is worth trying."""
    width, height = spec.input.size_wh
    limits.refuse_above(width * height, limits.INPUT_PIXELS, f"input.size_wh is {width} x {height}, that is", "px")


def _find_spec(model: Path, wanted: str) -> PoseSpec:
    if wanted:
        path = Path(wanted)
        if path.suffix in (".toml", ".json") or path.exists():
            return read_spec(path)
        return preset(wanted)
    for suffix in (".toml", ".json"):
        beside = model.with_suffix(suffix)
        if beside.is_file():
            return read_spec(beside)
    raise InputError(
        f"{model} has no spec: there is no {model.with_suffix('.toml').name} beside it; needed are name, version, "
        "license, "
        "kind, input (size_wh, color_order, mean, std, resize, alignment), decoder and keypoints",
        f"write one (docs/spec.md), or take a preset with --spec: {', '.join(preset_names())}",
    )


def find_images(images: Path | None, annotations: Path | None, spec: PoseSpec, step: Progress = silent) -> Images:
    """The evaluation pictures, all of them readable; without --images posekit's own, which is said."""
    names = spec.keypoints.names
    if images is not None:
        found = readable(find_photos(images, annotations, names, with_nobody=spec.has_several), step)
        count = len(found.photos)
        of = "" if count == found.in_folder else f" of {found.in_folder}"
        whose = "that are annotated" if spec.has_several else "with annotated people"
        people = f", those {whose}" if of and annotations is not None else ""
        return Images(found.photos, f"{count}{of} pictures given with --images{people}", found.warnings)
    if annotations is not None:
        raise InputError("--annotations needs --images, the folder of its pictures")
    folder, _ = sample_images()  # without its annotations: accuracy on synthetic people says nothing of a user's model
    return Images(find_photos(folder, None, names).photos, SUBSTITUTE_IMAGES)
