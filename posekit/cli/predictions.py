"""What `posekit predict` prints and draws: everybody in each picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posekit.cli.console import out_line, print_json, show_error
from posekit.errors import InputError, PosekitError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.pipelines.predict import Prediction
    from posekit.poses.dense import DenseMap
    from posekit.poses.images import Picture


def show_predictions(
    found: Sequence[tuple[Path, Picture, Prediction]],
    failed: Sequence[tuple[Path, PosekitError]],
    spec: PoseSpec,
    out: Path | None,
    as_json: bool,
) -> None:
    """Keypoints as a table or JSON; overlays and dense results into `out`; then the pictures that cannot be read."""
    rows = []
    taken: dict[str, int] = {}
    for path, image, seen in found:
        row = row_of(path, seen, spec)
        if out is not None:
            taken[path.stem] = taken.get(path.stem, 0) + 1
            suffix = f"-{taken[path.stem]}" if taken[path.stem] > 1 else ""
            row |= _drawn(out, f"{path.stem}{suffix}", image, seen, spec)
        rows.append(row)
    if as_json:
        unread = [{"image": str(path), "error": error.message, "hint": error.hint} for path, error in failed]
        print_json({"predictions": rows, "failed": unread})
    for row in () if as_json else rows:
        show_row(row, spec)
    sys.stdout.flush()
    for _, why in failed:
        show_error(why, as_json=False)


def row_of(path: Path, seen: Prediction, spec: PoseSpec) -> dict[str, Any]:
    """One picture as JSON has it; px to three digits, scores to five; of dense results how large a share of the cells
    each label has."""
    import numpy as np

    from posekit.parity.written_poses import EACH, written_poses

    instances = [
        {
            "keypoints": np.round(one["keypoints"], 3).tolist(),
            "scores": np.round(one["scores"], 5).tolist(),
            "confidence": round(one["confidence"], 5),
            "box_xyxy": None if one["box_xyxy"] is None else np.round(one["box_xyxy"], 3).tolist(),
            **{name: np.round(one[name], 5).tolist() for name in EACH if name in one},
        }
        for one in written_poses(seen.poses)
    ]
    row = {"image": str(path), "keypoint_names": list(spec.keypoints.names), "instances": instances}
    return row | ({"dense": [_dense(one) for one in seen.dense]} if spec.dense else {})


def _dense(one: DenseMap) -> dict[str, Any]:
    import numpy as np

    rows, columns = one.values.shape
    counts = np.bincount(one.numbers.ravel(), minlength=len(one.labels) + 1) / max(one.values.size, 1)
    shares = {label: round(float(share), 5) for label, share in zip(one.labels, counts[1:], strict=True) if share}
    matrix = np.round(one.matrix, 6).tolist()
    return {"name": one.name, "size_wh": [columns, rows], "cell_to_source": matrix, "shares": shares}


def _drawn(out: Path, stem: str, image: Picture, seen: Prediction, spec: PoseSpec) -> dict[str, Any]:
    """Write the picture with what was found into `out`, with two views of it where there is depth, and each dense
    result as a picture of its size: a mask as 0 to 255, labels as their numbers, U and V beside them as green and blue.
    Gives the paths; InputError where one cannot be written."""
    from PIL import Image

    from posekit.report.dense import pictures_of, tinted_labels
    from posekit.report.overlay import overlay
    from posekit.report.views import beside

    pictures = pictures_of(image, seen.dense, spec)
    labels = tinted_labels(pictures, spec)
    drawn = overlay(image, seen.poses, spec.keypoints.names, spec.keypoints.edges, labels=labels)
    drawn = beside(drawn, seen.poses, spec)
    target = out / f"{stem}.overlay.png"
    try:
        out.mkdir(parents=True, exist_ok=True)
        drawn.save(target)
        paths: dict[str, Any] = {"overlay": str(target)}
        for name, values in pictures.items():
            target = out / f"{stem}.{name}.png"
            Image.fromarray(values).save(target)
            paths.setdefault("pictures", {})[name] = str(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    return paths


def show_row(row: dict[str, Any], spec: PoseSpec) -> None:
    """One picture: a table a person, or that nobody is there."""
    if not row["instances"]:
        out_line(f"{row['image']}: nobody")
    for number, instance in enumerate(row["instances"]):
        title = Text(f"{row['image']}, person {instance.get('id', number)}, confidence {instance['confidence']:.3f}")
        depth = () if not spec.decoder.has_depth else ("z m" if spec.has_metric_depth else "z px",)
        table = Table("keypoint", "x px", "y px", *depth, "score", title=title, title_justify="left")
        for name, point, score in zip(spec.keypoints.names, instance["keypoints"], instance["scores"], strict=True):
            digits = (1, 1, 3 if spec.has_metric_depth else 1)
            places = [f"{value:.{digits[axis]}f}" if score != 0 else "–" for axis, value in enumerate(point)]
            table.add_row(Text(name), *places, f"{score:.3f}")  # 0: not found
        Console().print(table)
    for dense in row.get("dense", ()):
        shares = ", ".join(f"{label} {share:.1%}" for label, share in dense["shares"].items())
        out_line(f"{dense['name']}: {shares or 'nothing'}")
    if "overlay" in row:
        out_line(f"overlay: {row['overlay']}")
