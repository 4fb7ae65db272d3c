"""Commands that make files of a model: package, ladder, compress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
