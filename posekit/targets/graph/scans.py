"""Products and maxima along an axis, step by step twice as far: in operations that both converters have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from posekit.targets.graph.inlining import arguments, name_of, shape_of


def cumulative(node: Any) -> Callable[..., Any] | None:
    """The largest, smallest or product of all up to each place; None where it is asked where those are."""
    import torch

    name, axis, size = name_of(node), arguments(node)["dim"], shape_of(node.args[0])
    if name != "cumprod" and any(user.args[1] != 0 and user.users for user in node.users):
        return None
    combine = {"cummax": torch.maximum, "cummin": torch.minimum, "cumprod": torch.mul}[name]

    def scan(x: Any) -> Any:
        step, count = 1, size[axis]
        while step < count:
            ahead, behind = x.narrow(axis, step, count - step), x.narrow(axis, 0, count - step)
            x = torch.cat([x.narrow(axis, 0, step), combine(ahead, behind)], axis)
            step *= 2
        return x if name == "cumprod" else (x, None)

    return scan


def product(node: Any) -> Callable[..., Any] | None:
    """The product along an axis, or of all: halves times halves."""
    import torch

    given, after = arguments(node), shape_of(node)
    if not node.meta["val"].dtype.is_floating_point:
        return None

    def multiply(x: Any) -> Any:
        axis = given.get("dim")
        x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
        while (count := x.shape[axis]) > 1:
            half = count // 2
            halves = x.narrow(axis, 0, half) * x.narrow(axis, half, half)
            x = torch.cat([halves, x.narrow(axis, 2 * half, 1)], axis) if count % 2 else halves
        return x.reshape(after)

    return multiply
