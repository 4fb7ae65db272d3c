"""File names as Windows, macOS and annotation tools write them, and the picture that each means."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from posekit.errors import InputError
from posekit.poses.filenames import parts_of, resolved

NAME = "Übung é.jpg"
NFC, NFD = (unicodedata.normalize(form, NAME) for form in ("NFC", "NFD"))
FOLDER = Path("/data/set/images")


def means(name: str, *pictures: str, beside: tuple[str, ...] = ()) -> str | None:
    """The picture of `pictures` below FOLDER that a name means, where the names `beside` are asked for too."""
    found = resolved([name, *beside], FOLDER, [FOLDER / picture for picture in pictures])
    return found[name].relative_to(FOLDER).as_posix() if name in found else None


@pytest.mark.parametrize(
    ("name", "pictures", "expected"),
    [
        ("a.jpg", ["a.jpg", "b.jpg"], "a.jpg"),
        ("./a.jpg", ["a.jpg"], "a.jpg"),
        ("images/a.jpg", ["a.jpg"], "a.jpg"),
        ("images\\a.jpg", ["a.jpg"], "a.jpg"),
        ("C:\\work\\set\\images\\a.jpg", ["a.jpg"], "a.jpg"),
        ("/home/other/a.jpg", ["a.jpg"], "a.jpg"),
        ("/data/upload/1/a.jpg", ["a.jpg"], "a.jpg"),
        ("cam1/a.jpg", ["cam1/a.jpg", "cam2/a.jpg"], "cam1/a.jpg"),
        ("images/cam2/a.jpg", ["cam1/a.jpg", "cam2/a.jpg"], "cam2/a.jpg"),
        ("cam1\\a.jpg", ["cam1/a.jpg", "a.jpg"], "cam1/a.jpg"),
        ("a.jpg", ["cam1/a.jpg", "a.jpg"], "a.jpg"),  # the one in the folder itself
        ("a.jpg", ["deep/below/a.jpg"], "deep/below/a.jpg"),
        ("below/a.jpg", ["deep/below/a.jpg"], "deep/below/a.jpg"),
        ("cam3/a.jpg", ["cam1/a.jpg"], None),  # another folder's picture
        ("a.png", ["a.jpg"], None),
        ("https://host/set/my%20a.jpg?token=a/b", ["my a.jpg"], "my a.jpg"),
        ("s3://bucket/cam1/a.jpg", ["cam1/a.jpg", "cam2/a.jpg"], "cam1/a.jpg"),
        ("file:///home/me/images/a.jpg", ["a.jpg"], "a.jpg"),
        ("/data/local-files/?d=cam1/my%20a.jpg", ["cam1/my a.jpg", "cam2/my a.jpg"], "cam1/my a.jpg"),
        ("my%20a.jpg", ["my%20a.jpg"], "my%20a.jpg"),  # no address
        ("A.JPG", ["a.jpg"], "a.jpg"),
        ("A.JPG", ["a.jpg", "A.JPG"], "A.JPG"),
        ("Cam1/A.jpg", ["cam1/a.jpg"], "cam1/a.jpg"),
        (NFC, [NFD], NFD),
        (NFD, [NFC], NFC),
        ("../../etc/a.jpg", ["a.jpg"], "a.jpg"),  # the folder is never left
        ("../images/a.jpg", ["a.jpg"], "a.jpg"),
        ("/etc/passwd", ["a.jpg"], None),
        ("..", ["a.jpg"], None),
        ("", ["a.jpg"], None),
    ],
)
def test_the_picture_of_a_name(name: str, pictures: list[str], expected: str | None) -> None:
    assert means(name, *pictures) == expected


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("a.jpg", ["cam1/a.jpg", "cam2/a.jpg"]), ("A.JPG", ["a.jpg", "a.Jpg"])],
)
def test_a_name_of_two_pictures_is_refused(name: str, pictures: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        means(name, *pictures)
    assert all(word in raised.value.message for word in (repr(name), *pictures))


def test_a_picture_of_two_names_is_refused_unless_its_folder_tells() -> None:
    with pytest.raises(InputError, match="a.jpg in /data/set/images may be 'cam1/a.jpg' or 'cam2/a.jpg'"):
        means("cam1/a.jpg", "a.jpg", beside=("cam2/a.jpg",))
    assert means("images/a.jpg", "a.jpg", beside=("cam2/a.jpg",)) == "a.jpg"
    assert means("cam2/a.jpg", "a.jpg", beside=("images/a.jpg",)) is None


def test_two_spellings_of_a_name_are_one() -> None:
    assert means("cam1\\a.jpg", "a.jpg", beside=("cam1/a.jpg", "./cam1/a.jpg")) == "a.jpg"


def test_parts_are_those_after_the_last_step_up() -> None:
    assert parts_of("a/../b/./c.jpg") == ("b", "c.jpg")
