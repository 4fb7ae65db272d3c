"""package(): the order of the steps; the only room that knows them all."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from posekit import bundle
from posekit.bundle import wrapper as codegen
from posekit.compression.calibration import is_sample, needed
from posekit.compression.search import check_means
from posekit.compression.settings import FLOAT, Compression
from posekit.contract.precisions import PRECISIONS
from posekit.contract.spec import PoseSpec
from posekit.devices import desktop
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError, naming
from posekit.parity.accuracy import can_be_told
from posekit.parity.contract import QuickLook, quick
from posekit.parity.gate import DETECTOR, POSE
from posekit.parity.references import References
from posekit.pipelines import both_stages
from posekit.pipelines.bundling import Packaged, write_bundle
from posekit.pipelines.check import step_of
from posekit.pipelines.garbage import looked_for_seldom
from posekit.pipelines.inputs import Images
from posekit.pipelines.making import SameFiles
from posekit.pipelines.preparation import calibrating, prepare
from posekit.pipelines.stage import Job
from posekit.progress import Progress, announced, silent
from posekit.runtimes import why_untimed
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS, check_recipe


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A trained network's file, how it is opened, and how small its files become."""

    model: Path
    arch: str = ""
    trust: bool = False
    weights: str = ""
    compression: Compression = FLOAT


PLATFORMS = {"android": ("android",), "ios": ("ios",), "linux": ("linux",), "all": ("android", "ios", "linux")}


