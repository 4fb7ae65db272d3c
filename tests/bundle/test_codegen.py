"""Rendered trees: names replaced everywhere, one decoder, no Jinja left, type names that are taken refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, contract_hash, read_spec
from posekit.decoders import DECODERS
from posekit.errors import InputError
from posekit.sources.sample import sample_images

SAMPLE = sample_images()[0].parent
SHAPES = {
    "tinypose": {"heatmaps": (1, 32, 24, 17)},
    "tinysimcc": {"simcc_x": (1, 17, 192), "simcc_y": (1, 17, 256)},
}


def spec_of(name: str, **changes: str) -> PoseSpec:
    return read_spec(SAMPLE / f"{name}.toml").model_copy(update=changes)


@pytest.mark.parametrize("platform", wrapper.TREES)
@pytest.mark.parametrize("name", SHAPES)
def test_a_tree_is_complete(platform: str, name: str, tmp_path: Path) -> None:
    spec = spec_of(name)
    assets = wrapper.render(platform, spec, wrapper.Network(f"{name}.model", SHAPES[name]), tmp_path)
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    text = "\n".join(path.read_text() for path in files.values())
    for left_over in ("TemplatePose", "posekit.template", "posekit/template", "{{", "{%"):
        assert left_over not in text
        assert not any(left_over in name for name in files)
    assert contract_hash(spec) in text
    if platform == "linux":
        decoders = {wrapper.decoder_class(path.stem) for file, path in files.items() if "/_posekit/decoders/" in file}
    else:
        decoders = {match for file in files for match in re.findall(r"(\w+Decoder)\.(?:kt|swift)$", file)}
    assert decoders & {wrapper.decoder_class(kind) for kind in DECODERS} == {wrapper.decoder_class(spec.decoder.kind)}
    assert (assets / "pose.json").is_file()
    assert any(file.endswith("README.md") for file in files)
    sources = [path for path in files.values() if path.suffix in (".kt", ".swift", ".py")]
    assert sources
    assert all("SPDX-License-Identifier: Apache-2.0" in path.read_text() for path in sources)


@pytest.mark.parametrize("platform", wrapper.TREES)
def test_the_typed_skeleton_has_every_keypoint(platform: str, tmp_path: Path) -> None:
    wrapper.render(platform, spec_of("tinypose"), wrapper.Network("m", SHAPES["tinypose"]), tmp_path)
    text = "\n".join(path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".kt", ".swift", ".py"))
    for keypoint in wrapper.context(spec_of("tinypose"), wrapper.Network("m", SHAPES["tinypose"]))["keypoints"]:
        assert keypoint["camel" if platform == "ios" else "upper"] in text


@pytest.mark.parametrize(
    "type_name",
    [
        "Region",
        "Pose",
        "Keypoint",
        "DenseEstimate",
        "String",
        "Bitmap",
        "DecoderSettings",
        wrapper.decoder_class(next(iter(DECODERS))),
    ],
)
def test_a_taken_type_name_is_refused(type_name: str, tmp_path: Path) -> None:
    platforms = ["android"] if type_name == "Bitmap" else list(wrapper.TREES)
    if type_name.startswith(("Decoder", wrapper.decoder_class(next(iter(DECODERS))))):
        platforms.remove("linux")  # which has functions there
    for platform in platforms:
        spec = spec_of("tinypose", type_name=type_name)
        with pytest.raises(InputError, match=type_name):
            wrapper.render(platform, spec, wrapper.Network("m", SHAPES["tinypose"]), tmp_path / platform)


@pytest.mark.parametrize("platform", wrapper.TREES)
def test_rendering_twice_gives_the_same_bytes(platform: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        wrapper.render(platform, spec_of("tinypose"), wrapper.Network("m", SHAPES["tinypose"]), tmp_path / folder)
    first, second = (
        {p.relative_to(tmp_path / f): p.read_bytes() for p in (tmp_path / f).rglob("*") if p.is_file()}
        for f in ("a", "b")
    )
    assert first == second


@pytest.mark.parametrize(
    ("value", "kotlin", "swift"),
    [
        ("heatmaps", '"heatmaps"', '"heatmaps"'),
        ('a "b" $c \\', r'"a \"b\" \$c \\"', r'"a \"b\" $c \\"'),
        (11, "11", "11"),
        (2.0, "2.0", "2.0"),
        (1e-05, "1e-05", "1e-05"),
        (True, "true", "true"),
        (["x", "y"], 'listOf("x", "y")', '["x", "y"]'),
        ([[1, 2.5], []], "listOf(listOf(1, 2.5), emptyList<Any>())", "[[1, 2.5], []]"),
    ],
)
def test_a_setting_is_written_in_both_languages(value: object, kotlin: str, swift: str) -> None:
    assert (wrapper.kotlin_literal(value), wrapper.swift_literal(value)) == (kotlin, swift)


@pytest.mark.parametrize("value", [{"a": 1}, None, "a\nb", [{}]])
def test_a_setting_that_neither_language_can_write_is_refused(value: object) -> None:
    for write in (wrapper.kotlin_literal, wrapper.swift_literal):
        with pytest.raises(InputError, match="expected a printable text, a number, a flag or a list"):
            write(value)
