"""posekit predict --wrapper: what an app would show of pictures and films."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.compression.calibration import video
from posekit.devices.desktop import kotlin
from sample import clip

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
