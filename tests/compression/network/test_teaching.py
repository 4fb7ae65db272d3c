"""A teacher of the same contract: what is learned from it, and which teachers are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from posekit.compression.network import CompressOptions  # noqa: E402
from posekit.compression.network.graph import cloned, save  # noqa: E402
from posekit.compression.network.low_rank import factorise  # noqa: E402
from posekit.contract.spec import PoseSpec, canonical_json  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.pipelines.compress import compress  # noqa: E402
from posekit.sources.sample import sample_images  # noqa: E402

TEACHER = sample_images()[0].parent / "tinypose.pt2"


@pytest.fixture(scope="module")
def pupil(tinypose: tuple[Any, PoseSpec], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's network with layers of few ranks, as a file of its own."""
    graph, spec = tinypose
    small = cloned(graph)
    factorise(small, 0.7, spec.input.size_wh, [])
    file = tmp_path_factory.mktemp("pupil") / "pupil.pt2"
    save(small, ("heatmaps",), spec.input.size_wh, file)
    return file


def test_it_comes_closer_to_its_teacher(
    pupil: Path, tinypose: tuple[Any, PoseSpec], pictures: Path, tmp_path: Path
) -> None:
    wanted = CompressOptions(teacher=TEACHER, recover=pictures, steps=16)
    found = compress(pupil, tinypose[1], wanted, tmp_path)
    assert found.recovered is not None
    assert found.unrecovered is not None
    assert found.recovered.oks > found.unrecovered.oks + 0.02
    assert found.after.multiply_adds == found.before.multiply_adds
    report = json.loads((found.folder / "compress.json").read_text())
    assert report["teacher_sha256"] not in ("", report["source_sha256"])
    assert str(TEACHER) not in json.dumps(report)


def write_teacher(folder: Path, spec: PoseSpec, channels: int, **changes: Any) -> Path:
    """A network of so many maps with a contract beside it."""
    (folder / "teacher.json").write_bytes(canonical_json(spec.model_copy(update=changes)))
    width, height = spec.input.size_wh
    program = torch.export.export(torch.nn.Conv2d(3, channels, 3, 4, 1), (torch.zeros(1, 3, height, width),))
    torch.export.save(program, folder / "teacher.pt2")
    return folder / "teacher.pt2"


def test_a_teacher_of_another_contract_is_refused(
    pupil: Path, tinypose: tuple[Any, PoseSpec], pictures: Path, tmp_path: Path
) -> None:
    spec = tinypose[1]

    def refused(teacher: Path | None, recover: Path | None = pictures, **more: Any) -> str:
        wanted = CompressOptions(teacher=teacher, recover=recover, steps=1, **more)
        with pytest.raises(InputError) as error:
            compress(pupil, spec, wanted, tmp_path / "out")
        return error.value.message

    other = spec.input.model_copy(update={"color_order": "bgr"})
    teacher = write_teacher(tmp_path, spec, 17, input=other)
    assert "the teacher's contract has another `input`" in refused(teacher)
    assert "--teacher teaches on pictures" in refused(teacher, None)
    assert "--teacher-arch is for --teacher" in refused(None, prune=0.5, teacher_arch="a:b")
    assert "there is no file" in refused(tmp_path / "nothing.pt2")
    larger = torch.nn.Sequential(torch.nn.Conv2d(3, 17, 3, 2, 1))
    width, height = spec.input.size_wh
    torch.export.save(torch.export.export(larger, (torch.zeros(1, 3, height, width),)), tmp_path / "larger.pt2")
    assert "the teacher gives heatmaps 1 x 17 x" in refused(tmp_path / "larger.pt2")
    assert not (tmp_path / "out").exists()
