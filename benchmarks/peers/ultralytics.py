"""Ultralytics' own export of YOLOv8n-pose, by its command: a network of the same layers with its own random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.peers.kinds import Made, Precision
from posekit.poses.images import load_image
from posekit.sources.sample import sample_images

NETWORK = "yolov8n-pose"
SIZE = 320
NOTE = "Ultralytics' own YOLOv8n-pose with random weights of its own, so its outputs are not compared"


def key() -> str:
    """What its files depend on: this module."""
    return environment.digest(Path(__file__).read_bytes())


def make(at: Path) -> list[Made]:
    """Its float32 and its static 8-bit file, calibrated with the sample's pictures."""
    data = _data_set(at / "data")
    wanted: dict[Precision, list[str]] = {"fp32": [], "int8": ["quantize=8", f"data={data}", "fraction=1.0"]}
    found = []
    for precision, more in wanted.items():
        folder = at / precision
        folder.mkdir()
        command = ("yolo", "export", "model=yolov8n-pose.yaml", "format=litert", f"imgsz={SIZE}", "device=cpu", *more)
        why = environment.program(
            environment.BIN / command[0], *command[1:], log=at / f"{precision}.log", seconds=600, folder=folder
        )
        files = sorted(folder.rglob("*.tflite"))
        name = str(files[0].relative_to(at)) if files else ""
        found.append(Made("Ultralytics", precision, name, "" if files else why or "it left no .tflite", NOTE))
    return found


def _data_set(folder: Path) -> Path:
    """The sample's pictures and people in the form that its command reads."""
    pictures, annotations = sample_images()
    told = json.loads(annotations.read_text())
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for picture in told["images"]:
        shutil.copy(pictures / picture["file_name"], folder / "images")
        height, width = load_image(pictures / picture["file_name"]).shape[:2]
        lines = [_line(one, width, height) for one in told["annotations"] if one["image_id"] == picture["id"]]
        (folder / "labels" / picture["file_name"]).with_suffix(".txt").write_text("\n".join(lines))
    text = f"path: {folder}\ntrain: images\nval: images\nnames: {{0: person}}\nkpt_shape: [17, 3]\n"
    (folder / "people.yaml").write_text(text)
    return folder / "people.yaml"


def _line(person: dict[str, list[float]], width: int, height: int) -> str:
    x, y, w, h = person["bbox"]
    points = person["keypoints"]
    places = [(points[i] / width, points[i + 1] / height, points[i + 2]) for i in range(0, len(points), 3)]
    numbers = [
        (x + w / 2) / width,
        (y + h / 2) / height,
        w / width,
        h / height,
        *(n for place in places for n in place),
    ]
    return "0 " + " ".join(f"{min(max(n, 0.0), 2.0):.6g}" for n in numbers)
