"""Commands that make files of a model: init, package, ladder, compress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posekit.cli.options import (
    AnnotationsOption,
    ArchOption,
    BudgetOption,
    CalibrationAnnotationsOption,
    CalibrationOption,
    DetectorArchOption,
    DetectorOption,
    DetectorPrecisionOption,
    DetectorSpecOption,
    EnsembleOption,
    FastestOption,
    FlipTestName,
    FlipTestOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    ModelsOption,
    NoRewriteOption,
    Platform,
    PrecisionName,
    ProcessorName,
    ProcessorOption,
    RecipeOption,
    ReferenceOption,
    SchedulerOption,
    SecondsOption,
    SetOption,
    SpecOption,
    TrustOption,
    WeightsOption,
    WorkersOption,
    WrapperOption,
)


def init(
    model: ModelOption,
    config: Annotated[
        Path | None, typer.Option("--from", help="Configuration of the tool that trained it: docs/init.md.")
    ] = None,
    changes: SetOption = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="File to write; MODEL.toml beside the model by default.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    json: JsonOption = False,
) -> None:
    """Draft the spec of a model. Says where each line comes from and what is left to fill in."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import drafts
        from posekit.pipelines.init import init as draft

        drafted = draft(
            model, config, changes, out, overwrite=overwrite, arch=arch, trust=trust, weights=weights, step=step
        )
    drafts.show_draft(drafted, json)


def package(
    models: ModelsOption,
    platform: Annotated[Platform, typer.Option(help="What to package for.")],
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    detector: DetectorOption = None,
    detector_spec: DetectorSpecOption = "",
    detector_arch: DetectorArchOption = "",
    detector_precision: DetectorPrecisionOption = None,
    ensemble: EnsembleOption = "",
    flip_test: FlipTestOption = FlipTestName.none,
    precision: Annotated[PrecisionName | None, typer.Option(help="How weights are stored; fp32 by default.")] = None,
    recipe: RecipeOption = None,
    budget: BudgetOption = "",
    time: SecondsOption = 600,
    workers: WorkersOption = 0,
    scheduler: SchedulerOption = "",
    fastest: FastestOption = False,
    processor: ProcessorOption = ProcessorName.any,
    no_rewrite: NoRewriteOption = [],  # noqa: B006
    calibration: CalibrationOption = None,
    calibration_annotations: CalibrationAnnotationsOption = None,
    images: ImagesOption = None,
    annotations: AnnotationsOption = None,
    out: Annotated[Path, typer.Option(help="Folder to write the bundles into.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace bundles that exist.")] = False,
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    wrapper: WrapperOption = False,
    reference: ReferenceOption = None,
    json: JsonOption = False,
) -> None:
    """Turn a trained pose model into a bundle for an app. It holds the measured proof of its keypoints."""
    from contextlib import ExitStack

    from posekit.cli import console

    with ExitStack() as kept:
        with console.progress() as step:
            from posekit.cli import verdicts
            from posekit.compression import settings
            from posekit.errors import InputError
            from posekit.pipelines import inputs
            from posekit.pipelines import package as pipeline

            wanted = settings.asked(
                precision and precision.value, recipe=recipe, budget=budget, seconds=time, workers=workers,
                scheduler=scheduler, fastest=fastest, calibration=calibration,
                calibration_annotations=calibration_annotations, processor=processor.value,
                without=[one.value for one in no_rewrite],
            )  # fmt: skip
            inputs.check_ensemble(models, ensemble)
            given = kept.enter_context(inputs.unpacked(models, detector, spec))
            own, added = inputs.of_stages(changes, given.detector)
            turned = [*own, f"flip_test={flip_test.value}"] if flip_test is not FlipTestName.none else own
            contract = inputs.find_spec(given.models[0], given.spec, turned, arch=arch, trust=trust, weights=weights)
            given.check(contract)
            contract = inputs.with_detector(
                contract, given.detector, detector_spec, added, arch=detector_arch, trust=trust
            )
            first = None
            if given.detector is None and (detector_precision is not None or detector_arch):
                raise InputError("--detector-precision and --detector-arch are of a detector", "--detector names it")
            if given.detector is not None:
                small = settings.of_detector(wanted, detector_precision and detector_precision.value)
                first = pipeline.TrainedNetwork(given.detector, detector_arch, trust, compression=small)
            pictures = inputs.find_images(images, annotations, contract, step)
        console.warn_of(pictures, "parity is measured")
        with console.progress() as step:
            model = kept.enter_context(inputs.as_one(given.models, ensemble))
            results = pipeline.package(
                model, platform, contract, pictures, compression=wanted, out=out, overwrite=overwrite, arch=arch,
                trust=trust, weights=weights, wrapper=wrapper, reference=reference, detector=first, step=step,
            )  # fmt: skip
    verdicts.show_packages(results, json)
    if not all(result.evaluation.is_good for result in results):
        raise typer.Exit(1)


