"""Several networks as one, and one with its mirror image: what is averaged, and that both platforms give the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posekit.contract.outputs import with_mirror_image  # noqa: E402
from posekit.contract.presets import preset  # noqa: E402
from posekit.contract.spec import PoseSpec, parse_spec, read_spec  # noqa: E402
from posekit.decoders import of  # noqa: E402
from posekit.errors import InputError  # noqa: E402
from posekit.pipelines import inputs  # noqa: E402
from posekit.pipelines.package import package  # noqa: E402
from posekit.runtimes import runtime_for  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.ensemble import write_ensemble  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from tests.conftest import Run, Tiny  # noqa: E402

PIXELS = np.random.default_rng(2).uniform(0, 255, (48, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def members(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The tiny network, and one of other weights in another form."""
    torch.manual_seed(11)
    other = tiny.code.Tiny().eval()
    path = tmp_path_factory.mktemp("members") / "other.pt"
    torch.jit.trace(other, torch.rand(1, 3, 48, 32)).save(str(path))
    return tiny.save("exported"), path


@pytest.fixture
def spec(tiny: Tiny) -> PoseSpec:
    return read_spec(tiny.spec_file)


def maps(path: Path, spec: PoseSpec, pixels: Any = PIXELS) -> Any:
    return run_reference(open_source(path, spec), spec, pixels)["heatmaps"]


@pytest.mark.parametrize(("weights", "shares"), [((), (0.5, 0.5)), ((3.0, 1.0), (0.75, 0.25))])
def test_outputs_are_averaged_by_weight(
    members: tuple[Path, Path], spec: PoseSpec, tmp_path: Path, weights: tuple[float, ...], shares: tuple[float, float]
) -> None:
    path = tmp_path / "both.ensemble"
    write_ensemble(path, members, weights)
    one, other = (maps(member, spec) for member in members)
    np.testing.assert_allclose(maps(path, spec), shares[0] * one + shares[1] * other, atol=1e-5)
    assert np.abs(one - other).max() > 0.1


def test_a_flip_test_averages_with_the_mirror_image(tiny: Tiny, spec: PoseSpec) -> None:
    """Column i becomes column n - 1 - i, and the left wrist's map the right wrist's."""
    path, names = tiny.save("exported"), list(spec.keypoints.names)
    pair = spec.keypoints.flip_pairs[0]
    order = [names.index(dict([pair, pair[::-1]]).get(name, name)) for name in names]
    plain, seen = maps(path, spec), maps(path, spec, PIXELS[:, ::-1])
    back = seen[:, :, ::-1][..., order]
    turned = spec.model_copy(update={"flip_test": "plain"})
    np.testing.assert_allclose(maps(path, turned), (plain + back) / 2, atol=1e-5)
    shifted = spec.model_copy(update={"flip_test": "shift"})
    moved = np.concatenate([back[:, :, :1], back[:, :, :-1]], axis=2)
    np.testing.assert_allclose(maps(path, shifted), (plain + moved) / 2, atol=1e-5)
    assert np.abs(back - plain).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_both_together_pass_their_gates(
    members: tuple[Path, Path], tiny: Tiny, tmp_path: Path, platform: str
) -> None:  # fmt: skip
    pytest.importorskip("litert_torch" if platform == "android" else "coremltools")
    contract = inputs.find_spec(members[0], str(tiny.spec_file), ["flip_test=shift"])
    pictures = inputs.find_images(tiny.images, None, contract)
    with inputs.as_one(members, "0.6,0.4") as model:
        (result,) = package(model, platform, contract, pictures, out=tmp_path)
    assert result.evaluation.is_good
    assert json.loads((result.folder / "pose.json").read_text())["flip_test"] == "shift"


CORNERS = tuple((top, left) for top in (0, 20) for left in (0, 12))  # of parts of 28 x 20 px, which overlap


