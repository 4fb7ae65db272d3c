"""The order of the steps; the only room that knows them all."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import __version__, bundle, codegen, golden
from posekit.decoders import check_outputs
from posekit.errors import ConversionError, InputError, PosekitError
from posekit.images import Person, Photo, load_image, photos
from posekit.overlay import overlay
from posekit.parity import report
from posekit.parity.accuracy import accuracy, truth_of
from posekit.parity.cases import Case, Recorder, cases_of, found_in, poses_of, read_index, recorded
from posekit.parity.evaluate import Evaluation, ReferenceCase, Run, evaluate, unverified
from posekit.parity.gate import Check, Outcome
from posekit.poses import Poses, concatenate
from posekit.presets import preset, preset_names
from posekit.runtimes import coreml as coreml_runtime
from posekit.runtimes import litert as litert_runtime
from posekit.sample import sample_images
from posekit.sources import SourceModel, open_source
from posekit.sources.reference import run_reference
from posekit.spec import PoseSpec, Precision, canonical_json, contract_hash, read_spec
from posekit.targets import TARGETS, Converted
from posekit.targets.lowering import Lowered, lower

Step = Callable[[str], None]
PLATFORMS = {"android": ("android",), "ios": ("ios",), "all": ("android", "ios")}
SUBSTITUTE_IMAGES = "posekit's own synthetic pictures; give yours with --images"
TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "coremltools", "numpy")
MAX_PICTURES = 6


@dataclass(frozen=True, slots=True)
class Images:
    """Which pictures to evaluate on; `what` is said in the report."""

    photos: tuple[Photo, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Packaged:
    """A written bundle and its evidence."""

    folder: Path
    platform: str
    evaluation: Evaluation
    report: dict[str, Any]


def find_spec(model: Path, wanted: str) -> PoseSpec:
    """The contract of a model: a file, a preset's name, or the .toml or .json beside the model."""
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
        f"{model} has no spec: there is no {model.with_suffix('.toml').name} beside it; needed are name, version, license, "
        "kind, input (size_wh, color_order, mean, std, resize, alignment), decoder and keypoints",
        f"write one (docs/spec.md), or take a preset with --spec: {', '.join(preset_names())}",
    )


def find_images(images: Path | None, annotations: Path | None, spec: PoseSpec) -> Images:
    """The evaluation pictures; without --images posekit's own, which is said."""
    if images is not None:
        found = photos(images, annotations, spec.keypoint_count)
        return Images(tuple(found), f"{len(found)} pictures given with --images")
    if annotations is not None:
        raise InputError("--annotations needs --images, the folder of its pictures")
    folder, coco = sample_images()
    own = spec.keypoints.skeleton == "coco17"
    return Images(tuple(photos(folder, coco if own else None, spec.keypoint_count)), SUBSTITUTE_IMAGES)


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
    step: Step = lambda _: None,
) -> list[Packaged]:
    """Turn a trained model into one bundle a platform, each with its evidence.

    A bundle whose gate failed is written with the suffix `.rejected`. PosekitError names the step that failed.
    """
    finals = {name: out / bundle.bundle_name(spec, name) for name in PLATFORMS[platform]}
    for final in finals.values():
        if final.exists() and not overwrite:
            raise InputError(f"{final} exists", "pass --overwrite to replace it, or --out for another folder")
    with _step(step, "open the model"):
        source = open_source(model, arch=arch, trust=trust)
        _check_facts(source, spec)
    with _step(step, "run the reference"):
        lowered = _lowered(source, spec, images)
    return [
        _package_one(name, final, source, lowered, spec, images, precision, overwrite, step)
        for name, final in finals.items()
    ]


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
        with _step(step, f"convert for {platform}"):
            converted = _convert(target.convert, lowered, spec, precision, folder, final)
        with _step(step, f"write the {platform} wrapper"):
            wrapper = folder / bundle.WRAPPER[platform]
            assets = codegen.render(platform, spec, converted.path.name, lowered.output_shapes, wrapper)
            _copy(converted.path, assets / converted.path.name)
            (folder / bundle.CONTRACT).write_bytes(canonical_json(spec))
            golden.write(folder / bundle.GOLDEN, spec)
        recorder = Recorder(folder / bundle.EVALUATION)
        with _step(step, f"measure parity on {platform}"):
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
        bundle.write_manifest(folder, _manifest(platform, source, spec, precision, evaluation))
        written = final
        if not evaluation.is_good:
            written = rejected
            shutil.rmtree(rejected, ignore_errors=True)
            folder.rename(rejected)
            stack.pop_all()  # the good bundle's place is left as it was
    return Packaged(written, platform, evaluation, document)


def validate(
    folder: Path, images: Path | None = None, annotations: Path | None = None, step: Step = lambda _: None
) -> tuple[bundle.Bundle, Evaluation]:
    """Verify a bundle and measure its model anew against the reference that it carries.

    With annotated images the accuracy of the packaged model is measured too. InputError (exit 2) for a bundle that
    is not what its manifest says.
    """
    with _step(step, "verify the bundle"):
        opened = bundle.open_bundle(folder)
        index = read_index(folder / bundle.EVALUATION)
    with _step(step, "measure parity"):
        references = recorded(folder / bundle.EVALUATION, opened.spec)
        run = _runtime(opened.platform, opened.model_path)
        if run is None:
            evaluation = unverified(coreml_runtime.WHY_NOT)
        else:
            precision: Precision = opened.manifest["precision"]
            evaluation = evaluate(references, opened.spec, precision, run[0], status="HOST", runtime=run[1])
        evaluation = _with_evidence(evaluation, index, opened)
        if images is not None and run is not None:
            evaluation = _with_accuracy(evaluation, find_images(images, annotations, opened.spec), opened.spec, run[0])
    return opened, evaluation


