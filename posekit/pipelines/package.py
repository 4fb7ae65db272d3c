"""package(): the order of the steps; the only room that knows them all."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
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
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError
from posekit.parity.accuracy import can_be_told
from posekit.parity.contract import QuickLook, quick
from posekit.parity.references import References
from posekit.pipelines.bundling import Job, Packaged, write_bundle
from posekit.pipelines.check import step_of
from posekit.pipelines.garbage import looked_for_seldom
from posekit.pipelines.inputs import Images
from posekit.pipelines.preparation import calibrating, prepare
from posekit.progress import Progress, announced, silent
from posekit.runtimes import why_untimed
from posekit.sources.reference import run_reference
from posekit.targets import TARGETS, check_recipe

PLATFORMS = {"android": ("android",), "ios": ("ios",), "all": ("android", "ios")}


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
    step: Progress = silent,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    compression: one recipe for all files, or a search for one within a budget, which is then one of the bundle's gates.
    wrapper: run the generated code here too. reference: the training code's own predictions, which make `contract` the
    waterfall's first step. A bundle whose gate failed is written with the suffix `.rejected`. PosekitError names the
    step that failed.
    """
    finals = {name: out / bundle.bundle_name(spec, name) for name in PLATFORMS[platform]}
    if reference is not None and not images.are_given:
        raise InputError("--reference needs --images, the folder of the pictures that it is of")
    _refuse_early(finals, spec, compression, overwrite=overwrite, wrapper=wrapper)
    needs = _calibrates(model, spec, images, compression)
    prepared = prepare(model, spec, images, step, platforms=tuple(finals), arch=arch, trust=trust, weights=weights)
    source, calibrated = prepared.source, None
    if needs:
        pictures, boxes = compression.calibration, compression.calibration_annotations
        calibrated = calibrating(source, spec, pictures, boxes, images, needs, step)
    with announced(step, "look at the contract"):
        contract = None if reference is None else step_of(source, spec, images.photos, reference)
        look = quick(source, spec, images.photos) if images.are_given else QuickLook()
    with tempfile.TemporaryDirectory() as kept:
        run = partial(run_reference, source, spec)
        references = References(images.photos, spec, run, Path(kept))
        job = Job(prepared, images, compression, calibrated, overwrite, wrapper, contract, look, references, step)
        return _each(finals, job)


def _refuse_early(
    finals: Mapping[str, Path], spec: PoseSpec, compression: Compression, *, overwrite: bool, wrapper: bool
) -> None:
    """What can be refused before anything is opened is."""
    for final in finals.values():
        if final.exists() and not overwrite:
            raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    for name in finals:
        TARGETS[name].require()
        codegen.brought(name, spec)
        check_recipe(compression.recipe, name)
        if compression.tuning is not None and compression.tuning.fastest and (reason := why_untimed(name)):
            raise MissingToolError(
                f"the fastest {name} file cannot be told here: {reason}", "leave out --fastest, or run it on a Mac"
            )
        if wrapper:
            desktop.require(name)


def _each(finals: Mapping[str, Path], job: Job) -> list[Packaged]:
    """A bundle a platform; where one does not convert, the others are made before that is told."""
    results: list[Packaged] = []
    failed: list[PosekitError] = []
    for name, final in finals.items():
        try:
            results.append(write_bundle(name, final, job))
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
    elif given and not needs:
        raise InputError(
            f"precision {wanted.recipe.precision} needs no calibration pictures", "leave out --calibration"
        )
    elif needs and not given and not is_ours:
        raise needed(needs)
    if wanted.calibration is not None and not wanted.calibration.exists():
        raise InputError(f"there is no {wanted.calibration} to calibrate with", "give a folder of pictures, or a video")
    return needs
