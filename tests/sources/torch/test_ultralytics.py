"""Checkpoints and exports of Ultralytics need no spec, and give what its own predict gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import beside

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ultralytics")]

PICTURES = ("same.png", "scaled.png", "upright.png")
EXPORTS = ("table.torchscript", "rows.torchscript")
MODELS = ("yolo11n-pose.pt", "yolo26n-pose.pt", "yolo26n-many.pt", "Five Points v2.pt", *EXPORTS)
WITHIN_PX, WITHIN = 0.05, 2e-4
# what a contract could say instead; the comparison must see each
SLIPS = {
    "factor": "decoder.keypoints.factor=1.0",
    "shift": "decoder.keypoints.shift=0.5",
    "anchor": "decoder.boxes.shift=0.0",
    "strides": "decoder.strides=[32,16,8]",
    "colours": "input.color_order=bgr",
    "least": "decoder.min_confidence=0.35",
    "overlap": "decoder.nms.threshold=0.5",
    "padding": "input.pad_value=0",
    "centres": "input.alignment=index",
}
FAULTS = {
    "their keypoints": "keypoints",
    "their boxes": "boxes",
    "factor": "keypoints",
    "shift": "keypoints",
    "levels": "boxes",
}


def _commands() -> dict[str, dict[str, Any]]:
    eleven = "yolo11n-pose.pt"
    found: dict[str, dict[str, Any]] = {
        f"poses {model}": {
            "model": model,
            "pictures": PICTURES if model not in EXPORTS else ("same.png", "upright.png"),
        }
        for model in MODELS
    }
    found |= {
        f"slip {name}": {"model": eleven, "pictures": ["same.png", "scaled.png"], "changes": [change]}
        for name, change in SLIPS.items()
    }
    found |= {f"contract {model}": _of("inspect", model, "--trust", "--json") for model in (*MODELS, "module.pt")}
    found |= {
        f"fault {name} {model}": {**_of("inspect", model, "--trust", "--json"), "fault": name}
        for name in FAULTS
        for model in (eleven, "yolo26n-pose.pt")
    }
    found |= {task: _of("package", f"{task}.pt", "--platform", "android", "--trust", "--json")
              for task in ("segment", "detect", "classify", "pets", "wrong_shape")}  # fmt: skip
    return found | {
        "shown": _of("predict", eleven, "same.png", "--trust", "--json"),
        "untrusted": _of("package", eleven, "--platform", "android", "--json"),
        "pets answered": _of("inspect", "pets.pt", "--trust", "--json", "--set", "decoder.scores.person=1"),
        "size": _of("predict", eleven, "same.png", "--trust", "--json", "--set", "input.size_wh=[330,320]"),
        "exported size": _of("predict", EXPORTS[0], "same.png", "--json", "--set", "input.size_wh=[320,320]"),
        "with nms": _of("package", "with_nms.torchscript", "--platform", "android", "--json"),
        "other task": _of("package", "other_task.torchscript", "--platform", "android", "--json"),
        "beside": _of("inspect", "given.pt", "--trust", "--json"),
        "set": _of("inspect", eleven, "--trust", "--json", "--set", "input.size_wh=[352, 320]", "--set", "license=MIT",
                   "--set", "decoder.nms.threshold=0.5"),
    }  # fmt: skip


def _of(*command: str) -> dict[str, Any]:
    return {"command": list(command)}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their files and pictures; own.json has what their predict makes of them."""
    try:
        beside.install()
    except beside.NotHereError as reason:
        pytest.skip(str(reason))
    made = tmp_path_factory.mktemp("ultralytics")
    (made / "own.json").write_text(json.dumps(beside.run("networks", made)))
    return made