def ladder(
    model: ModelOption,
    platform: Annotated[Platform, typer.Option(help="Whose precisions.")],
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    images: ImagesOption = None,
    annotations: AnnotationsOption = None,
    calibration: CalibrationOption = None,
    calibration_annotations: CalibrationAnnotationsOption = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the table and the plot as a page.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there.")] = False,
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    json: JsonOption = False,
) -> None:
    """Measure every precision of a platform side by side. Says which one to take."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.pipelines import inputs
        from posekit.pipelines.ladder import PLATFORMS
        from posekit.pipelines.ladder import ladder as climb
        from posekit.report import ladder as ladder_page

        contract = inputs.find_spec(model, spec, changes, arch=arch, trust=trust, weights=weights)
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
    model: ModelOption,
    low_rank: Annotated[
        float | None, typer.Option(help="Factorise layers, each with at most this relative error of its outputs: 0.3.")
    ] = None,
    prune: Annotated[float | None, typer.Option(help="Remove this fraction of the inner channels: 0.3.")] = None,
    sparsity: Annotated[
        float | None, typer.Option(help="Make this fraction of each layer's weights zero: 0.5.")
    ] = None,
    quantize: Annotated[str, typer.Option(help="w8a8: train with its rounding in view.")] = "",
    recover: Annotated[Path | None, typer.Option(help="Folder of pictures without labels to recover on.")] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="A larger model of the same contract to learn from, rather than itself."),
    ] = None,
    teacher_arch: Annotated[str, typer.Option(help="As --arch, of the teacher.")] = "",
    annotations: Annotated[Path | None, typer.Option(help="COCO file of them: only the boxes are read.")] = None,
    minutes: Annotated[float, typer.Option(help="Time for the recovery.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of what is random in it.", min=0)] = 0,
    spec: SpecOption = "",
    changes: SetOption = [],  # noqa: B006
    out: Annotated[Path, typer.Option(help="Folder to write NAME-compressed into.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace one that exists.")] = False,
    arch: ArchOption = "",
    trust: TrustOption = False,
    weights: WeightsOption = "",
    json: JsonOption = False,
) -> None:
    """Make the network itself smaller, without labels. The result is packaged like any other."""
    from posekit.cli import console

    with console.progress() as step:
        from posekit.cli import verdicts
        from posekit.compression.network import CompressOptions
        from posekit.pipelines import inputs
        from posekit.pipelines.compress import compress as make_smaller

        contract = inputs.find_spec(model, spec, changes, arch=arch, trust=trust, weights=weights)
        wanted = CompressOptions(
            low_rank=low_rank, prune=prune, sparsity=sparsity, recover=recover, annotations=annotations,
            minutes=minutes, quantize=quantize, seed=seed, teacher=teacher, teacher_arch=teacher_arch,  # type: ignore[arg-type]
        )  # fmt: skip
        made = make_smaller(
            model, contract, wanted, out, overwrite=overwrite, arch=arch, trust=trust, weights=weights, step=step
        )
    verdicts.show_compressed(made, json)
