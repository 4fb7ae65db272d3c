"""What LiteRT refuses is told with the file, the operation and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from posekit.errors import InputError, PosekitError
from posekit.pipelines.inspect import inspect
from posekit.runtimes import litert
from tests.targets.graphs import model, op, tensor

pytest.importorskip("ai_edge_litert")
OPENERS: dict[str, Callable[[Path], object]] = {
    "run": litert.open_model,
    "check": litert.check_loads,
    "all tensors": litert.loaded_with_all_tensors,
}
LACKING = model([op("SUM", [tensor(1, 4)], [tensor(1, 4)])])  # without the axes to sum over
CUSTOM = model([op("FooBar", [tensor(1, 4)], [tensor(1, 4)], custom=True)])


@pytest.mark.parametrize("opened", OPENERS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LACKING, "LiteRT cannot load m.tflite: SUM (operation 0, which gives 't1'): "),
        (LACKING, "NumInputs(node) != 2 (1 != 2)"),
        (
            CUSTOM,
            "LiteRT cannot load m.tflite: FooBar (operation 0, which gives 't1'): Encountered unresolved custom op",
        ),
        (b"", "LiteRT cannot load m.tflite: "),
        (b"no flatbuffer", "LiteRT cannot load m.tflite: The model is not a valid Flatbuffer buffer"),
        (LACKING[:200], "LiteRT cannot load m.tflite: "),
        (None, "LiteRT cannot load m.tflite: Could not open"),
    ],
)
def test_a_file_that_does_not_load(opened: str, content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        OPENERS[opened](path)
    assert says in raised.value.message
    assert "failed to" not in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("content", [LACKING[:200], LACKING[:-8], b"\0" * 64, b"TFL3" * 30, b""])
def test_what_cannot_be_inspected(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(PosekitError) as raised:
        inspect(tmp_path / "m.tflite", "", "", False, "")
    assert "Error" not in raised.value.message
