"""Run with the ultralytics package: its networks with seeded weights that find people, saved as its trainer saves them,
and what its own predict makes of pictures."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

SIZE, NARROW = 256, 192  # of checkpoints, and across of exports
LICENSE = "AGPL-3.0 License (https://ultralytics.com/license)"
# no scaling; scaling, the odd pixel of padding below; enlarged, and upright
PICTURES = {"same.png": (256, 192), "scaled.png": (341, 273), "upright.png": (81, 203)}
LOGIT = -np.log(3.0)  # of a confidence of .25
PEOPLE = 30  # candidates above it
FIVE = ["Left Eye", "right eye", "nose", "leftHand", "right_hand"]


def main() -> None:
    """Write all files into the folder; print by file and picture boxes, confidences and keypoints."""
    folder = Path(sys.argv[1])
    pictures(folder)
    networks(folder, letterboxed(folder))
    print(json.dumps({name: own(folder, name, suppress) for name, suppress in COMPARED.items()}))


def pictures(folder: Path) -> None:
    """Smooth noise in colour."""
    rng = np.random.default_rng(5)
    for name, size_wh in PICTURES.items():
        small = rng.integers(0, 256, (size_wh[1] // 12, size_wh[0] // 12, 3), np.uint8)
        Image.fromarray(small).resize(size_wh, Image.Resampling.BICUBIC).save(folder / name)


def letterboxed(folder: Path) -> torch.Tensor:
    """The same as their networks get them, `scaled.256.png` and `scaled.192.png` for an input of that width; all of
    them, (n, 3, SIZE, SIZE) from 0 to 1, narrow ones with gray beside."""
    from ultralytics.data.augment import LetterBox

    found = []
    for name in PICTURES:
        pixels = np.asarray(Image.open(folder / name))
        for width in (SIZE, NARROW):
            made = LetterBox(new_shape=(SIZE, width), auto=False)(image=pixels)
            Image.fromarray(made).save(folder / f"{Path(name).stem}.{width}.png")
            square = np.full((SIZE, SIZE, 3), 114, np.uint8)
            square[:, :width] = made
            found.append(torch.from_numpy(square).permute(2, 0, 1).float() / 255)
    return torch.stack(found)


def networks(folder: Path, inputs: torch.Tensor) -> None:
    """One file a case; inputs: on which they find people."""
    from ultralytics.nn.tasks import ClassificationModel, DetectionModel, SegmentationModel

    eleven, twenty_six = pose("yolo11n-pose.yaml", inputs), pose("yolo26n-pose.yaml", inputs)
    save(eleven, folder / "yolo11n-pose.pt")
    save(twenty_six, folder / "yolo26n-pose.pt")
    torch.save(eleven, folder / "module.pt")
    many = deepcopy(twenty_six)
    many.yaml["end2end"] = False
    save(many, folder / "yolo26n-many.pt")
    five = pose("yolov8n-pose.yaml", inputs, classes={0: "dog", 1: "Person"}, shape=[5, 2])
    five.kpt_names = {0: ["a", "b", "c", "d", "e"], 1: FIVE}
    save(five, folder / "Five Points v2.pt", imgsz=240, license="")
    five.names = {0: "dog", 1: "cat"}
    save(five, folder / "pets.pt")
    wrong = deepcopy(five)
    wrong.names = {0: "person", 1: "dog"}
    wrong.model[-1].kpt_shape = [5, 3]
    save(wrong, folder / "wrong_shape.pt")
    tasks = {"segment": SegmentationModel, "detect": DetectionModel, "classify": ClassificationModel}
    for (task, model), name in zip(tasks.items(), ("yolo11n-seg", "yolo11n", "yolo11n-cls"), strict=True):
        network = model(f"{name}.yaml", verbose=False)
        network.task, network.args = task, {"task": task, "imgsz": SIZE}
        save(network, folder / f"{task}.pt")
    exports(folder, eleven, twenty_six)


def pose(name: str, inputs: torch.Tensor, classes: dict[int, str] | None = None, shape: list[int] | None = None) -> Any:
    """A network whose batch statistics are those of the inputs, with boxes, keypoints and scores that differ."""
    from ultralytics.nn.tasks import PoseModel

    torch.manual_seed(1)
    classes = classes or {0: "person"}
    network = PoseModel(name, nc=len(classes), data_kpt_shape=shape or (None, None), verbose=False)
    network.names, network.task, network.args = classes, "pose", {"task": "pose", "imgsz": SIZE}
    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        torch.nn.init.constant_(norm.bias, 1.5)  # activations near to linear: a trained network is no chaos either
    network.train()
    with torch.no_grad():
        network(inputs)
        for norm in norms:
            norm.momentum = 0.03
        _spread(network.eval(), inputs)
    return network


def _spread(network: Any, inputs: torch.Tensor) -> None:
    """Last layers whose numbers spread, on each branch others, and of whose candidates PEOPLE count on each input."""
    head = network.model[-1]
    for prefix in ("", "one2one_"):
        if not hasattr(head, f"{prefix}cv3"):
            continue
        boxes, scores = getattr(head, f"{prefix}cv2"), getattr(head, f"{prefix}cv3")
        keypoints = getattr(head, f"{prefix}cv4_kpts" if hasattr(head, "cv4_kpts") else f"{prefix}cv4")
        for branches, gain in ((boxes, 2.0), (scores, 2.0), (keypoints, 0.3)):
            for branch in branches:
                last = branch if isinstance(branch, torch.nn.Conv2d) else branch[-1]
                last.weight *= gain * (1 + 0.2 * torch.randn_like(last.weight))
            if branches is boxes and head.reg_max == 1:
                for branch in boxes:
                    branch[-1].bias.fill_(6.0)
        raw = network(inputs)[1]
        raw = raw if "scores" in raw else raw["one2one" if prefix else "one2many"]
        best = raw["scores"].amax(1).sort(descending=True)[0][:, PEOPLE].mean()
        for branch in scores:
            branch[-1].bias += LOGIT - best


def save(network: Any, path: Path, *, imgsz: int = SIZE, license: str = LICENSE) -> None:
    """A checkpoint with the keys and the half precision of their trainer's last.pt: the average in `ema`, no
    optimizer."""
    from ultralytics import __version__

    task = network.task
    torch.save({
        "epoch": -1, "best_fitness": None, "model": None, "ema": deepcopy(network).half(), "updates": 7,
        "optimizer": None, "scaler": None, "train_args": {"task": task, "imgsz": imgsz, "model": path.name},
        "train_metrics": {}, "train_results": {}, "date": "2026-11-01T10:00:00.5", "version": __version__,
        **({"license": license} if license else {}), "docs": "https://docs.ultralytics.com",
    }, path)  # fmt: skip


def exports(folder: Path, eleven: Any, twenty_six: Any) -> None:
    """TorchScript by their own export, of one tensor of candidates, and of sorted rows."""
    from ultralytics import YOLO

    size = (SIZE, NARROW)
    for name, network, nms in (("table", eleven, None), ("rows", twenty_six, False)):
        save(network, folder / f"{name}.pt")
        YOLO(folder / f"{name}.pt").export(format="torchscript", imgsz=size, device="cpu", verbose=False, nms=nms)
        (folder / f"{name}.pt").unlink()


# nms=False is their word for the branch that gives each person once
COMPARED = {
    "yolo11n-pose.pt": None, "yolo26n-pose.pt": False, "yolo26n-many.pt": None, "Five Points v2.pt": None,
    "table.torchscript": None, "rows.torchscript": None,
}  # fmt: skip


def own(folder: Path, name: str, suppress: bool | None) -> dict[str, Any]:
    """What their predict gives, source px, the people alone."""
    from ultralytics import YOLO

    size = (SIZE, NARROW) if name.endswith("torchscript") else SIZE
    network, found = YOLO(folder / name, task="pose"), {}
    for picture in PICTURES:
        result = network.predict(
            folder / picture, imgsz=size, rect=False, device="cpu", verbose=False, nms=suppress, save=False
        )[0]
        is_person = result.boxes.cls == next(key for key, label in result.names.items() if label.lower() == "person")
        found[picture] = {
            "boxes": result.boxes.xyxy[is_person].tolist(),
            "confidences": result.boxes.conf[is_person].tolist(),
            "keypoints": result.keypoints.data[is_person].tolist(),
        }
    return found


if __name__ == "__main__":
    main()
