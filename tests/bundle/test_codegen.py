"""Rendered trees: names replaced everywhere, one decoder, no Jinja left, type names that are taken refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec, contract_hash, parse_spec, read_spec
from posekit.decoders import DECODERS
from posekit.errors import InputError
from posekit.sources.sample import sample_images
from tests.heads import TWO_STAGE, networks
from tests.heads import spec as spec_of_kind

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


# a chosen package, and one that holds the placeholders of the templates
PACKAGES = ["com.acme.pose", "io.template_pose.posekit.template"]
# what is posekit's own whatever the module's package: properties, files on a device, posekit's sources
OWN = {"posekit.deviceRun", "posekit.golden", "posekit/run1", "posekit/", "posekit/poses"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_chosen_kotlin_package_is_that_of_all_that_a_module_holds(package: str, tmp_path: Path) -> None:
    plain = spec_of_kind(TWO_STAGE, "tiny-pose2")
    spec = parse_spec(plain.model_dump(mode="json", by_alias=True) | {"kotlin_package": package}, "")
    tree = wrapper.template_root() / wrapper.TREES["android"][0]
    values = wrapper.context(spec, *networks(spec, "tflite"))
    wrapper.render_tree(tree, tmp_path, spec, values, every_decoder=True)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".kt", ".kts", ".md", ".pro", ".xml"}
    for path in files:
        text, place = path.read_text(), path.relative_to(tmp_path)
        assert set(re.findall(r"\bposekit[./]\w*", text.replace(package, ""))) <= OWN, place
        assert "template" not in place.as_posix().replace(package.replace(".", "/"), "")
        if path.suffix == ".kt":
            assert place.parts[3:-1] == tuple(package.split(".")), place
            assert re.findall(r"^package (.*)$", text, re.MULTILINE) == [package]
    gradle, readme = ((tmp_path / name).read_text() for name in ("build.gradle.kts", "README.md"))
    assert f'namespace = "{package}"' in gradle
    assert f'groupId = "{package.rpartition(".")[0]}"' in gradle
    assert f"import {package}.{spec.type_name}\n" in readme
    assert f"-e class {package}.ParityRunTest {package}.test/" in readme


def test_the_kotlin_package_is_the_models_name_where_none_is_chosen(tmp_path: Path) -> None:
    spec = spec_of("tinypose").model_copy(update={"name": "tiny-pose_2"})
    wrapper.render("android", spec, wrapper.Network("m", SHAPES["tinypose"]), tmp_path)
    gradle = (tmp_path / "build.gradle.kts").read_text()
    assert 'namespace = "posekit.tinypose2"' in gradle
    assert 'groupId = "posekit"' in gradle
    assert (tmp_path / "src/main/kotlin/posekit/tinypose2/Pose.kt").is_file()


@pytest.mark.parametrize("platform", ["ios", "linux"])
def test_a_kotlin_package_changes_nothing_elsewhere_but_the_contract(platform: str, tmp_path: Path) -> None:
    found = []
    for package in (None, "com.acme.pose"):
        spec = spec_of("tinypose").model_copy(update={"kotlin_package": package})
        folder = tmp_path / str(package)
        wrapper.render(platform, spec, wrapper.Network("m", SHAPES["tinypose"]), folder)
        files = {path.relative_to(folder): path.read_text() for path in folder.rglob("*") if path.is_file()}
        for known in (contract_hash(spec), contract_hash(spec)[:12], f' "kotlin_package": "{package}",\n'):
            files = {path: text.replace(known, "") for path, text in files.items()}
        found.append(files)
    assert found[0] == found[1]


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
