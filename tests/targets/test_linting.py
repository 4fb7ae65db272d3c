"""Both linters in one form: facts for the report, sentences for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.errors import InputError
from posekit.report.facts import LintFacts
from posekit.targets import lint
from tests.targets.graphs import model, op, tensor

IMAGE = tensor(1, 8, 8, 4)


@pytest.fixture
def tflite(tmp_path: Path) -> Path:
    ops = [
        op("RELU", [IMAGE], [IMAGE]),
        *(op("ARG_MAX", [IMAGE], [IMAGE]) for _ in range(2)),
        op("UNPACK", [IMAGE], [IMAGE]),
    ]
    path = tmp_path / "m.tflite"
    path.write_bytes(model(ops))
    return path


def test_the_gpu_delegates_findings(tflite: Path) -> None:
    found = lint.lint("android", tflite)
    assert found["summary"] == "1 of 4 operations can run on the GPU by TensorFlow's rules, in 1 partition; not run"
    assert [(one["op"], one["kind"]) for one in found["findings"]] == [(1, "ARG_MAX"), (2, "ARG_MAX"), (3, "UNPACK")]
    assert LintFacts.model_validate(json.loads(json.dumps(found))).summary == found["summary"]
    summary, *rules = lint.sentences(found)
    assert summary == found["summary"]
    assert [rule.partition(":")[0] for rule in rules] == ["ARG_MAX 1, ARG_MAX 2", "UNPACK 3"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\x00" * 64)
    with pytest.raises(InputError, match="damaged"):
        lint.lint("android", tmp_path / "m.tflite")


@pytest.mark.parametrize(("dtype", "kinds"), [("fp16", ["softplus"]), ("fp32", [])])
def test_core_mls_findings(tmp_path: Path, dtype: str, kinds: list[str]) -> None:
    pytest.importorskip("coremltools")
    from tests.runtimes.packages import built

    def body(mb: Any, x: Any) -> Any:
        return mb.add(x=mb.softplus(x=x), y=np.ones(1, np.float16 if dtype == "fp16" else np.float32))

    found = lint.lint("ios", built(tmp_path / "m.mlpackage", body, {"x": (1, 2)}, dtype=dtype))
    assert [one["kind"] for one in found["findings"]] == kinds
    assert found["summary"].startswith("1 of " if kinds else "nothing is known against any of ")
    for one in found["findings"]:
        assert one["shapes"] == "1x2"
        assert one["remedy"]
        assert one["rule"].startswith("devices compute it in fp16")
    LintFacts.model_validate(found)


def test_inspect_tells_it_of_a_bundle(run_posekit: Callable[..., Any], packaged: Path) -> None:
    found = json.loads(run_posekit("inspect", packaged, "--json").out)["lint"]
    assert found == lint.lint("android", packaged / "tiny.tflite")
    assert found["findings"] == []
    table = " ".join(run_posekit("inspect", packaged).out.replace("│", " ").split())
    assert found["summary"] in table
