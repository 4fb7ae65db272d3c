"""Folders of pictures as phones, cameras and annotation tools leave them: which are used, and what is said of the
rest."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from posekit.contract.presets import preset
from posekit.errors import InputError
from posekit.pipelines.inputs import find_images
from posekit.poses.photos import Photos, find_photos, readable

NAMES = ("nose", "neck")
NOT_READ = "cannot be read as a picture: it is damaged or cut short"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    return made


def picture(folder: Path, name: str, size_wh: tuple[int, int] = (20, 30), **options: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size_wh, 60).convert("RGB").save(path, options.pop("format", "JPEG"), **options)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def coco(folder: Path, names: Sequence[str], **changes: Any) -> Path:
    """One person of 10 x 20 px in each picture; changes: to the entries of `images`."""
    images = [{"id": number, "file_name": name, **changes} for number, name in enumerate(names)]
    people = [
        {"image_id": number, "bbox": [1, 2, 10, 20], "keypoints": [3, 4, 2, 5, 6, 2]} for number in range(len(names))
    ]
    path = folder.parent / "people.json"
    path.write_text(json.dumps({"images": images, "annotations": people}))
    return path


def names(found: Photos) -> list[str]:
    return [photo.name for photo in found.photos]


def test_every_picture_counts_in_the_order_of_names(folder: Path) -> None:
    for name in ("b.png", "C.JPG", "a.jfif", "d.JpEg", "e.webp"):
        picture(folder, name)
    (folder / "notes.txt").write_text("no picture")
    picture(folder, "below/f.jpg")
    found = find_photos(folder, None, NAMES)
    assert [(photo.name, photo.image_id, photo.people) for photo in found.photos] == [
        (name, index, ()) for index, name in enumerate(["C.JPG", "a.jfif", "b.png", "d.JpEg", "e.webp"])]  # fmt: skip
    assert (found.in_folder, found.warnings) == (5, ())
    assert names(readable(found)) == names(found)


def test_a_folder_of_folders_gives_their_pictures(folder: Path) -> None:
    for name in ("cam2/a.jpg", "cam1/a.jpg", "cam1/deep/b.jpg"):
        picture(folder, name)
    assert names(find_photos(folder, None, NAMES)) == ["cam1/a.jpg", "cam1/deep/b.jpg", "cam2/a.jpg"]


def test_what_macos_and_others_leave_beside_pictures_is_none(folder: Path) -> None:
    picture(folder, "a.jpg")
    (folder / "._a.jpg").write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    for hidden in ("__MACOSX/a.jpg", ".thumbnails/a.jpg"):
        picture(folder, hidden)
    assert names(find_photos(folder, coco(folder, ["a.jpg"]), NAMES)) == ["a.jpg"]
    assert find_photos(folder, None, NAMES).in_folder == 1


def test_formats_that_are_not_read_are_counted(folder: Path) -> None:
    picture(folder, "a.jpg")
    for name in ("b.HEIC", "c.heic", "d.dng"):
        (folder / name).write_bytes(b"\0\0\0\x18ftypheic")
    assert find_photos(folder, None, NAMES).warnings == (
        f"files in {folder} that are not read are left out: 1 .dng, 2 .heic",
    )
    (folder / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"holds no pictures that are read, but 1 .dng, 2 .heic: convert them"):
        find_photos(folder, None, NAMES)


def test_no_folder_and_a_folder_without_pictures_are_told(folder: Path) -> None:
    for place in (folder / "missing", picture(folder.parent, "a.png")):
        with pytest.raises(InputError, match="there is no folder of images"):
            find_photos(place, None, NAMES)
    with pytest.raises(InputError, match="holds no pictures") as raised:
        find_photos(folder, None, NAMES)
    assert ".jpg" in raised.value.hint


def test_annotated_pictures_are_those_with_people_also_below_the_folder(folder: Path) -> None:
    for name in ("cam1/a.jpg", "cam2/a.jpg", "c.jpg", "d.jpg"):
        picture(folder, name)
    found = find_photos(folder, coco(folder, ["cam2\\a.jpg", "cam1/a.jpg", "x/pictures/c.jpg", "gone.jpg"]), NAMES)
    assert [(photo.name, photo.image_id, len(photo.people)) for photo in found.photos] == [
        ("c.jpg", 2, 1), ("cam1/a.jpg", 1, 1), ("cam2/a.jpg", 0, 1)]  # fmt: skip
    assert found.in_folder == 4
    assert found.warnings == (f"people.json: annotated pictures that are not in {folder}: 1",)


def test_names_are_compared_after_normalisation(folder: Path) -> None:
    picture(folder, unicodedata.normalize("NFD", "Übung.jpg"))
    found = find_photos(folder, coco(folder, [unicodedata.normalize("NFC", "Übung.jpg")]), NAMES)
    assert len(found.photos) == 1


def test_one_name_of_two_folders_is_refused_and_none_too(folder: Path) -> None:
    picture(folder, "a.jpg")
    with pytest.raises(InputError, match=r"may be 'cam1/a.jpg' or 'cam2/a.jpg'"):
        find_photos(folder, coco(folder, ["cam1/a.jpg", "cam2/a.jpg"]), NAMES)
    with pytest.raises(InputError, match="none of the people in") as raised:
        find_photos(folder, coco(folder, ["b.jpg"]), NAMES)
    assert "'b.jpg', the folder 'a.jpg'" in raised.value.hint


def test_entries_of_one_name_are_one_picture(folder: Path) -> None:
    picture(folder, "a.jpg")
    found = find_photos(folder, coco(folder, ["a.jpg", "./a.jpg"]), NAMES)
    assert [(photo.name, len(photo.people)) for photo in found.photos] == [("a.jpg", 2)]


@pytest.mark.parametrize(
    ("stored_wh", "orientation", "annotated_wh", "told"),
    [
        ((20, 30), 1, (20, 30), ""),
        ((30, 20), 6, (20, 30), ""),  # annotated as shown
        ((30, 20), 6, (30, 20), "as 30x20 in {}, the picture is 20x30 upright"),  # annotated as stored
        ((30, 20), 8, (30, 20), "as 30x20 in {}, the picture is 20x30 upright"),
        ((20, 30), 3, (20, 30), ""),  # upside down: the size does not tell
        ((20, 30), 1, (40, 60), "as 40x60 in {}, the picture is 20x30 upright"),
        ((20, 30), 1, (0, 0), ""),  # not known
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_size_annotated_is_that_of_the_upright_picture(
    folder: Path, kind: str, stored_wh: tuple[int, int], orientation: int, annotated_wh: tuple[int, int], told: str
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    name = f"a.{kind.lower()}"
    picture(folder, name, stored_wh, format=kind, exif=exif)
    annotations = coco(folder, [name], width=annotated_wh[0], height=annotated_wh[1])
    if not told:
        found = find_photos(folder, annotations, NAMES)
        assert names(found) == [name]
        assert found.warnings == ()
        return
    with pytest.raises(InputError) as raised:
        find_photos(folder, annotations, NAMES)
    assert told.format(annotations) in raised.value.message
    assert ("EXIF" if orientation > 4 else "smaller or cut") in raised.value.hint


@pytest.mark.parametrize(("size_wh", "annotated"), [((20, 30), {}), ((20, 20), {"width": 20, "height": 20})])
def test_a_turn_that_no_size_tells_of_is_warned_about(
    folder: Path, size_wh: tuple[int, int], annotated: dict[str, int]
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    picture(folder, "a.jpg", size_wh, exif=exif)
    picture(folder, "b.jpg", size_wh)
    (warning,) = find_photos(folder, coco(folder, ["a.jpg", "b.jpg"], **annotated), NAMES).warnings
    assert warning.startswith("people.json: EXIF turns 1 of 2 pictures, and no size tells whether")


def with_people(folder: Path, *people: dict[str, Any]) -> Path:
    """Annotations of a.jpg, 20 x 30 px, without its size."""
    picture(folder, "a.jpg")
    path = coco(folder, ["a.jpg"])
    document = json.loads(path.read_text())
    document["annotations"] = [{"image_id": 0, "bbox": [1, 2, 10, 20], **person} for person in people]
    path.write_text(json.dumps(document))
    return path


INSIDE, BEYOND = {"keypoints": [3, 4, 2, 20, 30, 2]}, {"keypoints": [3, 4, 2, 6, 36, 2]}


def test_keypoints_outside_of_the_picture_are_of_another_size(folder: Path) -> None:
    annotations = with_people(folder, INSIDE, BEYOND)
    with pytest.raises(InputError, match="1 of 2 people in .*people.json have labelled keypoints outside of their"):
        find_photos(folder, annotations, NAMES)
    unlabelled = {"keypoints": [3, 4, 2, 6, 36, 0]}
    assert find_photos(folder, with_people(folder, INSIDE, unlabelled), NAMES).warnings == ()
    assert find_photos(folder, with_people(folder, INSIDE, INSIDE, BEYOND), NAMES).warnings == (
        "people.json: people with labelled keypoints outside of the picture: 1",
    )


def test_boxes_that_are_no_x_y_width_height_are_told(folder: Path) -> None:
    with pytest.raises(InputError, match="end within 1 px") as raised:
        find_photos(folder, with_people(folder, {"bbox": [0.1, 0.1, 0.5, 0.9]}), NAMES)
    assert "fractions" in raised.value.hint
    corners = {"bbox": [8, 10, 19, 28]}
    assert find_photos(folder, with_people(folder, corners, {}), NAMES).warnings == (
        "people.json: 1 of 2 boxes reach far beyond the picture: is bbox x, y, width, height?",
    )
    assert find_photos(folder, with_people(folder, corners, {}, {}), NAMES).warnings == ()


def test_boxes_outside_of_the_picture_are_left_out(folder: Path) -> None:
    picture(folder, "a.jpg")
    annotations = coco(folder, ["a.jpg", "./a.jpg"])
    document = json.loads(annotations.read_text())
    document["annotations"][0]["bbox"] = [-400, -400, 50, 50]
    document["annotations"][1]["bbox"] = [-40, -40, 50, 50]
    annotations.write_text(json.dumps(document))
    found = find_photos(folder, annotations, NAMES)
    assert [person.box_xyxy for person in found.photos[0].people] == [(-40, -40, 10, 10)]
    assert found.warnings == ("people.json: left out for a box outside of the picture: 1 people",)
    document["annotations"][1]["bbox"] = [20, 0, 5, 5]
    annotations.write_text(json.dumps(document))
    with pytest.raises(InputError, match="all 2 boxes of .* lie outside"):
        find_photos(folder, annotations, NAMES)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("is_annotated", [False, True])
def test_a_picture_cut_short_is_left_out_of_the_others(folder: Path, kind: str, is_annotated: bool) -> None:
    for name in ("a.x", "b.x", "c.x"):
        picture(folder, name.replace("x", kind.lower()), (64, 64), format=kind)
    bad = cut(folder / f"b.{kind.lower()}")
    annotations = coco(folder, [path.name for path in sorted(folder.iterdir())]) if is_annotated else None
    found = readable(find_photos(folder, annotations, NAMES))
    assert names(found) == [f"a.{kind.lower()}", f"c.{kind.lower()}"]
    assert found.warnings == (f"1 of 3 pictures left out: {bad} {NOT_READ}",)


def test_pictures_of_which_none_can_be_read_are_refused(folder: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        cut(picture(folder, name, (64, 64)))
    with pytest.raises(InputError, match=f"none of the 2 pictures can be read: .*a.jpg {NOT_READ}"):
        readable(find_photos(folder, None, NAMES))


def test_the_report_counts_pictures_of_the_folder(folder: Path) -> None:
    spec = preset("hrnet-coco17")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(folder, name, (64, 64))
    assert find_images(folder, None, spec).what == "3 pictures given with --images"
    cut(folder / "b.jpg")
    found = find_images(folder, None, spec)
    assert found.what == "2 of 3 pictures given with --images"
    assert found.warnings == (f"1 of 3 pictures left out: {folder / 'b.jpg'} {NOT_READ}",)
    annotations = folder.parent / "people.json"
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "c.jpg"}]
    people = [{"image_id": 1, "bbox": [1, 2, 10, 20]}, {"image_id": 1, "bbox": [3, 2, 10, 20]}]
    annotations.write_text(json.dumps({"images": images, "annotations": people}))
    assert (
        find_images(folder, annotations, spec).what
        == "1 of 3 pictures given with --images, those with annotated people"
    )


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([0.15, 0.13, 2, 0.25, 0.2, 2], "all labelled keypoints in .* lie between 0 and 1, and boxes reach up to 22"),
        ([40, 80, 2, 45, 90, 1], "2 of 2 people in .* have all labelled keypoints far from their own box"),
    ],
    ids=["fractions", "percent"],
)
def test_keypoints_in_other_units_than_their_boxes_are_refused(folder: Path, points: list[float], told: str) -> None:
    annotations = coco(folder, ["a.jpg", "b.jpg"])
    picture(folder, "a.jpg", (100, 120))
    picture(folder, "b.jpg", (100, 120))
    document = json.loads(annotations.read_text())
    for entry in document["annotations"]:
        entry["keypoints"] = points
    annotations.write_text(json.dumps(document))
    with pytest.raises(InputError, match=told) as raised:
        find_photos(folder, annotations, NAMES)
    assert "px" in raised.value.hint
    document["annotations"][0]["keypoints"] = [3, 4, 2, 5, 6, 2]  # then it may be a slip
    annotations.write_text(json.dumps(document))
    assert names(find_photos(folder, annotations, NAMES)) == ["a.jpg", "b.jpg"]


def test_pictures_where_nobody_is_count_where_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (20, 10)).save(tmp_path / name)
    people = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 8, 8], "keypoints": [3, 3, 2]}],
    }
    (tmp_path / "people.json").write_text(json.dumps(people))
    found = {
        nobody: find_photos(tmp_path, tmp_path / "people.json", ["nose"], with_nobody=nobody).photos
        for nobody in (False, True)
    }
    assert [photo.name for photo in found[False]] == ["a.png"]
    assert [(photo.name, len(photo.people), photo.is_annotated) for photo in found[True]] == [
        ("a.png", 1, True), ("b.png", 0, True),
    ]  # fmt: skip
