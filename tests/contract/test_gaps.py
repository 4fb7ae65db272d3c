"""A field that is left open is refused by its name, with its choices."""

from __future__ import annotations

from typing import Any

import pytest

from posekit.contract.gaps import gap_value, gaps_in, refuse_gaps
from posekit.contract.spec import parse_spec
from posekit.errors import InputError


def test_every_gap_is_named_with_its_choices() -> None:
    table: dict[str, Any] = {"license": "TODO", "input": {"color_order": gap_value("rgb or bgr"), "mean": [0, 0, 0]}}
    assert list(gaps_in(table)) == [("license", ""), ("input.color_order", "rgb or bgr")]
    with pytest.raises(InputError) as error:
        parse_spec(table, "net.toml")
    assert error.value.message == "net.toml leaves 2 fields open: license; input.color_order (rgb or bgr)"
    assert "--set license=... --set input.color_order=..." in error.value.hint
    assert error.value.exit_code == 2


def test_many_gaps_are_counted() -> None:
    with pytest.raises(InputError, match=r"leaves 30 fields open: a0 .*a11 \(x\) and 18 more"):
        refuse_gaps({f"a{number}": gap_value("x") for number in range(30)}, "net.toml")


def test_without_gaps_nothing_is_said() -> None:
    refuse_gaps({"a": "todo", "b": {"c": ["TODO"]}, "d": 1}, "net.toml")


def test_tables_without_end() -> None:
    table: dict[str, Any] = {}
    table["a"] = table
    refuse_gaps(table, "net.toml")
