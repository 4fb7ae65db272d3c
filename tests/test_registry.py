"""The registry is the only list of decoders: nothing else names a kind, and one from outside works everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from posekit.bundle import golden, open_bundle, wrapper
from posekit.cli.app import main
from posekit.contract.outputs import decode
from posekit.contract.spec import PoseSpec, canonical_json, parse_spec, read_spec
from posekit.decoders import DECODERS, of
from posekit.devices import desktop
from posekit.devices.golden_run import NAME
from posekit.errors import InputError, MissingToolError
from posekit.parity.contract.alternatives import questions
from posekit.sources.sample import write_sample
from tests.outside import soft_argmax

ROOT = Path(__file__).resolve().parents[1]
SEARCHED = (
    "posekit", "templates", "benchmarks", "tests/devices", "tests/kotlin", "tests/swift", "tests/test_kotlin.py",
    "tests/test_swift.py", "tests/heads.py",
)  # fmt: skip
# decoders; contracts, whole or drafted
OWN = ("posekit/decoders/", "posekit/contract/presets/", "posekit/contract/drafts/", "posekit/sources/sample/data/")
ALLOWED = {
    "posekit/sources/torch/ultralytics.py": "cuts a network before its candidates and says which channels they are",
    "posekit/targets/graph/masks.py": "torch has tags of operators",
    "posekit/targets/graph/ranks.py": "torch has tags of operators",
    "tests/heads.py": "one head must be the one whose outputs the fakes of LiteRT give",
    "benchmarks/compress.py": "names a recipe of the sample's training",
    "benchmarks/depth_heads.py": "contracts of the heads that it trains",
    "benchmarks/distillation/networks.py": "the contract of the networks that it trains",
    "benchmarks/wrapper/cases.py": "draws the people whom each head is timed on",
}
KINDS = tuple(DECODERS)


def pattern(kinds: tuple[str, ...]) -> re.Pattern[str]:
    """Kinds as code words: in quotes, as a class of Python, Kotlin or Swift, or as an imported module."""
    kind, classes = "|".join(kinds), "|".join(wrapper.decoder_class(kind).removesuffix("Decoder") for kind in kinds)
    return re.compile(
        rf"""["'`]({kind})["'`]|\b({classes})(Decoder|Spec)\w*\b|\bdecoders(\.|\s+import\s[^\n]*\b)({kind})\b"""
    )


def naming(root: Path, kinds: tuple[str, ...]) -> dict[str, list[str]]:
    """The files under `root` that name a kind, but for the decoders' own; by path, with the words."""
    twins = tuple(wrapper.decoder_class(kind) for kind in kinds)
    found = {}
    for place in SEARCHED:
        top = root / place
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(root).as_posix()
            if path.suffix in (".py", ".kt", ".swift", ".j2", ".java", ".js", ".kts") and not (
                relative.startswith(OWN) or path.name.startswith(twins) or ".build" in path.parts
            ):
                words = [match.group() for match in pattern(kinds).finditer(path.read_text(encoding="utf-8"))]
                if words:
                    found[relative] = words
    return found


def test_nothing_but_its_own_files_names_a_kind_of_decoder() -> None:
    found = naming(ROOT, KINDS)
    assert {path: words for path, words in found.items() if path not in ALLOWED} == {}
    assert sorted(found) == sorted(ALLOWED), "the list of exceptions holds one that is none"


