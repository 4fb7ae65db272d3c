"""The samples' bundles, packaged once for all workers of a test run."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from posekit import inputs, pipeline
from posekit.sample import write_sample


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that every xdist worker of this run sees."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "devices"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sample_bundle(shared_folder: Path) -> Callable[[str, str], Path]:
    """Bundle of a sample (`tinypose`, `tinysimcc`) for a platform, float32; whoever asks first packages it."""

    def bundle(name: str, platform: str) -> Path:
        with (shared_folder / f"{name}-{platform}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = shared_folder / f"{name}-{platform}"
            if not made.exists():
                sample = shared_folder / f"{name}-{platform}-sample"
                write_sample(sample)
                model = sample / f"{name}.pt2"
                contract = inputs.find_spec(model, str(model.with_suffix(".toml")))
                pictures = inputs.find_images(sample / "images", sample / "annotations.json", contract)
                (result,) = pipeline.package(model, platform, contract, pictures, out=shared_folder)
                assert result.evaluation.is_good
        return made

    return bundle
