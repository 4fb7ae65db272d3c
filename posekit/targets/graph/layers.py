"""Which layer of the network a converted file's weights are: the same name on every platform."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.targets.graph.passes import ARITHMETIC, WEIGHT

NEGATIVE_ZERO = 0x8000  # of float16, by its bits
MULTIPLY = ("conv", "linear", "mm", "matmul", "einsum")  # in the names of operations that have a weight


def layer_names(graph_module: Any) -> dict[str, str]:
    """Names of the layers of an exported graph by the fingerprint of their weights, in the order of execution.

    A layer's name is the path of its weight in the network, `head` for `network.head.weight`; empty for a product that
    is arithmetic, as a resize is.
    """
    from torch import Tensor

    names: dict[str, str] = {}
    for node in graph_module.graph.nodes:
        if node.op != "call_function" or not any(word in str(node.target) for word in MULTIPLY):
            continue
        if len(node.args) < 2 or getattr(node.args[1], "op", "") != "get_attr":
            continue
        value = graph_module
        for part in node.args[1].target.split("."):
            value = getattr(value, part)
        if isinstance(value, Tensor) and value.ndim >= 2:
            path = str(node.meta.get(WEIGHT) or node.args[1].meta.get(WEIGHT, node.args[1].target))
            is_made = ARITHMETIC in node.meta or path.startswith("constant_")  # by posekit, of none of the weights
            name = "" if is_made else path.removeprefix("network.").removesuffix(".weight")
            names.setdefault(fingerprint(value.detach().cpu().numpy()), name)
    return names


def fingerprint(values: NDArray[Any]) -> str:
    """A hash of the values whatever their order, which converters change, and 16-bit or 32-bit."""
    with np.errstate(over="ignore"):
        rounded = np.ascontiguousarray(values, np.float16)
    counts = np.bincount(rounded.ravel().view(np.uint16), minlength=1 << 16)  # how often each value is there
    counts[0] += counts[NEGATIVE_ZERO]
    counts[NEGATIVE_ZERO] = 0
    known = np.flatnonzero(counts)
    return hashlib.sha256(known.tobytes() + counts[known].tobytes()).hexdigest()[:32]
