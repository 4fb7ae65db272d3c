"""The contract: what is accepted, what each wrong field is told, and one hash for one contract."""

from __future__ import annotations

import copy
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from posekit.contract import spec as spec_module
from posekit.contract.depth import DepthSpec
from posekit.contract.skeletons import SKELETONS
from posekit.contract.spec import (
    MAX_SPEC_BYTES,
    DetectorSpec,
    GateSpec,
    KeypointsSpec,
    PoseSpec,
    canonical_json,
    contract_hash,
    parse_spec,
    read_spec,
)
from posekit.decoders import DECODERS
from posekit.decoders.boxes import Anchors, Boxes
from posekit.decoders.cell_mean import Refinement
from posekit.decoders.centers.roles import CenterBoxes, Displacements, PeakChannels, Scoring, Snapping, Suppression
from posekit.decoders.dense import DenseSpec
from posekit.decoders.depth_bins import DepthSlices, DepthVector
from posekit.decoders.detections.nms import NmsSpec
from posekit.decoders.map_roles import MapRole
from posekit.decoders.offset_map import Channels
from posekit.decoders.paf.spec import Fields, Grouping, Heatmaps, LimbRules, PeakRules, Upsampling
from posekit.decoders.roles import Keypoints, Objectness, Scores
from posekit.decoders.tags.filling import FillingSpec
from posekit.decoders.tags.groups import GroupsSpec
from posekit.decoders.tags.roles import Levels, PeaksSpec, TagLevels
from posekit.errors import InputError
from posekit.poses.input_spec import InputSpec
from posekit.poses.region_spec import PointsSpec, RegionSpec

DOCUMENT = Path(__file__).parents[2] / "docs" / "spec.md"

TOML = """
schema = 1
name = "tiny-pose"
version = "1.0.0"
license = "Apache-2.0"
kind = "top_down"
[input]
size_wh = [96, 128]
color_order = "rgb"
mean = [123.675, 116, 103.53]
std = [58.395, 57.12, 57.375]
resize = "affine_crop"
box_padding = 1.25
alignment = "half_pixel"
[decoder]
kind = "heatmap"
output = "heatmaps"
refinement = "dark"
alignment = "stride"
[keypoints]
skeleton = "coco17"
"""
SIMCC = {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 2, "score_reduction": "min"}
DEPTH = {"unit": "px", "root": ["nose"], "direction": "away"}
REGRESSION = {"kind": "regression", "output": "points", "fields": ["x", "y"], "range": "unit"}


def valid() -> dict[str, Any]:
    return tomllib.loads(TOML)


def changed(path: str, value: Any) -> dict[str, Any]:
    """A valid spec with one field set; `path` is dotted."""
    data = valid()
    *tables, field = path.split(".")
    table = data
    for name in tables:
        table = table.setdefault(name, {})
    table[field] = value
    return data


def refusal(data: dict[str, Any]) -> InputError:
    with pytest.raises(InputError) as raised:
        parse_spec(data, "pose.toml")
    assert "\n" not in raised.value.message
    return raised.value


def own_keypoints(*names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "oks_sigmas": [0.1] * len(names), **more}


