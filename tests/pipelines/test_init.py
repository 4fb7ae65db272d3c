"""`posekit init`: a configuration and a network of its shape give a spec that packages once its gaps are filled in."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posekit.cli.app import main
from posekit.contract.drafts import Said
from posekit.contract.drafts.writing import toml
from posekit.contract.outputs import check_outputs, decode
from posekit.contract.spec import parse_spec, read_spec
from posekit.errors import InputError
from posekit.pipelines.init import Drafted, init
from posekit.pipelines.inputs import find_spec
from posekit.sources import open_source
from posekit.sources.reference import run_reference
from tests.contract.drafts.test_configs import DATA, HRNET, MICE, OPEN_FIELD, W32


class Maps(nn.Module):
    def __init__(self, count: int, stride: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.body = nn.Conv2d(channels, count, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Offsets(nn.Module):
    """Score maps, and offsets of as many pairs, where DeepLabCut has locref."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.heat, self.offsets = nn.Conv2d(3, count, 3, 8, 1), nn.Conv2d(3, 2 * count, 3, 8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.heat(x), self.offsets(x)


class Bins(nn.Module):
    def __init__(self, count: int, x: int, y: int) -> None:
        super().__init__()
        self.x, self.y = nn.Conv2d(3, count, 1), nn.Conv2d(3, count, 1)
        self.bins_x, self.bins_y = x, y

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        across = nn.functional.interpolate(self.x(x).mean(2), size=self.bins_x)
        return across, nn.functional.interpolate(self.y(x).mean(3), size=self.bins_y)


class Rows(nn.Module):
    def __init__(self, count: int, fields: int) -> None:
        super().__init__()
        self.body, self.count, self.fields = nn.Conv2d(3, count * fields, 1), count, fields

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).mean((2, 3)).reshape(-1, self.count, self.fields).sigmoid()


