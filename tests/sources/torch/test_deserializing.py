"""The types of a class are read once while an exported program is opened, and what is opened is the same."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import pytest

from posekit.sources.torch.deserializing import known_types

torch = pytest.importorskip("torch")


def test_types_are_read_once_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._export.serde import serialize

    example = (torch.ones(1, 4),)
    network = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(8)]).eval()
    path = tmp_path / "network.pt2"
    torch.export.save(torch.export.export(network, example), path)
    asked: list[type] = []
    whole = typing.get_type_hints

    def hints(cls: type, *given: Any, **more: Any) -> Any:
        asked.append(cls)
        return whole(cls, *given, **more)

    monkeypatch.setattr(typing, "get_type_hints", hints)
    program = torch.export.load(path)
    often = len(asked)
    asked.clear()
    with known_types():
        again = torch.export.load(path)
    assert len(asked) == len(set(asked)) < often / 2
    assert str(again.graph) == str(program.graph)
    assert torch.equal(again.module()(*example), network(*example))
    assert serialize.typing is typing
