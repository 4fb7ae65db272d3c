"""The bundle on disk: file names, manifest, hashes; written whole or not at all, verified before it is trusted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from posekit import documents
from posekit.bundle import folders
from posekit.bundle.wrapper import assets_folder
from posekit.contract.precisions import PRECISIONS
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import PoseSpec, contract_hash, read_spec
from posekit.errors import InputError, said
from posekit.runtimes.files import is_litter
from posekit.targets import TARGETS, Target

MANIFEST = "manifest.json"
WRAPPER = {"android": "module", "ios": "package", "linux": "package"}
EVALUATION, GOLDEN, REPORT = "evaluation", "golden", "report"
DETECTOR = "detector"  # of two stages: the detector's folder, laid out as a bundle is, without a wrapper of its own
REJECTED = ".rejected"
MAX_MANIFEST_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: every file is what the manifest says.

    whole: of the detector's part of a bundle of two stages the bundle itself, which has the wrapper.
    """

    folder: Path
    manifest: dict[str, Any]
    spec: PoseSpec
    whole: Bundle | None = None

    @property
    def detector(self) -> Bundle | None:
        """The detector's part of a bundle of two stages; None where there is one network."""
        stage, folder = self.spec.detector_stage, self.folder / DETECTOR
        return None if stage is None else Bundle(folder, _read_manifest(folder / MANIFEST), stage, self)

    @property
    def platform(self) -> str:
        """`android`, `ios` or `linux`."""
        return str(self.manifest["platform"])

    @property
    def target(self) -> Target:
        """The target that made the model file."""
        return TARGETS[self.platform]

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.folder / self.target.model_file(self.spec.name)

    @property
    def shipped_model_path(self) -> Path:
        """The copy of the model file inside the wrapper: the one that the app gets."""
        return self.wrapper_path / assets_folder(self.platform, self.spec.whole) / self.model_path.name

    @property
    def wrapper_path(self) -> Path:
        """The generated Gradle module or Swift package."""
        return (self.whole or self).folder / WRAPPER[self.platform]


def bundle_name(spec: PoseSpec, platform: str) -> str:
    """Folder name of a bundle."""
    return f"{spec.name}-{platform}"


def is_bundle(path: Path) -> bool:
    """Whether a path looks like a bundle."""
    return (path / MANIFEST).is_file()


def writing(final: Path, *, overwrite: bool) -> contextlib.AbstractContextManager[Path]:
    """A folder to write a bundle into, which takes the place of `final` when the `with` ends well (folders.py)."""
    return folders.writing(final, "bundle", is_bundle, overwrite=overwrite)


def move_rejected(folder: Path, rejected: Path) -> None:
    """Put a bundle whose gate failed in the place of an earlier such one; InputError for what is no bundle."""
    if rejected.exists() and not is_bundle(rejected):
        raise InputError(
            f"{rejected} exists and is no bundle, so it is not replaced", "move it away, or choose another --out"
        )
    folders.sweep(rejected)
    earlier = folders.beside(rejected, "old")
    if rejected.exists():
        rejected.rename(earlier)
    folder.rename(rejected)
    shutil.rmtree(earlier, ignore_errors=True)


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write manifest.json: `facts` and the SHA-256 of every file of the folder."""
    document = {"schema": 1, **facts, "files": file_hashes(folder)}
    (folder / MANIFEST).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by relative path of every file but the manifest, and what file managers leave; InputError for a link."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise InputError(f"{path} is a link, which a bundle must not hold")
        relative = path.relative_to(folder)
        if path.is_file() and relative.as_posix() != MANIFEST and not is_litter(relative):
            hashes[relative.as_posix()] = file_hash(path)
    return hashes


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder (names and contents)."""
    digest = hashlib.sha256()
    if path.is_dir():
        for name, value in file_hashes(path).items():
            digest.update(f"{name}\0{value}\n".encode())
    else:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify it: manifest, every hash, contract, and the contract inside the model file.

    InputError (exit 2) names the first file that is not what the manifest says.
    """
    if not is_bundle(folder):
        raise InputError(f"{folder} is no bundle: it holds no {MANIFEST}", "give the folder that posekit package wrote")
    if not (folder / CONTRACT).is_file() and is_bundle(folder.parent):
        raise InputError(f"{folder} is a part of the bundle {folder.parent}", f"give {folder.parent}")
    manifest = _read_manifest(folder / MANIFEST)
    listed, found = manifest["files"], file_hashes(folder)
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            raise InputError(f"{folder} lacks {name}, which its manifest lists", "copy the bundle again")
        if name not in listed:
            raise InputError(f"{folder} holds {name}, which its manifest does not list", "package the model again")
        if listed[name] != found[name]:
            raise InputError(f"{name} in {folder} was changed: its SHA-256 is not the manifest's", "package it again")
    spec = read_spec(folder / CONTRACT)
    if manifest["contract_sha256"] != contract_hash(spec):
        raise InputError(f"{CONTRACT} in {folder} is not the contract of the manifest", "package the model again")
    bundle = Bundle(folder, manifest, spec)
    detector = bundle.detector
    if detector is not None:
        _check_part(detector, manifest)
        _check_model(detector)
    _check_model(bundle)
    return bundle


def _check_part(part: Bundle, manifest: dict[str, Any]) -> None:
    """InputError where the manifest of the detector's part says otherwise than that of the bundle."""
    listed = {name.removeprefix(f"{DETECTOR}/"): value for name, value in manifest["files"].items()
              if name.startswith(f"{DETECTOR}/") and name != f"{DETECTOR}/{MANIFEST}"}  # fmt: skip
    same = all(part.manifest[key] == manifest[key] for key in ("platform", "contract_sha256"))
    if not same or part.manifest["files"] != listed:
        raise InputError(f"{part.folder / MANIFEST} is not of the bundle that holds it", "package the model again")


def _check_model(stage: Bundle) -> None:
    """InputError where a model file is of another contract, or the wrapper lacks it."""
    path = stage.model_path
    if hashlib.sha256(stage.target.contract_of(path)).hexdigest() != contract_hash(stage.spec):
        raise InputError(f"{path.name} holds another contract than {CONTRACT}", "package the model again")
    if not stage.shipped_model_path.exists():
        raise InputError(f"the wrapper in {stage.wrapper_path.parent} holds no {path.name}", "package the model again")


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise InputError(f"{path} has more than {MAX_MANIFEST_BYTES} bytes")
        manifest = documents.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no readable manifest{said(error)}") from error
    texts = ("platform", "precision", "contract_sha256", "status")
    sound = (
        isinstance(manifest, dict)
        and manifest.get("schema") == 1
        and all(isinstance(manifest.get(key), str) for key in texts)
        and manifest["platform"] in TARGETS
        and manifest["precision"] in PRECISIONS
        and isinstance(manifest.get("tools"), dict)
        and isinstance(manifest.get("files"), dict)
    )
    if not sound:
        raise InputError(f"{path} is no posekit manifest of schema 1")
    for name, value in manifest["files"].items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name or not isinstance(value, str):
            raise InputError(f"{path} lists {name!r}, which is no path inside a bundle")
    return dict(manifest)
