"""The training code's predictions: both formats, and everything that can be wrong with them."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.parity.predictions import read_predictions
from posekit.poses.images import Person, Photo

NAMES = ("nose", "left_wrist", "right_wrist")
SPEC = PoseSpec.model_validate({
    "schema": 1, "name": "three", "version": "1", "license": "MIT", "kind": "top_down", "outputs": ("maps",),
    "input": {"size_wh": (32, 48), "color_order": "rgb", "mean": (0.0,) * 3, "std": (1.0,) * 3, "resize": "affine_crop",
              "box_padding": 1.25, "alignment": "index"},
    "decoder": {"kind": "heatmap", "output": "maps", "refinement": "none", "alignment": "stride"},
    "keypoints": {"names": NAMES, "flip_pairs": (NAMES[1:],), "oks_sigmas": (0.1,) * 3},
})  # fmt: skip
PHOTOS = (Photo(Path("a/000000000785.jpg"), 0), Photo(Path("a/000000000802.jpg"), 1))
ANNOTATED = tuple(Photo(Path(f"a/{n}.jpg"), n, (Person((0.0, 0.0, 9.0, 9.0)),)) for n in (40, 41))
POINTS = [1.0, 2.0, 0.5, 3.0, 4.0, 0.6, 5.0, 6.0, 0.7]


def result(**values: Any) -> dict[str, Any]:
    return {"image_id": 785, "category_id": 1, "keypoints": POINTS, "score": 0.9, **values}


def written(tmp_path: Path, content: Any, name: str = "results.json") -> Path:
    path = tmp_path / name
    if name.endswith(".npz"):
        np.savez(path, **content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def arrays(**values: Any) -> dict[str, Any]:
    given = {"keypoints": np.array(POINTS).reshape(1, 3, 3), "images": np.array(["000000000785.jpg"]), **values}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("photos", "image_id", "how"),
    [(PHOTOS, 785, "by the numbers in the file names"), (ANNOTATED, 41, "by the image ids of the annotations")],
)
def test_coco_results(tmp_path: Path, photos: tuple[Photo, ...], image_id: int, how: str) -> None:
    rows = [result(image_id=image_id, bbox=[1, 2, 3, 4]), result(image_id=image_id), result(image_id=9999)]
    found = read_predictions(written(tmp_path, rows), photos, SPEC)
    (items,) = found.by_photo.values()
    assert found.how == how
    assert found.elsewhere == 1
    assert [item.box_xyxy for item in items] == [(1.0, 2.0, 4.0, 6.0), None]
    np.testing.assert_equal(items[0].keypoints, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_equal(items[0].scores, [0.5, 0.6, 0.7])


def test_the_same_prediction_counts_once(tmp_path: Path) -> None:
    other = [value + 1 for value in POINTS]
    rows = [result(), result(score=0.1), result(keypoints=other), result(image_id=802), result(image_id=9999)]
    found = read_predictions(written(tmp_path, rows * 3), PHOTOS, SPEC)
    assert {path.name: len(items) for path, items in found.by_photo.items()} == {
        "000000000785.jpg": 2, "000000000802.jpg": 1}  # fmt: skip
    assert (found.repeated, found.elsewhere) == (9, 3)


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        ({}, [0.5, 0.6, 0.7]),
        ({"scores": np.array([[1.0, 2.0, 3.0]])}, [1, 2, 3]),
        ({"keypoints": np.ones((1, 3, 2), np.float32)}, [1, 1, 1]),
        ({"images": np.array([b"folder/000000000785.jpg"])}, [0.5, 0.6, 0.7]),
        ({"images": np.array(["folder\\000000000785.jpg"])}, [0.5, 0.6, 0.7]),
        ({"names": np.array(NAMES[::-1])}, [0.7, 0.6, 0.5]),
        ({"epoch": np.array([3])}, [0.5, 0.6, 0.7]),
    ],
    ids=str,
)
def test_npz(tmp_path: Path, values: dict[str, Any], scores: list[float]) -> None:
    found = read_predictions(written(tmp_path, arrays(**values), "r.npz"), PHOTOS, SPEC)
    (item,) = found.by_photo[PHOTOS[0].path]
    np.testing.assert_allclose(item.scores, scores)
    assert item.box_xyxy is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[", "no valid JSON"),
        ("[" * 100000, "no valid JSON"),
        ({}, "no COCO keypoint results: a dict"),
        ([], "an empty list"),
        ([3], "prediction 0"),
        ([result(), {"image_id": 785}], "prediction 1"),
        ([result(keypoints=POINTS[:6])], "6 numbers in `keypoints`, expected 9"),
        ([result(keypoints=[POINTS])], "9"),
        ([result(keypoints="abc")], "`keypoints` that are no numbers"),
        ([result(keypoints=[[1], *POINTS])], "`keypoints` that are no numbers"),
        ([result(keypoints=[10**400, *POINTS[1:]])], "`keypoints` that are no numbers"),
        ([result(image_id=[785])], "image_id '[785]', expected a whole number"),
        ([result(image_id=True)], "expected a whole number"),
        ([result(image_id=1)], "none of the 1 predictions"),
        ([result(bbox=[1, 2, 3])], "bbox of 3 numbers"),
        ([result(bbox="box")], "bbox of no numbers"),
        ([result(bbox=[1, 2, 0, 4])], "no area"),
        (json.dumps([result()]).replace("0.5", "NaN"), "not finite"),
        (json.dumps([result(bbox=[1, 2, 3, 4])]).replace("[1, 2, 3, 4]", "[1, 2, Infinity, 4]"), "no area"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_json_that_is_refused(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(InputError) as error:
        read_predictions(written(tmp_path, content), PHOTOS, SPEC)
    assert says in error.value.message


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"keypoints": None}, "`keypoints` of none"),
        ({"keypoints": np.ones((1, 4, 3))}, "(1, 4, 3), expected (N, 3, 2)"),
        ({"keypoints": np.ones((0, 3, 3)), "images": np.array([], str)}, "(0, 3, 3)"),
        ({"keypoints": np.array(3.0)}, "shape ()"),
        ({"keypoints": np.full((1, 3, 2), np.nan)}, "not finite"),
        ({"keypoints": np.array([[["a", "b"]] * 3])}, "expected numbers"),
        ({"scores": np.ones((1, 4))}, "`scores` of shape (1, 4)"),
        ({"scores": np.full((1, 3), np.inf)}, "not finite"),
        ({"images": None}, "needs `images`"),
        ({"images": np.array([1])}, "needs `images`"),
        ({"images": np.array(["b.jpg"])}, "none of the 1 predictions"),
        ({"boxes_xyxy": np.array([[1, 2, 1, 9]])}, "no area"),
        ({"boxes_xyxy": np.array([[1, 2, 3]])}, "`boxes_xyxy` of shape (1, 3)"),
        ({"names": np.array(["nose", "left_wrist", "left_wrist"])}, "names other keypoints"),
        ({"names": np.array([1, 2, 3])}, "names other keypoints"),
        ({"keypoints": np.array([None])}, "no readable npz"),  # an object array is a pickle
    ],
    ids=lambda value: str(value)[:50],
)
def test_npz_that_is_refused(tmp_path: Path, values: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        read_predictions(written(tmp_path, arrays(**values), "r.npz"), PHOTOS, SPEC)
    assert says in error.value.message


def _pickle() -> bytes:
    return pickle.dumps({"keypoints": 1})


def _huge() -> bytes:
    """A few hundred bytes that say they unpack to two gigabytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keypoints.npy", b"x")
    raw = bytearray(stream.getvalue())
    place = raw.index(b"PK\x01\x02") + 24
    raw[place : place + 4] = (2**31 - 1).to_bytes(4, "little")
    return bytes(raw)


