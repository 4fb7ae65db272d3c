"""Values written into a tensor, or read from it, at places that are known: slices put together, gathers and sums.

Which value goes where is found by running the operation itself on numbers instead of values: each value's number. What
comes out says of every place which value it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from posekit.targets.graph import sums
from posekit.targets.graph.inlining import arguments, attribute, inline, name_of, nodes_in, shape_of
from posekit.targets.graph.passes import tidy

PLACES = ("index", "indices", "mask")  # arguments that say where, by their names in schemas
SUMMING = ("index_add", "scatter_add")
MOST_SLICES = 8  # side by side; of more, one gather
Made = tuple[Callable[..., Any], list[Any]] | None


def read_memory(graph_module: Any) -> int:
    """Tensors that are read by strides of the user's own as gathers; returns how many."""
    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) == "as_strided" and node.args[0].op != "get_attr" and (made := moved(node)) is not None:
            inline(graph_module, node, *made)
            count += 1
    tidy(graph_module)
    return count


def moved(node: Any) -> Made:
    """The function that puts the values where the operation does, and its inputs; None where places come from the
    picture."""
    given = arguments(node)
    where = {name: given[name] for name in PLACES if name in given}
    if not all(one.op == "get_attr" for one in nodes_in(where.values())):
        return None
    if given.get("accumulate") or name_of(node) in SUMMING:
        return sums.summed(node)
    return None if given.get("reduce") else _renumbered(node, given)


def _renumbered(node: Any, given: dict[str, Any]) -> Made:
    """The same by doing the operation once to the numbers of its values, which tells where each of them goes."""
    import torch
    from torch import Tensor, fx
    from torch.fx.node import map_arg

    sources: list[Any] = []
    numbers: list[Tensor] = []
    rest: list[float] = []

    def number(name: str, one: Any) -> Any:
        """The numbers of the values of an argument; itself, if it is none of values."""
        if name in PLACES:
            return map_arg(one, attribute)
        if isinstance(one, fx.Node):
            sources.append(one)
            first = sum(math.prod(shape_of(source)) for source in sources[:-1])
            numbers.append(first + torch.arange(math.prod(shape_of(one))).reshape(shape_of(one)))
            return numbers[-1]
        if name == "value" and isinstance(one, int | float):
            rest.append(one)
            return -1  # no other value has it
        return one

    call = {name: number(name, one) for name, one in given.items()}
    if "stride" in given:  # as_strided reads memory, which has the axes in the order of the strides
        call["self"] = _as_in_memory(numbers[0], sources[0])
    places = node.target(**call)
    if rest:
        count = sum(one.numel() for one in numbers)
        sources.append(torch.tensor(float(rest[0])))
        numbers.append(torch.tensor(count))
        places = torch.where(places < 0, count, places)
    return _gathered(places, numbers, sources)


def unfolded(node: Any) -> Callable[..., Any]:
    """Windows along an axis, one place of all of them after the other."""
    import torch

    given, shape = arguments(node), shape_of(node.args[0])
    axis, size, step = given["dimension"] % len(shape), given["size"], given["step"]
    count = shape_of(node)[axis]

    def unfold(x: Any) -> Any:
        if size == step:
            parts = x.narrow(axis, 0, count * size).reshape(*shape[:axis], count, size, *shape[axis + 1 :])
            return parts.permute(*(at for at in range(len(shape) + 1) if at != axis + 1), axis + 1)
        ends = [first + (count - 1) * step + 1 for first in range(size)]
        slices = [torch.ops.aten.slice.Tensor(x, axis, first, end, step) for first, end in enumerate(ends)]
        return torch.stack(slices, -1)

    return unfold


def filled(node: Any) -> Made:
    """One value at every place, of a tensor that is only read for its shape."""
    import torch
    from torch import fx

    value, shape, kind = node.args[1], shape_of(node), node.meta["val"].dtype
    if not isinstance(value, fx.Node):
        return lambda: torch.full(shape, value, dtype=kind), []
    return lambda value: value.to(kind).expand(shape), [value]


def copied(node: Any) -> Made:
    """What is copied into a tensor, as that has it."""
    shape, kind = shape_of(node), node.meta["val"].dtype
    return lambda value: value.to(kind).expand(shape), [node.args[1]]


