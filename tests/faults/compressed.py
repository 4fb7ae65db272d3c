"""Faults that make most sense in compressed bundles: scales and tables, and what is said of layers, sizes and gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from posekit import bundle
from posekit.report.document import read_evaluation, verdict
from posekit.targets.litert import tflite_file
from tests.faults.constants import opened
from tests.faults.files import REPORT, Random, edit, model_of

RECIPE = Path("recipe.json")
OTHERS = {"fp32": "fp16", "fp16": "w8", "w8": "w8a8", "w8a8": "w8", "pal4": "pal8", "sparse50-w8": "w8"}
SAID = {
    "fp32": (32, "float32", "float32"), "fp16": (16, "float16", "float32"), "w8": (8, "int8, 1 scale", "float32"),
    "w8a8": (8, "int8, one scale a channel", "int8"),
}  # fmt: skip


def scale(folder: Path, rng: Random) -> str:
    """A scale or zero point of a quantized tensor."""
    model = opened(folder)
    if model_of(folder).suffix == ".tflite":
        tensors = [
            one
            for one in model.content.subgraphs[0].tensors
            if one.quantization is not None and one.quantization.scale is not None and len(one.quantization.scale)
        ]
        if not tensors:
            return ""
        tensor = rng.choice(tensors)
        given = tensor.quantization
        at = rng.randrange(len(given.scale))
        if rng.random() < 0.7:
            by = rng.choice([0.9, 1.01, 1.3])
            given.scale = np.asarray(given.scale, np.float32).copy()
            given.scale[at] *= np.float32(by)
            said = f"scale {at} times {by}"
        else:
            by = rng.choice([-1, 1, 9])
            given.zeroPoint = np.asarray(given.zeroPoint, np.int64).copy()
            given.zeroPoint[at % len(given.zeroPoint)] += by
            said = f"zero point {at} and {by}"
        model.save()
        return f"{said} of {tflite_file.text(tensor.name)}"
    parts = ("scale", "zero_point", "offset", "bias")
    found = [
        one
        for one in model.constants
        if one.part in parts or (one.part == "val" and _is_scale(model.content, one.name))
    ]
    if not found:
        return ""
    constant = rng.choice(found)
    values, at = constant.values.copy(), rng.randrange(constant.values.size)
    if values.dtype.kind == "f":
        values[at] *= values.dtype.type(rng.choice([0.9, 1.01, 1.3]))
    else:
        values[at] += values.dtype.type(1)
    if np.array_equal(values, constant.values):
        return ""
    constant.store(values)
    model.save()
    return f"{constant.part} of {constant.name}"


def _is_scale(proto: Any, name: str) -> bool:
    """Whether a constant of that name is read as a scale or a zero point."""
    from tests.faults.constants import operations_of

    value = name.partition(" ")[2]
    return any(
        bound.name == value
        for operation in operations_of(proto) for part, given in operation.inputs.items()
        if part in ("scale", "zero_point") for bound in given.arguments
    )  # fmt: skip


def table_entry(folder: Path, rng: Random) -> str:
    """An entry of a palette, or an index into it."""
    model = opened(folder)
    found = [one for one in model.constants if one.part in ("lut", "indices")]
    if not found:
        return ""
    constant = rng.choice(found)
    values, at = constant.values.copy(), rng.randrange(constant.values.size)
    if values.dtype.kind == "f":
        values[at] += values.dtype.type(0.3 * max(float(np.abs(values).max()), 1e-3))
    else:
        values[at] ^= 1 << rng.randrange(8)
    constant.store(values)
    model.save()
    return f"{constant.part} of {constant.name} at {at}"


def layer(folder: Path, rng: Random) -> str:
    """A layer of the report said to be stored, computed or wanted otherwise, in one field or all of them."""

    def change(document: Any) -> str:
        said = ""
        one = rng.choice(document["layers"])
        as_what = rng.choice([name for name in SAID if name != one["wanted"]])
        bits, stored, activations = SAID[as_what]
        new = {
            "bits": bits,
            "stored": stored,
            "activations": activations,
            "wanted": as_what,
            "weights": one["weights"] + 1,
        }
        key = rng.choice([*new, "all"])
        values = {name: value for name, value in new.items() if name != "weights"} if key == "all" else {key: new[key]}
        if {name: one[name] for name in values} != values:
            one.update(values)
            said = f"{key} of {one['name']} as {as_what}"
        return said

    return edit(folder / REPORT, change, sort_keys=True)


def layer_names(folder: Path, rng: Random) -> str:
    """Two layers of the report exchanged: the one that is not as wanted gets another's name."""

    def change(document: Any) -> str:
        one, other = rng.sample(document["layers"], 2)
        one["name"], other["name"] = other["name"], one["name"]
        return f"{one['name']} and {other['name']}"

    return edit(folder / REPORT, change, sort_keys=True)