WRONG = [
    ("schema", 2, "schema is 2: expected 1"),
    ("schema", "1", "schema is '1': expected 1"),
    ("name", 3, "name is 3: expected a text in quotes"),
    ("name", "n" * 49, "should have at most 48 characters"),
    ("type_name", "tinyPose", "type_name is 'tinyPose': expected a name such as TinyPose"),
    ("kotlin_package", 3, "kotlin_package is 3: expected a text in quotes"),
    ("version", "1 0", "version is '1 0': expected 1 to 32 letters"),
    ("license", "", "license is '': expected an SPDX identifier"),
    ("kind", "top", "kind is 'top': expected 'top_down', 'bottom_up', 'one_stage' or 'two_stage'"),
    ("outputs", "heatmaps", "outputs is 'heatmaps': expected a list"),
    ("outputs", ["a", "a"], "outputs is ['a', 'a']: output names must differ"),
    ("input", 3, "input is 3: expected a table"),
    ("input.size_wh", 96, "input.size_wh is 96: expected a list"),
    ("input.size_wh", [96], "input.size_wh is [96]: expected 2 values"),
    ("input.size_wh", [96, 128, 3], "input.size_wh is [96, 128, 3]: expected 2 values"),
    ("input.size_wh", [0, 128], "input.size_wh.0 is 0: expected a number greater than or equal to 1"),
    ("input.size_wh", [96, 8193], "input.size_wh.1 is 8193: expected a number less than or equal to 8192"),
    ("input.size_wh", [96.0, 128], "input.size_wh.0 is 96.0: expected a valid integer"),
    ("input.size_wh", [96, True], "input.size_wh.1 is True: expected a valid integer"),
    ("input.color_order", "RGB", "input.color_order is 'RGB': expected 'rgb', 'bgr' or 'gray'"),
    ("input.mean", [1], "input.mean is [1]: expected 3 values"),
    ("input.mean", [], "input.mean is []: expected 3 values"),
    ("input.mean", 1, "input.mean is 1: expected 3 values"),
    ("input.mean", [1, 2, 3, 4], "input.mean is [1, 2, 3, 4]: expected 3 values"),
    ("input.mean", True, "input.mean is True: expected a list"),
    ("input.color_order", "gray", "input.mean is [123.675, 116, 103.53]: expected 1 value"),
    ("input.mean", ["1", 0, 0], "input.mean.0 is '1': expected a valid number"),
    ("input.mean", [math.nan, 0, 0], "input.mean.0 is nan: expected a finite number"),
    ("input.mean", [0, math.inf, 0], "input.mean.1 is inf: expected a finite number"),
    ("input.mean", [10**400, 0, 0], "...: expected a valid number"),
    ("input.std", [1, 0, 1], "input.std is [1, 0, 1]: every std must be greater than 0"),
    ("input.std", [1, -1, 1], "every std must be greater than 0"),
    ("input.resize", "crop", "input.resize is 'crop': expected 'affine_crop', 'letterbox' or 'stretch'"),
    ("input.box_padding", 0, "input.box_padding is 0: expected a number greater than 0"),
    ("input.box_padding", 11, "expected a number less than or equal to 10"),
    ("input.pad_value", -1, "input.pad_value is -1: expected a number greater than or equal to 0"),
    ("input.pad_value", 256, "expected a number less than or equal to 255"),
    ("input.alignment", "stride", "expected 'half_pixel', 'index' or 'corners'"),
    ("decoder", [], "decoder is []: expected a table"),
    (
        "decoder.kind",
        "argmax",
        f"decoder.kind is 'argmax': expected one of {', '.join(map(repr, DECODERS))}",
    ),
    ("decoder.kind", 3, "decoder.kind is 3: expected one of"),
    ("decoder.output", 3, "decoder.output is 3: expected a text in quotes"),
    ("decoder.refinement", "DARK", "decoder.refinement is 'DARK': expected 'none', 'quarter', 'dark' or 'dark_udp'"),
    ("decoder.alignment", "index", "decoder.alignment is 'index': expected 'stride' or 'corners'"),
    ("decoder.blur_kernel", 10, "decoder.blur_kernel is 10: blur_kernel must be odd"),
    ("decoder.blur_kernel", 1, "expected a number greater than or equal to 3"),
    ("decoder.activation", "softmax", "decoder.activation is 'softmax': expected 'none' or 'sigmoid'"),
    ("decoder", SIMCC | {"split_ratio": 0}, "decoder.split_ratio is 0: expected a number greater than 0"),
    ("decoder", SIMCC | {"score_reduction": "max"}, "decoder.score_reduction is 'max': expected 'min' or 'mean'"),
    ("decoder", SIMCC | {"output_y": "x"}, "output_x and output_y must differ"),
    ("decoder.background", "middle", "decoder.background is 'middle': expected 'none', 'first' or 'last'"),
    (
        "input.sampling",
        "bicubic",
        "input.sampling is 'bicubic': expected 'bilinear', 'bilinear_32nds' or 'bilinear_antialias'",
    ),
    ("decoder", REGRESSION | {"fields": ["x", "q"]}, "decoder.fields.1 is 'q': expected 'x', 'y', 'z'"),
    ("decoder", REGRESSION | {"fields": ["x"]}, "decoder.fields is ['x']: fields must hold x and y once"),
    ("decoder", REGRESSION | {"fields": ["x", "y", "z", "z"]}, "fields must hold x and y once"),
    ("decoder", REGRESSION | {"fields": ["x", "y", "z"]}, "decoder 'regression' gives a z: expected a table depth"),
    ("depth", DEPTH, "depth is given, but decoder 'heatmap' as it is set gives none"),
    ("depth", DEPTH | {"unit": "mm"}, "depth.unit is 'mm': expected 'px' or 'metres'"),
    ("depth", DEPTH | {"direction": "up"}, "depth.direction is 'up': expected 'away' or 'towards'"),
    ("decoder", REGRESSION | {"range": "px"}, "decoder.range is 'px': expected 'unit'"),
    ("keypoints", [], "keypoints is []: expected a table"),
    ("keypoints.skeleton", 17, "keypoints.skeleton is 17: expected a text in quotes"),
    ("keypoints.skeleton", "coco", 'skeleton is "coco", expected one of'),
    ("keypoints", {"names": ["a", "b"], "oks_sigmas": [0.1]}, "oks_sigmas has 1 values, expected 2"),
    ("keypoints", {"names": ["a"], "oks_sigmas": [math.nan]}, "keypoints.oks_sigmas.0 is nan: expected a finite"),
    ("keypoints", own_keypoints("a", edges=[["a", "b"]]), 'names "b", expected one of the keypoints'),
    ("keypoints", own_keypoints("a", edges=[["a", "b", "c"]]), "is ['a', 'b', 'c']: expected 2 values"),
    ("keypoints", own_keypoints(), "keypoints are empty"),
    ("gate", {"max_px": 0}, "gate.max_px is 0: expected a number greater than 0"),
    ("gate", {"min_oks": 2}, "gate.min_oks is 2: expected a number less than or equal to 1"),
    ("gate", {"min_snr_db": math.nan}, "gate.min_snr_db is nan: expected a finite number"),
]


