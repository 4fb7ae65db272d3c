"""Faults in what recipe, manifest and report say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posekit import bundle
from posekit.report.document import read_evaluation, verdict
from tests.faults.files import (
    REPORT,
    Random,
    edit,
    wrapper_of,
)


def recipe(folder: Path, rng: Random) -> str:
    said = rng.choice(["precision", "layers", "budget"])

    def change(document: Any) -> None:
        if said == "precision":
            document["precision"] = rng.choice([one for one in ("fp32", "fp16", "w8") if one != document["precision"]])
        elif said == "layers":
            document["layers"]["head"] = "fp16" if document["precision"] == "fp32" else "fp32"
        else:
            document["budget"] = "oks>=0.5"

    edit(folder / "recipe.json", change)
    return said


def precision_everywhere(folder: Path, rng: Random) -> str:
    """Another precision in recipe, manifest, report and every layer."""
    old = json.loads((folder / "recipe.json").read_text())["precision"]
    new = rng.choice([one for one in ("fp32", "fp16", "w8", "w8a8") if one != old])
    edit(folder / "recipe.json", lambda document: document.update(precision=new))
    edit(folder / bundle.MANIFEST, lambda document: document.update(precision=new))

    def change(document: Any) -> None:
        document["precision"] = new
        for layer in document["layers"]:
            layer["wanted"] = new

    edit(folder / REPORT, change, sort_keys=True)
    return f"{old} as {new}"


def manifest(folder: Path, rng: Random) -> str:
    key = rng.choice(
        ["name", "version", "license", "status", "verdict", "evaluated_on", "platform", "precision", "tools", "source"]
    )

    def change(document: Any) -> None:
        value = document[key]
        if key == "tools":
            value["torch"] = "9.9.9"
        elif key == "source":
            value["sha256"] = "2" * 64
        else:
            others = {
                "status": "VERIFIED",
                "platform": "ios" if value == "android" else "android",
                "precision": "fp16" if value == "w8" else "w8",
            }
            document[key] = others.get(key, f"{value}0")

    edit(folder / bundle.MANIFEST, change)
    return key


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(item, (*path, key))
    else:
        yield path


FIGURES = (
    "accuracy",
    "blamed",
    "cases",
    "checks",
    "images",
    "steps",
    "status",
    "total",
    "verdict",
    "worst",
    "runtime",
    "layers",
    "op_counts",
    "lint",
    "minimum_system",
    "model_file",
    "evaluated_on",
    "precision",
    "platform",
    "name",
    "version",
    "contract_sha256",
    "tools",
    "budget",
)


FREE = ("why", "name")  # of a layer: words that nothing in the bundle holds


def report(folder: Path, rng: Random) -> str:
    """Any value of report.json that tells of figures, layers or origin."""

    def change(document: Any) -> str:
        path = rng.choice(
            [
                one
                for one in _places({key: document[key] for key in FIGURES})
                if not (one[0] == "layers" and one[-1] in FREE)
            ]
        )
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        old = parent[path[-1]]
        new: Any
        if isinstance(old, bool):
            new = not old
        elif isinstance(old, int | float):
            new = old + 1 if isinstance(old, int) else old * 0.5 if old and rng.random() < 0.7 else old + 0.25
        elif isinstance(old, str):
            new = {"pass": "fail", "fail": "pass", "HOST": "VERIFIED", "passed": "unverified"}.get(old, f"{old}x")
        else:
            new = 1
        parent[path[-1]] = new
        return f"{'.'.join(map(str, path))}: {old!r} to {new!r}"

    return edit(folder / REPORT, change, sort_keys=True)


def figures_everywhere(folder: Path, rng: Random) -> str:
    """Better figures in the report, its gates, its verdict, its pages and the manifest."""

    def change(document: Any) -> None:
        for step in (document["total"], *document["steps"]):
            for tensor in step["tensors"]:
                tensor["snr_db"] = (tensor["snr_db"] or 100) + 10
                tensor["max_abs"] *= 0.3
        document["verdict"] = verdict(read_evaluation(document))

    edit(folder / REPORT, change, sort_keys=True)
    return "tensors of every step"


def page(folder: Path, rng: Random) -> str:
    path = folder / "report" / rng.choice(["index.html", "junit.xml"])
    text = path.read_text(encoding="utf-8")
    found = list(re.finditer(r"(?<=[> ])\d+(\.\d+)?(?=[< ])" if path.suffix == ".html" else r"\d+", text))
    one = rng.choice(found)
    path.write_text(text[: one.start()] + str(float(one[0]) + 1) + text[one.end() :], encoding="utf-8")
    return f"{path.name}: {one[0]}"


def stray_file(folder: Path, rng: Random) -> str:
    where = rng.choice([folder, folder / "evaluation", folder / "report", folder / "golden", wrapper_of(folder)])
    (where / "notes.txt").write_text("mine")
    return f"notes.txt in {where.name}"
