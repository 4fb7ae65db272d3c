"""A person's keypoints, box and area as tools write them, in COCO's own units and order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from posekit.poses import Floats
from posekit.poses.categories import Layout
from posekit.poses.fields import floats, in_order
from posekit.poses.regions import FARTHEST_PX, SMALLEST_PX, is_sound_box

GROWN = 0.08  # of the longer side: a person reaches beyond the keypoints
LARGEST_PART = 1.5  # of a box's area that a person's can be: annotators' boxes are a little small
POINT = ("x", "y", "v|visibility|visible|vis")
BOX = ("x|left", "y|top", "width|w", "height|h")
CORNERS = ("x1|xmin|x_min|left", "y1|ymin|y_min|top", "x2|xmax|x_max|right", "y2|ymax|y_max|bottom")


def keypoints_of(value: Any, layout: Layout, read: Counter[str]) -> Floats | str:
    """(K, 3) in the spec's order with COCO visibility, or why they are left out. Flat or nested, and null for
    nothing."""
    value = _rows(value, layout)
    if isinstance(value, str):
        return value
    given = floats(value)
    if given is None:
        return "keypoints that are no numbers"
    fields = given.shape[1] if given.ndim == 2 else 3 if given.size == 3 * layout.count else 2
    if given.ndim > 2 or fields not in (2, 3) or given.size != fields * layout.count:
        return f"{given.size} numbers for keypoints, expected {3 * layout.count} for {layout.count}"
    if fields == 2 and _may_be_of_fewer(given):
        return f"{given.size} numbers for {layout.count} keypoints: x and y of all, or x, y and visibility of fewer?"
    points = given.reshape(layout.count, fields)[list(layout.order)]
    if fields == 2:
        read["keypoints are x and y alone: labelled is what is not 0, 0"] += 1
        points = np.column_stack([points, np.where(np.isnan(points).any(axis=1), 0.0, 2.0)])
    labelled = points[:, 2] > 0  # not NaN, which null is
    if not np.isfinite(points[labelled]).all():
        return "labelled keypoints that are not finite"
    if (np.abs(points[labelled, :2]) > FARTHEST_PX).any():
        return f"labelled keypoints beyond {FARTHEST_PX:g} px"
    nowhere = labelled & (points[:, :2] == 0).all(axis=1)
    if nowhere.any():
        if fields == 3:
            read["keypoints at 0, 0 are marked as visible: taken as not labelled"] += 1
        labelled &= ~nowhere
    return np.where(labelled[:, None], points, 0.0)


def _rows(value: Any, layout: Layout) -> Any:
    """Keypoints that are tables, or in a table by name, as rows in the order of the category; why they cannot be.
    Others as they are."""
    if isinstance(value, dict):
        names, rows = list(value), list(value.values())
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        names, rows = [one.get("name", one.get("label")) for one in value], value
    else:
        return value
    rows = [(in_order(one, POINT) or in_order(one, POINT[:2])) if isinstance(one, dict) else one for one in rows]
    if None in rows:
        return "keypoints in tables without x and y"
    if all(name is None for name in names):
        return rows
    places = layout.places([str(name) for name in names])
    if places is None:
        return "keypoints of names that are not those of the category"
    nothing = [0] * max((len(row) for row in rows if isinstance(row, list)), default=3)
    whole = [nothing] * layout.count  # what is not named is not labelled
    for place, row in zip(places, rows, strict=True):
        whole[place] = row
    return whole


def _may_be_of_fewer(given: Floats) -> bool:
    """Whether a flat list of x and y reads as x, y and visibility of fewer keypoints just as well."""
    return bool(given.ndim == 1 and given.size % 3 == 0 and given.any() and np.isin(given[2::3], (0, 1, 2)).all())


def box_of(
    entry: Mapping[str, Any], points: Floats | None, read: Counter[str]
) -> tuple[float, float, float, float] | str:
    """x, y, width, height; made from the keypoints where there is none; or why there is none."""
    value = _corner_and_size(entry)
    if value in (None, []):
        labelled = None if points is None else points[points[:, 2] > 0, :2]
        if labelled is None or not len(labelled):
            return "neither a box nor labelled keypoints"
        low, high = labelled.min(axis=0), labelled.max(axis=0)
        grown = GROWN * float((high - low).max())
        if not grown > 0:
            return "no box, and keypoints at one place"
        read["there is no box: it is made from the labelled keypoints"] += 1
        (x, y), (width, height) = (low - grown).tolist(), (high - low + 2 * grown).tolist()
        sound = is_sound_box((x, y, x + width, y + height))
        return (x, y, width, height) if sound else f"labelled keypoints beyond {FARTHEST_PX:g} px"
    box = floats(value)
    if box is None or box.shape != (4,):
        return "a box that is not four numbers"
    x, y, width, height = box.tolist()
    if not all(map(math.isfinite, (x, y, x + width, y + height, width * height))):
        return "a box that is not finite"
    if not (x + width > x and y + height > y):
        return "a box without area"
    if not is_sound_box((x, y, x + width, y + height)):
        return f"a box smaller than {SMALLEST_PX:g} px or beyond {FARTHEST_PX:g} px"
    return x, y, width, height


def area_of(value: Any, of_box: float, read: Counter[str]) -> float:
    """The area of a person; that of the box where there is none that a person in it can have."""
    area = floats(value)
    if area is None or area.shape != () or not 0 < area < np.inf:
        return of_box
    if area > LARGEST_PART * of_box:
        read["the area is larger than the box: that of the box is taken"] += 1
        return of_box
    return float(area)


def _corner_and_size(entry: Mapping[str, Any]) -> Any:
    """The `bbox` of an annotation as COCO has it, where it is nested, a table, or says that it is of two corners."""
    value, mode = entry.get("bbox"), entry.get("bbox_mode")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | dict):
        value = value[0]
    is_corners = mode == 0 or (isinstance(mode, str) and mode.upper().startswith("XYXY"))  # detectron2
    if isinstance(value, dict):
        corners = in_order(value, CORNERS)
        is_corners = corners is not None
        value = corners or in_order(value, BOX) or list(value)
    box = floats(value) if is_corners else None
    return value if box is None or box.shape != (4,) else [*box[:2], *(box[2:] - box[:2])]
