"""From a model file to a smaller one: what is written, what is refused, and the budget that it is for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.compression.network import CompressOptions  # noqa: E402
from posekit.contract.spec import read_spec  # noqa: E402
from posekit.errors import ConversionError, InputError  # noqa: E402
from posekit.pipelines import compress as compressing  # noqa: E402
from posekit.pipelines.compress import compress  # noqa: E402
from posekit.pipelines.inputs import find_spec  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.targets.graph.lowering import lower  # noqa: E402


@pytest.mark.parametrize("form", ["exported", "torchscript", "state_dict"])
def test_the_result_is_a_model_like_any_other(form: str, tiny: Any, tmp_path: Path) -> None:
    spec = read_spec(tiny.spec_file)
    found = compress(tiny.save(form), spec, CompressOptions(prune=0.5), tmp_path, arch="tinynet:build")
    assert found.folder == tmp_path / "tiny-compressed"
    assert sorted(path.name for path in found.folder.iterdir()) == ["compress.json", "tiny.json", "tiny.pt2"]
    assert find_spec(found.model, "") == spec
    assert found.ratio > 1.5
    assert found.before.parameters > found.after.parameters
    assert found.after.bytes == found.model.stat().st_size
    assert found.recovered is None
    assert "nothing was measured" in found.notes[0]
    pixels = np.random.default_rng(0).uniform(0, 255, (48, 32, 3)).astype(np.float32)
    source = open_source(found.model)
    lowered = lower(source, spec, pixels, run_reference(source, spec, pixels))
    assert lowered.output_shapes == {"heatmaps": (1, 12, 8, 3)}
    assert json.loads((found.folder / "compress.json").read_text()) == found.as_json()
    again = compress(found.model, spec, CompressOptions(low_rank=0.9), tmp_path / "twice")
    assert again.after.multiply_adds < found.after.multiply_adds


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({}, "nothing is asked for"),
        ({"prune": 0.0}, "--prune is 0, expected a number between 0 and 1"),
        ({"prune": 1.0}, "--prune is 1, expected"),
        ({"low_rank": float("nan")}, "--low-rank is nan, expected"),
        ({"sparsity": -0.5}, "--sparsity is -0.5, expected"),
        ({"prune": 0.5, "minutes": 0.0}, "--minutes is 0, expected more than 0"),
        ({"prune": 0.5, "minutes": float("inf")}, "--minutes is inf"),
        ({"prune": 0.5, "steps": 0}, "steps is 0"),
        ({"quantize": "w4"}, "--quantize is 'w4', expected w8a8"),
        ({"quantize": "w8a8"}, "--quantize trains the weights, which needs pictures"),
        ({"prune": 0.5, "annotations": Path("boxes.json")}, "--annotations needs --recover"),
        ({"prune": 0.5, "recover": Path("nowhere")}, "there is no folder of images nowhere"),
        ({"low_rank": 0.0001}, "nothing of the 3 layers became smaller"),
        ({"prune": 0.01}, "nothing of the 3 layers became smaller"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    wanted: dict[str, Any], says: str, tiny: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        compress(tiny.save("exported"), read_spec(tiny.spec_file), CompressOptions(**wanted), tmp_path / "out")
    assert says in refused.value.message
    assert not (tmp_path / "out").exists()


def test_a_contract_of_another_network_is_refused(tiny: Any, tmp_path: Path) -> None:
    spec = read_spec(tiny.spec_file)
    other = spec.model_copy(update={"decoder": spec.decoder.model_copy(update={"output": "maps"})})
    with pytest.raises(InputError, match="the decoder reads output 'maps', which the network does not have"):
        compress(tiny.save("exported"), other, CompressOptions(prune=0.5), tmp_path)


def test_too_few_and_damaged_pictures_are_refused(tiny: Any, tmp_path: Path) -> None:
    spec, wanted = read_spec(tiny.spec_file), CompressOptions(prune=0.5, recover=tiny.images, steps=1)
    with pytest.raises(InputError, match="2 pictures to recover on, expected at least 8"):
        compress(tiny.save("exported"), spec, wanted, tmp_path / "out")
    (tmp_path / "damaged").mkdir()
    for index in range(10):
        (tmp_path / "damaged" / f"{index}.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(InputError, match="none of 2 pictures of .* could be read"):
        compress(
            tiny.save("exported"), spec, CompressOptions(prune=0.5, recover=tmp_path / "damaged"), tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_replaced_when_asked_and_only_if_it_is_such(tiny: Any, tmp_path: Path) -> None:
    model, spec = tiny.save("exported"), read_spec(tiny.spec_file)
    first = compress(model, spec, CompressOptions(prune=0.5), tmp_path)
    with pytest.raises(InputError, match="exists"):
        compress(model, spec, CompressOptions(prune=0.25), tmp_path)
    second = compress(model, spec, CompressOptions(prune=0.25), tmp_path, overwrite=True)
    assert second.after.parameters > first.after.parameters
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-compressed"]
    shutil.rmtree(second.folder)
    second.folder.mkdir()
    (second.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is no compressed model, so it is not replaced"):
        compress(model, spec, CompressOptions(prune=0.5), tmp_path, overwrite=True)
    assert (second.folder / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "error", [ConversionError("planted"), OSError(28, "No space left on device"), KeyboardInterrupt()]
)
def test_what_fails_midway_leaves_what_was_there(
    error: BaseException, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, spec = tiny.save("exported"), read_spec(tiny.spec_file)
    first = compress(model, spec, CompressOptions(prune=0.5), tmp_path)
    held = {path.name: path.read_bytes() for path in first.folder.iterdir()}

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(compressing, "_check_written", fail)
    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        compress(model, spec, CompressOptions(prune=0.25), tmp_path, overwrite=True)
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == held
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-compressed"]


def test_what_was_there_comes_back_when_the_new_cannot_take_its_place(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, spec = tiny.save("exported"), read_spec(tiny.spec_file)
    first = compress(model, spec, CompressOptions(prune=0.5), tmp_path)
    held, rename = first.model.read_bytes(), Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name.endswith(".partial"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(InputError, match="Input/output error"):
        compress(model, spec, CompressOptions(prune=0.25), tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-compressed"]
    assert first.model.read_bytes() == held


def test_a_folder_that_cannot_be_written_is_said(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        compress(tiny.save("exported"), read_spec(tiny.spec_file), CompressOptions(prune=0.5), tmp_path / "file")


def test_a_file_that_differs_from_what_was_meant_is_not_kept(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_another(graph: Any, *rest: Any) -> None:
        with torch.no_grad():
            next(iter(graph.parameters())).add_(1)
        save(graph, *rest)
        with torch.no_grad():
            next(iter(graph.parameters())).sub_(1)

    save = compressing.save
    monkeypatch.setattr(compressing, "save", save_another)
    with pytest.raises(ConversionError, match="of the file that was written is off by"):
        compress(tiny.save("exported"), read_spec(tiny.spec_file), CompressOptions(prune=0.5), tmp_path)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_network_with_a_flip_test_is_made_smaller_as_it_is(tiny: Any, tmp_path: Path) -> None:
    """What is written looks once; its contract still says that it is to look twice."""
    spec = read_spec(tiny.spec_file).model_copy(update={"flip_test": "shift"})
    found = compress(tiny.save("exported"), spec, CompressOptions(prune=0.5), tmp_path)
    assert read_spec(found.spec).flip_test == "shift"