@pytest.fixture(scope="session")
def told(folder: Path) -> dict[str, Any]:
    """What every command of this file says."""
    from tests.beside.archives import with_metadata

    with_metadata(folder / EXPORTS[0], folder / "with_nms.torchscript", {"args": {"nms": True}})
    with_metadata(folder / EXPORTS[0], folder / "other_task.torchscript", {"task": "segment"})
    (folder / "given.pt").write_bytes((folder / "yolo11n-pose.pt").read_bytes())
    first = {"contract": _of("inspect", "yolo11n-pose.pt", "--trust", "--json")}
    contract = json.loads(beside.run("commands", folder, first)["contract"]["out"])["contract"]
    (folder / "given.json").write_text(json.dumps(contract | {"name": "given", "version": "7"}))
    found: dict[str, Any] = beside.run("commands", folder, _commands())
    return found


@pytest.fixture(scope="session")
def own(folder: Path) -> dict[str, Any]:
    """By file and picture what their predict gives."""
    found: dict[str, Any] = json.loads((folder / "own.json").read_text())
    return found


@pytest.fixture
def said(told: dict[str, Any]) -> Callable[..., str]:
    """A command that must fail with `code` in one sentence: it and its hint."""

    def look(name: str, code: int) -> str:
        result = told[name]
        assert result["code"] == code, result
        document = json.loads(result["out"])
        lines = [line for line in result["err"].splitlines() if not line.startswith(("hint: ", "read from "))]
        assert lines == [f"error: {document['error']}"]
        assert document["hint"]
        return f"{document['error']} {document['hint']}"

    return look


