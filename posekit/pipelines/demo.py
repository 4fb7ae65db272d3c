"""Write a camera app around a bundle: verify it, copy its platform's app, and write what a device run is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posekit import bundle
from posekit.bundle import demo_app, folders
from posekit.contract.spec import contract_hash
from posekit.devices import drive
from posekit.errors import InputError
from posekit.parity.cases import recorded
from posekit.pipelines import consistency
from posekit.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Demo:
    """An app that was written. models: what it calls its model files; warnings: of the bundles."""

    folder: Path
    platform: str
    application_id: str
    models: tuple[str, ...]
    warnings: tuple[str, ...]


def demo(
    paths: Sequence[Path], out: Path, *, application_id: str = "", overwrite: bool = False, step: Progress = silent
) -> Demo:
    """Write the app around the first of the bundles at `paths` to `out`; further ones are the same contract in other
    precisions, to switch between.

    InputError where a bundle is not what its manifest says, is for no app, of another contract than the first, or of
    an earlier posekit.
    """
    for path in paths:
        if out.resolve().is_relative_to(path.resolve()):
            raise InputError(f"{out} is in the bundle {path}, whose files are listed", "give --out another folder")
        if path.resolve().is_relative_to(out.resolve()):
            raise InputError(f"{path} is in {out}, which would be replaced", "give --out another folder")
    folders.check_place(out, "demo app", demo_app.is_demo, overwrite=overwrite)
    step("verify the bundle" if len(paths) == 1 else "verify the bundles")
    opened = [bundle.open_bundle(path) for path in paths]
    _check_alike(opened)
    platform, spec = opened[0].platform, opened[0].spec
    demo_app.check_age(opened[0])
    identifier = application_id or demo_app.usual_application_id(spec)
    demo_app.check_application_id(platform, identifier)
    step("write the app")
    with folders.writing(out, "demo app", demo_app.is_demo, overwrite=overwrite) as partial:
        request = demo_app.write_app(opened, identifier, partial)
        cases = recorded(opened[0].folder / bundle.EVALUATION, spec)
        drive.write_request(opened[0], request, (case for case, _ in cases))
    return Demo(out, platform, identifier, demo_app.labels(opened), tuple(_warnings(opened)))


def _check_alike(opened: Sequence[bundle.Bundle]) -> None:
    """InputError unless all are bundles for an app, of one platform and one contract."""
    first = opened[0]
    for one in opened:
        if one.platform not in demo_app.LAYOUTS:
            raise InputError(
                f"{one.folder} is a {one.platform} bundle, a Python package that needs no app",
                f"pip install {one.wrapper_path}, and see its README; --platform android or ios is for an app",
            )
        if one.platform != first.platform:
            raise InputError(f"{one.folder} is for {one.platform}, {first.folder} for {first.platform}", "one app each")
        if contract_hash(one.spec) != contract_hash(first.spec):
            raise InputError(
                f"{one.folder} has another contract than {first.folder}, so one app cannot switch between them",
                "further bundles are the same model in other precisions",
            )


def _warnings(opened: Sequence[bundle.Bundle]) -> list[str]:
    found = [f"{one.folder} failed its gate: the app shows a model that was not accepted"
             for one in opened if one.folder.name.endswith(bundle.REJECTED)]  # fmt: skip
    if edits := consistency.edits_of(opened[0]):
        found.append(f"the wrapper of {opened[0].folder} is not what this posekit renders ({edits.in_words}): "
                     "whoever builds the app runs it")  # fmt: skip
    if len(opened) > 1 and opened[0].detector is not None:
        found.append(f"people are found by the detector of {opened[0].folder}, whichever model file is chosen")
    return found
