"""What a run starts from: the contract of a model, and the pictures to evaluate on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posekit import documents
from posekit.contract.changes import Change, apply, parse_change, where
from posekit.contract.presets import preset_file, preset_names
from posekit.contract.spec import PoseSpec, canonical_json, parse_spec, read_table
from posekit.contract.stages import joined
from posekit.errors import InputError
from posekit.poses.images import Photo
from posekit.poses.photos import find_photos, readable
from posekit.progress import LOG, Progress, silent
from posekit.sources import limits, open_source, says_contract, task
from posekit.sources.ensemble import SUFFIX, write_ensemble
from posekit.sources.recognise import Container, container
from posekit.sources.sample import sample_images

ADDED = ("detector", "region")  # tables that two stages add to a contract
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


def find_spec(
    model: Path, wanted: str, changes: Sequence[str] = (), *, arch: str = "", trust: bool = False, weights: str = ""
) -> PoseSpec:
    """The contract of a model: a file, a preset's name, the .toml or .json beside the model, or what the model's own
    file says, which is told.

    changes: fields to set in it, as `input.size_wh=[320,320]`. arch, trust, weights: as open_source has them.
    InputError where there is none.
    """
    if not model.exists():
        raise InputError(f"there is no file {model}", "check the path")
    parsed = [parse_change(text) for text in changes]
    spec = _of_file(model, wanted, parsed) or _of_model(model, parsed, arch=arch, trust=trust, weights=weights)
    check_input_size(spec)
    return spec


def of_stages(changes: Sequence[str], detector: Path | None) -> tuple[list[str], list[str]]:
    """Changes of a contract of one network, and those of what two stages add to it, where a detector is given."""
    added = [text for text in changes if detector is not None and text.partition("=")[0].split(".")[0] in ADDED]
    return [text for text in changes if text not in added], added


def with_detector(
    spec: PoseSpec, detector: Path | None, wanted: str = "", changes: Sequence[str] = (), *, arch: str = "",
    trust: bool = False, weights: str = "",
) -> PoseSpec:  # fmt: skip
    """The contract joined with that of a detector, where it does not have one itself.

    detector: the network that finds people, whose contract is found as that of any model; wanted: its spec or preset;
    changes: of `detector` and `region`. InputError where a contract of two stages has no detector to go with it, or one
    of one stage has no use for it.
    """
    if detector is None:
        if spec.detector is not None:
            raise InputError(
                "the contract is of two stages, and there is one model",
                "--detector names the network that finds people",
            )
        if wanted:
            raise InputError("--detector-spec is of a detector, and there is none", "--detector names it")
        return spec
    if not detector.exists():
        raise InputError(f"there is no file {detector}", "check the path")
    if spec.detector is None:
        spec = joined(spec, find_spec(detector, wanted, arch=arch, trust=trust, weights=weights))
    elif wanted:
        raise InputError(f"the contract has a detector already, and --detector-spec is {wanted!r}", "give one")
    if not changes:
        return spec
    parsed = [parse_change(text) for text in changes]
    return parse_spec(
        apply(documents.parse(canonical_json(spec)), parsed), where("the contract of both networks", parsed)
    )


def own_spec(model: Path) -> PoseSpec | None:
    """The contract beside a model; None where there is none, InputError where there is no model."""
    if not model.exists():
        raise InputError(f"there is no file {model}", "check the path")
    return _of_file(model, "", ())


def refuse_boxes(spec: PoseSpec) -> None:
    """InputError for people's boxes where regions come from points of a detection."""
    if spec.region is not None and spec.region.points is not None:
        raise InputError(
            f"regions of {spec.name} come from points that its detector gives, so boxes of people say nothing of them",
            "leave out --box, or --images of validate",
        )


def check_ensemble(models: Sequence[Path], ensemble: str) -> tuple[float, ...]:
    """The weights of models that are to be one, none for equal ones; InputError where models and words do not fit."""
    if len(models) > 1 and not ensemble:
        names = ", ".join(map(str, models))
        raise InputError(f"there are {len(models)} models, expected one: {names}", "--ensemble mean averages several")
    if ensemble and len(models) == 1:
        raise InputError(f"--ensemble {ensemble} averages several models, and there is one", "name the others too")
    if ensemble in ("", "mean"):
        return ()
    try:
        weights = tuple(float(one) for one in ensemble.split(","))
    except ValueError:
        weights = ()
    if len(weights) != len(models) or not all(0 < one < float("inf") for one in weights):
        raise InputError(
            f"--ensemble is {ensemble!r}, expected mean or {len(models)} numbers above 0", "as --ensemble 0.6,0.4"
        )
    return weights


