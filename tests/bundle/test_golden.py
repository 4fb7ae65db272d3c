"""The golden vectors that Kotlin and Swift are held to are what Python computes now, and they cover every decoder."""

from __future__ import annotations

import base64
import itertools
import json
import runpy
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from posekit.bundle import golden
from posekit.contract.presets import preset, preset_names
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders import DECODERS
from posekit.decoders.boxes import Anchors, Boxes
from posekit.decoders.detections.nms import NmsSpec
from posekit.decoders.heatmap import HeatmapSpec
from posekit.decoders.landmarks import LandmarksSpec
from posekit.decoders.regression import RegressionSpec
from posekit.decoders.roles import CandidatesSpec, Keypoints, Scores
from posekit.decoders.simcc import SimccSpec
from posekit.poses.input_spec import InputSpec
from posekit.poses.transforms import Orientation

FOLDER = Path(__file__).parents[1] / "golden"
FILES = (
    *(f"{kind}.json" for kind in DECODERS),
    "dense.json",
    "following.json",
    "people.json",
    "tracking.json",
    "warp.json",
    "yuv.json",
)


def cases(path: Path) -> list[Any]:
    document = json.loads(path.read_text())
    assert document["seed"] == golden.SEED
    return list(document["cases"])


def choices(model: type[Any], field: str) -> set[Any]:
    return set(get_args(model.model_fields[field].annotation))


def floats(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), "<f4")


def assert_same(seen: Any, expected: Any, where: str) -> None:
    """Equal, but for what the last bits of a float may differ by from one machine's libraries to another's."""
    assert type(seen) is type(expected), where
    if isinstance(seen, dict):
        assert list(seen) == list(expected), where
        for key in seen:
            if key in ("tensor", "values"):
                np.testing.assert_allclose(
                    floats(seen[key]), floats(expected[key]), rtol=1e-5, atol=1e-5, err_msg=where
                )
            else:
                assert_same(seen[key], expected[key], f"{where}.{key}")
    elif isinstance(seen, list):
        assert len(seen) == len(expected), where
        for index, pair in enumerate(zip(seen, expected, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    elif isinstance(seen, float):
        assert seen == pytest.approx(expected, rel=1e-9, abs=1e-9), where
    else:
        assert seen == expected, where


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    runpy.run_path(str(FOLDER / "make.py"))["main"](folder)
    return folder


@pytest.mark.xdist_group("golden")
@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_make_writes_now(remade: Path, name: str) -> None:
    assert sorted(path.name for path in remade.iterdir()) == sorted(path.name for path in FOLDER.glob("*.json"))
    assert_same(cases(remade / name), cases(FOLDER / name), name)


@pytest.mark.parametrize("name", FILES)
def test_names_are_unique(name: str) -> None:
    names = [case["name"] for case in cases(FOLDER / name) if "name" in case]
    assert len(names) == len(set(names))


def test_every_decoder_and_every_choice_of_its_spec_has_a_case() -> None:
    by_kind = {kind: [case["settings"] for case in cases(FOLDER / f"{kind}.json")] for kind in DECODERS}
    assert all(by_kind.values())
    wanted = {
        "heatmap": (HeatmapSpec, ("refinement", "alignment")),
        "simcc": (SimccSpec, ("score_reduction", "refinement", "activation")),
        "regression": (RegressionSpec, ("range",)),
    }
    for kind, (model, fields) in wanted.items():
        have = {tuple(d[field] for field in fields) for d in by_kind[kind]}
        assert have == set(itertools.product(*(choices(model, field) for field in fields))), kind
    assert {d["activation"] for d in by_kind["heatmap"]} == choices(HeatmapSpec, "activation")
    assert {d["activation"] for d in by_kind["regression"]} == choices(RegressionSpec, "activation")
    assert {name for d in by_kind["regression"] for name in d["fields"]} == {"x", "y", "z", "score", "skip"}
    for part, model, field in [("", CandidatesSpec, "axes"), ("boxes.", Boxes, "format"), ("boxes.", Boxes, "unit"),
                               ("keypoints.", Keypoints, "unit"), ("keypoints.", Keypoints, "activation"),
                               ("scores.", Scores, "activation"), ("nms.", NmsSpec, "kind"),
                               ("nms.", NmsSpec, "definition"), ("anchors.", Anchors, "spacing")]:  # fmt: skip
        assert {d[part + field] for d in by_kind["detections"] if part + field in d} == choices(model, field), (
            part + field
        )


def test_landmarks_are_inside_at_the_border_and_of_nobody() -> None:
    found = cases(FOLDER / "landmarks.json")
    assert {case["people"] for case in found} == {0, 1}
    for field in ("range", "activation", "score", "instance_activation"):
        assert {case["settings"][field] for case in found} == choices(LandmarksSpec, field)
    assert {name for case in found for name in case["settings"]["fields"]} == {
        "x", "y", "z", "visibility", "presence", "skip"}  # fmt: skip


def test_cases_of_several_people_have_any_number_of_them() -> None:
    counts = {case["people"] for case in cases(FOLDER / "detections.json")}
    assert {0, 1, 2} < counts
    frames = cases(FOLDER / "people.json")
    assert {case["people"] for case in frames} >= {0, 2, 3, 4}
    assert max(one for case in frames for one in case["ids"]) > 4  # somebody was forgotten, and is new


def test_every_way_of_warping_has_a_case() -> None:
    found = cases(FOLDER / "warp.json")
    fields = ("resize", "alignment", "sampling")
    ways = {(*(case["input"][field] for field in fields), case["region_kind"]) for case in found}
    every = itertools.product(*(choices(InputSpec, field) for field in fields), ("frame", "crop", "turned"))
    assert ways == {way for way in every if way[2:] != ("bilinear_antialias", "turned")}
    assert {case["rotation_degrees"] for case in found} == {0, 90, 180, 270}
    assert {case["mirrored"] for case in found} == {False, True}


def test_the_tracker_both_finds_and_loses_its_person() -> None:
    regions = [case["region"] is None for case in cases(FOLDER / "tracking.json")]
    assert any(regions)
    assert not all(regions)


def regression_spec() -> PoseSpec:
    data = preset("hrnet-coco17").model_dump(by_alias=True) | {"outputs": ["rows"]}
    data["decoder"] = {"kind": "regression", "output": "rows", "fields": ["y", "x", "z", "score"], "range": "unit"}
    data["depth"] = {"unit": "px", "root": [], "direction": "away"}
    return parse_spec(data, "")


@pytest.mark.parametrize("name", [*preset_names(), "regression"])
def test_a_contracts_own_vectors_are_for_its_decoder_and_the_same_each_time(tmp_path: Path, name: str) -> None:
    spec = regression_spec() if name == "regression" else preset(name)
    for folder in ("a", "b"):
        golden.write(tmp_path / folder, spec)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(golden.files_of(spec))
    for file in golden.files_of(spec):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    own = cases(tmp_path / "a" / f"{spec.decoder.kind}.json")
    assert [case["kind"] for case in own] == [spec.decoder.kind] * 2
    assert len(cases(tmp_path / "a" / "warp.json")) == 9


def test_a_case_holds_what_its_numbers_say() -> None:
    spec = preset("hrnet-coco17").input.model_copy(update={"size_wh": (8, 8)})
    (case, *_) = golden.warp_cases(np.random.default_rng(1), "x", spec, (5, 7), Orientation(90), 0.0)
    assert len(base64.b64decode(case["image_rgb"])) == 5 * 7 * 3
    assert len(floats(case["tensor"])) == 8 * 8 * 3
