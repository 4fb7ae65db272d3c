"""The options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from posekit.contract.precisions import NAMES, REWRITES


class Platform(StrEnum):
    """Where the bundle goes."""

    android = "android"
    ios = "ios"
    linux = "linux"
    all = "all"


class ProcessorName(StrEnum):
    """What an Android file is meant to run on."""

    any = "any"
    cpu = "cpu"
    gpu = "gpu"


class FlipTestName(StrEnum):
    """Whether the network also looks at the mirror image."""

    none = "none"
    plain = "plain"
    shift = "shift"


RewriteName = StrEnum("RewriteName", {name: name for name in REWRITES})  # type: ignore[misc]
PrecisionName = StrEnum("PrecisionName", {name: name for name in NAMES})  # type: ignore[misc]

DetectorPrecisionOption = Annotated[
    PrecisionName | None, typer.Option(help="How the detector's weights are stored; as the model's by default.")
]
ModelOption = Annotated[Path, typer.Argument(help="The trained model: .pt, .onnx, .tflite ...", metavar="MODEL")]
ModelsOption = Annotated[
    list[Path],
    typer.Argument(help="The trained model: .pt, .onnx, .tflite ... Several with --ensemble.", metavar="MODEL"),
]
EnsembleOption = Annotated[
    str,
    typer.Option(help="Average the outputs of several models: mean, or a weight for each.", metavar="mean|W,W,..."),
]
FlipTestOption = Annotated[
    FlipTestName, typer.Option(help="Average with the mirror image; shift: maps moved on by a cell, as HRNet does.")
]
SpecOption = Annotated[str, typer.Option(help="Spec file (.toml, .json) or preset; else MODEL.toml beside the model.")]
DetectorOption = Annotated[
    Path | None, typer.Option(help="The network that finds people for MODEL, which looks at each: docs/two-stages.md.")
]
DetectorSpecOption = Annotated[str, typer.Option(help="Its spec file or preset; else DETECTOR.toml beside it.")]
DetectorArchOption = Annotated[str, typer.Option(help="package.module:factory that builds the detector.")]
SetOption = Annotated[
    list[str],
    typer.Option("--set", help="A field of the contract to set, as input.size_wh=[320,320].", metavar="FIELD=VALUE"),
]
ArchOption = Annotated[str, typer.Option(help="package.module:factory that builds the network of a state dict.")]
TrustOption = Annotated[bool, typer.Option("--trust", help="Run the code that a pickled model holds.")]
WeightsOption = Annotated[
    str,
    typer.Option("--weights", help="The set of weights to take, of a checkpoint that holds several.", metavar="NAME"),
]
ImagesOption = Annotated[Path | None, typer.Option(help="Folder of pictures to evaluate on.")]
AnnotationsOption = Annotated[Path | None, typer.Option(help="COCO keypoint annotations of those pictures.")]
WrapperOption = Annotated[
    bool, typer.Option("--wrapper", help="Run the generated code on this machine (Kotlin: a JDK; Swift).")
]
ReferenceOption = Annotated[
    Path | None, typer.Option(help="The training code's own predictions: COCO keypoint results (.json) or .npz.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
CalibrationOption = Annotated[
    Path | None,
    typer.Option(help="Folder of pictures, or a video, such as the app will see: for w8a8, w8a16 and auto."),
]
CalibrationAnnotationsOption = Annotated[Path | None, typer.Option(help="COCO annotations of the people in them.")]
RecipeOption = Annotated[
    Path | None, typer.Option(help="recipe.json of a bundle: the precision of each layer, made again.")
]
BudgetOption = Annotated[
    str, typer.Option(help="What auto may cost, as oks>=0.98 (the default), ap-drop<=0.5 or size<=1MB.")
]
SecondsOption = Annotated[float, typer.Option(help="Seconds that the search of auto may take.", min=1)]
WorkersOption = Annotated[int, typer.Option(help="Processes that try recipes; 0 for one a core.", min=0, max=256)]
SchedulerOption = Annotated[str, typer.Option(help="Address of a Dask scheduler whose workers try recipes instead.")]
ProcessorOption = Annotated[
    ProcessorName, typer.Option("--for", help="gpu: an Android file without rewrites that slow a GPU down.")
]
NoRewriteOption = Annotated[
    list[RewriteName], typer.Option(help="A rewrite for speed to leave out of the Android file: docs/conversion.md.")
]
FastestOption = Annotated[
    bool, typer.Option("--fastest", help="auto: the fastest file within the budget, not the smallest.")
]
