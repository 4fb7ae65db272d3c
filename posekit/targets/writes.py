"""Values written into a tensor, or read from it, at places that are known: slices put together, gathers and sums.

Which value goes where is found by running the operation itself on numbers instead of values: each value's number. What
comes out says of every place which value it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from posekit.errors import ConversionError
from posekit.targets import blame
from posekit.targets.inlining import arguments, attribute, constant, example, inline, name_of, shape_of
from posekit.targets.passes import tidy

PLACES = ("index", "indices", "mask")  # arguments that say where, by their names in schemas
SUMMING = ("index_add", "scatter_add")
MOST_SLICES = 8  # side by side; of more, one gather
MOST_SUMMANDS = 64  # at one place
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


def settle_masks(graph_module: Any) -> int:
    """Values chosen by a mask as values at known places, where the mask is known, or as all of them, where what is computed
    of the chosen is written back; returns how many.

    ConversionError for what is left: results of which the picture decides how many there are.
    """
    import torch

    count = 0
    for node in list(graph_module.graph.nodes):
        if name_of(node) not in ("index", "index_put") or not node.users:
            continue
        for one in _flat([arguments(node)["indices"]]):
            if _is_fixed(one) and attribute(one).dtype == torch.bool:
                _known_places(graph_module, node, one)
                count += 1
        if (made := masked(node)) is not None:
            inline(graph_module, node, *made)
            count += 1
    tidy(graph_module)
    for node in list(graph_module.graph.nodes):
        _settle(node)
    tidy(graph_module)
    if (left := next((node for node in graph_module.graph.nodes if not is_settled(node)), None)) is not None:
        what = f"no phone's graph holds what {blame.place_of(left)} gives: as many values as the picture decides"
        raise ConversionError(what, blame.remedy_of(left))
    return count


def is_settled(node: Any) -> bool:
    """Whether the sizes of what a node gives are numbers."""
    value = node.meta.get("val")
    return all(
        isinstance(size, int)
        for one in (value if isinstance(value, list | tuple) else [value])
        for size in getattr(one, "shape", ())
    )


def _known_places(graph_module: Any, node: Any, mask: Any) -> None:
    """The places where a mask is true instead of the mask."""
    indices = list(node.args[1])
    at = indices.index(mask)
    with graph_module.graph.inserting_before(node):
        places = [constant(graph_module, one) for one in attribute(mask).nonzero(as_tuple=True)]
    node.args = (node.args[0], [*indices[:at], *places, *indices[at + 1 :]], *node.args[2:])


def _settle(node: Any) -> None:
    """The sizes of a node anew, and numbers instead of what is computed of them, where those of what it reads are known."""
    import torch
    from torch.fx.node import map_arg

    if node.op != "call_function" or not all(is_settled(one) for one in node.all_input_nodes):
        return
    tags = getattr(node.target, "tags", ())
    if name_of(node) == "sym_size":
        _replace(node, shape_of(node.args[0])[node.args[1]])
    elif not name_of(node) and not node.all_input_nodes and all(isinstance(one, int) for one in node.args):
        _replace(node, node.target(*node.args))
    elif not is_settled(node) and (name_of(node) == "index" or torch.Tag.dynamic_output_shape not in tags):
        args, kwargs = (map_arg(given, example) for given in (node.args, node.kwargs))
        kinds = [one.dtype for one in args[1] if one is not None] if name_of(node) == "index" else []
        if torch.bool not in kinds:
            node.meta["val"] = node.target(*args, **kwargs)


def _replace(node: Any, value: int) -> None:
    """A number instead of the node that computes it."""
    from torch.fx.node import map_arg

    for user in list(node.users):
        user.args = map_arg(user.args, lambda one: value if one is node else one)
        user.kwargs = map_arg(user.kwargs, lambda one: value if one is node else one)


def moved(node: Any) -> Made:
    """The function that puts the values where the operation does, and its inputs; None where places come from the picture."""
    import torch
    from torch import Tensor, fx
    from torch.fx.node import map_arg

    given = arguments(node)
    where = {name: given[name] for name in PLACES if name in given}
    if not all(_is_fixed(one) for one in _flat(where.values())):
        return masked(node)
    if given.get("accumulate") or name_of(node) in SUMMING:
        return summed(node)
    if given.get("reduce"):
        return None
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


def masked(node: Any) -> Made:
    """What is written where a mask is true: one value, the same for all of it, or what is computed of the values there."""
    import torch

    given = arguments(node)
    masks = [one for one in given.get("indices") or () if one is not None]
    if (
        name_of(node) != "index_put"
        or len(masks) != 1
        or given["accumulate"]
        or masks[0].meta["val"].dtype != torch.bool
    ):
        return None
    mask, shape = masks[0], shape_of(node)
    first = given["indices"].index(mask)
    behind = len(shape) - first - len(shape_of(mask))
    axes = [1] * first + list(shape_of(mask)) + [1] * behind
    found = _of_all(given["values"], given["indices"], behind)
    if found is None:
        return None
    values, sources = found

    def write(x: Any, mask: Any, *given: Any) -> Any:
        return torch.where(mask.reshape(axes), values(dict(zip(sources, given, strict=True))).to(x.dtype), x)

    return write, [given["self"], mask, *sources]


def _of_all(node: Any, indices: Any, behind: int) -> tuple[Callable[[dict[Any, Any]], Any], list[Any]] | None:
    """What the values where a mask is true are computed from, as a function of whole tensors, and those; None where one
    of the operations needs to know which values there are."""
    import torch
    from torch import fx
    from torch.fx.node import map_arg

    sizes = list(node.meta["val"].shape)
    if all(isinstance(size, int) for size in sizes) and all(size == 1 for size in sizes[: len(sizes) - behind]):
        shape = sizes[max(len(sizes) - behind, 0) :]
        return lambda known: known[node].reshape(shape), [node]
    if name_of(node) == "index" and list(node.args[1]) == list(indices):
        return lambda known: known[node.args[0]], [node.args[0]]
    if name_of(node) in ("view", "reshape", "squeeze") and _long(node) == _long(node.args[0]):
        return _of_all(node.args[0], indices, behind)
    if not isinstance(node.target, torch._ops.OpOverload) or torch.Tag.pointwise not in node.target.tags:
        return None
    parts = {one: _of_all(one, indices, behind) for one in node.all_input_nodes}
    if any(part is None for part in parts.values()):
        return None

    def compute(known: dict[Any, Any]) -> Any:
        def value(one: fx.Node) -> Any:
            return parts[one][0](known)  # type: ignore[index]

        return node.target(*map_arg(node.args, value), **map_arg(node.kwargs, value))

    return compute, list(dict.fromkeys(source for part in parts.values() if part for source in part[1]))


def _long(node: Any) -> list[str]:
    """The sizes of a node but for axes of one value."""
    return [str(size) for size in node.meta["val"].shape if not (isinstance(size, int) and size == 1)]


def summed(node: Any) -> Made:
    """Values added at known places: along one axis a product with a matrix of zeros and ones, else a sum of gathers."""
    import torch

    given = arguments(node)
    shape, alpha = shape_of(node), given.get("alpha", 1)
    numbers = torch.arange(math.prod(shape)).reshape(shape)
    base, source = given["self"], given.get("src", given.get("source", given.get("values")))
    if name_of(node) == "index_add":
        axis = given["dim"] % max(len(shape), 1)
        matrix = torch.nn.functional.one_hot(attribute(given["index"]).reshape(-1), shape[axis]).float() * alpha
        return _product(shape, axis), [base, source, matrix]
    if name_of(node) == "scatter_add":
        index = attribute(given["index"])
        targets = torch.gather(numbers, given["dim"], index) if index.numel() else index
        cut = tuple(slice(size) for size in index.shape)
    else:
        places = [None if one is None else attribute(one) for one in given["indices"]]
        targets, cut = torch.ops.aten.index.Tensor(numbers, places), ()
    count = int(torch.bincount(targets.flatten(), minlength=1).max())
    if count > MOST_SUMMANDS:
        return None
    rounds = _rounds(targets.flatten(), numbers.numel(), count)

    def add(x: Any, values: Any, *rounds: Any) -> Any:
        values = values[cut] if cut else values
        flat = values.expand(targets.shape).reshape(-1)
        flat = torch.cat([flat, torch.zeros(1, dtype=flat.dtype, device=flat.device)])
        for places in rounds:
            x = x + flat.index_select(0, places).reshape(shape)
        return x

    return add, [base, source, *rounds]


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


def folded(node: Any) -> Made:
    """Blocks put together as a transposed convolution does it, whose weights put each block's values in their places."""
    import torch

    given = arguments(node)
    kernel, stride, padding, dilation = (list(given[one]) for one in ("kernel_size", "stride", "padding", "dilation"))
    size, taps = list(given["output_size"]), math.prod(kernel)
    sides = zip(size, kernel, stride, padding, dilation, strict=True)
    blocks = [(one + 2 * pad - by * (wide - 1) - 1) // step + 1 for one, wide, step, pad, by in sides]
    shape = shape_of(node)
    weight = torch.eye(taps).reshape(taps, 1, *kernel)
    reached = [(count - 1) * step + by * (wide - 1) + 1 - 2 * pad for count, wide, step, pad, by in zip(blocks, kernel, stride, padding, dilation, strict=True)]  # fmt: skip
    more = [one - end for one, end in zip(size, reached, strict=True)]

    def fold(x: Any, weight: Any) -> Any:
        x = x.reshape(-1, taps, *blocks)
        whole = torch.ops.aten.conv_transpose2d.input(x, weight, None, stride, padding, more, 1, dilation)
        return whole.reshape(shape)

    return fold, [node.args[0], weight]


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


def _is_fixed(one: Any) -> bool:
    return bool(one.op == "get_attr")


def _flat(values: Any) -> list[Any]:
    """The nodes of arguments that are nodes, or lists of nodes, numbers and nothing."""
    from torch import fx

    found = [one for value in values for one in (value if isinstance(value, list | tuple) else [value])]
    return [one for one in found if isinstance(one, fx.Node)]


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


def _product(shape: tuple[int, ...], axis: int) -> Callable[..., Any]:
    """The function that adds what is at each place along an axis to the place that a matrix says."""

    def add(x: Any, values: Any, matrix: Any) -> Any:
        if axis == len(shape) - 1:
            return x + values @ matrix.to(x.dtype)
        return x + (values.transpose(axis, -1) @ matrix.to(x.dtype)).transpose(axis, -1)

    return add


def _rounds(targets: Any, size: int, count: int) -> list[Any]:
    """For every place the value that is added in each round: the number of values, which is a zero's, where there is none."""
    import torch

    order = torch.argsort(targets, stable=True)
    ordered = targets[order]
    firsts = torch.searchsorted(ordered, ordered)
    nth = torch.arange(len(ordered)) - firsts
    rounds = torch.full((count, size), len(targets), dtype=torch.int32)
    rounds[nth, ordered] = order.to(torch.int32)
    return list(rounds)
