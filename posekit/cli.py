"""The command line: parse, call, print, exit code. No logic."""

from __future__ import annotations

import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

INTERRUPTED = 130
FAULT = 70  # EX_SOFTWARE
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class Platform(StrEnum):
    """Where the bundle goes."""

    android = "android"
    ios = "ios"
    all = "all"


class PrecisionName(StrEnum):
    """How weights are stored."""

    fp32 = "fp32"
    fp16 = "fp16"


Model = Annotated[Path, typer.Argument(help="The trained model: .pt, .pth or .pt2.", metavar="MODEL")]
Spec = Annotated[str, typer.Option(help="Spec file (.toml, .json) or preset; else MODEL.toml beside the model.")]
Arch = Annotated[str, typer.Option(help="package.module:factory that builds the network of a state dict.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run the code that a pickled model holds.")]
Images = Annotated[Path | None, typer.Option(help="Folder of pictures to evaluate on.")]
Annotations = Annotated[Path | None, typer.Option(help="COCO keypoint annotations of those pictures.")]
Wrapper = Annotated[
    bool, typer.Option("--wrapper", help="Run the generated code on this machine (Kotlin: a JDK; Swift).")
]
Reference = Annotated[
    Path | None, typer.Option(help="The training code's own predictions: COCO keypoint results (.json) or .npz.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def package(
    model: Model,
    platform: Annotated[Platform, typer.Option(help="What to package for.")],
    spec: Spec = "",
    precision: Annotated[PrecisionName, typer.Option(help="How weights are stored.")] = PrecisionName.fp32,
    images: Images = None,
    annotations: Annotations = None,
    out: Annotated[Path, typer.Option(help="Folder to write the bundles into.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace bundles that exist.")] = False,
    arch: Arch = "",
    trust: Trust = False,
    wrapper: Wrapper = False,
    reference: Reference = None,
    json: Json = False,
) -> None:
    """Turn a trained pose model into a bundle for an app, with the measured proof of its keypoints."""
    from posekit import console, inputs, pipeline, verdicts

    contract = inputs.find_spec(model, spec)
    pictures = inputs.find_images(images, annotations, contract)
    if not pictures.are_given:
        console.warn(f"parity is measured on {pictures.what}")
    with console.progress() as step:
        results = pipeline.package(
            model, platform, contract, pictures, precision=precision.value, out=out, overwrite=overwrite, arch=arch,
            trust=trust, wrapper=wrapper, reference=reference, step=step,
        )  # fmt: skip
    verdicts.show_packages(results, json)
    if not all(result.evaluation.is_good for result in results):
        raise typer.Exit(1)


@app.command()
def validate(
    bundle: Annotated[Path, typer.Argument(help="A folder that posekit package wrote.", metavar="BUNDLE")],
    images: Images = None,
    annotations: Annotations = None,
    wrapper: Wrapper = False,
    device: Annotated[str, typer.Option(help="Run on a device: adb[:SERIAL] or ios[:UDID].")] = "",
    device_timeout: Annotated[float, typer.Option(help="Seconds that the device may take.", min=1)] = 600,
    device_run: Annotated[Path | None, typer.Option(help="Folder of a run recorded on a device.")] = None,
    write_request: Annotated[
        Path | None, typer.Option(help="New folder for what such a run is to do: docs/device-run.md.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="New folder for a report of this validation.")] = None,
    json: Json = False,
) -> None:
    """Verify a bundle and measure what ships anew against the reference that it carries."""
    from posekit import console, validation, verdicts

    wanted = validation.Wanted(images, annotations, wrapper, device, device_timeout, device_run, write_request, report)
    with console.progress() as step:
        result = validation.validate(bundle, wanted, step)
    verdicts.show_validation(result, report, write_request, json)
    if not result.evaluation.is_good:
        raise typer.Exit(1)


@app.command()
def check(
    model: Model,
    images: Annotated[Path, typer.Option(help="Folder of pictures with people.")],
    annotations: Annotations = None,
    reference: Reference = None,
    spec: Spec = "",
    arch: Arch = "",
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Try the plausible alternatives of each field of the contract on pictures, and name those that look wrong."""
    from posekit import console, inputs, verdicts
    from posekit.checking import check_model

    contract = inputs.find_spec(model, spec)
    pictures = inputs.find_images(images, annotations, contract)
    with console.progress() as step:
        found = check_model(model, contract, pictures.photos, reference=reference, arch=arch, trust=trust, step=step)
    verdicts.show_check(found, contract, json)
    if not found.is_good:
        raise typer.Exit(1)


@app.command()
def bisect(
    bundle: Annotated[Path, typer.Argument(help="A folder that posekit package wrote.", metavar="BUNDLE")],
    json: Json = False,
) -> None:
    """Find the first operation at which the packaged model parts ways with the network, and what to do about it."""
    from posekit import bisection, console, verdicts

    with console.progress() as step:
        found = bisection.bisect(bundle, step)
    verdicts.show_bisection(found, json)
    if found.comparison.parting is not None:
        raise typer.Exit(1)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model file or a bundle.", metavar="MODEL|BUNDLE")],
    images: Annotated[list[Path], typer.Argument(help="Pictures.", metavar="IMAGE...")],
    box: Annotated[list[str], typer.Option(help="A person's box x1,y1,x2,y2 in px; may be repeated.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Folder for overlays (NAME.overlay.png).")] = None,
    spec: Spec = "",
    arch: Arch = "",
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Keypoints of pictures, and an overlay to look at."""
    from posekit import console, prediction

    boxes = [console.parse_box(text) for text in box]
    contract, run = prediction.open_for_prediction(model, spec, arch, trust)
    with console.progress() as step:
        found = []
        for path in images:
            step(f"predict {path.name}")
            found.append((path, *prediction.predict(run, contract, path, boxes)))
    console.show_predictions(found, contract, out, json)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A model file, a packaged model or a bundle.")],
    spec: Spec = "",
    arch: Arch = "",
    trust: Trust = False,
    json: Json = False,
) -> None:
    """What a file is: its form, inputs, outputs, operations and contract."""
    from posekit import console, inspection

    console.show_facts(inspection.inspect(path, spec, arch, trust), json)


@app.command()
def presets(json: Json = False) -> None:
    """The contracts of public model families."""
    from posekit import console
    from posekit.presets import preset, preset_names

    console.show_presets([preset(name) for name in preset_names()], preset_names(), json)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="A folder to write into.", metavar="DIR")], json: Json = False
) -> None:
    """Write a small trained model with its spec, pictures and annotations, to try posekit on."""
    from posekit import console
    from posekit.errors import InputError
    from posekit.sample import write_sample

    try:
        written = write_sample(folder)
    except OSError as error:
        raise InputError(f"cannot write the sample: {error}", "choose another folder") from error
    console.show_written(written, folder, json)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: PosekitError becomes one sentence, a hint and its exit code; a fault of posekit's own a traceback."""
    from posekit.errors import PosekitError

    try:
        return app(arguments)
    except PosekitError as error:
        from posekit import console

        console.show_error(error, as_json="--json" in (arguments or sys.argv[1:]))
        sys.exit(error.exit_code)
    except Exception as error:  # a fault of posekit's own: told as such, and never taken for a failed gate (1)
        from posekit import console
        from posekit.errors import first_line

        console.show_fault(first_line(error), as_json="--json" in (arguments or sys.argv[1:]))
        traceback.print_exc()
        sys.exit(FAULT)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # Typer makes this of a KeyboardInterrupt, and says nothing
            sys.stderr.write("interrupted; nothing was left half-written\n")
        raise


if __name__ == "__main__":
    main()
