"""Commands that show what there is: predict, inspect, presets, sample, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posekit.cli.options import (
    ArchOption,
    DetectorArchOption,
    DetectorOption,
    DetectorSpecOption,
    JsonOption,
    SetOption,
    SpecOption,
    TrustOption,
    WeightsOption,
)


def predict(
    model: Annotated[Path, typer.Argument(help="A model file or a bundle.", metavar="MODEL|BUNDLE")],
    images: Annotated[list[Path], typer.Argument(help="Pictures.", metavar="IMAGE...")],
    box: Annotated[list[str], typer.Option(help="A person's box x1,y1,x2,y2 in px; may be repeated.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Folder for overlays (NAME.overlay.png).")] = None,
    spec: SpecOption = "",
    detector: DetectorOption = None,
    detector_spec: DetectorSpecOption = "",
    detector_arch: DetectorArchOption = "",
    changes: SetOption = [],  # noqa: B006
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    wrapper: Annotated[
        bool, typer.Option("--wrapper", help="Show what an app would: a bundle's generated code on frames of a camera.")
    ] = False,
    camera: Annotated[str, typer.Option(help="With --wrapper: back, or front, whose view is mirrored.")] = "back",
    frames: Annotated[
        str, typer.Option(help="With --wrapper: what the camera gives: yuv420, nv21 or rgba.")
    ] = "yuv420",
    view: Annotated[str, typer.Option(help="With --wrapper: the size of the phone's view, px.", metavar="WxH")] = "",
    json: JsonOption = False,
) -> None:
    """Keypoints of pictures, and an overlay to look at; with --wrapper of videos too."""
    from contextlib import ExitStack

    from posekit.cli import console
    from posekit.cli.predictions import show_predictions
    from posekit.errors import InputError

    boxes = [console.parse_box(text) for text in box]
    if wrapper:
        from posekit.cli.app_frames import parse_options, show_app

        others = {
            "--box": boxes, "--spec": spec, "--detector": detector, "--detector-spec": detector_spec,
            "--detector-arch": detector_arch, "--set": changes, "--arch": arch, "--weights": weights,
        }  # fmt: skip
        if show_app(model, images, parse_options(camera, frames, view, trust, others), out, json):
            raise typer.Exit(2)
        return
    if camera != "back" or frames != "yuv420" or view:
        raise InputError("--camera, --frames and --view are of a phone", "add --wrapper, and give a bundle")
    with ExitStack() as kept:
        with console.progress() as step:
            from posekit.pipelines import inputs
            from posekit.pipelines import predict as prediction

            step("open the model")
            given = kept.enter_context(inputs.unpacked([model], detector, spec))
            path = given.models[0]
            own, added = inputs.of_stages(changes, given.detector)
            contract, run = prediction.open_for_prediction(path, given.spec, own, arch, trust, weights)
            given.check(contract)
            contract, first = prediction.open_detector(
                path, contract, given.detector, detector_spec, added, detector_arch, trust
            )
        if contract.looks_at_regions and first is None and not boxes:
            console.warn("the model looks at one person at a time: without --box each whole picture is taken for one")
        with console.progress() as step:
            found, failed = prediction.predict_all(run, contract, images, boxes, first, step)
    show_predictions(found, failed, contract, out, json)
    if failed:
        raise typer.Exit(2)


def inspect(
    path: Annotated[Path, typer.Argument(help="A model file, a packaged model or a bundle.")],
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    json: JsonOption = False,
) -> None:
    """What a file is. Its form, inputs, outputs, operations and contract."""
    from posekit.cli import console

    with console.progress():
        from posekit.pipelines import inspect as inspection

        facts = inspection.inspect(path, spec, arch, trust, weights, changes)
    console.show_facts(facts, json)


def presets(json: JsonOption = False) -> None:
    """The contracts of public model families."""
    from posekit.cli import console
    from posekit.contract.presets import preset, preset_names

    console.show_presets([preset(name) for name in preset_names()], preset_names(), json)


def sample(
    folder: Annotated[Path, typer.Argument(help="A folder to write into.", metavar="DIR")], json: JsonOption = False
) -> None:
    """Write a small trained model to try posekit on. Its spec, pictures and annotations are with it."""
    from posekit.cli import console
    from posekit.errors import InputError
    from posekit.sources.sample import write_sample

    try:
        written = write_sample(folder)
    except OSError as error:
        raise InputError(f"cannot write the sample: {error}", "choose another folder") from error
    console.show_written(written, folder, json)


def demo(
    bundles: Annotated[
        list[Path],
        typer.Argument(help="A bundle; further ones of the same contract to switch between.", metavar="BUNDLE..."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the app's project.")],
    application_id: Annotated[str, typer.Option(help="The app's own id; posekit.demo.NAME by default.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an app that is already there.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a camera app around a bundle. A project to open in Android Studio or Xcode."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.pipelines import demo as demonstration

        written = demonstration.demo(bundles, out, application_id=application_id, overwrite=overwrite, step=step)
    for warning in written.warnings:
        console.warn(warning)
    console.show_demo(written, json)
