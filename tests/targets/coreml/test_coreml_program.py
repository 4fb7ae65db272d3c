"""The text of a program made shorter is the same program."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from posekit.runtimes import mil
from posekit.runtimes.mlpackage import read_specification, specification_file
from posekit.targets.coreml import program
from tests.runtimes.packages import built, operations


def test_shared_constants_and_short_names_change_no_value(tmp_path: Path) -> None:
    """Also where an output has the name that would be next."""

    def body(mb: Any, x: Any) -> Any:
        y = mb.add(x=mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[1, 1], pad_type="same"), y=np.float32(2))
        y = mb.max_pool(x=y, kernel_sizes=[2, 2], strides=[1, 1], pad_type="same", name="a_name_that_is_long")
        return mb.mul(x=y, y=np.float32(3), name="add_1"), mb.add(x=y, y=np.float32(3), name="c1")

    path = built(tmp_path / "m.mlpackage", body, {"x": (1, 2, 4, 4)})
    given = {"x": np.random.default_rng(0).normal(size=(1, 2, 4, 4)).astype(np.float32)}
    before = mil.run(mil.open_program(path), given, "fp32")
    model = read_specification(path)
    size = model.ByteSize()
    program.shorten(model)
    specification_file(path).write_bytes(model.SerializeToString(deterministic=True))
    after = mil.run(mil.open_program(path), given, "fp32")
    assert model.ByteSize() < 0.9 * size
    assert set(after) == {"add_1", "c1"}
    for name, value in before.items():
        assert np.array_equal(after[name], value)
    names = Counter(output.name for operation in operations(model) for output in operation.outputs)
    assert max(names.values()) == 1
    assert "a_name_that_is_long" not in names
    values = Counter(str(operation.attributes["val"]) for operation in operations(model) if operation.type == "const")
    assert max(values.values()) == 1
