"""Faults in recorded cases, trace and golden vectors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle
from tests.faults.files import (
    CASES,
    TRACE,
    Random,
    edit,
)


def tensor(folder: Path, rng: Random) -> str:
    """Values of a recorded tensor: one, a few, all shifted."""
    path = rng.choice(sorted((folder / "evaluation").glob("*.f32")))
    values = np.fromfile(path, "<f4")
    scale = max(float(np.abs(values).max()), 1e-3)
    how = rng.choice(["one", "noise", "rolled"])
    if how == "one":
        values[rng.randrange(values.size)] += scale * rng.choice([-0.5, 0.1, 0.5])
    elif how == "noise":
        values += np.random.default_rng(rng.randrange(1 << 30)).normal(0, 0.05 * scale, values.size).astype("<f4")
    else:
        values = np.roll(values, 1)
    values.tofile(path)
    return f"{path.name}, {how}"


def case_field(folder: Path, rng: Random) -> str:
    """A number of a case: its keypoints, scores, region, person, shapes, or another picture."""

    def change(document: Any) -> str:
        said = ""
        case = rng.choice(document["cases"])
        kinds = ["keypoints", "scores", "region", "image", "name", "packaged_sha256", "person"]
        said = rng.choice(kinds)
        if said == "keypoints":
            row = rng.choice(rng.choice(case["poses"])["keypoints"])
            row[rng.randrange(len(row))] += rng.choice([-3.0, 0.01, 5.0])
        elif said == "scores":
            scores = rng.choice(case["poses"])["scores"]
            scores[rng.randrange(len(scores))] += 0.1
        elif said == "region":
            key = rng.choice(["center_xy", "size_wh"])
            case["region"][key][rng.randrange(2)] *= rng.choice([0.9, 1.001, 1.2])
        elif said == "image":
            case["image"] = rng.choice(sorted(path.name for path in (folder / "evaluation").glob("*.png")))
            said = "" if document == json.loads((folder / CASES).read_text()) else said
        elif said == "name":
            case["name"] = case["name"].replace("#", "x#")
        elif said == "packaged_sha256":
            case["packaged_sha256"] = rng.choice(["", "0" * 64])
        else:
            case["person"] = {"box_xyxy": [1.0, 1.0, 20.0, 30.0], "area_px": 400.0, "keypoints": None}
        return said

    return edit(folder / CASES, change)


def fewer_cases(folder: Path, rng: Random) -> str:
    """A case taken out, with its files."""

    def change(document: Any) -> str:
        said = ""
        case = document["cases"].pop(rng.randrange(len(document["cases"])))
        if document["cases"]:
            said = case["name"]
            for file in (case["input"]["file"], *(tensor["file"] for tensor in case["outputs"].values())):
                (folder / "evaluation" / file).unlink()
            if not any(one["image"] == case["image"] for one in document["cases"]):
                (folder / "evaluation" / case["image"]).unlink()
        return said

    return edit(folder / CASES, change)


def picture(folder: Path, rng: Random) -> str:
    from PIL import Image, ImageOps

    path = rng.choice(sorted((folder / "evaluation").glob("*.png")))
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    how = rng.choice(["mirrored", "brighter", "cropped"])
    if how == "mirrored":
        image = ImageOps.mirror(image)
    elif how == "brighter":
        image = image.point(lambda value: min(value + 3, 255))
    else:
        image = image.crop((1, 0, *image.size))
    image.save(path)
    return how


def trace(folder: Path, rng: Random) -> str:
    """A step of the trace renamed, removed, or with another range."""
    said = rng.choice(["range", "shape", "inputs", "case", "source"])

    def change(document: Any) -> None:
        step = rng.choice(document["steps"])
        if said == "range":
            step["highest"] = step["highest"] * 0.5 - 0.01
        elif said == "shape":
            step["shape"] = step["shape"][::-1]
        elif said == "inputs":
            step["inputs"] = [*step["inputs"], "nothing"]
        elif said == "case":
            document["case"] = "other.png#0"
        else:
            document["source_sha256"] = "1" * 64

    before = (folder / TRACE).read_text()
    edit(folder / TRACE, change)
    return said if json.loads(before) != json.loads((folder / TRACE).read_text()) else ""


def golden_vectors(folder: Path, rng: Random) -> str:
    """A number or a tensor of the golden vectors."""
    path = rng.choice(sorted((folder / bundle.GOLDEN).iterdir()))
    text = path.read_text()
    found = list(re.finditer(r"(?<![\w\"/+=])-?\d+\.\d{3,}", text))
    if not found:  # of bytes alone, as frames
        one = rng.choice(list(re.finditer(r'(?<="rgb":")\w', text)))
        path.write_text(f"{text[: one.start()]}{'b' if one[0] == 'a' else 'a'}{text[one.end() :]}")
        return f"{path.name}: a byte"
    one = rng.choice(found)
    path.write_text(f"{text[: one.start()]}{float(one[0]) + rng.choice([-1.0, 0.001, 0.5])}{text[one.end() :]}")
    return f"{path.name}: {one[0]}"