class Part(torch.nn.Module):
    """A small network that sees a part of the picture; its maps lie where the part does, and are 0 beside it."""

    def __init__(self, network: Any, corner: tuple[int, int]) -> None:
        super().__init__()
        self.network, self.corner = network, corner

    def forward(self, image: Any) -> Any:
        top, left = self.corner
        seen = self.network(image[:, :, top : top + 28, left : left + 20])  # 1 x 3 x 7 x 5 cells of 12 x 8
        return torch.nn.functional.pad(seen, (left // 4, 3 - left // 4, top // 4, 5 - top // 4))


class Fragmented(torch.nn.Module):
    """Parts of the picture go to small networks, and what they see of a place is averaged."""

    def __init__(self, parts: list[Part]) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleList(parts)
        covers = torch.zeros(1, 1, 12, 8)
        for top, left in CORNERS:
            covers[:, :, top // 4 : top // 4 + 7, left // 4 : left // 4 + 5] += 1
        self.register_buffer("covers", covers)

    def forward(self, image: Any) -> Any:
        return sum(part(image) for part in self.parts) / self.covers


@pytest.fixture(scope="module")
def parts(tiny: Tiny) -> list[Part]:
    """Four, of other weights each."""
    torch.manual_seed(12)
    return [Part(tiny.code.Tiny(), corner).eval() for corner in CORNERS]


def test_networks_that_see_a_part_each_are_an_ensemble(parts: list[Part], spec: PoseSpec, tmp_path: Path) -> None:
    """Members give maps of the whole grid; a place that one of four sees has a fourth of its value."""
    paths = [tmp_path / f"part{number}.pt" for number in range(4)]
    for part, path in zip(parts, paths, strict=True):
        torch.jit.trace(part, torch.rand(1, 3, 48, 32)).save(str(path))
    write_ensemble(tmp_path / "all.ensemble", paths)
    whole = Fragmented(parts).eval()
    torch.jit.trace(whole, torch.rand(1, 3, 48, 32)).save(str(tmp_path / "whole.pt"))
    shares = whole.covers[0, 0].numpy()[..., None] / 4
    np.testing.assert_allclose(maps(tmp_path / "all.ensemble", spec), maps(tmp_path / "whole.pt", spec) * shares,
                               atol=1e-5)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_fragmented_network_is_packaged_as_it_is(
    parts: list[Part], tiny: Tiny, spec: PoseSpec, tmp_path: Path, platform: str
) -> None:
    pytest.importorskip("litert_torch" if platform == "android" else "coremltools")
    torch.jit.trace(Fragmented(parts).eval(), torch.rand(1, 3, 48, 32)).save(str(model := tmp_path / "whole.pt"))
    (result,) = package(model, platform, spec, inputs.find_images(tiny.images, None, spec), out=tmp_path)
    assert result.evaluation.is_good
    (file,) = (one for suffix in (".tflite", ".mlpackage") for one in result.folder.glob(f"*{suffix}"))
    seen = runtime_for(platform, file).run(PIXELS)["heatmaps"]
    np.testing.assert_allclose(seen, maps(model, spec), atol=1e-4)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"posekit_ensemble": 1, "members": ["a.pt"]}', "members"),
        ('{"posekit_ensemble": 2, "members": ["a.pt", "b.pt"]}', "posekit_ensemble is 2"),
        ('{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"], "weights": [1]}', "1 weights for 2 members"),
        ('{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"], "weights": [1, 0]}', "weights.1 is 0"),
        ('{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"], "other": 1}', "unknown key 'other'"),
        ('{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"]', "no JSON object"),
        ('{"posekit_ensemble": 1, "members": ["a.pt", "b.pt"]}', "there is no file"),
        ('{"posekit_ensemble": 1, "members": ["a.ensemble", "b.pt"]}', "has the ensemble a.ensemble as a member"),
    ],
)
def test_a_wrong_file_is_told(spec: PoseSpec, tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "x.ensemble"
    path.write_text(content)
    with pytest.raises(InputError) as raised:
        open_source(path, spec)
    assert told in raised.value.message


def test_members_of_other_maps_are_told_by_name(tiny: Tiny, spec: PoseSpec, tmp_path: Path) -> None:
    other = torch.nn.Sequential(tiny.network, torch.nn.Upsample(scale_factor=2)).eval()
    torch.jit.trace(other, torch.rand(1, 3, 48, 32)).save(str(tmp_path / "large.pt"))
    write_ensemble(tmp_path / "x.ensemble", [tiny.save("exported"), tmp_path / "large.pt"])
    with pytest.raises(InputError, match=r"give other outputs: tiny\.exported .* large\.pt heatmaps \(1, 3, 24, 16\)"):
        maps(tmp_path / "x.ensemble", spec)


@pytest.mark.parametrize(
    ("models", "ensemble", "told"),
    [(2, "", "there are 2 models"), (1, "mean", "there is one"), (2, "1", "expected mean or 2 numbers"),
     (2, "1,x", "expected mean or 2 numbers"), (2, "1,-1", "expected mean or 2 numbers")],
)  # fmt: skip
def test_wrong_words_of_the_command_line(models: int, ensemble: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        inputs.check_ensemble([Path(f"{number}.pt") for number in range(models)], ensemble)


@pytest.mark.parametrize(
    ("name", "why"),
    [("yolo-pose-coco17", "one candidate may be another person"), ("higherhrnet-coco17", "within one look alone")],
)
def test_what_means_nothing_averaged_is_refused_with_the_reason(
    name: str, why: str, tiny: Tiny, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"mean nothing averaged .*{why}"):
        inputs.find_spec(tiny.save("exported"), name, ["flip_test=plain"])
    write_ensemble(tmp_path / "x.ensemble", [tiny.save("exported"), tiny.save("exported")])
    with pytest.raises(InputError, match=f"mean nothing averaged: .*{why}"):
        open_source(tmp_path / "x.ensemble", preset(name))


@pytest.mark.parametrize("name", ["centernet-pose-coco17", "posenet-mobilenet-coco17", "movenet-raw"])
def test_a_published_head_has_the_other_side_of_all_it_reads(name: str) -> None:
    spec = parse_spec({**preset(name).model_dump(by_alias=True), "flip_test": "plain"}, name)
    drawn = of(spec.decoder).examples(spec.decoder, spec.input, np.random.default_rng(0), spec.keypoint_count)
    outputs = {one: values[None] for one, values in drawn.items()}
    twice = with_mirror_image(outputs, with_mirror_image(outputs, outputs, spec), spec)
    assert {one: values.shape for one, values in twice.items()} == {one: v.shape for one, v in outputs.items()}


def test_a_draft_is_that_of_a_member(
    members: tuple[Path, Path], tiny: Tiny, tmp_path: Path, run_posekit: Callable[..., Run]
) -> None:
    """All of them have one contract; what other commands say where there is none leads here."""
    path = tmp_path / "both.ensemble"
    write_ensemble(path, members)
    ran = run_posekit("inspect", path, "--spec", tiny.spec_file)
    assert ran.code == 0
    with pytest.raises(InputError) as raised:
        open_source(path, None)
    command = re.search(r"`posekit (init .*?)`", raised.value.hint or "")
    assert command is not None
    ran = run_posekit(*shlex.split(command[1]), "--set", "input.size_wh=[32,48]", "--set", "input.color_order=rgb")
    assert ran.code == 0
    assert "the network was not run" not in ran.out
    assert path.with_suffix(".toml").is_file()
    path.write_text(json.dumps({"members": ["gone.pt", "gone.onnx"]}))
    assert "the first member" in run_posekit("init", path, "--overwrite").err
