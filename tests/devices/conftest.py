"""The samples' bundles, packaged once for all workers of a test run."""

from __future__ import annotations

import fcntl
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle import WRAPPER, file_hash, open_bundle
from posekit.bundle import wrapper as codegen
from posekit.contract.spec import PoseSpec, canonical_json, contract_hash
from posekit.devices.desktop import kotlin, swift
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.devices.desktop.swift import SwiftWrapper
from posekit.parity.cases import Case, recorded
from posekit.parity.shipped import Run
from posekit.pipelines import inputs
from posekit.pipelines import package as pipeline
from posekit.poses.images import load_image
from posekit.poses.regions import Region
from posekit.poses.transforms import input_transform
from posekit.poses.warp import warp
from posekit.runtimes import litert, mil
from posekit.sources.sample import write_sample
from tests.devices.kotlin_samples import FAULTS, SAMPLES, Sample
from tests.devices.swift_samples import FAULTS as SWIFT_FAULTS
from tests.devices.swift_samples import SwiftSample

CHANGES: dict[str, tuple[str, ...]] = {"tinypose": ("kotlin_package=com.acme.pose",), "tinysimcc": ()}


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that every xdist worker of this run sees."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "devices"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sample_bundle(shared_folder: Path) -> Callable[[str, str], Path]:
    """Bundle of a sample (`tinypose`, `tinysimcc`) for a platform, float32; whoever asks first packages it. One has a
    Kotlin package of its choice."""

    def bundle(name: str, platform: str) -> Path:
        with (shared_folder / f"{name}-{platform}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = shared_folder / f"{name}-{platform}"
            if not made.exists():
                sample = shared_folder / f"{name}-{platform}-sample"
                write_sample(sample)
                model = sample / f"{name}.pt2"
                contract = inputs.find_spec(model, str(model.with_suffix(".toml")), CHANGES[name])
                pictures = inputs.find_images(sample / "images", sample / "annotations.json", contract)
                (result,) = pipeline.package(model, platform, contract, pictures, out=shared_folder)
                assert result.evaluation.is_good
        return made

    return bundle


@pytest.fixture(scope="session")
def samples(sample_bundle: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """Both samples as packaged, and tinypose with a contract that letterboxes."""
    made = {}
    for name in SAMPLES:
        bundle = open_bundle(sample_bundle(name, "android"))
        cases = list(recorded(bundle.folder / "evaluation", bundle.spec))
        made[name] = Sample(bundle.spec, bundle.shipped_model_path, bundle.folder / WRAPPER["android"], cases)
    plain = made["tinypose"]
    spec, letterboxed = _letterboxed(sample_bundle("tinypose", "android"), litert.open_model(plain.model))
    folder = tmp_path_factory.mktemp("letterbox")
    shapes = {name: tuple(values.shape) for name, values in plain.cases[0][1].items()}
    codegen.render("android", spec, codegen.Network(plain.model.name, shapes), folder / "module")
    model = folder / plain.model.name
    with zipfile.ZipFile(plain.model) as archive:
        graph = plain.model.read_bytes()[: min(entry.header_offset for entry in archive.infolist())]
    model.write_bytes(graph)
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr("pose.json", canonical_json(spec))
    return {**made, "letterbox": Sample(spec, model, folder / "module", letterboxed)}


@pytest.fixture(scope="session")
def wrappers(samples: dict[str, Sample], tmp_path_factory: pytest.TempPathFactory) -> dict[str, KotlinWrapper]:
    """The modules and their faulty variants, compiled in one process."""
    work = tmp_path_factory.mktemp("desktop")
    modules = {name: sample.module for name, sample in samples.items()}
    for name, (base, file, old, new, _) in FAULTS.items():
        modules[name] = Path(shutil.copytree(samples[base].module / "src", work / name / "src").parent)
        _plant(modules[name], file, old, new)
    return dict(zip(modules, kotlin.build_many(list(modules.values()), work / "build"), strict=True))


@pytest.fixture(scope="session")
def swift_samples(
    sample_bundle: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, SwiftSample]:
    """Both samples as packaged, and tinypose with a contract that letterboxes."""
    made = {}
    for name in SAMPLES:
        bundle = open_bundle(sample_bundle(name, "ios"))
        cases = list(recorded(bundle.folder / "evaluation", bundle.spec))
        made[name] = SwiftSample(bundle.spec, bundle.shipped_model_path, bundle.wrapper_path, cases)
    plain = made["tinypose"]
    spec, letterboxed = _letterboxed(sample_bundle("tinypose", "ios"), mil.open_model(plain.model))
    package = tmp_path_factory.mktemp("letterbox") / "package"
    shapes = {name: tuple(values.shape) for name, values in plain.cases[0][1].items()}
    model = codegen.render("ios", spec, codegen.Network(plain.model.name, shapes), package) / plain.model.name
    shutil.copytree(plain.model, model)
    return {**made, "letterbox": SwiftSample(spec, model, package, letterboxed)}


@pytest.fixture(scope="session")
def swift_wrapper(swift_samples: dict[str, SwiftSample], shared_folder: Path) -> Callable[[str], SwiftWrapper]:
    """A sample's package, or a faulty variant of one, compiled by whoever asks first, on top of the last of its
    name."""

    def wrapper(name: str) -> SwiftWrapper:
        base, *fault, _ = SWIFT_FAULTS.get(name, (name, None))
        sample, program = swift_samples[base], shared_folder / f"swift-{name}"
        with (shared_folder / "swift.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                package = sample.package
                if fault:
                    package = Path(shutil.copytree(package, shared_folder / f"swift-{name}-package"))
                    _plant(package, *fault)
                built = swift.build(package, shared_folder / f"swift-build-{sample.spec.type_name}")
                shutil.copy(built.program, program)
        return SwiftWrapper(program, sample.model, file_hash(sample.model), contract_hash(sample.spec))

    return wrapper


def _plant(tree: Path, file: str, old: str, new: str) -> None:
    (path,) = tree.rglob(file)
    text = path.read_text()
    assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def _letterboxed(bundle: Path, run: Run) -> tuple[PoseSpec, list[tuple[Case, Mapping[str, Any]]]]:
    """The contract of a bundle, but letterboxed, and its cases; the model's own outputs are the reference, since the
    network knows no letterbox."""
    plain = open_bundle(bundle).spec
    spec = plain.model_copy(update={"input": plain.input.model_copy(update={"resize": "letterbox", "pad_value": 114})})
    cases = [_widened(case, spec) for case, _ in recorded(bundle / "evaluation", spec)]
    return spec, [(case, run(case.pixels)) for case in cases]


def _widened(case: Case, spec: PoseSpec) -> Case:
    """The case with a region wider than the input's shape, so that there is something to pad."""
    width, height = case.region.size_wh
    region = Region(case.region.center_xy, (1.5 * width, height))
    transform = input_transform(region, spec.input)
    pixels = warp(load_image(case.photo.path), transform, spec.input.size_wh, spec.input.pad_value)
    return replace(case, region=region, transform=transform, pixels=pixels)
