"""The command line: parse, call, print, exit code. No logic."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from posekit.cli.options import (
    Annotations,
    Arch,
    Budget,
    Calibration,
    CalibrationAnnotations,
    Fastest,
    Images,
    Json,
    Model,
    NoRewrite,
    Platform,
    PrecisionName,
    Processor,
    ProcessorName,
    Recipe,
    Reference,
    Scheduler,
    Seconds,
    Spec,
    Trust,
    Weights,
    Workers,
    Wrapper,
)

INTERRUPTED = 130
TRACEBACK = "POSEKIT_TRACEBACK"  # environment variable: where an error comes from is printed behind it
FAULT = 70  # EX_SOFTWARE
# rich markup takes two thirds of the time of --help
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _begin(context: typer.Context) -> None:
    # not of --help, which would import a third of posekit for it
    from posekit.bundle.folders import own_temporary_folder

    context.with_resource(own_temporary_folder())


@app.command()
def package(
    model: Model,
    platform: Annotated[Platform, typer.Option(help="What to package for.")],
    spec: Spec = "",
    precision: Annotated[PrecisionName | None, typer.Option(help="How weights are stored; fp32 by default.")] = None,
    recipe: Recipe = None,
    budget: Budget = "",
    time: Seconds = 600,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    fastest: Fastest = False,
    processor: Processor = ProcessorName.any,
    no_rewrite: NoRewrite = [],  # noqa: B006
    calibration: Calibration = None,
    calibration_annotations: CalibrationAnnotations = None,
    images: Images = None,
    annotations: Annotations = None,
    out: Annotated[Path, typer.Option(help="Folder to write the bundles into.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace bundles that exist.")] = False,
    arch: Arch = "",
    trust: Trust = False,
    weights: Weights = "",
    wrapper: Wrapper = False,
    reference: Reference = None,
    json: Json = False,
) -> None:
    """Turn a trained pose model into a bundle for an app. It holds the measured proof of its keypoints."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.compression import settings
        from posekit.pipelines import inputs
        from posekit.pipelines import package as pipeline

        wanted = settings.asked(
            precision and precision.value, recipe=recipe, budget=budget, seconds=time, workers=workers,
            scheduler=scheduler, fastest=fastest, calibration=calibration,
            calibration_annotations=calibration_annotations, processor=processor.value,
            without=[one.value for one in no_rewrite],
        )  # fmt: skip
        contract = inputs.find_spec(model, spec)
        pictures = inputs.find_images(images, annotations, contract, step)
    console.warn_of(pictures, "parity is measured")
    with console.progress() as step:
        results = pipeline.package(
            model, platform, contract, pictures, compression=wanted, out=out, overwrite=overwrite, arch=arch,
            trust=trust, weights=weights, wrapper=wrapper, reference=reference, step=step,
        )  # fmt: skip
    verdicts.show_packages(results, json)
    if not all(result.evaluation.is_good for result in results):
        raise typer.Exit(1)


