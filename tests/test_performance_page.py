"""docs/performance.md follows from the stored measurements; what is computed from them is what the page says of it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.networks import NETWORKS
from benchmarks.peers import environment, page
from benchmarks.peers.__main__ import answered
from benchmarks.peers.kinds import TOOLS
from benchmarks.peers.measure import FEW, LEAST, error_of, timed
from posekit.sources.sample import sample_images


def row(
    tool: str, precision: str, milliseconds: float | None, error: float | None = 1e-6, **more: Any
) -> dict[str, Any]:
    return {
        "tool": tool,
        "precision": precision,
        "milliseconds": milliseconds,
        "least": milliseconds and milliseconds - 1,
        "runs": 9,
        "error": error,
        "bytes": 1_500_000,
        "failed": "",
        "note": "",
        **more,
    }


@pytest.fixture
def stored() -> dict[str, Any]:
    """Two networks: in one a peer is ahead, in the other a peer's file is fast and wrong, and 8 bits do not pay."""
    one = [
        row("posekit", "fp32", 10.0),
        row("onnx2tf", "fp32", 8.0),
        row("litert-torch", "fp32", 15.0),
        row("onnxruntime", "fp32", 20.0),
    ]
    two = [
        row("posekit", "fp32", 4.0),
        row("onnx2tf", "fp32", 1.0, 0.3),
        row("litert-torch", "fp32", 8.0),
        row("onnxruntime", "fp32", 2.0),
    ]
    one += [row("posekit", "int8", 5.0, 0.1), row("onnx2tf", "int8", None, None, failed="it cannot convert ERF")]
    two += [row("posekit", "int8", 6.0, 0.1), row("onnx2tf", "int8", 9.0, 0.1)]
    told = {"when": "2026-11-28", "code": "abc", "size_wh": [192, 256], "macs": 250_000_000, "rate": 50.0}
    networks = {"one": {**told, "rows": one}, "two": {**told, "rows": two}, "three": {"skipped": "it is not here"}}
    return {"machine": "a machine", "versions": {"torch": "1"}, "networks": networks}


def cells(table: str) -> dict[str, dict[str, str]]:
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {line[0]: dict(zip(head, line, strict=True)) for line in lines}


def test_the_page_follows_from_the_stored_results() -> None:
    text = page.PAGE.read_text()
    assert page.written(text, json.loads(page.RESULTS.read_text())) == text
    assert "UNVERIFIED: nothing was measured on ARM" in text


def test_all_ten_networks_and_all_tools_were_measured() -> None:
    networks = json.loads(page.RESULTS.read_text())["networks"]
    samples = {path.stem for path in sample_images()[0].parent.glob("*.pt2")}
    assert set(networks) == samples | set(NETWORKS) | {"efficientpose-rt"}
    for name, one in networks.items():
        tools = {told["tool"] for told in one["rows"]}
        assert tools == set(TOOLS) - ({"Ultralytics"} if name != "yolov8n-pose" else set()), name
        for told in one["rows"]:  # a file that was not measured says why
            assert (told["milliseconds"] is None) == bool(told["failed"]), (name, told)


def test_times_are_in_parts_of_ours_and_a_wrong_file_is_no_rival(stored: dict[str, Any]) -> None:
    table = cells(page.sections(stored)["fp32"])
    last = "posekit : fastest .tflite"
    assert (
        table["one"] | {"onnx2tf": "0.80", "litert-torch": "1.50", last: "1.25", "of the product's rate": "0.50"}
        == table["one"]
    )
    assert table["two"] | {"onnx2tf": "0.25 (wrong)", last: "0.50"} == table["two"]
    assert table["**median**"] | {"posekit, ms": "", "litert-torch": "1.75", last: "0.88"} == table["**median**"]


