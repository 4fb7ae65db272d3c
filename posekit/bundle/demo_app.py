"""Render the camera app of a platform around a bundle's wrapper: android_demo/ and ios_demo/ copied, names replaced.

The apps are plain source around the placeholders of templates/; `.j2` files alone are rendered.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from posekit import __version__
from posekit.bundle import GOLDEN, Bundle
from posekit.bundle.wrapper import MINIMUM_IOS, bare_name, named, source_template
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.errors import InputError
from posekit.runtimes.files import is_litter

INDEX = "bundles.json"  # in the folder of what the app is told, and whereby a demo app is known
APPLICATION_ID = "posekit.demo.template"  # placeholder
# what Android Studio, Gradle and Xcode leave in a checkout
BUILT = frozenset([".gradle", ".idea", ".kotlin", "build", "local.properties", "xcuserdata", ".build", ".swiftpm"])


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in an app's project.

    tree: the app's folder in the repository. wrapper: the bundle's module or package. told: the folder that the app
    finds INDEX in. models: the model files of further bundles. request: what the app's device run is asked.
    application_id: what an id of the platform looks like. needs: the files of the wrapper that the app stands on.
    """

    tree: str
    wrapper: str
    told: str
    models: str
    request: str
    application_id: str
    needs: tuple[str, ...]


LAYOUTS = {
    "android": Layout(
        "android_demo", "pose", "app/src/main/assets", "app/src/main/assets/models", "app/src/main/assets/request",
        r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+", ("LivePoses.kt", "ThisDevice.kt"),
    ),
    "ios": Layout(
        "ios_demo", "Pose", "FromBundle", "FromBundle/models", "FromBundle/request",
        r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", ("LivePoses.swift", "Placement.swift"),
    ),
}  # fmt: skip


def tree_root(platform: str) -> Path:
    """The app of a platform: inside the installed package, else beside it in a checkout."""
    inside = Path(str(resources.files("posekit"))) / LAYOUTS[platform].tree
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / LAYOUTS[platform].tree


def is_demo(folder: Path) -> bool:
    """Whether a folder is an app that posekit wrote."""
    return any((folder / layout.told / INDEX).is_file() for layout in LAYOUTS.values())


def usual_application_id(spec: PoseSpec) -> str:
    """The app's id where nobody names one."""
    return f"posekit.demo.{bare_name(spec)}"


def check_application_id(platform: str, application_id: str) -> None:
    """InputError where a platform takes no such id."""
    if not re.fullmatch(LAYOUTS[platform].application_id, application_id):
        raise InputError(
            f"--application-id is {application_id!r}, which is no id of an {platform} app",
            "two or more words with dots between them, such as com.example.poses",
        )


def check_age(first: Bundle) -> None:
    """InputError where a bundle's wrapper is older than what the app stands on."""
    there = {path.name for path in first.wrapper_path.rglob("*")}
    for name in LAYOUTS[first.platform].needs:
        if name not in there:
            raise InputError(
                f"{first.folder} is of an earlier posekit: its wrapper has no {name}, which the app needs",
                "package the model again",
            )


def write_app(bundles: Sequence[Bundle], application_id: str, folder: Path) -> Path:
    """Write the app around `bundles`, all of one contract, into `folder`; returns the folder for its device run's
    request, which is not there yet.

    The first bundle's wrapper is taken with its model, of the others the pose network's model file alone.
    """
    first = bundles[0]
    layout, spec = LAYOUTS[first.platform], first.spec
    values = _values(first, application_id)
    for path in tree_files(first.platform):
        _write(path, tree_root(first.platform), folder, spec, values)
    wrapper = folder / layout.wrapper
    shutil.copytree(first.wrapper_path, wrapper)
    shutil.copytree(first.folder / GOLDEN, wrapper / GOLDEN)
    index = _index(bundles, layout, folder, application_id)
    told = folder / layout.told
    told.mkdir(parents=True, exist_ok=True)
    (told / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return folder / layout.request


def _values(bundle: Bundle, application_id: str) -> dict[str, Any]:
    """What the `.j2` files of an app are rendered with."""
    spec = bundle.spec
    return {
        "name": spec.name, "type_name": spec.type_name, "application_id": application_id,
        "contract_hash": contract_hash(spec), "posekit_version": __version__, "minimum_ios": _minimum_ios(bundle),
    }  # fmt: skip


def _minimum_ios(bundle: Bundle) -> str:
    """The oldest iOS that the Swift package of a bundle names; that of every package where it is for another
    platform."""
    manifest = bundle.wrapper_path / "Package.swift"
    found = manifest.is_file() and re.search(r"\.iOS\(\.v(\d+)\)", manifest.read_text(encoding="utf-8"))
    return found[1] if found else MINIMUM_IOS


def tree_files(platform: str) -> list[Path]:
    """The files of an app in the repository, without what a build left there."""
    tree = tree_root(platform)
    found = sorted(path for path in tree.rglob("*") if path.is_file())
    return [path for path in found if not BUILT.intersection(path.relative_to(tree).parts) and not is_litter(path)]


def _write(path: Path, tree: Path, folder: Path, spec: PoseSpec, values: Mapping[str, Any]) -> None:
    """One file of the app, with its name and its text replaced; what is no text stays as it is."""

    def replaced(text: str) -> str:
        return named(text.replace(APPLICATION_ID, values["application_id"]), spec)

    target = folder / replaced(path.relative_to(tree).as_posix()).removesuffix(".j2")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        shutil.copyfile(path, target)
        return
    target.write_text(
        replaced(source_template(text).render(values) if path.suffix == ".j2" else text), encoding="utf-8"
    )


def _index(bundles: Sequence[Bundle], layout: Layout, folder: Path, application_id: str) -> dict[str, Any]:
    """What the app is told of its model files, which are copied here: for each a label, and the name of the
    file in the folder of models, empty for the wrapper's own."""
    models = []
    for number, (one, label) in enumerate(zip(bundles, labels(bundles), strict=True)):
        file = f"{one.spec.name}-{label}{one.model_path.suffix}" if number else ""
        if file:
            _copy(one.model_path, folder / layout.models / file)
        models.append({"label": label, "file": file})
    return {
        "schema": 1, "name": bundles[0].spec.name, "contract_sha256": contract_hash(bundles[0].spec),
        "application_id": application_id, "models": models,
    }  # fmt: skip


def labels(bundles: Sequence[Bundle]) -> tuple[str, ...]:
    """What an app calls the model file of each: its precision, with a number behind it where another has the same."""
    precisions = [str(one.manifest["precision"]) for one in bundles]
    before = [precisions[:number].count(one) for number, one in enumerate(precisions)]
    return tuple(f"{one}-{same + 1}" if same else one for one, same in zip(precisions, before, strict=True))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
