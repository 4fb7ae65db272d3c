"""posekit's own golden vectors through a wrapper's code: what fails, and that edited code runs with --trust alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posekit.contract.skeletons import flip_indices
from posekit.contract.spec import contract_hash, parse_spec, read_spec
from posekit.devices import golden_run
from posekit.devices.desktop import kotlin
from posekit.poses.regions import region_from_box
from tests import faults
from tests.fuzz.readers import SPEC

CONTRACT = parse_spec(SPEC, "a test")
REGION = region_from_box(golden_run.BOX_XYXY, CONTRACT.input.size_wh, CONTRACT.input.box_padding)
SAID: dict[str, Any] = {
    "warp": {"cases": 33, "grey": 0.001, "geometry": 1e-9},
    "yuv": {"cases": 12, "grey": 0},
    "decoder": {"cases": 2, "count": 0, "px": 1e-5, "score": 1e-7, "box": 1e-5},
    "tracking": {"cases": 12, "lost": 1, "region": 0.0, "smoothed": 1e-12},
    "people": {"cases": 40, "ids": 0, "smoothed": 1e-12},
    "following": {"cases": 42, "others": 0, "region": 1e-12},
    "dense": {"cases": 3, "count": 0, "numbers": 0, "values": 0.0, "uv": 0.0, "matrix": 0.0, "at_points": 0.0},
    "contract": {
        "hash": contract_hash(CONTRACT),
        "size_wh": [8, 8],
        "resize": "affine_crop",
        "alignment": "half_pixel",
        "sampling": "bilinear",
        "anchor": "center",
        "rounding": "half_up",
        "odd_pixel": "after",
        "enlarge": True,
        "pad_value": 0,
        "outside": "value",
        "box_padding": 1.25,
        "names": ["nose", "left_eye"],
        "oks_sigmas": [0.1, 0.1],
        "flip_partners": list(flip_indices(CONTRACT.keypoints.as_skeleton())),
        "edges": [[0, 1]],
        "dense": [],
        "following": [],
        "box_region": [*REGION.center_xy, *REGION.size_wh, 0.0],
    },
}
WRONG: list[tuple[str, str, Any]] = [
    ("warp", "grey", 0.02),
    ("warp", "grey", None),
    ("warp", "grey", "Infinity"),
    ("warp", "cases", 0),
    ("warp", "geometry", 1e-5),
    ("yuv", "grey", 1),
    ("decoder", "px", 0.002),
    ("decoder", "score", 1.0),
    ("decoder", "unrefused_nan", 1),
    ("decoder", "count", 1),
    ("decoder", "box", 0.002),
    ("people", "ids", 1),
    ("following", "others", 1),
    ("following", "region", None),
    ("people", "smoothed", None),
    ("people", "cases", 0),
    ("tracking", "region", 1.0),
    ("tracking", "smoothed", None),
    ("contract", "hash", "0" * 64),
    ("contract", "size_wh", [8, 9]),
    ("contract", "resize", "stretch"),
    ("contract", "resize", "affineCrop"),
    ("contract", "alignment", "corners"),
    ("contract", "anchor", "top_left"),
    ("contract", "rounding", "floor"),
    ("contract", "odd_pixel", "before"),
    ("contract", "enlarge", False),
    ("contract", "box_padding", 1.2),
    ("contract", "pad_value", 1.0),
    ("contract", "outside", "edge"),
    ("contract", "names", ["left_eye", "nose"]),
    ("contract", "oks_sigmas", [0.1, 0.2]),
    ("contract", "flip_partners", [1, 0]),
    ("contract", "edges", [[1, 0]]),
    ("contract", "edges", []),
    ("contract", "box_region", [0.0, 0.0, 1.0, 1.0, 0.0]),
    ("contract", "cases", ["nose", "leftEar"]),
]


def judged(said: dict[str, Any]) -> tuple[str, str]:
    check = golden_run.judged(f"chatter\n{json.dumps(said)}\n", CONTRACT)
    return check.outcome, check.detail


def test_what_is_right_passes() -> None:
    assert judged(SAID) == (
        "pass",
        "33 of warp, 12 of yuv, 2 of decoder, 3 of dense, 12 of tracking, 40 of people, 42 of following",
    )


@pytest.mark.parametrize(
    ("suite", "key", "value"), WRONG, ids=[f"{suite}-{key}-{value}" for suite, key, value in WRONG]
)
def test_what_is_off_fails(suite: str, key: str, value: Any) -> None:
    outcome, detail = judged({**SAID, suite: {**SAID[suite], key: value}})
    assert outcome == "fail"
    assert key in detail or "no case" in detail


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"warp": 1}'])
def test_no_answer_fails(text: str) -> None:
    assert golden_run.judged(text, CONTRACT).outcome == "fail"


def test_every_orientation_is_among_the_vectors(tmp_path: Path) -> None:
    cases = json.loads((golden_run.vectors(CONTRACT, tmp_path / "golden") / "warp.json").read_text())["cases"]
    assert {(case["rotation_degrees"], case["mirrored"]) for case in cases} == {
        (turn, mirrored) for turn in (0, 90, 180, 270) for mirrored in (False, True)
    }


@pytest.mark.slow
@pytest.mark.skipif(bool(kotlin.why_not()), reason=kotlin.why_not())
def test_edited_kotlin_is_run_with_trust_and_held_to_the_vectors(
    bundle: Path, run_posekit: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    """Faults that upright recorded cases do not see: a quarter turn, a tracker's growth, the partner of a keypoint."""
    package = bundle / "module" / "src" / "main" / "kotlin" / "posekit" / "tiny"
    spec = read_spec(bundle / "pose.json")
    for name, old, new in (
        ("StoredImage.kt", "90 -> Affine(0.0, 1.0, 0.0, -flip,", "90 -> Affine(0.0, 1.0, 0.0, flip,"),
        ("OneEuroFilter.kt", "2 * Math.PI", "3 * Math.PI"),
        (
            "Tiny.kt",
            f"intArrayOf({', '.join(map(str, flip_indices(spec.keypoints.as_skeleton())))})",
            "intArrayOf(0, 1, 2)",
        ),
    ):
        text = (package / name).read_text()
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        (package / name).write_text(text.replace(old, new))
    faults.sealed(bundle)
    refused(2, "validate", bundle, "--wrapper", "--allow-edited", says=("is not run", "--trust"))
    ran = run_posekit("validate", bundle, "--wrapper", "--allow-edited", "--trust", "--json")
    assert ran.code == 1, ran.err
    failed = {one["name"]: one["detail"] for one in json.loads(ran.out)["checks"] if one["outcome"] == "fail"}
    assert list(failed) == [golden_run.NAME]
    assert all(word in failed[golden_run.NAME] for word in ("warp", "smoothed", "flip_partners"))
