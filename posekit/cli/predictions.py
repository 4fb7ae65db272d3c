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
    from posekit.poses import Poses
    from posekit.poses.images import Picture


def show_predictions(
    found: Sequence[tuple[Path, Picture, Poses]],
    failed: Sequence[tuple[Path, PosekitError]],
    spec: PoseSpec,
    out: Path | None,
    as_json: bool,
) -> None:
    """Keypoints as a table or JSON; overlays into `out`; then the pictures that cannot be read."""
    rows = []
    taken: dict[str, int] = {}
    for path, image, poses in found:
        row = _row(path, poses, spec)
        if out is not None:
            taken[path.stem] = taken.get(path.stem, 0) + 1
            suffix = f"-{taken[path.stem]}" if taken[path.stem] > 1 else ""
            row["overlay"] = _drawn(out, f"{path.stem}{suffix}.overlay.png", image, poses, spec)
        rows.append(row)
    if as_json:
        unread = [{"image": str(path), "error": error.message, "hint": error.hint} for path, error in failed]
        print_json({"predictions": rows, "failed": unread})
    for row in () if as_json else rows:
        _show(row, spec.keypoints.names)
    sys.stdout.flush()
    for _, why in failed:
        show_error(why, as_json=False)


def _row(path: Path, poses: Poses, spec: PoseSpec) -> dict[str, Any]:
    """One picture as JSON has it; px to three digits, scores to five."""
    import numpy as np

    from posekit.parity.written_poses import written_poses

    instances = [
        {
            "keypoints": np.round(one["keypoints"], 3).tolist(),
            "scores": np.round(one["scores"], 5).tolist(),
            "confidence": round(one["confidence"], 5),
            "box_xyxy": None if one["box_xyxy"] is None else np.round(one["box_xyxy"], 3).tolist(),
        }
        for one in written_poses(poses)
    ]
    return {"image": str(path), "keypoint_names": list(spec.keypoints.names), "instances": instances}


def _drawn(out: Path, name: str, image: Picture, poses: Poses, spec: PoseSpec) -> str:
    """Write the picture with its poses into `out`; gives the path. InputError where it cannot be written."""
    from posekit.report.overlay import overlay

    target = out / name
    try:
        out.mkdir(parents=True, exist_ok=True)
        overlay(image, poses, spec.keypoints.names, spec.keypoints.edges).save(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    return str(target)


def _show(row: dict[str, Any], names: Sequence[str]) -> None:
    """One picture: a table a person, or that nobody is there."""
    if not row["instances"]:
        out_line(f"{row['image']}: nobody")
    for number, instance in enumerate(row["instances"]):
        title = Text(f"{row['image']}, person {number}, confidence {instance['confidence']:.3f}")
        table = Table("keypoint", "x px", "y px", "score", title=title, title_justify="left")
        for name, point, score in zip(names, instance["keypoints"], instance["scores"], strict=True):
            places = (f"{point[0]:.1f}", f"{point[1]:.1f}") if score != 0 else ("–", "–")  # 0: not found
            table.add_row(Text(name), *places, f"{score:.3f}")
        Console().print(table)
    if "overlay" in row:
        out_line(f"overlay: {row['overlay']}")
