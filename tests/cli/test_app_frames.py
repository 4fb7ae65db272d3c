"""posekit predict --wrapper: what an app would show of pictures and films."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.cli import app_frames
from posekit.cli.predictions import show_row
from posekit.compression.calibration import video
from posekit.devices.desktop import kotlin
from posekit.devices.desktop.live import LiveFrame, View
from posekit.errors import InputError
from posekit.pipelines import app_path
from posekit.pipelines.app_path import AppFrame, AppOptions
from posekit.poses import Poses
from posekit.poses.camera import camera_frame
from sample import clip
from tests.heads import plain_spec

Refused = Callable[..., dict[str, Any]]

needs_kotlin = pytest.mark.skipif(bool(kotlin.why_not()), reason=kotlin.why_not() or "Kotlin is here")


@pytest.mark.slow
@needs_kotlin
def test_pictures_and_a_film(packaged: Path, tiny: Any, tmp_path: Path, run_posekit: Callable[..., Any]) -> None:
    frames = clip.drawn(3, (96, 128))
    film_file, broken = clip.film(tmp_path / "walk.mp4", frames), tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    files = (tiny.images / "0.png", film_file, broken)
    line = ("predict", packaged, *files, "--wrapper", "--camera", "front", "--view", "121x200", "--out", tmp_path / "o")
    ran = run_posekit(*line, "--json")
    assert ran.code == 2  # for the broken one alone
    assert "broken.jpg" in ran.err
    document = json.loads(ran.out)
    picture, *shown = document["predictions"]
    assert [row.get("frame") for row in document["predictions"]] == [None, 0, 1, 2]
    assert [one["image"] for one in document["failed"]] == [str(broken)]
    assert [row["time_seconds"] for row in shown] == [0.0, 0.0333, 0.0667]
    assert all(set(row["times_ms"]) == {"preprocessing", "inference", "decoding"} for row in document["predictions"])
    with Image.open(picture["overlay"]) as drawn:
        assert drawn.size == (121, 200)
    (film,) = document["films"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["0.app.png", "walk.app.mp4"]
    read = [one for _, one in video.frames(Path(film), range(3))]
    assert [one.shape for one in read] == [(200, 120, 3)] * 3  # the coding takes even sides
    for row in document["predictions"]:
        for instance in row["instances"]:
            x, y = np.array(instance["in_view"]).T
            source_x = np.array(instance["keypoints"])[:, 0]
            assert np.corrcoef(x, source_x)[0, 1] < -0.99  # a front camera's view is mirrored
            assert y.shape == (len(row["keypoint_names"]),)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--camera", "side"), ("--camera is 'side'", "back or front")),
        (("--frames", "bayer"), ("--frames is 'bayer'", "yuv420, nv21, rgba")),
        (("--view", "wide"), ("--view is 'wide'", "540x960")),
        (("--view", "0x9"), ("--view is '0x9'",)),
        (("--box", "1,1,5,5"), ("--box does not go with --wrapper",)),
        (("--set", "license=MIT"), ("--set does not go with --wrapper",)),
    ],
)
def test_wrong_options(options: tuple[str, ...], says: tuple[str, ...], tiny: Any, refused: Refused) -> None:
    refused(2, "predict", tiny.folder, tiny.images / "0.png", "--wrapper", *options, says=says)


def test_a_model_file_has_no_wrapper(tiny: Any, refused: Refused) -> None:
    refused(2, "predict", tiny.save("exported"), tiny.images / "0.png", "--wrapper", says=("is no bundle", "package"))


def test_a_film_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    fake_app(monkeypatch)
    files = [tmp_path / "good.mp4", tmp_path / "torn.mp4"]
    assert app_frames.show_app(tmp_path, files, AppOptions(), tmp_path / "o", True)
    document = json.loads(capsys.readouterr().out)
    assert [Path(film).name for film in document["films"]] == ["good.app.mp4"]
    assert [Path(one["image"]).name for one in document["failed"]] == ["torn.mp4"]
    assert {Path(row["image"]).name for row in document["predictions"]} == {"good.mp4"}
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["good.app.mp4"]


def test_each_file_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    fake_app(monkeypatch)
    names = ("a/one.png", "b/one.png", "a/one-png-2.png", "c/one.png", "a/two.png")
    assert not app_frames.show_app(tmp_path, [tmp_path / one for one in names], AppOptions(), tmp_path / "o", True)
    overlays = [Path(row["overlay"]).name for row in json.loads(capsys.readouterr().out)["predictions"]]
    assert overlays == ["one-png.app.png", "one-png-3.app.png", "one-png-2.app.png", "one-png-4.app.png", "two.app.png"]
    assert len(list((tmp_path / "o").iterdir())) == len(names)


def fake_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that sees nobody, and can read the first two frames of what is called torn."""
    spec = plain_spec("tiny-pose")

    @contextlib.contextmanager
    def opened(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(spec=spec)

    def look_at(_: object, path: Path, *__: object) -> Iterator[AppFrame]:
        frame, count = camera_frame(np.zeros((32, 24, 3), np.uint8)), spec.keypoint_count
        nobody = Poses(np.zeros((0, count, 2)), np.zeros((0, count)), np.zeros(0))
        times = {"preprocessing": 1.0, "inference": 1.0, "decoding": 1.0}
        seen = LiveFrame((), nobody, np.zeros((0, count, 2)), (), times)
        for place in (0, 1, 2) if path.suffix == ".mp4" else (None,):
            if path.stem == "torn" and place == 2:
                raise InputError(f"{path} cannot be read as a video")
            yield AppFrame(path, place, 30.0, frame, seen, View((48, 64)))

    monkeypatch.setattr(app_path, "opened_app", opened)
    monkeypatch.setattr(app_path, "look_at", look_at)


def test_what_is_of_a_phone_goes_with_wrapper(tiny: Any, refused: Refused) -> None:
    for option in (("--camera", "front"), ("--frames", "nv21"), ("--view", "40x60")):
        refused(2, "predict", tiny.folder, tiny.images / "0.png", *option, says=("add --wrapper",))


def test_no_iphone_gives_nv21(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_path.bundle, "is_bundle", lambda path: True)
    monkeypatch.setattr(app_path.bundle, "open_bundle", lambda path: SimpleNamespace(platform="ios"))
    with pytest.raises(InputError, match="nv21"), app_path.opened_app(tmp_path, AppOptions(form="nv21")):
        pass


def test_a_video_that_ends_early_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    for name, value in (("is_video", True), ("length", 40), ("rate", 30.0)):
        monkeypatch.setattr(app_path.video, name, lambda path, value=value: value)
    monkeypatch.setattr(app_path, "_shown", lambda app, path, place, *_: place)
    for count, told in ((29, True), (30, False)):
        monkeypatch.setattr(
            app_path.video, "frames", lambda path, _, count=count: iter([(i, None) for i in range(count)])
        )
        caplog.clear()
        assert len(list(app_path.look_at(Any, tmp_path / "a.mp4", AppOptions()))) == count
        assert ("no further than frame" in caplog.text) == told
    monkeypatch.setattr(app_path.video, "frames", lambda path, _: iter(()))
    with pytest.raises(InputError, match="no frame"):
        list(app_path.look_at(Any, tmp_path / "a.mp4", AppOptions()))


@pytest.mark.parametrize(("row", "called"), [({"id": 3}, "person 3,"), ({}, "person 0,")])
def test_a_person_is_called_as_in_the_view(
    row: dict[str, int], called: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = plain_spec("tiny-pose")
    count = spec.keypoint_count
    instance = {"keypoints": [[1.0, 2.0]] * count, "scores": [0.5] * count, "confidence": 0.5, **row}
    show_row({"image": "a.png", "instances": [instance]}, spec)
    assert called in capsys.readouterr().out
