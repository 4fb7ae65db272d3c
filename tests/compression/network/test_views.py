"""Where the networks look: at people, whom the original finds itself, and never at pictures to be judged by."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.compression.network.agreement import runner  # noqa: E402
from posekit.compression.network.graph import batched  # noqa: E402
from posekit.compression.network.views import A_VISIT, Bank, held_out, regions_of, turned  # noqa: E402
from posekit.contract.spec import PoseSpec  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.poses.images import Photo, load_image  # noqa: E402
from posekit.poses.photos import find_photos  # noqa: E402
from posekit.poses.regions import Region, region_from_box  # noqa: E402
from posekit.sources.sample import sample_images  # noqa: E402
from sample.render import render_scene  # noqa: E402


@pytest.fixture(scope="module")
def run(tinypose: tuple[Any, PoseSpec]) -> Any:
    graph, spec = tinypose
    return runner(batched(graph, spec.input.size_wh), ("heatmaps",), spec)


def overlap(a: Region, b: Region) -> float:
    """Intersection over union."""
    (x, y), (w, h), (u, v), (s, t) = a.center_xy, a.size_wh, b.center_xy, b.size_wh
    width = min(x + w / 2, u + s / 2) - max(x - w / 2, u - s / 2)
    height = min(y + h / 2, v + t / 2) - max(y - h / 2, v - t / 2)
    both = max(width, 0) * max(height, 0)
    return both / (w * h + s * t - both)


def test_the_original_finds_people_without_boxes(run: Any, tinypose: tuple[Any, PoseSpec], pictures: Path) -> None:
    spec, found = tinypose[1], []
    for index, photo in enumerate(find_photos(pictures, None, ()).photos[:24]):
        (region,) = regions_of(photo, load_image(photo.path), spec, run, np.random.default_rng(index))
        boxes = render_scene(20_000_000 + index, (256, 256)).boxes_xyxy
        people = [region_from_box(tuple(box), spec.input.size_wh, spec.input.box_padding) for box in boxes.tolist()]
        found.append(max(overlap(region, person) for person in people))
    assert np.median(found) > 0.6
    assert np.mean(np.array(found) > 0.3) > 0.8


def test_boxes_are_taken_where_they_are_given(run: Any, tinypose: tuple[Any, PoseSpec]) -> None:
    folder, annotations = sample_images()
    spec = tinypose[1]
    photo = find_photos(folder, annotations, tinypose[1].keypoints.names).photos[0]
    regions = regions_of(photo, load_image(photo.path), spec, run, np.random.default_rng(0))
    assert regions == [
        region_from_box(person.box_xyxy, spec.input.size_wh, spec.input.box_padding) for person in photo.people
    ]


def test_a_model_of_frames_is_shown_frames(run: Any, tinypose: tuple[Any, PoseSpec], pictures: Path) -> None:
    spec = tinypose[1].model_copy(update={"kind": "one_stage"})
    photo = find_photos(pictures, None, ()).photos[0]
    (region,) = regions_of(photo, load_image(photo.path), spec, run, np.random.default_rng(0))
    assert region.center_xy == (128, 128)
    moved = turned(region, np.random.default_rng(0), upright=False)
    assert overlap(region, moved) > 0.4
    assert moved != region


def test_pictures_to_judge_by_are_no_others(pictures: Path) -> None:
    found = find_photos(pictures, None, ()).photos
    learn, judge = held_out(found, np.random.default_rng(0))
    assert len(judge) == len(found) // 5
    assert {photo.path for photo in learn} | {photo.path for photo in judge} == {photo.path for photo in found}
    assert not {photo.path for photo in learn} & {photo.path for photo in judge}
    with pytest.raises(InputError, match="7 pictures to recover on, expected at least 8"):
        held_out(found[:7], np.random.default_rng(0))


def test_a_batch_is_repeatable_and_its_crops_differ(run: Any, tinypose: tuple[Any, PoseSpec], pictures: Path) -> None:
    found = find_photos(pictures, None, ()).photos[:6]
    first, again, other = (Bank(found, tinypose[1], run, np.random.default_rng(seed)).batch(16) for seed in (1, 1, 2))
    assert first.shape == (16, 128, 96, 3)
    assert (first == again).all()
    assert not (first == other).all()
    assert len({crop.tobytes() for crop in first}) == 16
    assert first.min() >= 0
    assert first.max() <= 255


def test_damaged_pictures_are_left_out_and_too_many_of_them_refused(
    run: Any, tinypose: tuple[Any, PoseSpec], pictures: Path, tmp_path: Path
) -> None:
    good = find_photos(pictures, None, ()).photos[:6]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(good[0].path.read_bytes()[:300])
    bank = Bank([*good, Photo(bad, 9)], tinypose[1], run, np.random.default_rng(0))
    for _ in range(21):
        bank.visit()
    assert bank.damaged == {"bad.jpg"}
    assert len(bank._crops) == 18 * A_VISIT
    others = [Photo(shutil.copy(bad, tmp_path / f"{index}.jpg"), index) for index in range(5)]
    with pytest.raises(InputError, match="cannot be read"):
        Bank(others, tinypose[1], run, np.random.default_rng(0)).batch(8)


def test_a_full_bank_forgets_the_oldest(
    run: Any, tinypose: tuple[Any, PoseSpec], pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posekit.compression.network.views.MAX_BANK_BYTES", 0)  # 64 crops are kept at least
    bank = Bank(find_photos(pictures, None, ()).photos[:10], tinypose[1], run, np.random.default_rng(0))
    for _ in range(9):
        bank.visit()
    assert len(bank._crops) == 64
    assert bank._next == 9 * A_VISIT - 64