class Levels(nn.Module):
    """Levels of 8, 16 and 32 px, each with boxes and keypoints: as maps, or as rows of candidates."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.boxes, self.points, self.flat = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 51, 1), flat

    def forward(self, x: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for stride in (8, 16, 32):
            level = nn.functional.avg_pool2d(x, stride)
            for one in (self.boxes(level), self.points(level)):
                found.append(one.flatten(2).transpose(1, 2) if self.flat else one)
        return found


SIGMAS = "keypoints.oks_sigmas=[{}]"
APACHE = "license=Apache-2.0"
STRETCHED = ("input.resize=stretch", "input.alignment=half_pixel", "decoder.refinement=quarter")


def sigmas(count: int) -> str:
    return SIGMAS.format(", ".join(["0.1"] * count))


# configuration: (a network of its shape, what fills the gaps)
CASES: dict[str, tuple[nn.Module, tuple[str, ...]]] = {
    HRNET: (Maps(17), ()),
    "mmpose/td-hm_hrnet-w32_udp-8xb64-210e_climbing-256x192.py": (Maps(5), ()),
    "mmpose/rtmpose-m_8xb256-420e_coco-256x192.py": (Bins(17, 384, 512), ()),
    "mmpose/lazy_rtmpose_climbing.py": (Bins(5, 384, 512), ()),
    "mmpose/td-reg_res50_rle-8xb64-210e_mpii-256x256.py": (Rows(16, 4), ()),
    "mmpose/old/litehrnet_18_coco_256x192.py": (Maps(17), ()),
    W32: (Maps(17), ()),
    "hrnet/256x256_d256x3_adam_lr1e-3.yaml": (Maps(16), ("decoder.refinement=quarter",)),
    "vitpose-base": (Maps(17), ()),
    "vitpose-gym/preprocessor_config.json": (Maps(11), (sigmas(11),)),
    OPEN_FIELD: (
        Rows(4, 3),
        (sigmas(4), *STRETCHED[:2], "kind=one_stage", "input.size_wh=[96, 64]", "decoder.kind=regression",
         'decoder.fields=["x", "y", "score"]', "decoder.range=unit"),
    ),
    MICE: (Bins(6, 512, 512), (sigmas(6), *STRETCHED[:2])),
    "fly": (Maps(5, channels=1), (sigmas(5), *STRETCHED)),
    "fly-new/training_config.yaml": (Maps(4, stride=2), (sigmas(4), *STRETCHED)),
}  # fmt: skip


def model(folder: Path, network: nn.Module, name: str = "net.pt") -> Path:
    torch.manual_seed(0)
    torch.jit.save(torch.jit.script(network.eval()), str(folder / name))
    return folder / name


def drafted(path: Path, config: str = "", *changes: str, **options: Any) -> Drafted:
    return init(path, DATA / config if config else None, changes, None, **options)


def assert_decodes(path: Path) -> None:
    """The written spec is a contract, and keypoints come of the network under it."""
    spec = find_spec(path, "")
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    outputs = run_reference(open_source(path), spec, pixels)
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)
    poses = decode(outputs, spec)
    assert poses.keypoints.shape == (1, spec.keypoint_count, 2)
    inside = (poses.keypoints >= -1) & (poses.keypoints <= max(width, height) + 1)
    # on maps of noise the step of dark_udp has no limit
    assert inside.mean() > 0.8 if spec.decoder.model_dump().get("refinement") == "dark_udp" else inside.all()


@pytest.mark.parametrize("config", CASES)
def test_a_draft_packages_once_its_gaps_are_filled_in(tmp_path: Path, config: str) -> None:
    network, answers = CASES[config]
    path = model(tmp_path, network)
    found = drafted(path, config)
    asked = set(found.draft.gaps)
    assert "license" in asked
    with pytest.raises(InputError) as error:
        find_spec(path, "")
    assert all(name in error.value.message for name in sorted(asked)[:12])
    done = drafted(path, config, APACHE, *answers, overwrite=True)
    assert not done.draft.gaps
    assert_decodes(path)
    # filling in by hand is filling in: what is written with --set is what init would have written
    assert tomllib.loads(done.path.read_text()) == done.draft.table


@pytest.mark.parametrize(
    ("config", "network", "answers", "expected"),
    [
        (OPEN_FIELD, Offsets(4), (sigmas(4), *STRETCHED[:2], "kind=one_stage", "input.size_wh=[96, 64]"),
         {"heat": ("output_0", 0, 1), "x": ("output_1", 0, 2), "y": ("output_1", 1, 2)}),
        ("offset.yaml", Maps(51), (), {"heat": ("output_0", 0, 3), "x": ("output_0", 1, 3), "y": ("output_0", 2, 3)}),
    ],
)  # fmt: skip
def test_offset_maps_are_found_among_the_outputs(
    tmp_path: Path, config: str, network: nn.Module, answers: tuple[str, ...], expected: dict[str, Any]
) -> None:
    source = DATA / config
    if config == "offset.yaml":
        source = tmp_path / config
        source.write_text((DATA / W32).read_text().replace("TARGET_TYPE: gaussian", "TARGET_TYPE: offset"))
    path = model(tmp_path, network)
    done = init(path, source, (APACHE, *answers), None)
    assert not done.draft.gaps
    spec: Any = find_spec(path, "")
    assert {name: (role.output, role.first, role.step) for name, role in zip(("heat", "x", "y"), spec.decoder.roles,
                                                                             strict=True)} == expected  # fmt: skip
    width, height = spec.input.size_wh
    outputs = run_reference(open_source(path), spec, np.zeros((height, width, 3), np.float32))
    assert decode(outputs, spec).keypoints.shape == (1, spec.keypoint_count, 2)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_each_line_says_where_it_comes_from(tmp_path: Path) -> None:
    found = drafted(model(tmp_path, Maps(17)), HRNET)
    written = lines(found.path)
    assert "size_wh = [192, 256]  # the codec's input_size" in written
    assert 'color_order = "rgb"  # data_preprocessor.bgr_to_rgb' in written
    assert 'version = "1.0.0"  # assumed: yours to count' in written
    place = written.index("# TODO license:")
    assert written[place + 1].startswith('license = "TODO: SPDX identifier')
    fields = [line for line in written if " = " in line and not line.startswith(("#", "license"))]
    assert all("  # " in line or written[written.index(line) - 1].startswith("# ") for line in fields)


def test_it_does_not_overwrite(tmp_path: Path) -> None:
    path = model(tmp_path, Maps(17))
    path.with_suffix(".toml").write_text("mine")
    with pytest.raises(InputError, match="net.toml is there already"):
        drafted(path, HRNET)
    assert path.with_suffix(".toml").read_text() == "mine"
    with pytest.raises(InputError, match="cannot write .*: No such file"):
        init(path, DATA / HRNET, (), tmp_path / "gone" / "net.toml")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["net.pt", "net.toml"]


@pytest.mark.parametrize(
    ("network", "told"),
    [(Maps(14), "decoder heatmap of 17 keypoints fits none of the network's outputs: output_0 1 x 14 x 64 x 48"),
     (Rows(17, 3), "fits none of the network's outputs"),
     (Maps(17, channels=4), "the network fails on an input of")],
)  # fmt: skip
def test_a_configuration_of_another_network_is_refused(tmp_path: Path, network: nn.Module, told: str) -> None:
    path = model(tmp_path, network)
    with pytest.raises(InputError) as error:
        drafted(path, HRNET)
    assert told in error.value.message
    assert not path.with_suffix(".toml").exists()


def test_a_draft_goes_on_from_what_was_filled_in_by_hand(tmp_path: Path) -> None:
    path = model(tmp_path, Maps(17))
    drafted(path, "", "input.size_wh=[64, 96]")
    spec = path.with_suffix(".toml")
    spec.write_text(spec.read_text().replace('kind = "TODO: heatmap"', 'kind = "heatmap"'))
    found = init(path, spec, (), None, overwrite=True)
    assert found.draft.values["decoder.output"].value == "output_0"
    assert found.draft.gaps["decoder.refinement"].question == "none, quarter, dark or dark_udp"
    assert "input.mean" in found.draft.gaps


class Stages(Maps):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.body(x) * 0.5, self.body(x)


def test_of_two_outputs_that_fit_none_is_taken(tmp_path: Path) -> None:
    path = model(tmp_path, Stages(17))
    gap = drafted(path, HRNET).draft.gaps["decoder.output"]
    assert gap.question == "output_0 or output_1"
    assert len(gap.choices) == 2
    drafted(path, HRNET, APACHE, "decoder.output=output_1", overwrite=True)
    assert_decodes(path)


def test_a_state_dict_is_not_run_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(Maps(17).state_dict(), path)
    found = drafted(path, HRNET, APACHE)
    assert found.outputs is None
    assert any("was not run" in note and "--arch" not in note for note in found.draft.notes)
    assert found.draft.values["decoder.output"] == Said(
        "output", "the network was not run: as many outputs as the decoder reads, in its order", assumed=True
    )
    assert read_spec(found.path).outputs == ("output",)
    with pytest.raises(InputError, match="without the network's code"):
        drafted(path, overwrite=True)


# without a configuration


@pytest.mark.parametrize(
    ("network", "size", "texts"),
    [
        (Maps(17), "[96, 128]", ('"heatmap": output_0 1 x 17 x 32 x 24: 17 maps',)),
        (Bins(17, 192, 256), "[96, 128]", ('"simcc": output_0 1 x 17 x 192 and output_1 1 x 17 x 256: rows of 2',)),
        (Bins(17, 192, 128), "[96, 128]", ("no decoder fits",)),
        (Bins(17, 128, 128), "[64, 64]", ('"simcc"', "whose order no shape tells")),
        (Rows(17, 3), "[64, 64]", ('"regression": output_0 1 x 17 x 3: 17 rows of 3',)),
        (Rows(84, 56), "[64, 64]", ('"detections": output_0 1 x 84 x 56: candidates of cells of 8, 16, 32',)),
        (Levels(True), "[128, 128]", ('"detections": output_0 1 x 256 x 5, output_1 1 x 256 x 51, output_2 1 x 64',)),
        (Levels(False), "[128, 128]", ('"detections": output_0 1 x 5 x 16 x 16, output_1 1 x 51 x 16 x 16, output_2',)),
        (Rows(7, 7), "[64, 64]", ("no decoder fits output_0 1 x 7 x 7",)),
    ],
)  # fmt: skip
def test_decoders_that_fit_are_candidates(tmp_path: Path, network: nn.Module, size: str, texts: Sequence[str]) -> None:
    found = drafted(model(tmp_path, network), "", f"input.size_wh={size}")
    assert "decoder.kind" in found.draft.gaps
    choices = "\n".join(found.draft.gaps["decoder.kind"].choices)
    assert all(text in choices for text in texts)
    assert all(text in found.path.read_text() for text in texts)
    assert {"input.color_order", "input.mean", "input.std", "input.resize", "input.alignment", "kind", "license",
            "keypoints.skeleton"} <= set(found.draft.gaps)  # fmt: skip


def test_the_axes_of_two_outputs_are_told_by_their_bins(tmp_path: Path) -> None:
    """A network that gives y first."""
    found = drafted(model(tmp_path, Bins(17, 256, 192)), "", "input.size_wh=[96, 128]", "decoder.kind=simcc")
    said = {name: found.draft.values[f"decoder.{name}"].value for name in ("output_x", "output_y", "split_ratio")}
    assert said == {"output_x": "output_1", "output_y": "output_0", "split_ratio": 2.0}


def test_a_file_of_a_fixed_size_is_run_with_it(tmp_path: Path) -> None:
    program = torch.export.export(Maps(5).eval(), (torch.zeros(1, 3, 64, 48),))
    torch.export.save(program, tmp_path / "net.pt2")
    found = drafted(tmp_path / "net.pt2", "", "decoder.kind=heatmap")
    assert found.draft.values["input.size_wh"].value == [48, 64]
    assert found.outputs == {"output_0": (1, 5, 16, 12)}
    assert "5 keypoints" in found.draft.gaps["keypoints.skeleton"].question


def test_without_a_size_it_is_asked_for(tmp_path: Path) -> None:
    found = drafted(model(tmp_path, Maps(17)))
    assert found.outputs is None
    assert "input.size_wh" in found.draft.gaps
    assert any("--set input.size_wh" in note for note in found.draft.notes)


def test_a_whole_contract_by_set_alone(tmp_path: Path) -> None:
    path = model(tmp_path, Maps(17))
    answers = ["kind=one_stage", APACHE, "input.size_wh=[64, 96]", "input.color_order=rgb", "input.mean=[0, 0, 0]",
               "input.std=[255, 255, 255]", *STRETCHED[:2], "decoder.kind=heatmap", "decoder.refinement=none",
               "decoder.alignment=stride", "keypoints.skeleton=coco17"]  # fmt: skip
    assert not drafted(path, "", *answers).draft.gaps
    assert_decodes(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("input.size=[1, 1]", "there is no field 'input.size'"),
        ("decoder.kind=heat", "decoder.kind is 'heat': expected one of"),
        ("input.std=[0, 1, 1]", "every std must be greater than 0"),
        ("input.size_wh=[0, 64]", "input.size_wh"),
        ("input.size_wh=[8192, 8192]", "at most 4,194,304"),
        ("keypoints.skeleton=dog", "dog"),
    ],
)
def test_a_value_that_is_none_is_told(tmp_path: Path, change: str, told: str) -> None:
    path = model(tmp_path, Maps(17))
    with pytest.raises(InputError) as error:
        drafted(path, "", change)
    assert told in error.value.message
    assert not path.with_suffix(".toml").exists()


@pytest.mark.parametrize(
    "value",
    ['a"b\\c\n\t\x7f\x00é', [1, 2.5, -3e-9], [["a", "b"]], True, {"a b": 1, "c": [1]}, 1e300, "", "# no comment"],
)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


# files that are opened under a contract


def onnx_file(folder: Path, shape: Sequence[Any], name: str = "maps", *, is_last: bool = False) -> Path:
    """Maps of 17 keypoints, a quarter as large as the picture."""
    pytest.importorskip("onnxruntime")
    graphs = pytest.importorskip("tests.sources.onnx.graphs")
    weights = np.random.default_rng(0).normal(size=(17, 3, 3, 3)).astype(np.float32)
    conv = graphs.node("Conv", ["image", "w"], ["convolved"], strides=[4, 4], pads=[1, 1, 1, 1])
    order = (0, 2, 3, 1) if is_last else (0, 1, 2, 3)
    turn = graphs.node("Transpose", ["convolved"], [name], perm=order)
    made: Path = graphs.saved(graphs.model([conv, turn], [name], {"w": weights}, shape=shape), folder, "net.onnx")
    return made


@pytest.mark.parametrize("shape", [(1, 3, 256, 192), ("n", 3, "h", "w")], ids=["fixed", "open"])
@pytest.mark.parametrize(
    ("name", "is_last"), [("maps", False), ("maps", True), ("output/0:1", False)], ids=["first", "last", "name"]
)
def test_an_onnx_file_is_drafted(tmp_path: Path, shape: Sequence[Any], name: str, is_last: bool) -> None:
    path = onnx_file(tmp_path, shape, name, is_last=is_last)
    found = drafted(path, HRNET, APACHE)
    assert found.outputs == {name if name == "maps" else "output_0": (1, 17, 64, 48)}
    assert not found.draft.gaps
    spec = find_spec(path, "")
    outputs = run_reference(open_source(path, spec), spec, np.ones((256, 192, 3), np.float32))
    assert decode(outputs, spec).keypoints.shape == (1, 17, 2)


def test_an_onnx_file_without_a_configuration(tmp_path: Path) -> None:
    found = drafted(onnx_file(tmp_path, (1, 3, 256, 192)))
    assert found.draft.values["input.size_wh"].value == [192, 256]
    assert '"heatmap": maps 1 x 17 x 64 x 48' in found.draft.gaps["decoder.kind"].choices[0]
    is_open = onnx_file(tmp_path, (1, 3, "h", "w"))
    found = drafted(is_open, overwrite=True)
    assert any("was not run" in note and "open" in note for note in found.draft.notes)
    assert "input.size_wh" in found.draft.gaps
    found = drafted(is_open, "", "input.size_wh=[96, 128]", overwrite=True)
    assert found.outputs == {"maps": (1, 17, 32, 24)}


# the command line


def run(*arguments: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_command_as_json_and_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(model(tmp_path, Maps(17)))
    config = str(DATA / HRNET)
    assert run("init", path, "--from", config, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outputs"] == {"output_0": [1, 17, 64, 48]}
    assert told["values"]["input.alignment"]["value"] == "index"
    assert list(told["gaps"]) == ["license"]
    assert run("package", path, "--platform", "android") == 2
    assert "leaves a field open: license (SPDX identifier" in capsys.readouterr().err
    assert run("init", path, "--from", config, "--overwrite", "--set", APACHE) == 0
    out = capsys.readouterr().out
    assert "the network gives output_0 1 x 17 x 64 x 48" in out
    assert "none is left to fill in" in out


PAGE = Path(__file__).parents[2] / "docs" / "init.md"


def test_the_commands_of_the_page_do_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model(tmp_path, Maps(16), "pose_resnet.pt")
    yaml = "256x256_d256x3_adam_lr1e-3.yaml"
    (tmp_path / yaml).write_bytes((DATA / "hrnet" / yaml).read_bytes())
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    shown = [line for kind, text in blocks if kind == "toml" for line in text.splitlines()]
    commands = [line for kind, text in blocks if not kind for line in text.splitlines()]
    assert run(*shlex.split(commands[0])[1:]) == 0
    assert set(shown) <= set(lines(tmp_path / "pose_resnet.toml"))
    assert run("inspect", "pose_resnet.pt") == 2
    for command in commands[1:]:
        assert run(*shlex.split(command)[1:]) == 0, capsys.readouterr().err
    assert "TODO" in (tmp_path / "bare.toml").read_text()
    assert "TODO" not in (tmp_path / "pose_resnet.toml").read_text()


@pytest.mark.slow
def test_a_draft_is_packaged(tmp_path: Path) -> None:
    path = str(model(tmp_path, Maps(17, stride=8)))
    size = ("--set", APACHE, "--set", "input.size_wh=[96, 128]")
    assert run("init", path, "--from", str(DATA / W32), *size) == 0
    assert run("package", path, "--platform", "android", "--out", str(tmp_path)) in (
        0,
        1,
    )  # random weights may fail a gate
    assert (tmp_path / "net-android" / "pose.json").is_file()


def test_a_draft_of_nothing_is_all_gaps(tmp_path: Path) -> None:
    found = drafted(model(tmp_path, Maps(17)))
    with pytest.raises(InputError, match="leaves 10 fields open"):
        parse_spec(found.draft.table, "the draft")