@pytest.mark.parametrize(("path", "value", "told"), WRONG)
def test_a_wrong_value_is_told_with_its_field_and_what_was_expected(path: str, value: Any, told: str) -> None:
    message = refusal(changed(path, value)).message
    assert message.startswith(f"pose.toml: {path.split('.')[0]}")
    assert told in message
    assert len(message) < 400


@pytest.mark.parametrize(("written", "read"), [(120, (120.0,)), ([120.5], (120.5,)), (0.25, (0.25,))])
def test_gray_has_one_number_for_mean_and_std(written: Any, read: tuple[float]) -> None:
    data = valid()
    data["input"] |= {"color_order": "gray", "mean": written, "std": written}
    spec = parse_spec(data, "")
    assert (spec.input.mean, spec.input.std) == (read, read)
    assert parse_spec(json.loads(canonical_json(spec)), "") == spec
    data["input"]["std"] = 0
    assert "every std must be greater than 0" in refusal(data).message


def test_corners_need_two_px_a_side() -> None:
    data = valid()
    data["input"] |= {"alignment": "corners", "size_wh": [1, 40]}
    assert "at least 2 px a side" in refusal(data).message


@pytest.mark.parametrize("text", ["../x", "a/b", "{{ x }}", "{% x %}", 'a"b', "a'b", "a\n", "a\nb", "a b", "é", "A\\"])
@pytest.mark.parametrize(
    "path", ["name", "type_name", "kotlin_package", "outputs", "decoder.output", "decoder.output_x", "decoder.output_y",
             "keypoints"],
)  # fmt: skip
def test_names_that_could_break_out_of_code_or_a_path_are_refused(path: str, text: str) -> None:
    if path.startswith("decoder.output_"):
        data = changed("decoder", SIMCC | {path.removeprefix("decoder."): text})
    else:
        data = changed(path, {"outputs": [text], "keypoints": own_keypoints(text)}.get(path, text))
    assert repr(text) in refusal(data).message


@pytest.mark.parametrize("word", ["class", "fun", "in", "nil", "repeat", "interface", "posekit"])
def test_words_of_kotlin_and_swift_are_no_names(word: str) -> None:
    assert f"name is '{word}'" in refusal(changed("name", word)).message
    assert f"keypoint name '{word}'" in refusal(changed("keypoints", own_keypoints(word))).message


@pytest.mark.parametrize("name", ["index", "name", "all_cases", "flip_partner", "raw_value"])
def test_members_of_the_generated_keypoint_type_are_no_keypoint_names(name: str) -> None:
    assert f"keypoint name '{name}'" in refusal(changed("keypoints", own_keypoints(name))).message
    assert parse_spec(changed("keypoints", own_keypoints(f"{name}_finger")), "").keypoint_count == 1


