"""Who is looked at: nobody twice, and no more pixels than are needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posekit.parity.contract import check_network, subjects
from posekit.parity.contract.probes import AS_IT_IS, Prober
from posekit.parity.contract.subjects import distinct, subjects_of
from posekit.poses.images import Photo, load_image
from tests.parity.contract.planted import sample

pytest.importorskip("torch")
BOXED = [pytest.param(boxed, marks=pytest.mark.xdist_group("check tinypose")) for boxed in (True, False)]


def film(photo: Photo, folder: Path, boxed: bool) -> tuple[Photo, ...]:
    """Frames of one scene: noise and jpeg differ, and people move by a pixel a frame."""
    image, rng = load_image(photo.path).astype(float), np.random.default_rng(1)
    frames = []
    for index in range(5):
        noisy = np.roll(image, index, 1) + rng.normal(0, 3, image.shape)
        path = folder / f"{index}.jpg"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=70)
        people = [
            replace(q, box_xyxy=tuple(v + index * (n % 2 == 0) for n, v in enumerate(q.box_xyxy))) for q in photo.people
        ]  # type: ignore[arg-type]
        frames.append(Photo(path, index, tuple(people) if boxed else ()))
    return tuple(frames)


@pytest.mark.parametrize("boxed", BOXED)
def test_frames_of_a_film_are_one_witness(tmp_path: Path, boxed: bool) -> None:
    of = sample("tinypose")
    frames = film(of.photos[3], tmp_path, boxed)
    seen = subjects_of(frames, of.spec, 12)
    once = len(of.photos[3].people) if boxed else 1
    assert len(seen) == 5 * once
    assert len(distinct(seen, of.spec)) == once


@pytest.mark.parametrize("boxed", BOXED)
def test_people_and_pictures_that_differ_are_all_kept(boxed: bool) -> None:
    of = sample("tinypose")
    photos = of.photos if boxed else tuple(replace(photo, people=()) for photo in of.photos)
    seen = subjects_of(photos, of.spec, 100)
    assert len(distinct(seen, of.spec)) == len(seen) == (15 if boxed else 8)


@pytest.mark.xdist_group("check tinypose")
def test_flat_pictures_are_alike(tmp_path: Path) -> None:
    photos = []
    for index, grey in enumerate((0, 90, 255)):
        Image.new("RGB", (60, 80), (grey,) * 3).save(tmp_path / f"{index}.png")
        photos.append(Photo(tmp_path / f"{index}.png", index))
    spec = sample("tinypose").spec
    assert len(distinct(subjects_of(photos, spec, 12), spec)) == 1


# of which five copies once made a proof
COPIES = [("tinypose", 0, True), ("tinysimcc", 2, False)]


@pytest.mark.parametrize(
    ("name", "scene", "boxed"), [pytest.param(*row, marks=pytest.mark.xdist_group(f"check {row[0]}")) for row in COPIES]
)
def test_copies_prove_nothing_against_a_right_contract(name: str, scene: int, boxed: bool) -> None:
    of = sample(name)
    photo = replace(of.photos[scene], people=of.photos[scene].people[:boxed])
    check = check_network(of.network, of.spec, (photo,) * 5)
    assert [field.sentence for field in check.looks_wrong] == []
    assert "(4 more look the same as one of these and are left out)" in check.looked_at
    assert check.people == 1


@pytest.mark.xdist_group("check tinypose")
@pytest.mark.parametrize("boxed", [True, False])
def test_large_pictures_are_kept_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, boxed: bool) -> None:
    of = sample("tinypose")
    small = of.labelled[3]
    assert len(small.people) == 1
    size = [4 * side for side in load_image(small.path).shape[1::-1]]
    Image.fromarray(load_image(small.path)).resize(size, Image.Resampling.NEAREST).save(tmp_path / "large.png")
    (person,) = small.people
    assert person.keypoints is not None
    large = Photo(
        tmp_path / "large.png",
        0,
        (
            replace(
                person,
                box_xyxy=tuple(4 * v for v in person.box_xyxy),
                area=16 * person.area,
                keypoints=person.keypoints * [4, 4, 1],
            ),
        ),
    )  # type: ignore[arg-type]
    spec = of.spec if boxed else of.spec.model_copy(update={"kind": "one_stage"})
    (first,) = subjects_of([small], spec, 1)
    monkeypatch.setattr(subjects, "KEPT_PX", size[0] * size[1] // 16 + 9)
    (second,) = subjects_of([large], spec, 1)
    assert second.image.nbytes <= 3 * subjects.KEPT_PX
    assert second.image.base is None  # no view, which would keep the whole picture
    assert second.size / second.image.shape[0] == pytest.approx(first.size / first.image.shape[0], rel=0.02)
    looks = []
    for subject in (first, second):
        assert subject.truth is not None
        looks.append(Prober(of.network, (subject,)).look(spec, 0, AS_IT_IS).keypoints)
        looks[-1] = (looks[-1] - subject.truth[:, :2]) / subject.size
    assert np.linalg.norm(looks[0] - looks[1], axis=1).mean() < 0.01