def _as_in_memory(numbers: Any, source: Any) -> Any:
    """Numbers with the strides of the tensor that they are of."""
    import torch

    value = source.meta["val"]
    made = torch.empty_strided(tuple(value.shape), tuple(value.stride()), dtype=numbers.dtype)
    return made.copy_(numbers)


def _gathered(places: Any, numbers: Sequence[Any], sources: list[Any]) -> Made:
    """The function of the sources that gives the value numbered `places` at every place, and its inputs."""
    import torch

    shape, count = tuple(places.shape), len(sources)
    for axis in range(len(shape)):
        if (taken := _along(places, numbers, axis)) is not None:
            return _put_together(shape, axis, taken, sources)

    def gather(*given: Any) -> Any:
        flat = [one.to(given[0].dtype).reshape(-1) for one in given[:count]]
        whole = torch.cat(flat) if count > 1 else flat[0]
        return whole.index_select(0, given[count]).reshape(shape)

    return gather, [*sources, places.flatten().to(torch.int32)]


def _along(places: Any, numbers: Sequence[Any], axis: int) -> list[tuple[int, int]] | None:
    """Of each place along an axis the source, and the place in that, which all of it comes from; None if not of one."""
    import torch

    shape = list(places.shape)
    rows = []
    for one in numbers:
        whole = one.reshape([1] * (len(shape) - one.ndim) + list(one.shape))
        sizes = (
            [whole.shape[axis] if at == axis else size for at, size in enumerate(shape)]
            if whole.ndim == len(shape)
            else []
        )
        if not sizes or any(now not in (1, size) for now, size in zip(whole.shape, sizes, strict=True)):
            return None
        rows.append(whole.expand(sizes).movedim(axis, 0).flatten(1))
    wanted = places.movedim(axis, 0).reshape(shape[axis], -1)
    taken = []
    for here in wanted:
        source = max(index for index, one in enumerate(numbers) if int(one.flatten()[0]) <= int(here[0]))
        found = (rows[source][:, 0] == here[0]).nonzero()
        if not len(found) or not torch.equal(rows[source][found[0, 0]], here):
            return None
        taken.append((source, int(found[0, 0])))
    return taken


def _put_together(shape: tuple[int, ...], axis: int, taken: list[tuple[int, int]], sources: list[Any]) -> Made:
    """The places along an axis: slices one after the other, or one gather where there are many."""
    import torch

    used = sorted({source for source, _ in taken})
    runs: list[list[int]] = []
    for source, place in taken:
        if runs and runs[-1][0] == source and runs[-1][1] + runs[-1][2] == place:
            runs[-1][2] += 1
        else:
            runs.append([source, place, 1])

    def spread(one: Any, kind: Any) -> Any:
        one = one.to(kind).reshape([1] * (len(shape) - one.ndim) + list(one.shape))
        sizes = [one.shape[axis] if at == axis else size for at, size in enumerate(shape)]
        return one if sizes == list(one.shape) else one.expand(sizes)

    def join(*given: Any) -> Any:
        known = {source: spread(given[source], given[0].dtype) for source in used}
        parts = [_narrowed(known[source], axis, first, count) for source, first, count in runs]
        return torch.cat(parts, axis) if len(parts) > 1 else parts[0]

    def gather(*given: Any) -> Any:
        parts = [spread(given[source], given[0].dtype) for source in used]
        whole = torch.cat(parts, axis) if len(parts) > 1 else parts[0]
        return whole.index_select(axis, given[-1])

    if len(runs) <= MOST_SLICES:
        return join, sources
    sizes = [1 if len(one) < len(shape) - axis else one[axis - len(shape)] for one in map(_shape, sources)]
    places = [sum(sizes[one] for one in used if one < source) + place for source, place in taken]
    return gather, [*sources, torch.tensor(places, dtype=torch.int32)]


def _shape(source: Any) -> tuple[int, ...]:
    from torch import Tensor

    return tuple(source.shape) if isinstance(source, Tensor) else shape_of(source)


def _narrowed(x: Any, axis: int, first: int, count: int) -> Any:
    return x if count == x.shape[axis] else x.narrow(axis, first, count)
