"""A run that somebody else recorded: taken as it stands or refused in a sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.devices import record
from posekit.devices.record import results_of
from posekit.errors import InputError
from posekit.parity.case_files import RegionOfCase
from tests.devices.runs import (
    CONTRACT,
    INPUTS,
    MODEL,
    REGION,
    case,
    changed,
    document,
    keypoints_of,
    one_pass,
    read,
    scores_of,
    tensor,
    write,
)  # fmt: skip

AT = RegionOfCase.model_validate(REGION)
CASE = ("passes", 0, "cases", 0)
RESULT = (*CASE, "results", 0)
PERSON = (*RESULT, "people", 0)


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    """A sound run whose tensors lie in tmp_path / run."""
    (tmp_path / "run").mkdir()
    return document(one_pass("cpu", [case(tmp_path / "run", "a", "cpu-000", [1.5, -2.0])]))


def all_results(folder: Path) -> Any:
    found = read(folder)
    return [results_of(folder, one, each.name, INPUTS, AT) for one in found.passes for each in one.cases]


def test_a_run_is_read_as_it_was_written(run: dict[str, Any], tmp_path: Path) -> None:
    (results,) = all_results(write(tmp_path / "run", run))
    assert set(results) == {"image", "tensor"}
    assert np.array_equal(results["image"].outputs["heatmaps"], np.float32([1.5, -2.0]))
    assert np.array_equal(keypoints_of(results["image"]), [[1, 2], [3, 4]])
    assert np.array_equal(scores_of(results["image"]), [0.5, 0.25])
    assert results["image"].input.shape == (1, 1, 1, 3)
    assert results["tensor"].input is None


def test_a_case_that_was_not_run_has_no_results(run: dict[str, Any], tmp_path: Path) -> None:
    one = read(write(tmp_path / "run", run)).passes[0]
    assert results_of(tmp_path / "run", one, "b", INPUTS, AT) == {}


@pytest.mark.parametrize("what", ["model", "contract"])
def test_a_run_of_another_model_or_contract_is_refused(what: str, run: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "run", {**run, f"{what}_sha256": "d" * 64})
    with pytest.raises(InputError) as caught:
        read(tmp_path / "run")
    assert f"of another {what}: its SHA-256 is dddddddddddd..." in caught.value.message
    assert {"model": MODEL, "contract": CONTRACT}[what][:12] in caught.value.message


def test_a_runner_without_a_model_says_why(run: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "run", {**run, "model_sha256": "0" * 64, "error": "the model is not among the assets"})
    with pytest.raises(InputError, match="the device run failed: the model is not among the assets"):
        read(tmp_path / "run")


@pytest.mark.parametrize(("sha256", "moved"), [("d" * 64, 0.0), (INPUTS, 1e-9)])
def test_a_case_of_another_picture_or_region_is_refused(
    sha256: str, moved: float, run: dict[str, Any], tmp_path: Path
) -> None:
    one = read(write(tmp_path / "run", run)).passes[0]
    region = AT.model_copy(update={"rotation_degrees": moved})
    with pytest.raises(InputError, match="another picture or tensor|on the region"):
        results_of(tmp_path / "run", one, "a", sha256, region)


# place in run.json, what stands there instead, and what the refusal says
WRONG: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "schema": (("schema",), 2, "schema"),
    "unknown key": (("more",), 1, "unknown key 'more'"),
    "short hash": (("model_sha256",), "abc", "SHA-256 of 64"),
    "device": (("device",), "Pixel", "device"),
    "device name": (("device", "name"), 9, "device.name"),
    "long text": (("runtime",), "x" * 5000, "runtime"),
    "passes": (("passes",), {}, "passes"),
    "accelerator": (("passes", 0, "requested"), "tpu", "requested"),
    "mode": ((*RESULT, "mode"), "video", "mode"),
    "latency": (("passes", 0, "latencies"), {"preprocessing": {"p50_ms": -1.0, "p90_ms": 1.0, "runs": 1}}, "p50_ms"),
    "path upwards": ((*RESULT, "outputs", "heatmaps", "file"), "../x.f32", "plain file name"),
    "absolute path": ((*RESULT, "input", "file"), "/etc/passwd", "plain file name"),
    "output name": ((*RESULT, "outputs", "../x"), {"file": "x.f32", "shape": [1]}, "x"),
    "empty shape": ((*RESULT, "input", "shape"), [], "1 to 8 axes"),
    "negative shape": ((*RESULT, "input", "shape"), [-1, -3], "greater than or equal to 1"),
    "huge shape": ((*RESULT, "input", "shape"), [1 << 20, 1 << 20], "at most"),
    "huge axis": ((*RESULT, "input", "shape"), [10**400], "shape"),
    "fraction": ((*RESULT, "input", "shape"), [1.5], "shape"),
    "text for a number": ((*PERSON, "scores"), ["1.0"], "scores"),
    "NaN": ((*PERSON, "scores"), [float("nan"), 0.0], "finite"),
    "infinity": ((*PERSON, "keypoints"), [[float("inf"), 0.0]], "finite"),
    "huge number": ((*CASE, "region", "center_xy"), [10**400, 0], "center_xy"),
    "ragged keypoints": ((*PERSON, "keypoints"), [[1.0, 2.0], [3.0]], "x, y, or x, y, z"),
    "flat keypoints": ((*PERSON, "keypoints"), [], "0 keypoints have 2 scores"),
    "four numbers": ((*PERSON, "keypoints"), [[1.0, 2.0, 3.0, 4.0]], "x, y, or x, y, z"),
    "missing file": ((*RESULT, "input", "file"), "gone.f32", "lacks gone.f32"),
    "link": ((*RESULT, "input", "file"), "link.f32", "lacks link.f32"),
    "folder": ((*RESULT, "input", "file"), "folder", "lacks folder"),
    "too short": ((*RESULT, "input", "shape"), [1, 1, 2, 3], "12 bytes, its shape (1, 1, 2, 3) needs 24"),
    "too long": ((*RESULT, "input", "shape"), [1], "12 bytes, its shape (1,) needs 4"),
    "too many cases": (("passes", 0, "cases"), [{}] * 257, "cases"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_run_is_refused_in_a_sentence(name: str, run: dict[str, Any], tmp_path: Path) -> None:
    path, value, says = WRONG[name]
    folder = tmp_path / "run"
    tensor(tmp_path, "outside.f32", [1, 2, 3])
    (folder / "link.f32").symlink_to(tmp_path / "outside.f32")
    (folder / "folder").mkdir()
    write(folder, changed(run, path, value))
    with pytest.raises(InputError) as caught:
        all_results(folder)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 600


NO_DOCUMENTS = {
    "empty": b"", "half": b"{", "no UTF-8": b"\xff\xfe\x00", "a list": b"[]", "null": b"null", "a number": b"3",
    "deep lists": b"[" * 100_000, "deep objects": b'{"a":' * 100_000, "a long number": b"1" * 5000, "two": b"{}{}",
}  # fmt: skip


@pytest.mark.parametrize("text", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS.keys())
def test_what_is_no_document_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(InputError):
        read(tmp_path)


def test_a_document_beyond_any_run_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_DOCUMENT_BYTES", 10)
    (tmp_path / "run.json").write_bytes(b" " * 11)
    with pytest.raises(InputError, match="more than 10 bytes"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["", "nowhere", "x" * 5000, "file"])
def test_a_folder_without_a_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        read(tmp_path / name)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_run_that_is_no_plain_file(kind: str, run: dict[str, Any], tmp_path: Path) -> None:
    folder = write(tmp_path / "run", run)
    (folder / "run.json").rename(tmp_path / "elsewhere.json")
    make = {"link": lambda path: path.symlink_to(tmp_path / "elsewhere.json"), "pipe": os.mkfifo, "folder": os.mkdir}
    make[kind](folder / "run.json")
    with pytest.raises(InputError, match="no plain file"):
        read(folder)