@contextlib.contextmanager
def as_one(models: Sequence[Path], ensemble: str) -> Iterator[Path]:
    """The model, or a file for a while that makes one of several (sources/ensemble.py)."""
    weights = check_ensemble(models, ensemble)
    if len(models) == 1:
        yield models[0]
        return
    for one in models:
        if not one.exists():
            raise InputError(f"there is no file {one}", "check the path")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{models[0].stem}{SUFFIX}"
        write_ensemble(path, models, weights)
        yield path


@dataclass(frozen=True, slots=True)
class Given:
    """The model files of a command, the detector's where there is one, and the spec that was asked for.

    task: the MediaPipe task that both are of.
    """

    models: tuple[Path, ...]
    detector: Path | None
    spec: str
    task: Path | None = None

    def check(self, spec: PoseSpec) -> None:
        """InputError for a task with a contract of one network."""
        if self.task is not None and spec.detector is None:
            names = ", ".join(task.models(self.task))
            raise InputError(
                f"{self.task} is a MediaPipe task of two models, {names}, and {spec.name} is a contract of one",
                f"a contract of kind two_stage is of both; else unpack it and give one of them: unzip {self.task.name}",
            )


@contextlib.contextmanager
def unpacked(models: Sequence[Path], detector: Path | None, spec: str) -> Iterator[Given]:
    """What was given, a MediaPipe task as the files of its two stages for a while; InputError where a task goes with
    other files."""
    is_task = [one.is_file() and container(one) is Container.TASK for one in models]
    if not any(is_task):
        yield Given(tuple(models), detector, spec)
        return
    if len(models) > 1 or detector is not None:
        name = models[is_task.index(True)]
        raise InputError(f"{name} is a MediaPipe task, which has a detector of its own", "give it alone, or unpack it")
    with tempfile.TemporaryDirectory() as folder:
        stages = task.unpacked(models[0], Path(folder))
        beside = spec_beside(models[0])
        yield Given((stages.landmarks,), stages.detector, spec or (str(beside) if beside else stages.preset), models[0])


def check_input_size(spec: PoseSpec) -> None:
    """InputError for an input of more pixels than is worth trying."""
    width, height = spec.input.size_wh
    limits.refuse_above(width * height, limits.INPUT_PIXELS, f"input.size_wh is {width} x {height}, that is", "px")


def spec_beside(model: Path) -> Path | None:
    """The spec file that lies beside a model under its name."""
    return next((path for suffix in (".toml", ".json") if (path := model.with_suffix(suffix)).is_file()), None)


def _of_file(model: Path, wanted: str, changes: Sequence[Change]) -> PoseSpec | None:
    """The contract that is given, or lies beside the model; None where there is none."""
    path = Path(wanted)
    if not wanted:
        found = spec_beside(model)
        if found is None:
            return None
        path = found
    elif not (path.suffix in (".toml", ".json") or path.exists()):
        path = preset_file(wanted)
    return parse_spec(apply(read_table(path), changes), where(str(path), changes))


def _of_model(model: Path, changes: Sequence[Change], *, arch: str, trust: bool, weights: str) -> PoseSpec:
    """The contract that the model's own file lets posekit write, which is told; InputError where it lets it not."""
    draft = open_source(model, arch=arch, trust=trust, weights=weights).draft if says_contract(model) else None
    if draft is None:
        raise InputError(
            f"{model} has no spec: there is no {model.with_suffix('.toml').name} beside it; needed are name, version, "
            "license, kind, input (size_wh, color_order, mean, std, resize, alignment), decoder and keypoints",
            f"`posekit init` drafts one, or take a preset with --spec: {', '.join(preset_names())}",
        )
    spec = parse_spec(apply(draft.table, changes), where(f"the contract of {model}", changes))
    LOG.info("%s", draft.told)
    return spec


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