def differences(folder: Path, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Where people differ beyond 0.05 px, in their order; theirs are cut off at the picture's sides."""
    found = []
    for name, seen in ours.items():
        wanted, (width, height) = theirs[name], Image.open(folder / name).size
        if seen["input_difference"] > 1.0:  # theirs is rounded to 8 bits
            found.append(f"{name}: input off by {seen['input_difference']}")
        if len(seen["boxes"]) != len(wanted["boxes"]):
            found.append(f"{name}: {len(seen['boxes'])} people, not {len(wanted['boxes'])}")
            continue
        points, numbers = np.array(wanted["keypoints"]), np.array(seen["keypoints"])
        off = {
            "confidences": np.subtract(seen["confidences"], wanted["confidences"]) / WITHIN,
            "boxes": (np.clip(seen["boxes"], 0, [width, height] * 2) - wanted["boxes"]) / WITHIN_PX,
            "keypoints": (np.clip(numbers, 0, [width, height]) - points[..., :2]) / WITHIN_PX,
        }
        if points.shape[-1] == 3:
            off["scores"] = (np.array(seen["scores"]) - points[..., 2]) / WITHIN
        found += [f"{name}: {what}" for what, values in off.items() if np.abs(values).max() > 1]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_people_are_those_of_their_predict(model: str, folder: Path, told: dict[str, Any], own: dict[str, Any]) -> None:
    ours = told[f"poses {model}"]
    assert all(len(seen["boxes"]) > 2 for seen in ours.values())
    assert differences(folder, ours, own[model]) == []


@pytest.mark.parametrize("slip", SLIPS)
def test_the_comparison_sees_a_wrong_field(slip: str, folder: Path, told: dict[str, Any], own: dict[str, Any]) -> None:
    assert differences(folder, told[f"slip {slip}"], own["yolo11n-pose.pt"]) != []


def test_the_branches_of_a_network_differ(own: dict[str, Any]) -> None:
    once, many = (own[name]["same.png"]["confidences"] for name in ("yolo26n-pose.pt", "yolo26n-many.pt"))
    assert once[:3] != many[:3]


@pytest.mark.parametrize("model", ["yolo11n-pose.pt", "yolo26n-pose.pt"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_head_that_is_not_understood_is_refused(fault: str, model: str, said: Callable[..., str]) -> None:
    text = said(f"fault {fault} {model}", 2)
    assert "head is not one that posekit knows" in text
    assert FAULTS[fault] in text
    assert "yolo export format=torchscript" in text


def contract(told: dict[str, Any], model: str) -> dict[str, Any]:
    result = told[f"contract {model}"]
    assert result["code"] == 0, result["err"]
    found: dict[str, Any] = json.loads(result["out"])["contract"]
    return found


def test_contract_of_yolo11(told: dict[str, Any]) -> None:
    found = contract(told, "yolo11n-pose.pt")
    assert (found["name"], found["type_name"], found["version"]) == ("yolo11n-pose", "Yolo11nPose", "2026-11-01")
    assert (found["license"], found["kind"]) == ("AGPL-3.0", "one_stage")
    assert found["keypoints"]["skeleton"] == "coco17"
    assert found["input"]["size_wh"] == [256, 256]
    decoder = found["decoder"]
    assert (decoder["strides"], decoder["min_confidence"], decoder["nms"]["kind"]) == ([8, 16, 32], 0.25, "iou")
    assert (decoder["nms"]["threshold"], decoder["nms"]["most_in"], decoder["nms"]["most_out"]) == (0.7, 30000, 300)


@pytest.mark.parametrize(
    ("model", "kind", "factor", "unit"),
    [
        ("yolo26n-pose.pt", "none", 1.0, "cells"),
        ("yolo26n-many.pt", "iou", 1.0, "cells"),
        ("module.pt", "iou", 2.0, "cells"),
        ("table.torchscript", "iou", 1.0, "input_px"),
        ("rows.torchscript", "none", 1.0, "input_px"),
    ],
)
def test_contracts_of_other_forms(model: str, kind: str, factor: float, unit: str, told: dict[str, Any]) -> None:
    decoder = contract(told, model)["decoder"]
    keypoints = decoder["keypoints"]
    assert (decoder["nms"]["kind"], keypoints["factor"], keypoints["unit"]) == (kind, factor, unit)


def test_contract_of_other_keypoints_and_classes(told: dict[str, Any]) -> None:
    found = contract(told, "Five Points v2.pt")
    assert (found["name"], found["license"]) == ("five-points-v2", "unknown")
    assert found["input"]["size_wh"] == [256, 256]  # 240, rounded up to whole cells
    assert found["keypoints"]["names"] == ["left_eye", "right_eye", "nose", "left_hand", "right_hand"]
    assert found["keypoints"]["flip_pairs"] == [["left_eye", "right_eye"], ["left_hand", "right_hand"]]
    assert found["decoder"]["keypoints"]["fields"] == ["x", "y"]
    scores = found["decoder"]["scores"]
    assert (scores["count"], scores["person"]) == (2, 1)
    assert "rounded up to multiples of 32" in told["contract Five Points v2.pt"]["err"]


def test_what_was_read_is_shown_once(told: dict[str, Any]) -> None:
    shown = told["shown"]
    assert shown["code"] == 0
    assert len(json.loads(shown["out"])["predictions"][0]["instances"]) > 2
    (line,) = [line for line in shown["err"].splitlines() if "read from the checkpoint" in line]
    assert all(text in line for text in ("256 x 256 px", "17 keypoints of 3", "class person", "AGPL-3.0"))
    assert "assumed: skeleton coco17" in line


def test_a_spec_beside_the_checkpoint_wins(told: dict[str, Any]) -> None:
    assert json.loads(told["beside"]["out"])["contract"]["name"] == "given"
    assert "read from" not in told["beside"]["err"]


def test_fields_of_a_drafted_contract_are_set(told: dict[str, Any]) -> None:
    document = json.loads(told["set"]["out"])
    assert document["contract"]["input"]["size_wh"] == [352, 320]
    assert document["contract"]["license"] == "MIT"
    assert document["contract"]["decoder"]["nms"]["threshold"] == 0.5
    assert document["outputs"]["boxes"] == [1, 44 * 40 + 22 * 20 + 11 * 10, 4]


@pytest.mark.parametrize("task", ["segment", "detect", "classify"])
def test_another_task_is_named(task: str, said: Callable[..., str]) -> None:
    assert f"for the task {task}, expected pose" in said(task, 2)


def test_without_trust_the_imports_are_listed(said: Callable[..., str]) -> None:
    text = said("untrusted", 2)
    assert all(part in text for part in ("ultralytics.nn.", "nothing was run", "--trust"))


def test_without_the_package_it_is_said_what_to_install(folder: Path) -> None:
    command = _of("package", "yolo11n-pose.pt", "--platform", "android", "--trust", "--json")
    result = beside.run("commands", folder, {"package": command}, with_package=False)["package"]
    assert result["code"] == 3
    assert all(text in result["out"] for text in ("pip install ultralytics", "format=torchscript"))


def test_no_class_is_called_person(said: Callable[..., str], told: dict[str, Any]) -> None:
    text = said("pets", 2)
    assert all(part in text for part in ("0 dog, 1 cat", "--set decoder.scores.person=..."))
    answered = json.loads(told["pets answered"]["out"])["contract"]
    assert answered["decoder"]["scores"]["person"] == 1


@pytest.mark.parametrize(
    ("name", "texts"),
    {
        "wrong_shape": ("kpt_shape [5, 3]", "15 numbers", "gives 10"),
        "size": ("330 x 320", "every 32 px", "320 x 320"),
        "exported size": ("320 x 320", "was exported for 192 x 256"),
        "with nms": ("exported with its suppression", "without nms=True"),
        "other task": ("for the task segment, expected pose",),
    }.items(),
)
def test_what_does_not_fit_is_told(name: str, texts: tuple[str, ...], said: Callable[..., str]) -> None:
    text = said(name, 2)
    assert all(part in text for part in texts), text


@pytest.mark.parametrize(
    ("model", "platform", "precision"),
    [("yolo11n-pose.pt", "android", "fp16"), ("yolo26n-pose.pt", "ios", "fp32")],
)
def test_a_checkpoint_alone_is_packaged(model: str, platform: str, precision: str, folder: Path, told: Any) -> None:
    del told  # after what it writes
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    for name in PICTURES:
        (pictures / name).write_bytes((folder / name).read_bytes())
    command = _of("package", model, "--platform", platform, "--precision", precision, "--trust", "--json",
                  "--images", "pictures", "--out", "bundles", "--overwrite")  # fmt: skip
    result = beside.run("commands", folder, {"package": command})["package"]
    assert result["code"] == 0, result["err"]
    bundle = folder / "bundles" / f"{Path(model).stem}-{platform}"
    spec = json.loads((bundle / "pose.json").read_text())
    assert (spec["name"], spec["input"]["size_wh"]) == (Path(model).stem, [256, 256])
    assert "read from the checkpoint" in result["err"]


def test_the_generated_code_sees_the_same_people_in_the_same_order(folder: Path, run_posekit: Any) -> None:
    """In Kotlin, of the bundle above; Swift takes too long to compile for a test more, and has its own network
    (tests/pipelines/test_several_people.py). One of the pictures fits the input as it is, so that nothing of it moves.
    """
    bundle = folder / "bundles" / "yolo11n-pose-android"
    if not bundle.is_dir():
        pytest.skip("the bundle is written by test_a_checkpoint_alone_is_packaged, which did not run")
    ran = run_posekit("validate", bundle, "--wrapper", "--json")
    if ran.code == 3:
        pytest.skip(ran.err)
    assert ran.code == 0, ran.err + ran.out
    document = json.loads(ran.out)
    checks = {check["name"]: check["outcome"] for check in document["checks"]}
    assert checks["the wrapper's decoding"] == checks["from the picture: people, missed"] == "pass"
    steps = {step["name"]: step for step in document["steps"]}
    for name in ("preprocessing", "decoding"):
        keypoints, people = steps[name]["keypoints"], steps[name]["people"]
        assert max(keypoints["max_px"], keypoints["max_box_px"]) < WITHIN_PX
        assert people["seen"] == people["reference"] > 2 * len(PICTURES)
        assert (people["missed"], people["invented"], people["reordered"]) == ([], [], [])
