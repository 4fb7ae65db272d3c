"""A Core ML model as a source: its operations as PyTorch's, which are both the reference and what is converted.

Core ML runs on Apple's systems alone. So the file is converted anew rather than kept: then its packaged copy can be
compared, made smaller, and goes to Android as well.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.drafts import Draft
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError, MissingToolError, reading
from posekit.runtimes.mlpackage import empty_specification, read_specification
from posekit.sources.coreml import layers, networks, programs
from posekit.sources.coreml.picture import Picture
from posekit.sources.facts import check_facts
from posekit.sources.network import build
from posekit.sources.outputs import arranged, chosen
from posekit.sources.recognise import Form
from posekit.sources.source import SourceModel, digest_of, settled

NEURAL_NETWORK, PROGRAM = "neuralNetwork", "mlProgram"
EVALUATED = "by posekit with PyTorch; Core ML itself runs on Apple's systems alone (UNVERIFIED there)"
COLOURS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE"}  # ImageFeatureType.ColorSpace


def opened(path: Path, spec: PoseSpec | None) -> SourceModel:
    """Open an .mlmodel or .mlpackage under a contract; without one its input must have a size.

    InputError for a file that is damaged, is neither a neural network nor an ML Program, or takes no picture;
    ConversionError names a layer that has no PyTorch equivalent.
    """
    model = _specification(path)
    picture = _picture(model, path)
    facts: dict[str, Any] = {"evaluated": EVALUATED}
    if min(picture.size_wh) > 0:
        facts["size_wh"] = list(picture.size_wh)
    if spec is not None:
        check_facts(path, facts, spec)
    is_raw = True if spec is None else picture.check(spec, path)
    size_wh = picture.size_wh if spec is None else spec.input.size_wh
    if min(size_wh) < 1:
        raise InputError(f"{path} leaves the size of its input open", "say it in a contract: input.size_wh = [W, H]")
    count = 1 if picture.colour == "GRAYSCALE" else 3 if spec is None else len(spec.input.mean)
    example = {picture.name: np.zeros((1, count, size_wh[1], size_wh[0]), np.float32)}
    own = {one.name: tuple(one.type.multiArrayType.shape) for one in model.description.output}
    arrange = partial(arranged, spec=spec, channels_last=picture.is_channels_last)
    prepare = partial(picture.prepared, is_raw=is_raw)
    if model.WhichOneof("Type") == PROGRAM:
        program = programs.opened(path)
        outputs = _outputs(spec, own, programs.names(program), path)
        form, module = Form.ML_PROGRAM, programs.module(program, picture.name, example, outputs, prepare, arrange)
    else:
        graph = networks.read(model.neuralNetwork, path)
        outputs = _outputs(spec, own, graph.names, path)
        form = Form.NEURAL_NETWORK
        module = build(graph.nodes, graph.constants, example, outputs, layers.RULES, prepare, arrange)
    return SourceModel(path, form, digest_of(path), settled(module), facts)


def drafted(path: Path) -> Draft | None:
    """What the file's input says of a contract; None where it takes numbers, of which it says nothing."""
    return _picture(_specification(path), path).draft()


def described(path: Path) -> dict[str, Any]:
    """Inputs, outputs, layers and metadata, for who has no contract yet."""
    model = _specification(path)
    kind = model.WhichOneof("Type")
    picture = _picture(model, path)
    operations = programs.counts(programs.opened(path)) if kind == PROGRAM else networks.counts(model.neuralNetwork)
    what = picture.colour or "numbers"
    scaled = f", x {picture.scale:g} + {picture.bias}" if picture.colour else ""
    shapes = {one.name: tuple(one.type.multiArrayType.shape) for one in model.description.output}
    return {
        "form": str(Form.ML_PROGRAM if kind == PROGRAM else Form.NEURAL_NETWORK),
        "sha256": digest_of(path),
        "specification": model.specificationVersion,
        "evaluated": EVALUATED,
        "inputs": {picture.name: f"{what} {' x '.join(str(side or 'any') for side in picture.shape)}{scaled}"},
        "outputs": {name: f"numbers {' x '.join(map(str, shape))}" for name, shape in shapes.items()},
        "operations": operations,
        "metadata": {
            **{name: getattr(model.description.metadata, name) for name in ("shortDescription", "author", "license")},
            **dict(model.description.metadata.userDefined),
        },
    }


def _specification(path: Path) -> Any:
    if path.is_dir():
        model = read_specification(path)
    else:
        model = empty_specification()
        with reading(path, "no readable Core ML model"):
            model.ParseFromString(path.read_bytes())
    kind = model.WhichOneof("Type")
    if kind not in (NEURAL_NETWORK, PROGRAM):
        hint = "expected a neural network or an ML Program"
        raise InputError(f"{path} holds a {kind or 'model without a type'}", hint)
    return model


def _picture(model: Any, path: Path) -> Picture:
    """The one input; InputError where there are several, or it is none."""
    inputs = list(model.description.input)
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs)
        raise InputError(f"{path} has {len(inputs)} inputs ({names}), expected one picture", "save it with one")
    one = inputs[0]
    kind = one.type.WhichOneof("Type")
    if kind == "imageType":
        image = one.type.imageType
        colour = COLOURS.get(image.colorSpace, "RGB")
        size = (0, 0) if image.WhichOneof("SizeFlexibility") else (int(image.height), int(image.width))
        return Picture(one.name, size, colour, *_scaling(model, one.name, colour))
    shape = tuple(int(side) for side in one.type.multiArrayType.shape)
    if kind != "multiArrayType" or len(shape) not in (3, 4) or min(shape) < 0:
        raise InputError(f"the input of {path} is {kind} {shape}, expected a picture", "is it a pose model?")
    return Picture(one.name, shape)


def _scaling(model: Any, name: str, colour: str) -> tuple[float, tuple[float, ...]]:
    """What a neural network does to the pixels of its image; an ML Program says that in its operations."""
    if model.WhichOneof("Type") == PROGRAM:
        return 1.0, (0.0, 0.0, 0.0)
    for step in model.neuralNetwork.preprocessing:
        if step.WhichOneof("preprocessor") == "meanImage":
            raise MissingToolError("a mean image is subtracted, which is not evaluated here", "save it with a scaler")
        if step.featureName in ("", name):
            one = step.scaler
            rgb = (one.redBias, one.greenBias, one.blueBias)
            return one.channelScale, {"RGB": rgb, "BGR": rgb[::-1]}.get(colour, (one.grayBias,))
    return 1.0, (0.0, 0.0, 0.0)


def _outputs(spec: PoseSpec | None, own: dict[str, Any], inside: set[str], path: Path) -> dict[str, str]:
    return {name: name for name in own} if spec is None else chosen(spec, own, inside, path)