def predict(
    run: Callable[[NDArray[np.float32]], Any], spec: PoseSpec, path: Path, boxes_xyxy: Sequence[tuple[float, ...]] = ()
) -> tuple[NDArray[np.uint8], Poses]:
    """The upright picture and its keypoints; boxes_xyxy: source px of people, else the whole frame."""
    people = tuple(Person((x1, y1, x2, y2)) for x1, y1, x2, y2 in boxes_xyxy)
    parts = [poses_of(run(case.pixels), case.transform, spec) for case in cases_of(Photo(path, 0, people), spec)]
    return load_image(path), concatenate(parts, spec.keypoint_count)


def open_for_prediction(path: Path, spec: str, arch: str, trust: bool) -> tuple[PoseSpec, Run]:
    """The contract and a runner of a bundle (its packaged model) or of a source model (eagerly)."""
    if bundle.is_bundle(path):
        opened = bundle.open_bundle(path)
        run = _runtime(opened.platform, opened.model_path)
        if run is None:
            return opened.spec, coreml_runtime.open_model(opened.model_path)
        return opened.spec, run[0]
    contract = find_spec(path, spec)
    source = open_source(path, arch=arch, trust=trust)
    return contract, lambda pixels: run_reference(source, contract, pixels)


@contextlib.contextmanager
def _step(step: Step, name: str) -> Iterator[None]:
    """Announce a step, and put its name on a failure."""
    step(name)
    try:
        yield
    except PosekitError as error:
        error.step = error.step or name
        raise
    except OSError as error:
        raise InputError(f"cannot {name}: {error.strerror or error}", "is there space, and permission?") from error


def _check_facts(source: SourceModel, spec: PoseSpec) -> None:
    shape = source.facts.get("kpt_shape")
    if shape and int(shape[0]) != spec.keypoint_count:
        raise InputError(
            f"{source.path} says kpt_shape {list(shape)}, but the spec has {spec.keypoint_count} keypoints",
            "choose the skeleton that the model was trained with",
        )


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
        if np.array_equal(outputs[name], other[name]) or np.ptp(outputs[name]) == 0:
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
    run = _runtime(platform, converted.path)
    if run is None:
        for case, outputs in references:
            recorder.add(case, outputs, found_in(case, outputs, spec))
            if recorder.is_full:
                break
        return unverified(coreml_runtime.WHY_NOT)
    baseline = _runtime(platform, converted.baseline) if converted.baseline is not None else None
    return evaluate(
        references, spec, precision, run[0],
        status="HOST", runtime=run[1], baseline=baseline[0] if baseline else None, recorder=recorder,
    )  # fmt: skip


def _runtime(platform: str, path: Path) -> tuple[Run, str] | None:
    """What runs a platform's model file on this machine, with its name; None where nothing can."""
    if platform == "android":
        return litert_runtime.open_model(path), litert_runtime.runtime_name()
    if coreml_runtime.is_available():
        return coreml_runtime.open_model(path), coreml_runtime.runtime_name()
    return None


def _with_evidence(evaluation: Evaluation, index: dict[str, Any], opened: bundle.Bundle) -> Evaluation:
    """Add the check that the bundle's figures were measured on the model file that it ships."""
    same = index.get("measured_model_sha256") == bundle.file_hash(opened.model_path)
    text = "the file that was measured" if same else "the bundle's figures were measured on another model file"
    check = Check("model file", Outcome.PASS if same else Outcome.FAIL, text)
    return replace(evaluation, checks=(check, *evaluation.checks))


def _with_accuracy(evaluation: Evaluation, images: Images, spec: PoseSpec, run: Run) -> Evaluation:
    found, truth = [], []
    for photo in images.photos:
        for case in cases_of(photo, spec):
            found.append(found_in(case, run(case.pixels), spec))
            truth.append(truth_of(case))
    measured = accuracy(found, truth, spec)
    if measured is None:
        raise InputError(
            "the pictures given with --images have no annotated keypoints", "add --annotations FILE (COCO)"
        )
    return replace(evaluation, accuracy={"packaged": measured})


def _pictures(
    platform: str, model: Path, source: SourceModel, spec: PoseSpec, images: Images, evaluation: Evaluation
) -> list[str]:
    """Overlays of the first pictures as data URLs: of the packaged model where it runs here, else of the reference."""
    run = None if evaluation.status == "UNVERIFIED" or not evaluation.cases else _runtime(platform, model)
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
    platform: str, source: SourceModel, spec: PoseSpec, precision: Precision, evaluation: Evaluation
) -> dict[str, Any]:
    return {
        "posekit": __version__, "name": spec.name, "version": spec.version, "license": spec.license,
        "platform": platform, "precision": precision, "status": evaluation.status, "verdict": report.verdict(evaluation),
        "contract_sha256": contract_hash(spec), "source": {"form": str(source.form), "sha256": source.sha256},
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
