"""package(): the order of the steps; the only room that knows them all."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from posekit import __version__, bundle, codegen, golden
from posekit.decoders import check_outputs
from posekit.errors import ConversionError, InputError, PosekitError
from posekit.images import load_image
from posekit.inputs import Images
from posekit.overlay import overlay
from posekit.parity import report
from posekit.parity.cases import Case, Recorder, cases_of, found_in, poses_of
from posekit.parity.evaluate import Evaluation, ReferenceCase, Run, evaluate, unverified
from posekit.poses import Poses, concatenate
from posekit.runtimes import runtime_for, why_not
from posekit.sources import SourceModel, open_source
from posekit.sources.reference import check_facts, run_reference
from posekit.spec import PoseSpec, Precision, canonical_json, contract_hash
from posekit.steps import Step, announced, silent
from posekit.targets import TARGETS, Converted
from posekit.targets.lowering import Lowered, lower

PLATFORMS = {"android": ("android",), "ios": ("ios",), "all": ("android", "ios")}
TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "coremltools", "numpy")
MAX_PICTURES = 6


@dataclass(frozen=True, slots=True)
class Packaged:
    """A written bundle and its evidence."""

    folder: Path
    platform: str
    evaluation: Evaluation
    report: dict[str, Any]


def package(
    model: Path,
    platform: str,
    spec: PoseSpec,
    images: Images,
    *,
    precision: Precision = "fp32",
    out: Path = Path(),
    overwrite: bool = False,
    arch: str = "",
    trust: bool = False,
    step: Step = silent,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    A bundle whose gate failed is written with the suffix `.rejected`. PosekitError names the step that failed.
    """
    finals = {name: out / bundle.bundle_name(spec, name) for name in PLATFORMS[platform]}
    for final in finals.values():
        if final.exists() and not overwrite:
            raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    for name in finals:
        TARGETS[name].require()
    with announced(step, "open the model"):
        source = open_source(model, arch=arch, trust=trust)
        check_facts(source, spec)
    with announced(step, "run the reference"):
        lowered = _lowered(source, spec, images)
    results: list[Packaged] = []
    for name, final in finals.items():
        try:
            results.append(_package_one(name, final, source, lowered, spec, images, precision, overwrite, step))
        except PosekitError as error:
            if results:
                error.hint += f"; {', '.join(str(result.folder) for result in results)} is written and whole"
            raise
    return results


def _package_one(
    platform: str,
    final: Path,
    source: SourceModel,
    lowered: Lowered,
    spec: PoseSpec,
    images: Images,
    precision: Precision,
    overwrite: bool,
    step: Step,
) -> Packaged:
    target = TARGETS[platform]
    rejected = final.with_name(final.name + bundle.REJECTED)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bundle.writing(final, overwrite=overwrite))
        with announced(step, f"convert for {platform}"):
            converted = _convert(target.convert, lowered, spec, precision, folder, final)
        with announced(step, f"write the {platform} wrapper"):
            wrapper = folder / bundle.WRAPPER[platform]
            assets = codegen.render(platform, spec, converted.path.name, lowered.output_shapes, wrapper)
            _copy(converted.path, assets / converted.path.name)
            (folder / bundle.CONTRACT).write_bytes(canonical_json(spec))
            golden.write(folder / bundle.GOLDEN, spec)
        recorder = Recorder(folder / bundle.EVALUATION)
        with announced(step, f"measure parity on {platform}"):
            evaluation = _evaluate(platform, converted, source, spec, images, precision, recorder)
        model_hash = bundle.file_hash(converted.path)
        recorder.close(model_hash)
        if converted.baseline is not None:
            converted.baseline.unlink()
        document = report.as_json(evaluation, _facts(platform, source, spec, precision, converted, images))
        pictures = _pictures(platform, converted.path, source, spec, images, evaluation)
        document["pictured"] = "packaged model" if evaluation.status != "UNVERIFIED" else "reference"
        page = codegen.template_root() / "report" / "index.html.j2"
        report.write(folder / bundle.REPORT, document, evaluation, pictures, page)
        bundle.write_manifest(folder, _manifest(platform, source, spec, precision, evaluation, images))
        written = final
        if not evaluation.is_good:
            written = rejected
            bundle.move_rejected(folder, rejected)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, evaluation, document)


