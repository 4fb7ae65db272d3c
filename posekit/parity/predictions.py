"""The training code's own predictions: COCO keypoint results, or npz; matched to pictures and people."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import documents
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError, said
from posekit.poses import Floats
from posekit.poses.annotations import MAX_JSON_BYTES
from posekit.poses.fields import floats, key_of
from posekit.poses.filenames import resolved
from posekit.poses.images import Photo
from posekit.poses.regions import is_sound_box

MAX_BYTES = MAX_JSON_BYTES
ARRAYS = {"keypoints", "scores", "images", "boxes_xyxy", "names"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One person: keypoints (K, 2) source px, scores (K,), and the box that was given to the network, if it is
    known."""

    keypoints: Floats
    scores: Floats
    box_xyxy: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions by picture, each once.

    how: by what pictures were found, in words; elsewhere: predictions of other pictures; repeated: those left out
    because the same stands in the file before.
    """

    by_photo: Mapping[Path, tuple[Prediction, ...]]
    how: str
    elsewhere: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    key: int | str
    prediction: Prediction


def read_predictions(path: Path, photos: Sequence[Photo], spec: PoseSpec) -> Predictions:
    """Read a .json of COCO keypoint results or a .npz, and find the picture of each prediction.

    InputError for what is damaged, not finite, of another number of keypoints, or of none of the pictures.
    """
    rows = _npz(path, spec) if path.suffix.lower() == ".npz" else _coco_results(path, spec)
    if path.suffix.lower() == ".npz":
        known, how = _by_name(photos, rows), "by file name"
    elif any(photo.people for photo in photos):
        known, how = {photo.image_id: photo.path for photo in photos}, "by the image ids of the annotations"
    else:
        known, how = _by_number(photos, path), "by the numbers in the file names"
    found: dict[Path, dict[Hashable, Prediction]] = {}
    for row in rows:
        if row.key in known:
            same = (row.prediction.keypoints.tobytes(), row.prediction.box_xyxy)
            found.setdefault(known[row.key], {}).setdefault(same, row.prediction)
    if not found:
        first = ", ".join(str(key) for key in list(known)[:3])
        raise InputError(
            f"none of the {len(rows)} predictions in {path} is of one of the {len(photos)} pictures: "
            f"it has image {rows[0].key!r}, the pictures are {first}{' ...' if len(known) > 3 else ''}",
            "give the pictures with --images, and their annotations if the predictions go by COCO's image ids",
        )
    of_pictures = sum(row.key in known for row in rows)
    repeated = of_pictures - sum(map(len, found.values()))
    by_photo = {place: tuple(items.values()) for place, items in found.items()}
    return Predictions(by_photo, how, len(rows) - of_pictures, repeated)


def _by_name(photos: Sequence[Photo], rows: Sequence[_Row]) -> dict[int | str, Path]:
    folder = photos[0].path.parents[photos[0].name.count("/")]
    names = resolved([str(row.key) for row in rows], folder, [photo.path for photo in photos])
    known: dict[int | str, Path] = {photo.name: photo.path for photo in photos}
    known.update(names)
    return known


def _by_number(photos: Sequence[Photo], path: Path) -> dict[int | str, Path]:
    """000000000785.jpg is image 785."""
    numbers: dict[int | str, Path] = {}
    for photo in photos:
        digits = re.findall(r"\d+", photo.path.stem)
        if not digits or len(digits[-1]) > 18:
            continue
        if int(digits[-1]) in numbers:
            raise InputError(
                f"{path} goes by image ids, but {numbers[int(digits[-1])].name} and {photo.path.name} end in the "
                "same number",
                "give the --annotations that the ids are of",
            )
        numbers[int(digits[-1])] = photo.path
    return numbers


def _coco_results(path: Path, spec: PoseSpec) -> list[_Row]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES} bytes")
        data = documents.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the predictions {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"the predictions {path} are no valid JSON{said(error)}") from error
    if not isinstance(data, list) or not data:
        raise InputError(
            f"{path} holds no COCO keypoint results: {_kind(data)}",
            "expected a list of {image_id, category_id, keypoints, score}, or an .npz",
        )
    return [_coco_row(entry, number, path, spec) for number, entry in enumerate(data)]


def _kind(data: Any) -> str:
    return "an empty list" if data == [] else f"a {type(data).__name__}"


def _coco_row(entry: Any, number: int, path: Path, spec: PoseSpec) -> _Row:
    where = f"prediction {number} in {path}"
    if not isinstance(entry, dict):
        raise InputError(f"{where} is no COCO keypoint result: expected a table with image_id and keypoints")
    image, values = key_of(entry.get("image_id")), floats(entry.get("keypoints"))
    if image is None:
        said = str(entry["image_id"])[:60] if "image_id" in entry else "none"
        raise InputError(f"{where} has image_id {said!r}, expected a whole number or a text")
    if values is None:
        raise InputError(f"{where} has `keypoints` that are no numbers, expected {3 * spec.keypoint_count} numbers")
    if values.shape not in ((3 * spec.keypoint_count,), (spec.keypoint_count, 3)):
        raise InputError(
            f"{where} has {values.size} numbers in `keypoints`, expected {3 * spec.keypoint_count} for "
            f"{spec.keypoint_count} keypoints"
        )
    box = None
    if entry.get("bbox") is not None:
        box = floats(entry["bbox"])
        if box is None or box.shape != (4,):
            size = "no" if box is None else box.size
            raise InputError(f"{where} has a bbox of {size} numbers, expected x, y, width, height")
        box = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    points = values.reshape(-1, 3)
    return _Row(image, _prediction(points[:, :2], points[:, 2], box, where))


def _prediction(keypoints: Floats, scores: Floats, box: Floats | None, where: str) -> Prediction:
    if not (np.isfinite(keypoints).all() and np.isfinite(scores).all()):
        raise InputError(f"{where} holds numbers that are not finite")
    if box is None:
        return Prediction(keypoints, scores)
    x1, y1, x2, y2 = box.tolist()
    if not is_sound_box((x1, y1, x2, y2)):
        raise InputError(f"{where} has the box {x1:g}, {y1:g}, {x2:g}, {y2:g}, which has no area, or is no person's")
    return Prediction(keypoints, scores, (x1, y1, x2, y2))


def _npz(path: Path, spec: PoseSpec) -> list[_Row]:
    arrays = _arrays(path)
    keypoints, images = arrays.get("keypoints"), arrays.get("images")
    count, k = (0 if keypoints is None or not keypoints.ndim else len(keypoints)), spec.keypoint_count
    if (
        keypoints is None
        or keypoints.ndim != 3
        or not count
        or keypoints.shape[1] != k
        or keypoints.shape[2] not in (2, 3)
    ):
        shape = "none" if keypoints is None else f"shape {keypoints.shape}"
        raise InputError(
            f"{path} has `keypoints` of {shape}, expected (N, {k}, 2) or (N, {k}, 3) for the spec's {k} keypoints"
        )
    if images is None or images.shape != (count,) or images.dtype.kind not in "US":
        raise InputError(
            f"{path} needs `images`, the file name of each of its {count} predictions", "np.array([...], dtype=str)"
        )
    points = _numbers(path, "keypoints", keypoints, keypoints.shape)
    if "scores" in arrays:
        scores = _numbers(path, "scores", arrays["scores"], (count, k))
    else:
        scores = points[..., 2] if points.shape[2] == 3 else np.ones((count, k))
    boxes = _numbers(path, "boxes_xyxy", arrays["boxes_xyxy"], (count, 4)) if "boxes_xyxy" in arrays else None
    order = _order(path, arrays["names"], spec) if "names" in arrays else np.arange(k)
    rows = []
    for index in range(count):
        name = images[index].decode("utf-8", "replace") if isinstance(images[index], bytes) else str(images[index])
        box = None if boxes is None else boxes[index]
        found = _prediction(points[index, order, :2], scores[index, order], box, f"prediction {index} in {path}")
        rows.append(_Row(name, found))
    return rows


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the format; never a pickle, and nothing that unpacks to more than MAX_BYTES."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise InputError(f"{path} unpacks to more than {MAX_BYTES} bytes")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name in ARRAYS}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read the predictions {path}: {error.strerror or error}") from error
    except Exception as error:  # zipfile and numpy raise many kinds on damaged files
        raise InputError(f"{path} is no readable npz of plain arrays{said(error)}", "np.savez writes one") from error


def _numbers(path: Path, name: str, values: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    if values.shape != shape or values.dtype.kind not in "fiu":
        raise InputError(
            f"{path} has `{name}` of shape {values.shape} and type {values.dtype}, expected numbers of shape {shape}"
        )
    return values.astype(np.float64)


def _order(path: Path, names: NDArray[Any], spec: PoseSpec) -> NDArray[np.int64]:
    """Where each of the spec's keypoints is among the file's."""
    given = [str(name) for name in names.ravel().tolist()] if names.dtype.kind == "U" else []
    if sorted(given) != sorted(spec.keypoints.names):
        odd = sorted(set(given) ^ set(spec.keypoints.names))
        raise InputError(f"{path} names other keypoints than the spec: {', '.join(odd[:6]) or 'one twice'}")
    return np.array([given.index(name) for name in spec.keypoints.names])