def _long_header() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 3, 2), }\n"
        archive.writestr("keypoints.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return stream.getvalue()


@pytest.mark.parametrize("make", [_pickle, _huge, _long_header, lambda: b"", lambda: b"PK\x03\x04"])
def test_files_that_are_no_npz(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "r.npz").write_bytes(make())
    with pytest.raises(InputError):
        read_predictions(tmp_path / "r.npz", PHOTOS, SPEC)


@pytest.mark.parametrize("name", ["nowhere.json", "nowhere.npz", "folder.json", "folder.npz"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    for suffix in ("json", "npz"):
        (tmp_path / f"folder.{suffix}").mkdir()
    with pytest.raises(InputError, match="cannot read the predictions"):
        read_predictions(tmp_path / name, PHOTOS, SPEC)


def test_two_pictures_of_one_number_need_annotations(tmp_path: Path) -> None:
    photos = (Photo(Path("a/left_785.jpg"), 0), Photo(Path("a/right_0785.jpg"), 1))
    with pytest.raises(InputError, match="end in the same number"):
        read_predictions(written(tmp_path, [result()]), photos, SPEC)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from(["image_id", "keypoints", "bbox"]), inner)
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"image_id": st.just(785) | VALUES, "keypoints": st.just(POINTS) | VALUES, "bbox": VALUES}
        )
        | VALUES,
        max_size=3,
    )
)
def test_whatever_json_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(InputError):
        assert read_predictions(path, PHOTOS, SPEC).by_photo


@given(st.binary(max_size=40), st.integers(0, 400))
def test_a_damaged_npz_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, damage: bytes, place: int) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.npz"
    np.savez(path, **arrays())
    raw = bytearray(path.read_bytes())
    raw[place : place + len(damage)] = damage
    path.write_bytes(bytes(raw))
    with contextlib.suppress(InputError):
        assert read_predictions(path, PHOTOS, SPEC).by_photo
