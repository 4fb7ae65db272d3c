"""Videos and animations: the right frames, upright, and one sentence for what is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.compression.calibration import choose, pictures, video
from posekit.compression.calibration.pictures import open_pictures, sampled
from posekit.errors import InputError, MissingToolError
from tests.compression.calibration.films import CODES, film, frame, turned
from tests.compression.calibration.planted import ANNOTATIONS, IMAGES, SPEC, scene


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {suffix: film(folder / f"clip.{suffix}") for suffix in CODES}


@pytest.mark.parametrize("suffix", CODES)
def test_frames_of_a_video_are_the_right_ones(suffix: str, films: dict[str, Path]) -> None:
    path = films[suffix]
    assert video.is_video(path)
    assert video.length(path) == 160
    for places in ([0, 1, 77, 159], [150]):  # 150 is far enough to be sought
        found = dict(video.frames(path, places))
        assert sorted(found) == places
        for place, picture in found.items():
            apart = [np.abs(picture.astype(int) - frame(index)).mean() for index in range(160)]
            assert int(np.argmin(apart)) == place
            assert min(apart) < 12


def test_a_video_gives_frames_over_its_whole_length_and_no_scene_twice(films: dict[str, Path], capfd: Any) -> None:
    chosen = choose(films["mp4"], SPEC)
    facts = chosen.facts
    assert (facts.source, facts.found, facts.looked_at, facts.readable) == ("video", 160, 160, 160)
    places = [int(name.split("@")[1].removesuffix("#0")) for name in facts.names]
    assert {place // 20 for place in places} == set(range(8))
    assert facts.duplicates > 100
    assert facts.duplicates + facts.chosen == 160
    assert any("one video" in warning for warning in facts.warnings)
    assert choose(films["mp4"], SPEC).facts == facts
    assert capfd.readouterr() == ("", "")


def test_of_a_long_video_frames_are_spread_evenly(films: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FRAMES", 8)
    names = open_pictures(films["avi"], SPEC, None).names
    assert [int(name.split("@")[1]) for name in names] == [10, 30, 50, 70, 90, 110, 130, 150]


def test_a_turned_video_is_read_upright(films: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    path.write_bytes(turned(films["mp4"].read_bytes()))
    ((_, straight),), ((_, upright),) = (list(video.frames(film, [40])) for film in (films["mp4"], path))
    assert upright.shape == (96, 64, 3)
    np.testing.assert_allclose(upright, np.rot90(straight, -1), atol=1)


def damaged(content: bytes, kind: str) -> bytes:
    changes = {"cut": content[: len(content) // 2], "head": content[:48], "zeros": content[:48] + bytes(4000)}
    return changes[kind]


@pytest.mark.parametrize("suffix", CODES)
@pytest.mark.parametrize("kind", ["cut", "head", "zeros"])
def test_a_damaged_video_gives_what_is_left_or_one_sentence(
    suffix: str, kind: str, films: dict[str, Path], tmp_path: Path, capfd: Any
) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(damaged(films[suffix].read_bytes(), kind))
    if kind == "cut" and suffix != "mp4":  # an MP4's index is at its end
        facts = choose(path, SPEC).facts
        assert 60 < facts.readable < 100
    else:
        with pytest.raises(InputError, match=r"cannot be read as a video|has no frame that can be read") as raised:
            choose(path, SPEC)
        assert str(path) in raised.value.message
        assert "\n" not in raised.value.message
    assert capfd.readouterr() == ("", "")


def test_a_count_that_promises_too_much_is_counted_anew(
    films: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2 = video.opencv()
    opened = cv2.VideoCapture

    class Boasting:
        def __init__(self, *arguments: Any) -> None:
            self._capture = opened(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._capture, name)

        def get(self, what: int) -> float:
            return 5000.0 if what == cv2.CAP_PROP_FRAME_COUNT else self._capture.get(what)

    monkeypatch.setattr(cv2, "VideoCapture", Boasting)
    assert video.length(films["avi"]) == 160


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n",
        b"RIFF\x00\x00\x00\x00WAVE",
    ],
    ids=["empty", "text", "a list of files", "a playlist", "sound"],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8"])
def test_what_only_calls_itself_a_video_never_reaches_ffmpeg(
    content: bytes, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="is neither a folder of pictures nor a video"):
        choose(tmp_path / name, SPEC)


def test_without_the_extra_a_video_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "clip.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom")
    with pytest.raises(MissingToolError, match="opencv-python-headless") as raised:
        choose(tmp_path / "clip.mp4", SPEC)
    assert (raised.value.exit_code, raised.value.hint) == (3, "pip install 'posekit[video]'")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_is_read_without_the_extra(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    first, *others = (Image.fromarray(scene(seed, (96, 128))) for seed in range(6))
    path = tmp_path / f"clip.{suffix}"
    first.save(path, save_all=True, append_images=others, duration=40)
    chosen = choose(path, changed_to_frames())
    assert (chosen.facts.source, chosen.facts.found, chosen.facts.chosen) == ("animation", 6, 6)
    place = chosen.facts.names.index(f"clip.{suffix}@0000004#0")
    apart = [np.abs(chosen.inputs[place] - scene(seed, (96, 128))).mean() for seed in range(6)]
    assert int(np.argmin(apart)) == 4


def changed_to_frames() -> Any:
    return SPEC.model_copy(update={"kind": "one_stage"})


def broken_gif(path: Path) -> None:
    first, *others = (Image.fromarray(scene(seed, (96, 128))) for seed in range(6))
    first.save(path, save_all=True, append_images=others)
    path.write_bytes(path.read_bytes()[:40])


REFUSED: dict[str, tuple[str, Any, Any, str]] = {
    "a still gif": (
        "a.gif",
        lambda path: Image.fromarray(scene(1)).save(path),
        None,
        "is one picture, expected a folder",
    ),
    "a still png": (
        "a.png",
        lambda path: Image.fromarray(scene(1)).save(path),
        None,
        "is one picture, expected a folder",
    ),
    "no gif": ("a.gif", lambda path: path.write_bytes(b"GIF89a" + bytes(20)), None, "cannot be read as a picture"),
    "a gif cut short": ("a.gif", broken_gif, None, "a.gif"),
    "a folder that is not there": ("missing", lambda path: None, None, "there is no folder of images"),
    "an empty folder": ("empty", lambda path: path.mkdir(), None, "holds no pictures"),
    "annotations for a video": ("a.mp4", lambda path: path.write_bytes(b"\0\0\0\x18ftyp"), ANNOTATIONS, "is no folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_source_is_told(case: str, tmp_path: Path) -> None:
    name, make, annotations, told = REFUSED[case]
    make(tmp_path / name)
    with pytest.raises(InputError) as raised:
        choose(tmp_path / name, SPEC, annotations=annotations)
    assert told in raised.value.message
    assert "\n" not in raised.value.message


def test_annotations_of_another_skeleton_are_refused(tmp_path: Path) -> None:
    names = tuple(f"limb_{index}" for index in range(5))
    keypoints = SPEC.keypoints.model_copy(update={"names": names})
    with pytest.raises(
        InputError, match=r"no category of people with the spec's 5 keypoints: 'person' \(17 keypoints\)"
    ):
        choose(IMAGES, SPEC.model_copy(update={"keypoints": keypoints}), annotations=ANNOTATIONS)


def test_a_draw_depends_on_the_names_alone() -> None:
    names = [f"{index:04d}.jpg" for index in range(1000)]
    drawn = sampled(names, 100)
    assert drawn == sampled(names[::-1], 100) == tuple(sorted(drawn))
    assert set(sampled(names, 50)) <= set(drawn)
    assert sampled(names[:30], 100) == tuple(names[:30])
    assert 300 < np.mean([int(name[:4]) for name in drawn]) < 700  # over all of them, not the first
    assert sampled(["caf\udce9.jpg"], 1) == ("caf\udce9.jpg",)
