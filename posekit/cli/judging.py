"""Commands that say whether something is right, and where not: validate, check, bisect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posekit.cli.options import (
    AnnotationsOption,
    ArchOption,
    CalibrationAnnotationsOption,
    DetectorArchOption,
    DetectorOption,
    DetectorSpecOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    ReferenceOption,
    SetOption,
    SpecOption,
    TrustOption,
    WeightsOption,
    WrapperOption,
)


def validate(
    bundle: Annotated[Path, typer.Argument(help="A folder that posekit package wrote.", metavar="BUNDLE")],
    images: ImagesOption = None,
    annotations: AnnotationsOption = None,
    wrapper: WrapperOption = False,
    device: Annotated[str, typer.Option(help="Run on a device: adb[:SERIAL] or ios[:UDID].")] = "",
    device_timeout: Annotated[float, typer.Option(help="Seconds that the device may take.", min=1)] = 600,
    device_run: Annotated[Path | None, typer.Option(help="Folder of a run recorded on a device.")] = None,
    write_request: Annotated[
        Path | None, typer.Option(help="New folder for what such a run is to do: docs/device-run.md.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="New folder for a report of this validation.")] = None,
    allow_edited: Annotated[bool, typer.Option("--allow-edited", help="Pass generated code that was edited.")] = False,
    source: Annotated[Path | None, typer.Option(help="The trained model: make reference and model file again.")] = None,
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    arch: ArchOption = "",
    detector: DetectorOption = None,
    detector_spec: DetectorSpecOption = "",
    detector_arch: DetectorArchOption = "",
    trust: Annotated[bool, typer.Option("--trust", help="Run edited generated code, and a pickled model's.")] = False,
    weights: WeightsOption = "",
    calibration: Annotated[
        Path | None, typer.Option(help="With --source: the pictures that the precision was calibrated with.")
    ] = None,
    calibration_annotations: CalibrationAnnotationsOption = None,
    workers: Annotated[
        int, typer.Option(help="Processes that look at the pictures; 0 for as many as help.", min=0, max=256)
    ] = 0,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler whose workers look at them instead.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Verify a bundle, and measure what ships anew. It is held against the reference that the bundle carries."""
    from posekit.cli import console
    from posekit.pipelines.hiring import ahead
    from posekit.pipelines.validate_options import ValidateOptions

    wanted = ValidateOptions(
        images, annotations, wrapper, device, device_timeout, device_run, write_request, report, allow_edited,
        trust, source, spec, changes, arch, weights, detector, detector_spec, detector_arch, calibration,
            calibration_annotations, workers, scheduler,
    )  # fmt: skip
    with console.progress() as step, ahead(wanted) as staff:
        from posekit.cli import verdicts
        from posekit.pipelines.validate import validate as validating

        result = validating(bundle, wanted, step, staff)
    verdicts.show_validation(result, report, write_request, json)
    if not result.evaluation.is_good:
        raise typer.Exit(1)


def check(
    model: ModelOption,
    images: Annotated[Path, typer.Option(help="Folder of pictures with people.")],
    annotations: AnnotationsOption = None,
    reference: ReferenceOption = None,
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    json: JsonOption = False,
) -> None:
    """Name the fields of a contract that look wrong. The plausible alternatives of each are tried on pictures."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import inputs
        from posekit.pipelines.check import check_model

        contract = inputs.find_spec(model, spec, changes, arch=arch, trust=trust, weights=weights)
        pictures = inputs.find_images(images, annotations, contract, step)
    console.warn_of(pictures, "the contract is checked")
    with console.progress() as step:
        found = check_model(
            model, contract, pictures.photos, reference=reference, arch=arch, trust=trust, weights=weights, step=step
        )
    verdicts.show_check(found, contract, pictures.warnings, json)
    if not found.is_good:
        raise typer.Exit(1)


def bisect(
    bundle: Annotated[Path, typer.Argument(help="A folder that posekit package wrote.", metavar="BUNDLE")],
    json: JsonOption = False,
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


def doctor(
    app: Annotated[
        Path | None,
        typer.Argument(
            help="A project, an .apk, .aab, .aar, .ipa or .xcarchive; none: this machine's tools.", metavar="APP"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look for what keeps a packaged model from running in an app. A remedy for each problem."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli.findings import show_findings
        from posekit.parity.gate import Outcome
        from posekit.pipelines.doctor import diagnose

        found = diagnose(app, step)
    show_findings(found, json)
    if any(one.outcome is Outcome.FAIL for one in found):
        raise typer.Exit(1)