@app.command()
def ladder(
    model: Model,
    platform: Annotated[Platform, typer.Option(help="Whose precisions.")],
    spec: Spec = "",
    images: Images = None,
    annotations: Annotations = None,
    calibration: Calibration = None,
    calibration_annotations: CalibrationAnnotations = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the table and the plot as a page.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there.")] = False,
    arch: Arch = "",
    trust: Trust = False,
    weights: Weights = "",
    json: Json = False,
) -> None:
    """Measure every precision of a platform side by side. Says which one to take."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import inputs
        from posekit.pipelines.ladder import ladder as climb
        from posekit.pipelines.package import PLATFORMS
        from posekit.report import ladder as ladder_page

        contract = inputs.find_spec(model, spec)
        if out is not None:
            ladder_page.check_out(out, overwrite)
        pictures = inputs.find_images(images, annotations, contract, step)
    console.warn_of(pictures, "keypoints are measured")
    with console.progress() as step:
        found = climb(
            model, PLATFORMS[platform], contract, pictures, calibration=calibration,
            calibration_annotations=calibration_annotations, arch=arch, trust=trust, weights=weights, step=step,
        )  # fmt: skip
    if out is not None:
        ladder_page.write(out, found, overwrite)
    verdicts.show_ladders(found, out, json)
    if not all(one.recommended for one in found):
        raise typer.Exit(1)


@app.command()
def compress(
    model: Model,
    low_rank: Annotated[
        float | None, typer.Option(help="Factorise layers, each with at most this relative error of its outputs: 0.3.")
    ] = None,
    prune: Annotated[float | None, typer.Option(help="Remove this fraction of the inner channels: 0.3.")] = None,
    sparsity: Annotated[
        float | None, typer.Option(help="Make this fraction of each layer's weights zero: 0.5.")
    ] = None,
    quantize: Annotated[str, typer.Option(help="w8a8: train with its rounding in view.")] = "",
    recover: Annotated[Path | None, typer.Option(help="Folder of pictures without labels to recover on.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="COCO file of them: only the boxes are read.")] = None,
    minutes: Annotated[float, typer.Option(help="Time for the recovery.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of what is random in it.", min=0)] = 0,
    spec: Spec = "",
    out: Annotated[Path, typer.Option(help="Folder to write NAME-compressed into.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace one that exists.")] = False,
    arch: Arch = "",
    trust: Trust = False,
    weights: Weights = "",
    json: Json = False,
) -> None:
    """Make the network itself smaller, without labels. The result is packaged like any other."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.compression.network import Wanted
        from posekit.pipelines import inputs
        from posekit.pipelines.compress import compress as make_smaller

        contract = inputs.find_spec(model, spec)
        wanted = Wanted(
            low_rank=low_rank, prune=prune, sparsity=sparsity, recover=recover, annotations=annotations,
            minutes=minutes, quantize=quantize, seed=seed,  # type: ignore[arg-type]
        )  # fmt: skip
        made = make_smaller(
            model, contract, wanted, out, overwrite=overwrite, arch=arch, trust=trust, weights=weights, step=step
        )
    verdicts.show_compressed(made, json)


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
    allow_edited: Annotated[bool, typer.Option("--allow-edited", help="Pass generated code that was edited.")] = False,
    source: Annotated[Path | None, typer.Option(help="The trained model: make reference and model file again.")] = None,
    spec: Spec = "",
    arch: Arch = "",
    trust: Annotated[bool, typer.Option("--trust", help="Run edited generated code, and a pickled model's.")] = False,
    weights: Weights = "",
    calibration: Annotated[
        Path | None, typer.Option(help="With --source: the pictures that the precision was calibrated with.")
    ] = None,
    calibration_annotations: CalibrationAnnotations = None,
    workers: Annotated[
        int, typer.Option(help="Processes that look at the pictures; 0 for as many as help.", min=0, max=256)
    ] = 0,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler whose workers look at them instead.")
    ] = "",
    json: Json = False,
) -> None:
    """Verify a bundle, and measure what ships anew. It is held against the reference that the bundle carries."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import validate as validation

        wanted = validation.Wanted(
            images, annotations, wrapper, device, device_timeout, device_run, write_request, report, allow_edited,
            trust, source, spec, arch, weights, calibration, calibration_annotations, workers, scheduler,
        )  # fmt: skip
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
    weights: Weights = "",
    json: Json = False,
) -> None:
    """Name the fields of a contract that look wrong. The plausible alternatives of each are tried on pictures."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import inputs
        from posekit.pipelines.check import check_model

        contract = inputs.find_spec(model, spec)
        pictures = inputs.find_images(images, annotations, contract, step)
    console.warn_of(pictures, "the contract is checked")
    with console.progress() as step:
        found = check_model(
            model, contract, pictures.photos, reference=reference, arch=arch, trust=trust, weights=weights, step=step
        )
    verdicts.show_check(found, contract, pictures.warnings, json)
    if not found.is_good:
        raise typer.Exit(1)


@app.command()
def bisect(
    bundle: Annotated[Path, typer.Argument(help="A folder that posekit package wrote.", metavar="BUNDLE")],
    json: Json = False,
) -> None:
    """Find the first operation that parts from the network. Says what to do about it."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import bisect as bisection

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
    weights: Weights = "",
    json: Json = False,
) -> None:
    """Keypoints of pictures, and an overlay to look at."""
    from posekit.cli import console

    boxes = [console.parse_box(text) for text in box]
    with console.progress() as step:
        from posekit.pipelines import predict as prediction

        step("open the model")
        contract, run = prediction.open_for_prediction(model, spec, arch, trust, weights)
    if contract.kind == "top_down" and not boxes:
        console.warn("the model looks at one person at a time: without --box each whole picture is taken for one")
    with console.progress() as step:
        found, failed = prediction.predict_all(run, contract, images, boxes, step)
    console.show_predictions(found, failed, contract, out, json)
    if failed:
        raise typer.Exit(2)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A model file, a packaged model or a bundle.")],
    spec: Spec = "",
    arch: Arch = "",
    trust: Trust = False,
    weights: Weights = "",
    json: Json = False,
) -> None:
    """What a file is. Its form, inputs, outputs, operations and contract."""
    from posekit.cli import console

    with console.progress():
        from posekit.pipelines import inspect as inspection

        facts = inspection.inspect(path, spec, arch, trust, weights)
    console.show_facts(facts, json)


@app.command()
def presets(json: Json = False) -> None:
    """The contracts of public model families."""
    from posekit.cli import console
    from posekit.contract.presets import preset, preset_names

    console.show_presets([preset(name) for name in preset_names()], preset_names(), json)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="A folder to write into.", metavar="DIR")], json: Json = False
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


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: PosekitError becomes one sentence, a hint and its exit code; a fault of posekit's own a
    traceback."""
    from posekit.errors import PosekitError, full_disk
    from posekit.progress import warnings_to

    as_json = "--json" in (arguments or sys.argv[1:])
    try:
        with warnings_to(_warn):
            return app(arguments)
    except Exception as error:
        from posekit.cli import console

        told = full_disk(error) or error
        if isinstance(told, PosekitError):
            console.show_error(told, as_json=as_json)
            if os.environ.get(TRACEBACK):
                traceback.print_exception(error)
            sys.exit(told.exit_code)
        # a fault of posekit's own: told as such, and never taken for a failed gate (1)
        from posekit.errors import first_line

        console.show_fault(first_line(error), as_json=as_json)
        traceback.print_exc()
        sys.exit(FAULT)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # Typer makes this of a KeyboardInterrupt, and says nothing
            sys.stderr.write("interrupted; nothing was left half-written\n")
        raise


def _warn(text: str) -> None:
    from posekit.cli import console

    console.warn(text)


if __name__ == "__main__":
    main()
