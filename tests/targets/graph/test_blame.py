"""The operation that an error is about, told with the layer and the line of the user's code, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from posekit.targets.graph import blame  # noqa: E402


class Neck(nn.Module):
    def __init__(self, body: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.body = nn.Conv2d(3, 3, 1), body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.conv(x))


class Network(nn.Module):
    def __init__(self, body: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.neck, self.head = Neck(body), nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.neck(x) + 1)


def graph(body: Callable[[Tensor], Tensor], form: Callable[[Any], Any] = lambda program: program) -> Any:
    program = torch.export.export(Network(body).train(False), (torch.rand(1, 3, 4, 6),))
    return form(program).module(check_guards=False)


@pytest.mark.parametrize(
    "text",
    [
        "Lowering not found: aten.sort.default",
        "no function for torch.ops.aten.sort.default(args = (%conv2d,))",
        "PyTorch convert function for op 'sort' not implemented",
        "cannot lower aten::sort",
        "\n\nERROR - converting 'sort' op (located at: 'neck'):\n",
        "No ONNX function found for <OpOverload(op='aten.sort', overload='default')>",
        "the `sort` of more than one axis",
        "unsupported operator: sort",
    ],
)
def test_the_operation_that_a_converter_names(text: str) -> None:
    said = blame.explained(graph(lambda x: x.sort(1)[0]), text)
    assert said.startswith("sort in layer neck (test_blame.py, line ")
    assert said.endswith(": " + blame.REMEDIES["sort"])


@pytest.mark.parametrize(
    "text",
    [
        "", "3", "the value where this is sorted", "we sort the values, and add them to the index", "resort",
        "the file resort.py", "in sort_values", "aten.resort.default", "'conv2d_transpose'", "aten.argsort",
    ],
)  # fmt: skip
def test_words_of_a_sentence_are_no_operations(text: str) -> None:
    assert blame.explained(graph(lambda x: torch.where(x > 0, x, -x).sort(1)[0]), text) == ""


def test_of_several_the_first_is_told_as_such() -> None:
    said = blame.explained(graph(lambda x: x.sort(1)[0].sort(2)[0].sort(3)[0]), "op 'sort'")
    assert said.endswith("(the first of 3 of that name)")
    assert "of that name" not in blame.explained(graph(lambda x: x.sort(1)[0]), "op 'sort'")


def test_of_several_names_the_first_in_the_text_is_meant() -> None:
    made = graph(lambda x: torch.erfinv(x.sort(1)[0]))
    assert blame.explained(made, "no aten.erfinv\nof what aten.sort gives").startswith("erfinv in layer neck")


def test_an_operation_of_the_network_itself_has_no_layer() -> None:
    assert blame.explained(graph(lambda x: x), "op 'add'").startswith("add (test_blame.py, line ")


def test_a_program_that_does_not_say_more_is_told_by_the_layer_before() -> None:
    """As an exported file: neither modules nor lines are in it."""

    def bare(program: Any) -> Any:
        for node in program.graph.nodes:
            node.meta.pop("nn_module_stack", None)
            node.meta.pop("stack_trace", None)
        return program

    program = graph(lambda x: x.relu().sort(1)[0], bare)
    for node in program.graph.nodes:
        if node.op == "get_attr":
            program.add_module("network", nn.Module()) if not hasattr(program, "network") else None
            node.target = f"network.{node.target}"  # as lowering has it, where the network is one module of the graph
    assert blame.explained(program, "op 'sort'").startswith("sort behind layer neck.conv: ")


@pytest.mark.parametrize(
    ("operation", "remedy"),
    [
        (lambda x: torch.fft.rfft2(x).abs(), "matmul"),
        (lambda x: x.kthvalue(2, 3)[0][..., None], "topk"),
        (lambda x: x.median(3)[0][..., None], "topk"),
        (lambda x: torch.searchsorted(torch.arange(3.0), x).float(), "boundary"),
        (lambda x: torch.linalg.inv(x @ x.mT) @ x, "closed form"),
        (lambda x: torch.erfinv(x), "replace it"),
    ],
    ids=["fft", "kthvalue", "median", "searchsorted", "linalg", "other"],
)
def test_the_remedy_is_of_the_operation(operation: Callable[[Tensor], Tensor], remedy: str) -> None:
    made = graph(operation)
    names = ("fft_rfft2", "kthvalue", "median", "searchsorted", "linalg_inv", "linalg_inv_ex", "erfinv")
    nodes = [node for node in made.graph.nodes if any(name in blame.told(node) for name in names)]
    assert remedy in blame.remedy_of(nodes[0])


def test_complex_numbers_are_found_by_their_type() -> None:
    assert blame.first_complex(graph(lambda x: x + 1)) is None
    found = blame.first_complex(graph(lambda x: torch.view_as_complex(torch.stack([x, x], -1)).real))
    assert blame.place_of(found).startswith("view_as_complex in layer neck")


def test_operations_are_found_by_name() -> None:
    made = graph(lambda x: x.sort(1)[0])
    assert blame.first_of(made, ("median",)) is None
    assert blame.first_of(made, ("median", "sort")).target is torch.ops.aten.sort.default