def recipe_of_a_layer(folder: Path, rng: Random) -> str:
    """Another precision of one layer, in recipe, report and manifest."""
    recipe = json.loads((folder / RECIPE).read_text())
    if recipe["precision"] not in OTHERS:
        return ""
    name = rng.choice(json.loads((folder / REPORT).read_text())["layers"])["name"]
    new = OTHERS[recipe["precision"]]
    edit(folder / RECIPE, lambda document: document["layers"].update({name: new}))
    edit(folder / bundle.MANIFEST, lambda document: document.update(precision="auto"))

    def change(document: Any) -> None:
        document["precision"] = "auto"
        for one in document["layers"]:
            if one["name"] == name:
                one["wanted"] = new
                if rng.random() < 0.5:
                    one["why"] = one["why"] or "of 24 weights too little room would be saved"

    edit(folder / REPORT, change, sort_keys=True)
    return f"{name} as {new}"


def reasons_and_notes(folder: Path, rng: Random) -> str:
    """Why a layer is otherwise than wanted, or a note: other words, none, or one where nothing is to be explained."""

    def change(document: Any) -> str:
        said = ""
        one, how = rng.choice(document["layers"]), rng.choice(["why", "note", "no note"])
        if how == "why":
            old = one["why"]
            one["why"] = rng.choice(["", "its owner asked for it", "the quantizer failed"]) if old else "it is exact so"
            said = f"why of {one['name']}: {one['why']!r}" if one["why"] != old else ""
        elif how == "note":
            document["notes"] = [*document["notes"], "measured on 100 phones"]
            said = how
        elif document["notes"]:
            document["notes"] = document["notes"][1:]
            said = how
        return said

    return edit(folder / REPORT, change, sort_keys=True)


def gate(folder: Path, rng: Random) -> str:
    """A gate of the report removed, with another outcome, or another text."""

    def change(document: Any) -> str:
        said = ""
        check, how = rng.choice(document["checks"]), rng.choice(["removed", "outcome", "detail", "limit"])
        if how == "removed":
            document["checks"].remove(check)
        elif how == "outcome":
            check["outcome"] = "skipped" if check["outcome"] == "pass" else "pass"
        elif how == "limit":
            check["name"] = f"{check['name']} (strict)"
        else:
            check["detail"] = f"{check['detail']}, as on a phone"
        said = f"{how} of {check['name']}"
        document["verdict"] = verdict(read_evaluation(document))
        return said

    return edit(folder / REPORT, change, sort_keys=True)


def step(folder: Path, rng: Random) -> str:
    """The figures of conversion or precision made better, or left out."""

    def change(document: Any) -> str:
        said = ""
        steps = [one for one in document["steps"] if one["keypoints"] is not None]
        if not steps:
            return said
        one, how = rng.choice(steps), rng.choice(["keypoints", "tensors", "drift", "skipped"])
        if how == "skipped":
            one.update(keypoints=None, drift=None, tensors=[], skipped="not run here")
        elif how == "tensors":
            for tensor in one["tensors"]:
                tensor.update(snr_db=(tensor["snr_db"] or 100.0) + 7, max_abs=tensor["max_abs"] * 0.5)
        else:
            for key, value in one[how].items():
                if isinstance(value, float) and key.endswith("px"):
                    one[how][key] = value * 0.5
                    said = "px" if value else said
            if not said:
                return said
        return f"{how} of {one['name']}"

    return edit(folder / REPORT, change, sort_keys=True)


def size(folder: Path, rng: Random) -> str:
    """Fewer bytes of the model than it has; written after the hashes."""
    edit(
        folder / REPORT,
        lambda document: document.update(model_bytes=document["model_bytes"] // rng.choice([2, 4])),
        sort_keys=True,
    )
    return "model_bytes"


def calibration(folder: Path, rng: Random) -> str:
    """More, other or no calibration pictures."""

    def change(document: Any) -> str:
        said = ""
        facts = document["calibration"]
        if facts is None:
            if rng.random() < 0.3:
                document["calibration"] = {"source": "folder", "found": 900, "chosen": 64, "sha256": "3" * 64}
                said = "pictures where none are taken"
            return said
        said = rng.choice(
            ["none", "found", "chosen", "sha256", "names", "brightness", "warnings", "saturation", "seen", "people"]
        )
        if said == "none":
            document["calibration"] = None
        elif said in ("found", "chosen"):
            facts[said] += 100
        elif said == "sha256":
            facts["sha256"] = "3" * 64
        elif said == "names":
            facts["names"][0] = "other.jpg"
        elif said == "brightness":
            facts["coverage"]["brightness"]["median"] += 1
        elif said == "warnings":
            facts["warnings"] = [] if facts["warnings"] else ["few"]
        elif said == "people":
            facts["is_annotated"] = not facts["is_annotated"]
        else:
            facts[said] = "a person is seen in all of 900 pictures"
        return said

    return edit(folder / REPORT, change, sort_keys=True)