@pytest.mark.parametrize(
    "path", ["nmae", "input.maen", "decoder.split_ratio", "keypoints.sigmas", "gate.max", "a\n{{b"]
)
def test_an_unknown_key_is_named(path: str) -> None:
    assert refusal(changed(path, 1)).message == f"pose.toml has an unknown key {path!r}"


def test_all_unknown_keys_are_named_before_anything_else_is_said() -> None:
    data = changed("input.maen", [1, 2, 3]) | {"verison": "1"}
    del data["version"], data["input"]["mean"]
    message = refusal(data).message
    assert "'input.maen'" in message
    assert "'verison'" in message


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (("name",), "name"),
        (("decoder.kind",), "decoder.kind"),
        (("keypoints.skeleton",), "keypoints.names, keypoints.oks_sigmas"),
        (
            ("license", "input.mean", "decoder.refinement", "keypoints"),
            "license, input.mean, decoder.refinement, keypoints",
        ),
        (("input", "decoder"), "input, decoder"),
    ],
)
def test_missing_fields_are_listed_together(left_out: tuple[str, ...], told: str) -> None:
    data = valid()
    for path in left_out:
        *tables, field = path.split(".")
        del (data[tables[0]] if tables else data)[field]
    error = refusal(data)
    assert error.message == f"pose.toml lacks {told}"
    assert "docs/spec.md" in error.hint


def test_affine_crop_needs_its_padding_said() -> None:
    data = valid()
    del data["input"]["box_padding"]
    assert "affine_crop needs box_padding" in refusal(data).message
    data["input"]["resize"] = "stretch"
    assert parse_spec(data, "").input.box_padding == 1.0


COCO = SKELETONS["coco17"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("names", [*COCO.keypoints[1:], COCO.keypoints[0]]),
        ("edges", []),
        ("flip_pairs", []),
        ("oks_sigmas", [0.1] * 17),
        ("names", "nose"),
    ],
)
def test_a_skeleton_given_twice_differently_is_refused(field: str, value: Any) -> None:
    assert f"{field} differs from those of skeleton 'coco17'" in refusal(changed(f"keypoints.{field}", value)).message


def test_a_skeleton_given_twice_alike_is_the_same_contract() -> None:
    once, twice = parse_spec(valid(), ""), parse_spec(changed("keypoints.names", list(COCO.keypoints)), "")
    assert contract_hash(once) == contract_hash(twice)
    assert once.keypoints.as_skeleton().edges == COCO.edges


@pytest.mark.parametrize(("name", "type_name"), [("tiny-pose", "TinyPose"), ("a_b2-c", "AB2C"), ("pose3d", "Pose3d")])
def test_the_type_name_comes_from_the_name(name: str, type_name: str) -> None:
    assert parse_spec(changed("name", name), "").type_name == type_name


@pytest.mark.parametrize(
    ("decoder", "outputs"), [(None, ("heatmaps",)), (SIMCC, ("x", "y")), (REGRESSION, ("points",))]
)
def test_a_decoder_names_the_outputs_that_it_reads(decoder: dict[str, Any] | None, outputs: tuple[str, ...]) -> None:
    spec = parse_spec(valid() if decoder is None else changed("decoder", decoder), "")
    assert spec.decoder.outputs == outputs
    assert spec.keypoint_count == 17


# One contract, one hash


def test_pose_json_reads_back_as_the_same_contract(tmp_path: Path) -> None:
    (tmp_path / "pose.toml").write_text(TOML)
    spec = read_spec(tmp_path / "pose.toml")
    (tmp_path / "pose.json").write_bytes(canonical_json(spec))
    again = read_spec(tmp_path / "pose.json")
    assert again == spec
    assert contract_hash(again) == contract_hash(spec)
    assert canonical_json(again) == (tmp_path / "pose.json").read_bytes()


def test_order_defaults_and_the_spelling_of_numbers_do_not_change_the_hash() -> None:
    spelled = valid()
    spelled["input"] |= {"box_padding": 1.25, "mean": [123.675, 116.0, 103.53], "pad_value": 0}
    spelled["decoder"] |= {"blur_kernel": 11, "activation": "none"}
    spelled |= {"type_name": "TinyPose", "outputs": [], "gate": {}}
    backwards = json.loads(json.dumps(spelled, sort_keys=True))
    backwards = dict(reversed(list(backwards.items())))
    assert contract_hash(parse_spec(backwards, "")) == contract_hash(parse_spec(valid(), ""))


