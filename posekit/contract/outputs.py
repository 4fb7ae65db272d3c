"""The outputs of a network under its contract: are they those that it says, how they are packaged, and what they decode
to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.depth import about_root
from posekit.contract.spec import PoseSpec
from posekit.decoders import dense, layout, of
from posekit.decoders.decoder import Outputs
from posekit.decoders.mirroring import Mirror
from posekit.errors import ConversionError, InputError
from posekit.poses import Poses
from posekit.poses.dense import DenseMap

Run = Callable[[NDArray[np.float32]], Outputs]  # pixels (H, W, 3) RGB 0-255 to outputs by name


def decode(outputs: Outputs, spec: PoseSpec) -> Poses:
    """Decode the outputs of one run to the instances that they hold, in *input* px.

    outputs: by name, as they are packaged. InputError where one is missing or has another shape, ConversionError
    where a value is not finite.
    """
    _check({name: values.shape for name, values in outputs.items()}, spec, spec.decoder.outputs)
    single = _finite(outputs, spec.decoder.outputs)
    found = of(spec.decoder).decode(single, spec.decoder, spec.input, spec.keypoints.oks_sigmas)
    return about_root(found, spec.depth, spec.keypoints.names)


def decode_dense(outputs: Outputs, spec: PoseSpec) -> tuple[DenseMap, ...]:
    """The dense results of one run, as the contract lists them, over the *input*; errors as of `decode`."""
    if not spec.dense:
        return ()
    names = tuple(dense.shapes(spec.dense))
    _check({name: values.shape for name, values in outputs.items()}, spec, names)
    return dense.decode(_finite(outputs, names), spec.dense)


def _finite(outputs: Outputs, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those outputs without the batch axis."""
    for name in names:
        if not np.isfinite(outputs[name]).all():
            raise ConversionError(f"output {name!r} holds values that are not finite", "see the report for where")
    return {name: outputs[name][0] for name in names}


def expected_shapes(spec: PoseSpec) -> dict[str, layout.ExpectedShape]:
    """Of each output that is read its shape without the batch axis, None where any size will do; the decoder's where a
    dense result reads it too."""
    return dense.shapes(spec.dense) | of(spec.decoder).shapes(spec.decoder, spec.input.size_wh, spec.keypoint_count)


def packaged(name: str, values: Any, spec: PoseSpec) -> Any:
    """An output of the network as the packaged model gives it; what the decoder does not read stays as it is.

    values: of numpy or torch, batch 1. InputError where the axes are not those of the head.
    """
    if name not in spec.outputs_read:
        return values
    size_wh, shape = spec.input.size_wh, expected_shapes(spec)[name]
    try:
        if name not in spec.decoder.outputs:
            return dense.pack(values, name, shape, spec.dense, size_wh)
        return of(spec.decoder).pack(values, shape, spec.decoder, size_wh)
    except layout.MisfitError as misfit:
        raise _misfit(name, tuple(values.shape), misfit.expected, spec, misfit.hint) from misfit


def with_mirror_image(
    outputs: Mapping[str, Any],
    mirrored: Mapping[str, Any],
    spec: PoseSpec,
    join: Callable[[Sequence[Any], int], Any] = np.concatenate,
) -> dict[str, Any]:
    """The outputs that the decoder reads averaged with those of the mirror image, turned back (flip test).

    Both as they are packaged, of numpy or of torch, whose function `join` concatenates; what the decoder does not read
    stays as it is.
    """
    turn = of(spec.decoder).mirrored
    assert turn is not None  # the contract would have been refused
    mirror = Mirror(tuple(mirrored_keypoints(spec)), spec.flip_test == "shift", join)
    back = turn(mirrored, spec.decoder, spec.input, mirror)
    return {name: (values + back[name]) * 0.5 if name in back else values for name, values in outputs.items()}


def mirrored_keypoints(spec: PoseSpec) -> list[int]:
    """Which keypoint each is in a mirror image, by place."""
    places = {name: place for place, name in enumerate(spec.keypoints.names)}
    pairs = spec.keypoints.flip_pairs
    others = {one: other for pair in pairs for one, other in (pair, pair[::-1])}
    return [places[others.get(name, name)] for name in spec.keypoints.names]


def check_outputs(shapes: Mapping[str, tuple[int, ...]], spec: PoseSpec) -> None:
    """InputError unless the outputs that the decoder and dense results read are there and fit K and the input size.

    shapes: of all outputs by name, as they are packaged, with the batch axis.
    """
    _check(shapes, spec, spec.outputs_read)


def _check(shapes: Mapping[str, tuple[int, ...]], spec: PoseSpec, names: Sequence[str]) -> None:
    known = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    expected = expected_shapes(spec)
    for name in names:
        wanted = expected[name]
        if name not in shapes:
            reader = "the decoder" if name in spec.decoder.outputs else "a dense result"
            raise InputError(
                f"{reader} reads output {name!r}, which the network does not have; it has {known}",
                "set its output, or name the network's outputs in order with `outputs = [...]`",
            )
        shape = shapes[name]
        if not _fits(shape, wanted):
            raise _misfit(name, shape, " x ".join("any" if w is None else str(w) for w in (1, *wanted)), spec)


def _misfit(name: str, shape: tuple[int, ...], expected: str, spec: PoseSpec, hint: str = "") -> InputError:
    size_wh, kind = spec.input.size_wh, spec.decoder.kind
    reader = f"decoder {kind!r} with {spec.keypoint_count} keypoints and input {size_wh} expects"
    if name not in spec.decoder.outputs:
        reader = f"the dense results with input {size_wh} expect"
    return InputError(
        f"output {name!r} has shape {shape}, but {reader} {expected}",
        hint or "check keypoints.skeleton, decoder.kind and input.size_wh",
    )


def _fits(shape: tuple[int, ...], wanted: layout.ExpectedShape) -> bool:
    if len(shape) != len(wanted) + 1 or shape[0] != 1:
        return False
    return all(w is None or w == s for w, s in zip(wanted, shape[1:], strict=True))
