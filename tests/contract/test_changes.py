"""Single fields set from outside: what a value is, which fields there are, and that nothing else changes."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract.changes import apply, parse_change, where
from posekit.contract.presets import preset, preset_file
from posekit.contract.spec import parse_spec, read_table
from posekit.errors import InputError

TABLE = read_table(preset_file("rtmpose-coco17"))
ROWS: dict[str, Any] = {
    **TABLE,
    "kind": "one_stage",
    "decoder": {
        "kind": "detections", "axes": "rows", "boxes": {"outputs": ["out"], "format": "xyxy"},
        "scores": {"outputs": ["out"], "first": 4}, "keypoints": {"outputs": ["out"], "first": 5, "fields": ["x", "y"]},
        "nms": {"kind": "iou"},
    },
}  # fmt: skip


def made(*texts: str, table: dict[str, Any] = TABLE) -> dict[str, Any]:
    return apply(table, [parse_change(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "version=2.0.1": "2.0.1",
        "version='2'": "2",
        "license=MIT": "MIT",
        "license = Apache-2.0": "Apache-2.0",
        "input.size_wh=[320,320]": [320, 320],
        "input.size_wh = [ 320, 320 ]": [320, 320],
        "input.pad_value=114": 114,
        "gate.max_px=0.5": 0.5,
        "input.box_padding=1e0": 1.0,
        "outputs=[\"a\", 'b']": ["a", "b"],
        "keypoints={skeleton='hand21'}": {"skeleton": "hand21"},
        "license=a=b": "a=b",
    }.items(),
)
def test_a_value_is_that_of_toml_or_a_text(text: str, value: Any) -> None:
    change = parse_change(text)
    found: Any = made(text)
    for part in change.field:
        found = found[part]
    assert found == value
    assert type(found) is type(value)


def test_only_that_field_changes_and_the_table_given_stays() -> None:
    before = copy.deepcopy(TABLE)
    found = made("input.size_wh=[96,128]", "input.size_wh=[64,64]", "gate.tie=0.01")
    assert before == TABLE
    assert found.pop("gate") == {"tie": 0.01}
    found["input"]["size_wh"] = before["input"]["size_wh"]
    assert found == before


def test_a_changed_preset_is_a_contract() -> None:
    spec = parse_spec(made("input.size_wh=[256, 256]"), "x")
    assert spec.input.size_wh == (256, 256)
    assert spec.model_copy(update={"input": preset("rtmpose-coco17").input}) == preset("rtmpose-coco17")


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "input.size=[3,4]": ("no field 'input.size'", "input has size_wh, color_order"),
        "inputs.size_wh=3": ("no field 'inputs'", "a contract has schema, name"),
        "schema_version=1": ("no field 'schema_version'", "a contract has schema"),
        "decoder.heat=1": ("no field 'decoder.heat'", "decoder has kind, "),
        "name.first=x": ("name is no table", "set name as a whole"),
        "keypoints.names.0=nose": ("keypoints.names is no table", "set keypoints.names as a whole"),
        "input.size_wh": ("is 'input.size_wh', expected FIELD=VALUE", "input.size_wh=[320,320]"),
        "=3": ("expected FIELD=VALUE", "input.size_wh="),
        "input..size_wh=3": ("expected FIELD=VALUE", "input.size_wh="),
        "input.size_wh=[3,": ("no value that TOML knows", "input.size_wh="),
        "name=": ("no value that TOML knows", "input.size_wh="),
        "name=a\nversion='3'": ("no value that TOML knows", "input.size_wh="),
        "name='a'\nversion='3'": ("no value that TOML knows", "input.size_wh="),
        "name=[" + "[" * 5000: ("no value that TOML knows", "input.size_wh="),
    }.items(),
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_is_no_change_says_so(text: str, says: tuple[str, str]) -> None:
    with pytest.raises(InputError) as error:
        made(text)
    assert says[0] in error.value.message
    assert says[1] in error.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "decoder.boxes.form=xyxy": "decoder.boxes has outputs, first, format",
        "decoder.nms.iou=0.5": "decoder.nms has kind, definition, threshold",
        "decoder.scores.objectness.first=1": "decoder.scores.objectness has outputs, channel",
        "decoder.output=x": "decoder has kind, axes",
    }.items(),
)
def test_fields_are_those_of_the_decoder_that_is_there(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        made(text, table=ROWS)
    assert says in error.value.hint


def test_parts_that_are_left_out_are_made() -> None:
    found = made("decoder.scores.objectness.outputs=[out]".replace("[out]", "['out']"),
                 "decoder.scores.objectness.channel=39", table=ROWS)  # fmt: skip
    assert found["decoder"]["scores"]["objectness"] == {"outputs": ["out"], "channel": 39}
    assert "gate" not in TABLE
    assert made("gate.min_oks=0.9")["gate"] == {"min_oks": 0.9}


@pytest.mark.parametrize("text", ["input.size_wh=[0,320]", "license=[1]", "decoder.kind=none_such"])
def test_a_wrong_value_has_the_sentence_of_a_spec_file(text: str) -> None:
    table, field = copy.deepcopy(dict(TABLE)), parse_change(text)
    place: Any = table
    for part in field.field[:-1]:
        place = place[part]
    place[field.field[-1]] = field.value
    with pytest.raises(InputError) as expected:
        parse_spec(table, "a.toml with --set")
    with pytest.raises(InputError) as seen:
        parse_spec(made(text), where("a.toml", [field]))
    assert (seen.value.message, seen.value.hint) == (expected.value.message, expected.value.hint)


@given(st.text(max_size=40))
def test_any_text_is_a_change_or_told(text: str) -> None:
    try:
        change = parse_change(text)
    except InputError:
        return
    assert text.partition("=")[2].strip() in (change.value, str(change.value)) or tomllib.loads(
        f"v = {text.partition('=')[2].strip()}"
    ) == {"v": change.value}