@pytest.mark.parametrize(
    ("path", "value"),
    [("version", "1.0.1"), ("kotlin_package", "com.acme.pose"), ("input.mean", [123.675, 116.28, 103.53]),
     ("decoder.blur_kernel", 17), ("input.alignment", "index"), ("keypoints.skeleton", "h36m17"),
     ("gate", {"max_px": 1})],
)  # fmt: skip
def test_any_change_changes_the_hash(path: str, value: Any) -> None:
    assert contract_hash(parse_spec(changed(path, value), "")) != contract_hash(parse_spec(valid(), ""))


def test_the_hash_of_a_known_contract_stays() -> None:
    """Apps in the field hold such hashes: a new field of the spec must not change those of the old specs unseen."""
    assert contract_hash(parse_spec(valid(), "")) == "41c62f9f53849e77967955255904138cd9c011106220eb0111fa7fe106760e18"


numbers = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
positive = st.floats(1e-3, 10)
words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
output_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
three = st.lists(numbers, min_size=3, max_size=3)
decoders = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("heatmap"),
            "output": output_names,
            "refinement": st.sampled_from(["none", "quarter", "dark", "dark_udp"]),
            "alignment": st.sampled_from(["stride", "corners"]),
            "blur_kernel": st.integers(1, 49).map(lambda n: 2 * n + 1),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("simcc"),
            "output_x": output_names.map(lambda name: f"x{name}"),
            "output_y": output_names.map(lambda name: f"y{name}"),
            "split_ratio": positive,
            "score_reduction": st.sampled_from(["min", "mean"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("regression"),
            "output": output_names,
            "range": st.sampled_from(["unit", "signed_unit", "input_px"]),
            "fields": st.permutations(["x", "y", "z", "score", "skip", "skip"]),
        }
    ),
)


def deep(data: dict[str, Any]) -> dict[str, Any]:
    """The same with what depth means, where there is any."""
    depth = {"unit": "px", "root": [], "direction": "towards"}
    return data | ({"depth": depth} if data["decoder"]["kind"] == "regression" else {})


specs = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "name": words.map(lambda word: f"{word}-net"),
        "version": st.just("1"),
        "license": st.just("MIT"),
        "kind": st.sampled_from(["top_down", "bottom_up"]),
        "decoder": decoders,
        "outputs": st.lists(output_names, unique=True, max_size=3),
        "input": st.fixed_dictionaries(
            {
                "size_wh": st.lists(st.integers(2, 8192), min_size=2, max_size=2),
                "color_order": st.sampled_from(["rgb", "bgr"]),
                "mean": three,
                "std": st.lists(positive, min_size=3, max_size=3),
                "box_padding": positive,
                "resize": st.sampled_from(["affine_crop", "letterbox", "stretch"]),
                "pad_value": st.floats(0, 255),
                "alignment": st.sampled_from(["half_pixel", "index", "corners"]),
            }
        ),
        "keypoints": st.sampled_from(sorted(SKELETONS)).map(lambda name: {"skeleton": name})
        | st.lists(words.map(lambda word: f"{word}_end"), unique=True, min_size=1, max_size=5).map(
            lambda w: own_keypoints(*w)
        ),
        "gate": st.fixed_dictionaries({}, optional={"max_px": positive, "min_score": numbers}),
    }
)


@given(specs.map(deep))
def test_any_contract_survives_pose_json(data: dict[str, Any]) -> None:
    spec = parse_spec(copy.deepcopy(data), "")
    assert parse_spec(json.loads(canonical_json(spec)), "") == spec


