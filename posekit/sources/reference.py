"""The reference: the source model run by its own framework on the input that the contract makes."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import packaged, with_mirror_image
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.errors import InputError, PosekitError, line_of_user, said
from posekit.poses.input_spec import GRAY_OF_RGB
from posekit.progress import captured
from posekit.sources.source import SourceModel


def run_reference(source: SourceModel, spec: PoseSpec, pixels: NDArray[np.float32]) -> Outputs:
    """Outputs by name, as they are packaged, for pixels (H, W, 3) RGB 0-255 as warp gives them.

    With a flip test they are the average of those of the pixels and of their mirror image.
    Normalisation is numpy's, outside any graph, so that the packaged model's own is checked against it. InputError
    where the network fails, or where an output that the decoder reads has not the axes of its head.
    """
    found = _outputs_of(source, spec, pixels)
    if spec.flip_test == "none":
        return found
    averaged = with_mirror_image(found, _outputs_of(source, spec, pixels[:, ::-1]), spec)
    return {name: np.asarray(values, order="C") for name, values in averaged.items()}


def _outputs_of(source: SourceModel, spec: PoseSpec, pixels: NDArray[np.float32]) -> Outputs:
    run = source.run or partial(run_eagerly, source.module)
    image = network_input(spec, pixels)
    with captured():  # forward() may print
        try:
            result = run(image)
        except PosekitError:
            raise
        except Exception as error:
            is_batch = "args[0].shape[0] to be equal to" in str(error)
            raise InputError(
                f"the network fails on an input of {image.shape}{line_of_user(error)}{said(error, of_user=True)}",
                "export it anew with an example of one picture, a batch of 1"
                if is_batch
                else "check input.size_wh and input.color_order; the network must take one float tensor of this shape",
            ) from error
    return {
        name: np.asarray(packaged(name, values, spec), order="C")
        for name, values in ((name, _floats(one)) for name, one in named_outputs(result, spec.outputs).items())
    }


def run_eagerly(network: Any, image: NDArray[np.float32]) -> Any:
    """What a PyTorch network gives for (1, C, H, W)."""
    import torch

    with torch.inference_mode():
        return called(network, torch.from_numpy(image))


def _floats(values: Any) -> NDArray[np.float32]:
    """An output of any framework, as the apps read it."""
    return np.asarray(values if isinstance(values, np.ndarray) else values.detach().cpu().numpy(), np.float32)


def called(network: Any, image: Any) -> Any:
    """What a network gives for its input; an exported program may take that by its name alone."""
    spec = getattr(network, "_in_spec", None)
    names = [] if spec is None or spec.child(0).num_children else list(spec.child(1).context)
    return network(**{names[0]: image}) if len(names) == 1 else network(image)


def network_input(spec: PoseSpec, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The normalised tensor (1, C, H, W) that the network itself takes; C is 1 for gray, else 3."""
    values = normalised(spec, pixels.astype(np.float64))
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


def normalised(spec: PoseSpec, pixels: NDArray[Any]) -> NDArray[Any]:
    """RGB 0-255 (..., 3) as the network's own numbers (..., C), computed in the type that they have."""
    mean, std = (np.array(values, pixels.dtype) for values in (spec.input.mean, spec.input.std))
    return np.asarray((network_colours(spec, pixels) - mean) / std)


def network_colours(spec: PoseSpec, pixels: NDArray[Any]) -> NDArray[Any]:
    """RGB (..., 3) in the channels that the network sees, (..., C): RGB, BGR or gray, in the same 0-255."""
    if spec.input.color_order == "gray":
        return np.asarray(pixels @ np.array(GRAY_OF_RGB, pixels.dtype))[..., None]
    return pixels if spec.input.color_order == "rgb" else pixels[..., ::-1]


def named_outputs(result: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """A network's result by output name: its own keys where `names` are those, else `names` in order; without names
    its own keys, else output_0, output_1 ...

    InputError where `names` are not as many as the outputs.
    """
    own = dict(_flatten(result, ""))
    if not own:
        raise InputError(f"the network gives a {type(result).__name__}, expected tensors")
    if len(own) == 1 and next(iter(own)) == "":
        own = {"output_0": own[""]}
    if not names:
        return own
    if set(names) == set(own):  # a network that says itself which is which, in whatever order
        return {name: own[name] for name in names}
    if len(names) != len(own):
        raise InputError(
            f"the spec names {len(names)} outputs ({', '.join(names)}), but the network gives {len(own)}: "
            + ", ".join(f"{key} {tuple(value.shape)}" for key, value in own.items()),
            _which_to_name(own, names),
        )
    return dict(zip(names, own.values(), strict=True))


def _which_to_name(own: dict[str, Any], names: tuple[str, ...]) -> str:
    """What to write where the spec names other outputs than there are."""
    shapes = {tuple(value.shape) for value in own.values()}
    if len(names) == 1 and len(own) > 1 and len(shapes) == 1:
        stages = ", ".join([f'"stage_{number}"' for number in range(1, len(own))] + [f'"{names[0]}"'])
        return f"outputs of one shape are the stages of one map, of which the last is the best: outputs = [{stages}]"
    return "name every output of the network, in order"


def _flatten(value: Any, prefix: str) -> list[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor | np.ndarray):
        return [(prefix, value)]
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        items = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        items = [(f"output_{index}" if not prefix else str(index), item) for index, item in enumerate(value)]
    else:
        return []
    return [pair for key, item in items for pair in _flatten(item, f"{prefix}_{key}" if prefix else key)]