@pytest.mark.parametrize(
    "text",
    [
        'if spec.decoder.kind == "{kind}":',
        "return {name}Decoder.of(settings)",
        "from posekit.decoders import activation, {kind}",
        "from posekit.decoders.{kind} import decode",
        "isinstance(decoder, {name}Spec)",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_name_is_found(kind: str, text: str) -> None:
    name = wrapper.decoder_class(kind).removesuffix("Decoder")
    assert pattern(KINDS).search(text.format(kind=kind, name=name))
    assert not pattern(KINDS).search(f"a {kind} head gives {kind}s, see {name}DecodeR")


def test_every_decoder_has_its_twins_and_a_slip_that_its_golden_vectors_notice() -> None:
    from tests.decoders import slips

    for platform, (place, suffix) in wrapper.DECODER_FILES.items():
        folder = wrapper.template_root() / wrapper.TREES[platform][0] / place
        assert {kind for kind in KINDS if not (folder / f"{wrapper.decoder_class(kind)}{suffix}").is_file()} == set()
    assert set(slips.KOTLIN) == set(slips.SWIFT) == set(KINDS)


# A decoder from outside


@pytest.fixture
def registered() -> Iterator[None]:
    DECODERS[soft_argmax.DECODER.kind] = soft_argmax.DECODER
    yield
    del DECODERS[soft_argmax.DECODER.kind]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample's network, whose maps are decoded by the mean place instead."""
    write_sample(tmp_path / "sample")
    contract = tmp_path / "sample" / "tinypose.toml"
    text = contract.read_text()
    start, end = text.index("[decoder]"), text.index("[keypoints]")
    own = '[decoder]\nkind = "soft_argmax"\noutput = "heatmaps"\nsharpness = 12.0\n\n'
    contract.write_text(text[:start] + own + text[end:])
    return tmp_path / "sample"


@pytest.fixture
def spec(registered: None, sample: Path) -> PoseSpec:
    return read_spec(sample / "tinypose.toml")


def test_without_the_decoder_its_contract_is_refused(sample: Path) -> None:
    with pytest.raises(InputError, match="decoder.kind is 'soft_argmax': expected one of"):
        read_spec(sample / "tinypose.toml")


def test_a_contract_names_a_decoder_from_outside(spec: PoseSpec, tmp_path: Path) -> None:
    assert isinstance(spec.decoder, soft_argmax.SoftArgmaxSpec)
    (tmp_path / "pose.json").write_bytes(canonical_json(spec))
    assert read_spec(tmp_path / "pose.json") == spec
    data = spec.model_dump(by_alias=True, mode="json")
    with pytest.raises(InputError, match=r"decoder.sharpness is 0: expected a number greater than 0"):
        parse_spec(data | {"decoder": data["decoder"] | {"sharpness": 0}}, "")


def test_it_decodes_and_makes_golden_vectors(spec: PoseSpec, tmp_path: Path) -> None:
    import numpy as np

    outputs = of(spec.decoder).examples(spec.decoder, spec.input, np.random.default_rng(1), 17)
    poses = decode({name: values[None] for name, values in outputs.items()}, spec)
    peaks = np.array(
        [np.unravel_index(one.argmax(), one.shape)[::-1] for one in np.moveaxis(outputs["heatmaps"], -1, 0)]
    )
    assert np.abs(poses.keypoints[0] - 4 * peaks).max() < 6  # of a Gaussian at the border only a part is seen
    golden.write(tmp_path / "golden", spec)
    assert golden.differences(tmp_path / "golden", tmp_path / "golden", spec) == []
    assert '"kind":"soft_argmax"' in (tmp_path / "golden" / "soft_argmax.json").read_text()


def test_check_asks_its_questions(spec: PoseSpec) -> None:
    asked = {one.field: one for one in questions(spec, has_frames=False, has_people=True)}
    question = asked["decoder.sharpness"]
    assert [one.value for one in question.candidates] == ["12", "1.2", "120"]
    assert question.is_choice


def test_a_linux_package_has_the_decoder_itself(spec: PoseSpec, tmp_path: Path) -> None:
    place = wrapper.render("linux", spec, wrapper.Network("m", {"heatmaps": (1, 32, 24, 17)}), tmp_path / "package")
    (twin,) = (place / "_posekit" / "outside").glob("tests_outside_soft_argmax.py")
    text = twin.read_text()
    assert "class SoftArgmaxSpec(DecoderSpec):" in text
    assert "def decode(" in text
    assert "def encode(" not in text


@pytest.mark.parametrize("platform", wrapper.DECODER_FILES)
def test_without_its_twin_no_wrapper_is_written(spec: PoseSpec, platform: str, tmp_path: Path) -> None:
    shapes = {"heatmaps": (1, 32, 24, 17)}
    wrapper.render(platform, spec, wrapper.Network("m", shapes), tmp_path / "whole")
    (twin,) = (tmp_path / "whole").rglob("SoftArgmaxDecoder.*")
    assert "emplate" not in twin.read_text()
    DECODERS["soft_argmax"] = replace(soft_argmax.DECODER, sources=None)
    with pytest.raises(InputError, match=f"'soft_argmax' has no {twin.name}, so no {platform} wrapper") as raised:
        wrapper.render(platform, spec, wrapper.Network("m", shapes), tmp_path / "bare")
    assert "`sources`" in raised.value.hint
    assert not (tmp_path / "bare").exists()


def ran(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.mark.slow
@pytest.mark.parametrize("platform", wrapper.TREES)
def test_it_is_packaged_validated_and_run(
    registered: None, sample: Path, platform: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the command line, with the generated Kotlin or Swift where it can be compiled here."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for picture in sorted((sample / "images").glob("*.jpg"))[:2]:
        picture.rename(folder / picture.name)
    with_wrapper = ["--wrapper"] if runs_here(platform) else []
    model, where = sample / "tinypose.pt2", ["--images", folder, "--out", tmp_path]
    assert ran("package", model, "--platform", platform, *where, *with_wrapper) == 0, capfd.readouterr()
    bundle = tmp_path / f"tinypose-{platform}"
    assert open_bundle(bundle).spec.decoder.kind == "soft_argmax"
    checks = json.loads((bundle / "report" / "report.json").read_text())["checks"]
    assert [check["outcome"] for check in checks if check["name"] == NAME] == ["pass"] * len(with_wrapper), checks
    assert ran("validate", bundle) == 0, capfd.readouterr()
    capfd.readouterr()
    assert ran("predict", bundle, next(folder.iterdir()), "--json") == 0
    assert "keypoints" in capfd.readouterr().out


def runs_here(platform: str) -> bool:
    try:
        desktop.require(platform)
    except MissingToolError:
        return False
    return True


@pytest.mark.parametrize(
    ("language", "file"),
    [("python", "soft_argmax.py"), ("kotlin", "SoftArgmaxDecoder.kt"), ("swift", "SoftArgmaxDecoder.swift")],
)
def test_the_walk_through_shows_the_decoder_that_is_tested(language: str, file: str) -> None:
    page = (ROOT / "docs" / "adding-a-decoder.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert shown == (ROOT / "tests" / "outside" / file).read_text(encoding="utf-8")
