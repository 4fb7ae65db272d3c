"""What is written, read and permuted at known places is lowered to few, plain operations, which give torch's values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from posekit.errors import ConversionError
from posekit.targets.graph import lowering, ranks, simplify
from posekit.targets.graph.inlining import name_of
from posekit.targets.graph.layers import layer_names
from tests import moves
from tests.structures import Calling

# what both converters do alike
PLAIN = """
abs add amax amin bmm cat chunk clamp constant_pad_nd conv_transpose2d cumsum div exp expand flatten flip ge gt im2col
index_select le logical_not lt mT matmul maximum mean minimum mul narrow ne neg pad permute pow relu repeat reshape
roll select sigmoid slice softmax split split_with_sizes sqrt squeeze stack sub sum tanh to transpose unbind unsqueeze
upsample_nearest2d where
"""


def graph_of(head: Callable[..., Any], *inputs: Tensor) -> Any:
    """The head as posekit lowers it."""
    program = torch.export.export(Calling(head), inputs)
    if not simplify.is_functional(program.graph):
        program = program.run_decompositions({})
    graph = program.module(check_guards=False)
    for one in lowering.PASSES:
        one(graph)
    return graph


def names(graph: Any) -> set[str]:
    return {name_of(node) for node in graph.graph.nodes if name_of(node)}


def ranks_of(graph: Any) -> list[int]:
    values = (node.meta.get("val") for node in graph.graph.nodes)
    return [len(value.shape) for value in values if hasattr(value, "shape")]


@pytest.mark.parametrize("heads", [moves.WRITES, moves.AXES], ids=["writes", "axes"])
def test_heads_are_plain_and_the_same(heads: dict[str, moves.Head]) -> None:
    graph = graph_of(lambda x: tuple(head(x) for head in heads.values()), torch.randn(1, 8, 12, 8))
    assert names(graph) <= set(PLAIN.split())
    assert max(ranks_of(graph)) <= ranks.MOST_AXES
    for seed in (0, 1):
        x = torch.randn(1, 8, 12, 8, generator=torch.Generator().manual_seed(seed))
        for (name, head), seen in zip(heads.items(), graph(x), strict=True):
            torch.testing.assert_close(
                seen, head(x), rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )


def every_second(y: Tensor, x: Tensor) -> None:
    y[..., 1::2] = x[..., ::2]


def test_a_write_is_slices_side_by_side_and_many_places_are_one_gather() -> None:
    few = graph_of(moves.WRITES["an_inner_part"], torch.randn(1, 8, 12, 8))
    assert not names(few) & {"index_select", "slice_scatter"}
    assert "index_select" in names(graph_of(moves.written(every_second), torch.randn(1, 8, 12, 40)))


@pytest.mark.parametrize("sizes", [(2, 3, 4, 5, 6, 7), (2,) * 8, (1, 3, 1, 2, 2, 3, 1, 2)])
def test_any_permutation_is_made_of_permutations_of_few_axes(sizes: tuple[int, ...]) -> None:
    x = torch.arange(math.prod(sizes))
    for seed in range(40):
        order = torch.randperm(len(sizes), generator=torch.Generator().manual_seed(seed)).tolist()
        seen = x
        for shape, way in ranks.turns(sizes, order):
            assert len(shape) <= ranks.MOST_AXES
            seen = seen.reshape(shape).permute(way)
        assert torch.equal(seen.reshape(-1), x.reshape(sizes).permute(order).reshape(-1)), order


SCALE = torch.linspace(-1, 2, 24)
MANY: dict[str, Callable[[Tensor], Tensor]] = {  # of a tensor of axes 2, 3, 4, 2, 2, 4
    "alternating": lambda y: (y * SCALE[:12].reshape(2, 3, 1, 2, 1, 1) + SCALE[:16].reshape(1, 1, 4, 1, 1, 4)).relu(),
    "alternating on seven": lambda y: (
        y.reshape(2, 3, 2, 2, 2, 2, 4) * SCALE[:16].reshape(2, 1, 2, 1, 2, 1, 2).repeat_interleave(2, 6)
    ),
    "alternating beyond five": lambda y: (
        y.reshape(2, 3, 2, 2, 2, 2, 4) * SCALE[:16].reshape(2, 1, 2, 1, 2, 1, 2)[..., :1]
        + SCALE[:12].reshape(1, 3, 1, 2, 1, 2, 1)
    ),
    "mean of some": lambda y: y.mean((0, 2, 5)),
    "largest of all": lambda y: y.amax(),
    "any": lambda y: (y > 1).any(3).to(y.dtype),
    "which": lambda y: y.argmax(2, keepdim=True).to(y.dtype),
    "largest and where": lambda y: torch.add(*y.max(4)),
    "logarithm of sums": lambda y: y.logsumexp(1),
    "normalised": lambda y: F.layer_norm(y, (2, 4)),
    "gathered": lambda y: y.index_select(3, torch.tensor([1, 0, 1])),
    "a slice of every second": lambda y: y[:, :, ::2, :, 1:, :-1],
    "padded": lambda y: F.pad(y, (1, 0, 0, 2, 0, 0, 1, 1), value=0.5),
    "repeated": lambda y: y.repeat(2, 1, 1, 3, 1, 1),
    "spread": lambda y: y[:, :1].expand(5, 2, 3, 4, 2, 2, 4),
    "unbound": lambda y: torch.cat(y.unbind(2)[::-1], 1),
    "split unevenly": lambda y: torch.cat(y.split((1, 2), 1)[::-1], 1),
    "product": lambda y: y @ y.transpose(-1, -2),
    "product with one matrix": lambda y: y @ SCALE[:12].reshape(4, 3),
    "product spread": lambda y: y @ SCALE[:16].reshape(4, 1, 1, 4, 1)[:1],
    "linear": lambda y: F.linear(y, SCALE[:12].reshape(3, 4), SCALE[:3]),
    "attention": lambda y: F.scaled_dot_product_attention(y, y * 2, y + 1),
    "rolled": lambda y: torch.roll(y, (1, -1), (2, 5)).clamp(-0.5, 0.5),
    "stacked": lambda y: torch.stack((y, -y), 3),
    "masked": lambda y: y.masked_fill(y < 0, 7.0),
    "to whole numbers": lambda y: y.to(torch.int32).to(torch.float32),
}


@pytest.fixture(scope="module")
def on_many() -> tuple[Any, Tensor]:
    """One graph of all of them: an export takes longer than all that is tested of it."""

    def heads(x: Tensor) -> tuple[Tensor, ...]:
        y = x.reshape(2, 3, 4, 2, 2, 4)
        return tuple(head(y).reshape(-1) for head in MANY.values())

    x = torch.randn(1, 8, 12, 4, generator=torch.Generator().manual_seed(0))
    graph = graph_of(heads, x)
    assert max(ranks_of(graph)) <= ranks.MOST_AXES
    return graph(x), x.reshape(2, 3, 4, 2, 2, 4)


@pytest.mark.parametrize("name", MANY)
def test_operations_on_many_axes(name: str, on_many: Any) -> None:
    results, y = on_many
    seen = results[list(MANY).index(name)]
    torch.testing.assert_close(seen, MANY[name](y).reshape(-1), rtol=1e-5, atol=1e-5)


def test_what_is_made_to_fold_is_no_layer() -> None:
    for name in ("blocks_overlap", "added_by_index"):
        graph = graph_of((moves.WRITES | moves.AXES)[name], torch.randn(1, 8, 12, 8))
        assert set(layer_names(graph).values()) == {""}


UNSETTLED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "values above": (lambda x: x * x[x > 0].mean(), "index in layer|index \\("),
    "places": (lambda x: x * (x[0, 0] > 0).nonzero().sum(), "nonzero"),
    "ordered first": (lambda x: x + x[x > 0].sort().values[0], "index"),
    "of its own size": (lambda x: x * torch.zeros_like(x[x > 0]).sum(), "index"),
}


@pytest.mark.parametrize("name", UNSETTLED)
def test_results_of_which_the_picture_decides_how_many_there_are_are_refused(name: str) -> None:
    head, told = UNSETTLED[name]
    with pytest.raises(
        ConversionError, match=f"no phone's graph holds what ({told}).* gives: as many values"
    ) as raised:
        graph_of(head, torch.randn(1, 8, 12, 8))
    assert ".py, line" in raised.value.message
    assert "keep all" in raised.value.hint