@looked_for_seldom()
def package(
    model: Path,
    platform: str,
    spec: PoseSpec,
    images: Images,
    *,
    compression: Compression = FLOAT,
    out: Path = Path(),
    overwrite: bool = False,
    arch: str = "",
    trust: bool = False,
    weights: str = "",
    wrapper: bool = False,
    reference: Path | None = None,
    detector: TrainedNetwork | None = None,
    step: Progress = silent,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    compression: one recipe for all files, or a search for one within a budget, which is then one of the bundle's gates.
    detector: of a contract of two stages, what finds people. wrapper: run the generated code here too. reference: the
    training code's own predictions, which make `contract` the waterfall's first step. A bundle whose gate failed is
    written with the suffix `.rejected`. PosekitError names the step that failed.
    """
    finals = {name: out / bundle.bundle_name(spec, name) for name in PLATFORMS[platform]}
    if reference is not None and not images.are_given:
        raise InputError("--reference needs --images, the folder of the pictures that it is of")
    if (spec.detector is None) != (detector is None):
        raise InputError(
            f"kind is {spec.kind!r}, and there is {'no' if detector is None else 'a'} detector",
            "--detector names the network that finds people for a pose network of two stages",
        )
    stages = [compression, *([] if detector is None else [detector.compression])]
    _refuse_early(finals, spec, stages, overwrite=overwrite, wrapper=wrapper)
    network = TrainedNetwork(model, arch, trust, weights, compression)
    with tempfile.TemporaryDirectory() as kept:
        job_of = partial(_job, platforms=tuple(finals), wrapper=wrapper, step=step)
        first, stage = None, spec.detector_stage
        if detector is not None and stage is not None:
            with naming(DETECTOR):
                first = job_of(detector, stage, both_stages.of_detector(images), Path(kept) / "detector")
            first = replace(first, network=DETECTOR)
            images = both_stages.of_pose(images, spec, first.reference, step)
        of_pose = "" if first is None else POSE
        with naming(of_pose):
            job = job_of(network, spec, images, Path(kept) / "pose", reference=reference)
        job = replace(job, detector=first, network=of_pose)
        (Path(kept) / "made").mkdir()
        return _each(finals, job, SameFiles(Path(kept) / "made", {}), overwrite=overwrite)


def _job(
    network: TrainedNetwork, spec: PoseSpec, images: Images, folder: Path, *, platforms: tuple[str, ...],
    wrapper: bool, step: Progress, reference: Path | None = None,
) -> Job:  # fmt: skip
    """A trained network opened, checked and brought to where its files are made from; folder: for its references."""
    folder.mkdir()
    needs = _calibrates(network.model, spec, images, network.compression)
    opened = {"arch": network.arch, "trust": network.trust, "weights": network.weights}
    prepared = prepare(network.model, spec, images, step, platforms=platforms, **opened)  # type: ignore[arg-type]
    source, calibrated, compression = prepared.source, None, network.compression
    if needs:
        pictures, boxes = compression.calibration, compression.calibration_annotations
        calibrated = calibrating(source, spec, pictures, boxes, images, needs, step)
    with announced(step, "look at the contract"):
        contract = None if reference is None else step_of(source, spec, images.photos, reference)
        look = quick(source, spec, images.photos) if images.are_given else QuickLook()
    references = References(images.photos, spec, partial(run_reference, source, spec), folder)
    return Job(prepared, images, compression, calibrated, wrapper, contract, look, references, step)


def _refuse_early(
    finals: Mapping[str, Path], spec: PoseSpec, stages: Sequence[Compression], *, overwrite: bool, wrapper: bool
) -> None:
    """What can be refused before anything is opened is; stages: how each network is compressed, the pose network
    first."""
    compression = stages[0]
    is_searched = compression.tuning is not None
    if compression.calibration is not None and not is_searched and not any(one.recipe.calibrates for one in stages):
        raise InputError(
            f"precision {compression.recipe.precision} needs no calibration pictures", "leave out --calibration"
        )
    for final in finals.values():
        if final.exists() and not overwrite:
            raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    for name in finals:
        TARGETS[name].require()
        codegen.brought(name, spec)
        for one in stages:
            check_recipe(one.recipe, name)
        if compression.tuning is not None and compression.tuning.fastest and (reason := why_untimed(name)):
            raise MissingToolError(
                f"the fastest {name} file cannot be told here: {reason}", "leave out --fastest, or run it on a Mac"
            )
        if wrapper:
            desktop.require(name)


def _each(finals: Mapping[str, Path], job: Job, same: SameFiles, *, overwrite: bool) -> list[Packaged]:
    """A bundle a platform; where one does not convert, the others are made before that is told."""
    results: list[Packaged] = []
    failed: list[PosekitError] = []
    for name, final in finals.items():
        try:
            results.append(write_bundle(name, final, job, same, overwrite=overwrite))
        except (ConversionError, MissingToolError) as error:  # of one platform: the other may convert
            failed.append(error)
        except PosekitError as error:
            error.hint = _with_written(error.hint, results)
            raise
    if failed:
        first, *more = failed
        first.hint = "; ".join(filter(None, [first.hint, *(f"{one.step}: {one.message}" for one in more)]))
        first.hint = _with_written(first.hint, results)
        raise first
    return results


def _with_written(hint: str, results: list[Packaged]) -> str:
    """A hint that names the bundles of other platforms that are there."""
    folders = ", ".join(str(result.folder) for result in results)
    return "; ".join(filter(None, [hint, f"{folders} is written and whole" if folders else ""]))


def _calibrates(model: Path, spec: PoseSpec, images: Images, wanted: Compression) -> str:
    """The precision that wants calibration pictures, empty where none does; what can be refused before anything is
    opened is."""
    given = wanted.calibration is not None
    is_ours = False
    needs = next((name for name in sorted(wanted.recipe.precisions) if PRECISIONS[name].calibrates), "")
    with contextlib.suppress(OSError):  # told where the model is opened
        is_ours = model.is_file() and is_sample(bundle.file_hash(model))
    if wanted.tuning is not None:
        check_means(wanted.tuning, can_be_told(images.photos, spec))
        needs = "auto" if given or is_ours else ""
    elif needs and not given and not is_ours:
        raise needed(needs)
    if wanted.calibration is not None and not wanted.calibration.exists():
        raise InputError(f"there is no {wanted.calibration} to calibrate with", "give a folder of pictures, or a video")
    return needs
