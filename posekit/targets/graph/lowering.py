"""From the eager network to one static graph that takes pixels: what both targets convert.

The graph comes from torch.export, which fails loudly on data-dependent control flow and on layers created inside
forward; a legacy trace of the latter succeeds and gives zeros (EfficientPose's public checkpoint), so no trace of the
user's own code is ever shipped.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import packaged, with_mirror_image
from posekit.contract.precisions import Rewrite
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.errors import ConversionError, PosekitError, line_of_user, said
from posekit.poses.input_spec import GRAY_OF_RGB
from posekit.progress import captured
from posekit.sources.reference import called, named_outputs
from posekit.sources.source import SourceModel
from posekit.targets.graph import (
    blame,
    decompositions,
    folding,
    masks,
    passes,
    ranks,
    reductions,
    resizes,
    simplify,
    writes,
)
from posekit.targets.sparing import torch_lists_operations_once

PASSES = (
    simplify.make_functional,
    writes.read_memory,  # before copies that change strides are dropped
    simplify.drop_identities,
    passes.name_convolutions,
    folding.fold_constants,
    masks.settle_masks,
    passes.fuse_batch_norm,  # before what stands between a convolution and its norm
    resizes.rewrite_resizes,
    decompositions.decompose,
    simplify.drop_identities,
    folding.fold_constants,
    simplify.drop_expands,
    reductions.merge_reductions,
    reductions.keep_axes,
    ranks.merge_axes,
    folding.fold_constants,
    simplify.match_types,
    passes.rewrite_elu,
    passes.rewrite_scaled_add,
)


@dataclass(frozen=True, slots=True)
class Lowered:
    """graph: GraphModule from (1, H, W, 3) RGB 0-255 to a tuple of outputs as decoders/layout.py packages them.

    pixels: the input on which it was checked against the eager network. without: rewrites for speed
    (targets/rewrites.py) that are not to be made of it.
    """

    graph: Any
    output_shapes: dict[str, tuple[int, ...]]
    pixels: NDArray[np.float32]
    without: tuple[Rewrite, ...] = ()


def lower(source: SourceModel, spec: PoseSpec, pixels: NDArray[np.float32], reference: Outputs) -> Lowered:
    """Export the network with its preprocessing folded in, tidy the graph, and hold it against `reference`.

    pixels: (H, W, 3) of an evaluation image; reference: the eager outputs for it. ConversionError (exit 4) where
    the network cannot be exported or the graph differs.
    """
    import torch

    logging.getLogger("torch").setLevel(logging.ERROR)
    image = torch.from_numpy(pixels[None].copy())
    model = _pixel_model(source.module, spec)
    # torch prints the graph that it could not follow
    with (
        captured(), warnings.catch_warnings(), torch.no_grad(), _loaded_scripts(model), torch_lists_operations_once()
    ):  # fmt: skip
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(model, (image,))
        except PosekitError:  # there is no such module
            raise
        except Exception as error:
            raise ConversionError(*export_failure(error)) from error
        if not simplify.is_functional(program.graph):
            program = program.run_decompositions({})
        graph = program.module(check_guards=False)
        for module in graph.modules():
            module.training = False  # exported in eval mode; the flag is what converters look at
        for node in graph.graph.nodes:  # what it came from, which torch copies whole whenever it is traced again
            node.meta.pop("from_node", None)
        with passes.tidied_once(graph):
            for one in PASSES:
                one(graph)
        if (node := blame.first_complex(graph)) is not None:
            what = f"neither LiteRT nor Core ML has the complex numbers that {blame.place_of(node)} gives"
            raise ConversionError(what, blame.remedy_of(node))
        outputs = [output.numpy() for output in graph(image)]
    _hold(outputs, reference, source)
    return Lowered(graph, {name: value.shape for name, value in reference.items()}, pixels)


def _hold(outputs: list[NDArray[Any]], reference: Outputs, source: SourceModel) -> None:
    """ConversionError where the graph's outputs are not the reference's."""
    for (name, expected), seen in zip(reference.items(), outputs, strict=True):
        error_rms = relative_rms(seen, expected)
        if not error_rms <= source.rounding:
            raise ConversionError(
                f"the exported graph's output {name!r} is not the network's: relative RMS error {error_rms:.2g}",
                "does forward() depend on more than its input (randomness, layers created inside it)?"
                if source.run is None
                else f"an operation is not in PyTorch what it is in {source.form}: cut the network before it with "
                "file_outputs, or export it in another way",
            )


def relative_rms(seen: NDArray[Any], expected: NDArray[Any]) -> float:
    """RMS of the difference over the RMS of `expected`; NaN where a value is not finite."""
    difference = seen.astype(np.float64) - expected
    scale = float(np.sqrt(np.mean(expected.astype(np.float64) ** 2)))
    return float(np.sqrt(np.mean(difference**2))) / max(scale, 1e-12)


@contextlib.contextmanager
def _loaded_scripts(network: Any) -> Iterator[None]:
    """With parts that torch.jit.script made as they come out of a file: torch.export follows only those."""
    import torch

    scripted = [
        (parent, name, child)
        for parent in network.modules()
        if not isinstance(parent, torch.jit.ScriptModule)
        for name, child in parent.named_children()
        if isinstance(child, torch.jit.ScriptModule)
    ]
    try:
        for parent, name, child in scripted:
            content = io.BytesIO()
            torch.jit.save(child, content)
            content.seek(0)
            loaded = torch.jit.load(content)  # type: ignore[no-untyped-call]
            for parameter in loaded.parameters():
                parameter.requires_grad_(False)
                parameter._is_param = True  # as sources/source.py has it
            setattr(parent, name, loaded)
        yield
    finally:
        for parent, name, child in scripted:
            setattr(parent, name, child)


def _pixel_model(network: Any, spec: PoseSpec) -> Any:
    import torch
    from torch import Tensor, nn

    def joined(parts: Sequence[Tensor], axis: int) -> Tensor:
        return torch.cat(list(parts), axis)

    class PixelModel(nn.Module):
        """The network behind the contract's normalisation, channels last; its outputs as the contract packages them."""

        mean: Tensor
        scale: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            shape = (1, -1, 1, 1)
            self.register_buffer("mean", torch.tensor(spec.input.mean).reshape(shape))
            self.register_buffer(
                "scale", (1 / torch.tensor(spec.input.std, dtype=torch.float64)).float().reshape(shape)
            )

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            outputs = self.outputs_of(image)
            if spec.flip_test != "none":
                outputs = with_mirror_image(outputs, self.outputs_of(image.flip(2)), spec, joined)
            return tuple(outputs.values())

        def outputs_of(self, image: Tensor) -> dict[str, Tensor]:
            x = image.permute(0, 3, 1, 2).contiguous()  # as the network was given it: some of them look at the strides
            if spec.input.color_order == "bgr":
                # slices and a concatenation stay on the GPU delegate; flip becomes REVERSE_V2, which does not
                x = torch.cat([x[:, 2:3], x[:, 1:2], x[:, 0:1]], dim=1)
            elif spec.input.color_order == "gray":
                red, green, blue = GRAY_OF_RGB
                x = x[:, 0:1] * red + x[:, 1:2] * green + x[:, 2:3] * blue
            outputs = named_outputs(called(self.network, (x - self.mean) * self.scale), spec.outputs)
            # the apps read float32
            floats = {name: y if y.dtype == torch.float32 else y.float() for name, y in outputs.items()}
            return {name: packaged(name, y, spec) for name, y in floats.items()}

    model = PixelModel()
    model.training = False  # the network itself is in eval mode; an exported program refuses to be told again
    return model


def export_failure(error: Exception) -> tuple[str, str]:
    """Sentence and hint for what torch.export raises of a network that it cannot follow."""
    if "data-dependent" in str(error) or "GuardOnDataDependent" in type(error).__name__:
        return (
            f"the network decides by its data which layers run, which no phone graph can hold{said(error)}",
            "replace the `if` on tensor values by torch.where, or move it out of forward()",
        )
    return (
        f"torch.export cannot export the network{line_of_user(error)}{said(error, of_user=True)}",
        "torch.export names the line of forward() that it cannot follow; layers must be made in __init__",
    )
