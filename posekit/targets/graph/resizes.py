"""Resizes that a phone's runtime would do otherwise than torch, as products with torch's own weights.

A resize is linear and works axis by axis, so each axis has a small matrix of weights: what torch itself makes of an
identity. Fractions, odd sizes, bicubic, antialias, nearest-exact, area and adaptive pooling are all the same then.
"""

from __future__ import annotations

from typing import Any

from posekit.targets.graph.inlining import arguments, inline, name_of, shape_of
from posekit.targets.graph.passes import ARITHMETIC, tidy

ADAPTIVE = ("adaptive_avg_pool1d", "adaptive_avg_pool2d")
INTERPOLATING = (
    "upsample_nearest1d",
    "upsample_nearest2d",
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_bicubic2d",
    "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa",
)
SCALES = ("scales", "scales_h", "scales_w")
ASIDE = 2  # places along the other axis of an identity: of one alone, torch 2.13 antialiases wrongly


def rewrite_resizes(graph_module: Any) -> int:
    """Every resize as an operation that all runtimes do alike, else as products; returns how many are changed."""
    changed = 0
    for node in list(graph_module.graph.nodes):
        name = name_of(node)
        if name not in INTERPOLATING + ADAPTIVE:
            continue
        before, after = (shape_of(one)[2:] for one in (node.args[0], node))
        if name in ADAPTIVE and all(now in (1, was) or was % now == 0 for was, now in zip(before, after, strict=True)):
            continue  # a mean over all, or over windows of one size
        changed += _rewritten(graph_module, node, before, after)
    tidy(graph_module)
    return changed


def _rewritten(graph_module: Any, node: Any, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    import torch

    x, whole = node.args[0], shape_of(node)
    if all(size == 1 for size in before):
        inline(graph_module, node, lambda x: torch.ops.aten.expand.default(x, whole), [x])
        return True
    matrices = [_weights(node, axis, was, now) for axis, (was, now) in enumerate(zip(before, after, strict=True))]
    if all(torch.equal(one, torch.eye(*one.shape)) for one in matrices):
        node.replace_all_uses_with(x)
        return True
    if len(before) == 2 and (native := _native(node, matrices, before, after)) is not None:
        if native is node.target and not any(given for name, given in arguments(node).items() if "scale" in name):
            return False
        inline(graph_module, node, _call(native, after, arguments(node).get("align_corners")), [x])
        return True
    wanted = [not torch.equal(one, torch.eye(*one.shape)) for one in matrices]
    kept = [one for one, is_wanted in zip(matrices, wanted, strict=True) if is_wanted]
    for added in inline(graph_module, node, _products(wanted), [x, *kept]):
        added.meta[ARITHMETIC] = True
    return True


def _weights(node: Any, axis: int, was: int, now: int) -> Any:
    """(was, now): how much of each place along an axis every new place takes, as torch itself computes it."""
    import torch

    given = arguments(node)
    others = range(len(shape_of(node)) - 2)
    if given.get("output_size") is not None:
        given["output_size"] = [now if one == axis else ASIDE for one in others]
    if given.get("scale_factors") is not None:
        given["scale_factors"] = [scale if one == axis else 1.0 for one, scale in enumerate(given["scale_factors"])]
    for one, name in enumerate(name for name in SCALES if name in given):
        given[name] = given[name] if one == axis else None
    given.pop("input" if "input" in given else "self")
    shape = [was if one == axis else ASIDE for one in others]
    identity = torch.eye(was).reshape(1, was, *[was if one == axis else 1 for one in others]).expand(1, was, *shape)
    resized = node.target(identity.contiguous(), **given)
    return (resized if len(others) == 1 else resized.select(3 - axis, 0)).reshape(was, now).contiguous()


def _native(node: Any, matrices: list[Any], before: tuple[int, ...], after: tuple[int, ...]) -> Any:
    """The operation that gives the same weights from the sizes alone, and that runtimes do exactly; None without
    one."""
    import torch

    def is_same(function: Any) -> bool:
        for weights, was, now in zip(matrices, before, after, strict=True):
            column = function(torch.eye(was).reshape(1, was, was, 1), (now, 1)).reshape(was, now)
            if not torch.allclose(weights, column, rtol=0, atol=1e-6):
                return False
        return True

    aten = torch.ops.aten
    if all(now % was == 0 for was, now in zip(before, after, strict=True)) and is_same(
        lambda x, size: aten.upsample_nearest2d.vec(x, size, None)
    ):
        return aten.upsample_nearest2d.vec
    align = arguments(node).get("align_corners")
    if name_of(node) == "upsample_bilinear2d" and is_same(
        lambda x, size: aten.upsample_bilinear2d.vec(x, size, align, None)
    ):
        return aten.upsample_bilinear2d.vec
    return None


def _call(target: Any, size: tuple[int, ...], align: bool | None) -> Any:
    import torch

    if target is torch.ops.aten.upsample_nearest2d.vec:
        return lambda x: target(x, list(size), None)
    return lambda x: target(x, list(size), align, None)


def _products(wanted: list[bool]) -> Any:
    """A function of x and of the matrices of the axes that are wanted: the last axis first."""

    def multiply(x: Any, *matrices: Any) -> Any:
        left = list(matrices)
        for axis in reversed(range(len(wanted))):
            if not wanted[axis]:
                continue
            is_last = axis == len(wanted) - 1
            x = x @ left.pop() if is_last else (x.transpose(-1, -2) @ left.pop()).transpose(-1, -2)
        return x

    return multiply
