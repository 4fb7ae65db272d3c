"""The sample's pictures: held-out scenes as JPEG files with annotations in COCO's keypoint format."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posekit.contract.skeletons import skeleton
from sample.figure import NAMES
from sample.render import Scene, render_scene

FIRST_SEED = 20_000_000
SIZES_WH = ((320, 240), (480, 640), (640, 480), (360, 480), (480, 360), (400, 400), (640, 480), (480, 640))
PEOPLE = (1, 1, 3, 1, 2, 2, 3, 2)
MIN_SEEN = 14  # of 17 keypoints, for every person: the pictures are chosen to be easy to look at


def write_pictures(folder: Path) -> None:
    """Write images/*.jpg and annotations.json: the first scenes, from FIRST_SEED on, that show everybody well."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    seeds = itertools.count(FIRST_SEED)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (size_wh, people) in enumerate(zip(SIZES_WH, PEOPLE, strict=True), start=1):
        scene = next(s for s in (render_scene(seed, size_wh, people) for seed in seeds) if _shows_all(s, people))
        name = f"scene_{number}.jpg"
        Image.fromarray(scene.image).save(folder / "images" / name, quality=92)
        images.append({"id": number, "file_name": name, "width": size_wh[0], "height": size_wh[1]})
        for index in range(people):
            annotations.append(_annotation(scene, index, number, len(annotations) + 1))
    edges = [[NAMES.index(a) + 1, NAMES.index(b) + 1] for a, b in skeleton("coco17").edges]
    document = {
        "info": {"description": "Synthetic renders made by sample.render; no photographs, no real people."},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(NAMES), "skeleton": edges}
        ],
    }
    (folder / "annotations.json").write_text(json.dumps(document, indent=1) + "\n")


def _shows_all(scene: Scene, people: int) -> bool:
    """Everybody labelled, upright, and with few keypoints hidden."""
    seen = (scene.keypoints[..., 2] == 2).sum(1)
    sides = scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]
    return len(seen) == people and bool((seen >= MIN_SEEN).all() and (sides[:, 1] > sides[:, 0]).all())


def _annotation(scene: Scene, index: int, image_id: int, number: int) -> dict[str, Any]:
    x0, y0, x1, y1 = scene.boxes_xyxy[index].tolist()
    rows = np.round(scene.keypoints[index], 2).tolist()
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int((scene.owner == index).sum()),
        "num_keypoints": sum(v > 0 for _, _, v in rows),
        "keypoints": [value for x, y, v in rows for value in (x, y, int(v))],
    }


if __name__ == "__main__":
    import sys

    write_pictures(Path(sys.argv[1]))
