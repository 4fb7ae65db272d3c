"""The arithmetic on pixels before the first layer, as a CPU does it fastest: one subtraction over whole rows.

Left as it is, every pixel is a vector of three: too short for the registers of a CPU, and BGR takes it apart and joins
it again. Scale and order of colours go into the weights of the first convolution. The mean does not: that convolution
pads with zeros, which stand for the mean.
"""

from __future__ import annotations

from typing import Any

from posekit.targets.graph.inlining import arguments, attribute, constant, inline, name_of, shape_of
from posekit.targets.graph.passes import WEIGHT, tidy

MOST_UNLIKE = 2.0  # times that the scales of channels may differ, so that 8 bits hold the weights of all


def rewrite_input(graph_module: Any) -> int:
    """The normalisation of lowering.py as one subtraction, where only convolutions read it; returns how many (0 or
    1)."""
    product = next((node for node in graph_module.graph.nodes if name_of(node) == "mul"), None)
    if product is None or name_of(product.args[0]) != "sub" or (order := _order(product.args[0].args[0])) is None:
        return 0
    difference = product.args[0]
    mean, scale = (attribute(node.args[1]).flatten() for node in (difference, product))
    readers = _readers(product)
    if not readers or len(difference.users) > 1 or scale.max() > MOST_UNLIKE * scale.min():
        return 0
    places = [order.index(channel) for channel in range(len(order))]  # of red, green and blue
    for reader in readers:
        _fold(graph_module, reader, scale, places)
    image = next(node for node in graph_module.graph.nodes if node.op == "placeholder")
    _, height, width, channels = shape_of(image)

    def subtracted(x: Any, *row: Any) -> Any:
        if row:
            x = (x.reshape(1, 1, height, width * channels) - row[0]).reshape(1, height, width, channels)
        return x.permute(0, 3, 1, 2)

    inline(
        graph_module,
        product,
        subtracted,
        [image, *([mean[places].repeat(width)[None, None, None]] if mean.any() else [])],
    )
    tidy(graph_module)
    return 1


def _order(node: Any) -> list[int] | None:
    """Which of red, green and blue each channel is, of what is made of the pixels; None where channels are mixed."""
    if name_of(node) == "permute" and node.args[0].op == "placeholder":
        return [0, 1, 2]
    if name_of(node) != "cat" or len(node.args[0]) != 3 or arguments(node)["dim"] != 1:
        return None
    slices = [arguments(one) for one in node.args[0] if name_of(one) == "slice"]
    if len(slices) != 3 or any(one["dim"] != 1 or _order(one["self"]) != [0, 1, 2] for one in slices):
        return None
    order = [one["start"] for one in slices]
    return order if sorted(order) == [0, 1, 2] else None


def _readers(node: Any) -> list[Any]:
    """The convolutions that read a node, at once or behind a padding with zeros; empty where anything else reads it."""
    found: list[Any] = []
    for user in node.users:
        given = arguments(user) if name_of(user) else {}
        if name_of(user) in ("pad", "constant_pad_nd"):
            behind = _readers(user) if given.get("mode", "constant") == "constant" and not given.get("value") else []
            if not behind:
                return []
            found += behind
        elif (
            name_of(user) == "conv2d"
            and user.args[0] is node
            and user.args[1].op == "get_attr"
            and given["groups"] == 1
        ):
            found.append(user)
        else:
            return []
    return found


def _fold(graph_module: Any, node: Any, scale: Any, places: list[int]) -> None:
    """Give a convolution weights for pixels that are neither scaled nor in the network's order of colours."""
    source = node.args[1]
    weight = attribute(source).detach().double() * scale.double()[None, :, None, None]
    node.meta[WEIGHT] = node.meta.get(WEIGHT) or source.meta.get(WEIGHT) or source.target
    with graph_module.graph.inserting_before(node):
        node.args = (node.args[0], constant(graph_module, weight[:, places].float()), *node.args[2:])