def test_it_is_said_where_we_are_behind(stored: dict[str, Any]) -> None:
    said = page.sections(stored)
    assert said["behind"].splitlines() == [
        "- fp32 of one: onnx2tf takes 0.80 of our time (0.78 by the quickest runs)",
        "- fp32 of two: onnxruntime (another runtime) takes 0.50 of our time (0.33 by the quickest runs)",
        "- w8a8 of two takes 1.50 of our own fp32's time (1.67 by the quickest runs)",
    ]
    assert said["missing"].splitlines() == [
        "- SKIPPED three: it is not here",
        "- one, onnx2tf w8a8: it cannot convert ERF",
    ]


def test_another_number_changes_the_page(stored: dict[str, Any]) -> None:
    before = page.written(page.PAGE.read_text(), stored)
    stored["networks"]["one"]["rows"][0]["milliseconds"] = 9.0
    after = page.written(before, stored)
    assert re.search(r"^\| one .*\| 1\.12 \|$", after, re.MULTILINE)
    assert before != after


def test_an_error_is_seen_whatever_the_layout() -> None:
    maps = np.random.default_rng(0).random((1, 4, 4, 7), np.float32)
    rows = np.random.default_rng(1).random((1, 7, 9), np.float32)
    assert error_of([rows, maps.transpose(0, 3, 1, 2)], [maps, rows]) == 0
    assert error_of([rows, maps.transpose(0, 2, 1, 3)], [maps, rows]) > 0.3  # columns for rows
    assert error_of([rows, maps[..., ::-1]], [maps, rows]) > 0.3  # another keypoint's map
    assert error_of([rows], [maps, rows]) == float("inf")


def test_the_clock_counts_what_the_thread_computes_and_gives_the_slow_few_runs() -> None:
    def work(size: int) -> None:
        sum(range(size))

    runs = {
        "sleeps": lambda: time.sleep(0.02),
        "quick": lambda: work(200_000),
        "slow": lambda: work(4_000_000),
        "alone": lambda: work(4_000_000),
    }
    taken = timed(runs, {"sleeps": "a", "quick": "b", "slow": "b", "alone": "c"}, 0)
    assert {key: len(some) for key, some in taken.items()} == {
        "sleeps": LEAST,
        "quick": LEAST,
        "slow": FEW,
        "alone": LEAST,
    }
    assert max(taken["sleeps"]) < 5


@pytest.mark.slow
def test_a_file_that_does_not_run_and_one_that_ends_the_process_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    image = torch.rand(1, 3, 8, 8)
    torch.export.save(torch.export.export(torch.nn.Hardtanh(0.2, 0.8), (image,)), tmp_path / "network.pt2")
    np.save(tmp_path / "pixels.npy", image.permute(0, 2, 3, 1).numpy())
    np.save(tmp_path / "calibration.npy", image.numpy())
    np.savez(tmp_path / "expected.npz", out=image.clamp(0.2, 0.8).permute(0, 2, 3, 1).numpy())
    (tmp_path / "damaged.tflite").write_bytes(b"no flatbuffer" * 9)
    # in place of the peers' Python: one that dies as it opens the second file, where there are three
    program = tmp_path / "python"
    program.write_text(
        '#!/bin/sh\nif grep -q deadly "$3"; then echo opening 0; echo opening 1; kill -SEGV $$; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(environment, "BIN", tmp_path)
    told = {"precision": "fp32", "bytes": 9, "is_same": True, "note": ""}
    files = [
        {**told, "tool": "torch", "path": str(tmp_path / "network.pt2")},
        {**told, "tool": "onnx2tf", "path": str(tmp_path / "deadly.tflite")},
        {**told, "tool": "litert-torch", "path": str(tmp_path / "damaged.tflite")},
    ]
    rows = {one["tool"]: one for one in answered("small", tmp_path, files, 0.0)["rows"]}
    assert rows["torch"]["milliseconds"] > 0
    assert rows["torch"]["error"] == 0
    assert rows["onnx2tf"]["failed"] == "its file ends the process that runs it: it was ended by signal 11"
    assert rows["litert-torch"]["failed"].startswith("its file does not run: ")
    assert os.path.sep not in rows["litert-torch"]["failed"]