# Files


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.toml", b"", "lacks schema, name, version, license, kind, input, decoder, keypoints"),
        ("a.toml", b"name = ", "is no valid TOML"),
        ("a.toml", b"\xff\xfe", "is no valid TOML"),
        ("a.toml", b"name = 'a'\nname = 'b'", "is no valid TOML"),
        ("a.toml", b"x = " + b"[" * 5000, "is no valid TOML"),
        ("a.json", b"", "is no valid JSON"),
        ("a.json", b"{", "is no valid JSON"),
        ("a.json", b"[]", "holds a list, expected a table"),
        ("a.json", b"null", "holds a NoneType, expected a table"),
        ("a.json", b"[" * 100_000, "is no valid JSON"),
        ("a.json", b'{"schema": ' + b"9" * 5000 + b"}", "is no valid JSON"),
        ("a.json", b'{"input": {"mean": ' + b"[" * 700 + b"]" * 700 + b"}}", "is no valid JSON"),
        ("a.json", b'{"x": ' + b"[" * 190 + b"]" * 190 + b"}", "has an unknown key 'x'"),
        ("a.toml", b"name = " + b"[" * 50_000 + b"]" * 50_000, "is no valid TOML"),
        ("a.toml", b"name = " + b"[" * 100 + b"]" * 100, "name is [[[["),
        ("a.json", b'{"name": "\\ud800"}', "is no valid JSON"),
        ("a.json", b" " * (MAX_SPEC_BYTES + 1), f"at most {MAX_SPEC_BYTES} are read"),
    ],
)
def test_a_file_that_is_no_spec_is_told_in_one_sentence(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_spec(tmp_path / name)
    assert str(tmp_path / name) in raised.value.message
    assert told in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("place", [".", "missing.toml"])
def test_no_file_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="cannot read the spec"):
        read_spec(tmp_path / place)


def test_json_may_hold_nan_but_a_spec_may_not(tmp_path: Path) -> None:
    data = json.dumps(changed("input.mean", [math.nan, 0, 0]))
    (tmp_path / "a.json").write_text(data)
    with pytest.raises(InputError, match=r"input\.mean\.0 is nan"):
        read_spec(tmp_path / "a.json")


# The reference in docs/spec.md


def blocks() -> list[dict[str, Any]]:
    found = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return [tomllib.loads(block) for block in found]


def test_every_example_of_the_document_is_a_spec() -> None:
    whole, *parts = blocks()
    kinds = {parse_spec({**whole, **part}, "docs/spec.md").decoder.kind for part in ({}, *parts)}
    assert kinds == set(DECODERS)


DECODER_SPECS: list[type[BaseModel]] = [decoder.spec for decoder in DECODERS.values()]
MODELS: list[type[BaseModel]] = [
    *(PoseSpec, InputSpec, *DECODER_SPECS, DenseSpec, DepthSpec, KeypointsSpec, GateSpec),
    *(DetectorSpec, RegionSpec),
]
PARTS: list[type[BaseModel]] = [
    *(Anchors, Boxes, Channels, Scores, Objectness, Keypoints, MapRole, NmsSpec),
    *(Heatmaps, Fields, Upsampling, PeakRules, LimbRules, Grouping),
    *(Levels, TagLevels, PeaksSpec, GroupsSpec, FillingSpec),
    *(Refinement, PointsSpec, DepthVector, DepthSlices),
    *(PeakChannels, Displacements, CenterBoxes, Snapping, Scoring, Suppression),
]  # of a decoder


def test_every_part_of_the_spec_is_in_the_table() -> None:
    parts = {value for value in vars(spec_module).values() if isinstance(value, type) and issubclass(value, BaseModel)}
    assert {part for part in parts if part.model_fields} | set(DECODER_SPECS) == set(MODELS)


def choices(schema: Any) -> set[str]:
    """All the words that a JSON schema allows somewhere."""
    if isinstance(schema, list):
        return set().union(*map(choices, schema))
    if not isinstance(schema, dict):
        return set()
    here = {word for word in [*schema.get("enum", []), schema.get("const")] if isinstance(word, str)}
    return here.union(*(choices(value) for value in schema.values() if isinstance(value, dict | list)))


@pytest.mark.parametrize("model", [*MODELS, *PARTS])
def test_the_document_says_every_field_and_every_choice(model: type[BaseModel]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        heading = (
            f"[{name}]"
            if name in ("input", "decoder", "depth", "keypoints", "gate", "detector", "region") and model is PoseSpec
            else "[[dense]]"
            if name == "dense"
            else field.alias or name
        )
        assert f"`{heading}`" in text, name
    for choice in choices(model.model_json_schema()["properties"]):
        assert re.search(rf"`{choice}`|\"{choice}\"", text), choice


def test_skeletons_are_all_in_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in SKELETONS if f"`{name}`" not in text] == []