def _lowered(source: SourceModel, spec: PoseSpec, images: Images) -> Lowered:
    """The static graph, after the checks that need the eager network alone."""
    pixels = cases_of(images.photos[0], spec)[0].pixels
    outputs = run_reference(source, spec, pixels)
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    again, other = run_reference(source, spec, pixels), run_reference(source, spec, 255 - pixels)
    for name in outputs:
        if not np.isfinite(outputs[name]).all():
            raise ConversionError(f"the network's own output {name!r} is not finite", "check mean, std and the weights")
        if not np.array_equal(outputs[name], again[name]):
            raise InputError(
                f"the network gives another {name!r} each time for the same picture",
                "are layers created inside forward(), or dropout left on? Make them in __init__ and call eval()",
            )
        if name in spec.decoder.outputs and (np.array_equal(outputs[name], other[name]) or np.ptp(outputs[name]) == 0):
            raise InputError(
                f"the network's output {name!r} is constant: it does not depend on the picture",
                "were the weights loaded, and do mean and std fit the training?",
            )
    return lower(source, spec, pixels, outputs)


def _convert(
    convert: Callable[..., Converted], lowered: Lowered, spec: PoseSpec, precision: Precision, folder: Path, final: Path
) -> Converted:
    """Convert, keeping the converters' chatter: beside the bundle, since it holds times and a bundle must not."""
    log = folder / "convert.log"
    try:
        return convert(lowered, spec, precision, folder)
    finally:
        if log.exists():
            log.replace(final.with_name(f"{final.name}.convert.log"))


def _references(source: SourceModel, spec: PoseSpec, images: Images) -> Iterator[ReferenceCase]:
    for photo in images.photos:
        for case in cases_of(photo, spec):
            yield case, run_reference(source, spec, case.pixels)


def _evaluate(
    platform: str,
    converted: Converted,
    source: SourceModel,
    spec: PoseSpec,
    images: Images,
    precision: Precision,
    recorder: Recorder,
) -> Evaluation:
    references = _references(source, spec, images)
    run = runtime_for(platform, converted.path)
    if run is None:
        for case, outputs in references:
            recorder.add(case, outputs, found_in(case, outputs, spec))
            if recorder.is_full:
                break
        return unverified(why_not(platform))
    baseline = runtime_for(platform, converted.baseline) if converted.baseline is not None else None
    return evaluate(
        references, spec, precision, run[0],
        status="HOST", runtime=run[1], baseline=baseline[0] if baseline else None, recorder=recorder,
    )  # fmt: skip


def _pictures(
    platform: str, model: Path, source: SourceModel, spec: PoseSpec, images: Images, evaluation: Evaluation
) -> list[str]:
    """Overlays of the first pictures as data URLs: of the packaged model where it runs here, else of the reference."""
    run = None if evaluation.status == "UNVERIFIED" or not evaluation.cases else runtime_for(platform, model)
    chosen = []
    for photo in images.photos[:MAX_PICTURES]:
        cases = cases_of(photo, spec)
        drawn = concatenate([_drawn(case, run, source, spec) for case in cases], spec.keypoint_count)
        picture = overlay(load_image(photo.path), drawn, spec.keypoints.names, spec.keypoints.edges)
        picture.thumbnail((640, 640))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=85)
        chosen.append("data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode())
    return chosen


def _drawn(case: Case, run: tuple[Run, str] | None, source: SourceModel, spec: PoseSpec) -> Poses:
    outputs = run[0](case.pixels) if run is not None else run_reference(source, spec, case.pixels)
    if not all(np.isfinite(values).all() for values in outputs.values()):
        return concatenate([], spec.keypoint_count)
    return poses_of(outputs, case.transform, spec)


def _facts(
    platform: str, source: SourceModel, spec: PoseSpec, precision: Precision, converted: Converted, images: Images
) -> dict[str, Any]:
    size = sum(p.stat().st_size for p in converted.path.rglob("*")) if converted.path.is_dir() else converted.path.stat().st_size  # fmt: skip
    return {
        "name": spec.name, "version": spec.version, "platform": platform, "precision": precision,
        "contract_sha256": contract_hash(spec), "evaluated_on": images.what,
        "source": {"form": str(source.form), "sha256": source.sha256, "facts": json.loads(json.dumps(source.facts, default=str))},
        "route": converted.route, "notes": converted.notes, "op_counts": converted.op_counts, "model_bytes": size,
    }  # fmt: skip


def _manifest(
    platform: str, source: SourceModel, spec: PoseSpec, precision: Precision, evaluation: Evaluation, images: Images
) -> dict[str, Any]:
    return {
        "posekit": __version__, "name": spec.name, "version": spec.version, "license": spec.license,
        "platform": platform, "precision": precision, "status": evaluation.status, "verdict": report.verdict(evaluation),
        "contract_sha256": contract_hash(spec), "source": {"form": str(source.form), "sha256": source.sha256},
        "evaluated_on": images.what,
        "tools": {name: found for name in TOOLS if (found := _installed(name))},
    }  # fmt: skip


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
