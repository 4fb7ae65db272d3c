"""A model of several people through every command: three people in a picture, five, and nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from posekit.bundle import open_bundle
from posekit.compression.network import CompressOptions
from posekit.parity.cases import recorded
from posekit.pipelines import inputs, package
from posekit.pipelines.compress import compress
from tests.several import PLACES, SIZE_WH, picture, write_model, write_pictures

pytestmark = [pytest.mark.xdist_group("several"), pytest.mark.slow]
Posekit = Callable[..., Any]
PEOPLE = sum(map(len, PLACES.values()))


@dataclass(frozen=True)
class World:
    """A model, its pictures and their annotations."""

    model: Path
    images: Path
    annotations: Path

    @property
    def pictures(self) -> tuple[Any, ...]:
        return ("--images", self.images, "--annotations", self.annotations)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("several")
    annotations = write_pictures(folder / "images")
    return World(write_model(folder / "model"), folder / "images", annotations)


@pytest.fixture(scope="module")
def bundles(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """squares-android and squares-ios at fp32."""
    out = tmp_path_factory.mktemp("bundles") / "out"
    spec = inputs.find_spec(world.model, "")
    pictures = inputs.find_images(world.images, world.annotations, spec)
    for platform in ("android", "ios", "linux"):
        (result,) = package.package(world.model, platform, spec, pictures, out=out)
        assert result.evaluation.is_good
    return out


def report(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bundle / "report" / "report.json").read_text())
    return found


@pytest.mark.parametrize("platform", ["android", "ios", "linux"])
def test_everybody_is_in_the_report(platform: str, bundles: Path) -> None:
    document = report(bundles / f"squares-{platform}")
    people = document["total"]["people"]
    assert (people["reference"], people["seen"], people["missed"], people["invented"]) == (PEOPLE, PEOPLE, [], [])
    assert document["accuracy"]["packaged"]["boxes"] == "own"
    assert document["accuracy"]["packaged"]["people"] == PEOPLE
    assert document["accuracy"]["packaged"]["ap"] > 0.8
    assert document["images"] == len(PLACES)  # that of nobody too
    opened = open_bundle(bundles / f"squares-{platform}")
    cases = [case for case, _ in recorded(opened.folder / "evaluation", opened.spec)]
    assert all(case.photo.is_annotated for case in cases)  # that nobody is there is evidence, too
    page = (bundles / f"squares-{platform}" / "report" / "index.html").read_text()
    assert "own boxes and confidences" in page
    assert "people in the reference" in page


@pytest.mark.parametrize("platform", ["android", "ios", "linux"])
def test_the_generated_code_sees_the_same_people_in_the_same_order(
    platform: str, bundles: Path, run_posekit: Posekit
) -> None:
    ran = run_posekit("validate", bundles / f"squares-{platform}", "--wrapper", "--json")
    if ran.code == 3:
        pytest.skip(ran.err)
    assert ran.code == 0, ran.err + ran.out
    document = json.loads(ran.out)
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["the wrapper's decoding"]["outcome"] == "pass"
    assert checks["from the picture: people, missed"]["outcome"] == "pass"
    steps = {step["name"]: step for step in document["steps"]}
    assert steps["decoding"]["keypoints"]["max_px"] < 1e-3
    assert steps["decoding"]["people"]["seen"] == PEOPLE


def test_predict_gives_everybody_and_nobody(world: World, bundles: Path, run_posekit: Posekit, tmp_path: Path) -> None:
    pictures = [world.images / f"{name}.png" for name in ("three", "nobody", "five")]
    for model in (world.model, bundles / "squares-android"):
        ran = run_posekit("predict", model, *pictures, "--out", tmp_path / "out", "--json")
        assert ran.code == 0, ran.err
        found = json.loads(ran.out)["predictions"]
        assert [len(one["instances"]) for one in found] == [3, 0, 5]
        person = found[0]["instances"][0]
        assert person["confidence"] > 0.9
        assert person["box_xyxy"] == pytest.approx([112, 88, 136, 112], abs=1)
        assert all((tmp_path / "out" / f"{name}.overlay.png").is_file() for name in ("three", "nobody", "five"))
    assert "nobody.png: nobody" in run_posekit("predict", world.model, pictures[1]).out


def test_a_picture_where_nobody_is_can_be_packaged_with(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    write_pictures(tmp_path / "empty", ("nobody",))
    ran = run_posekit(
        "package", world.model, "--platform", "android", "--images", tmp_path / "empty", "--out", tmp_path / "out"
    )
    assert ran.code == 0, ran.err + ran.out
    assert "people: 0 of the reference, 0 seen" in ran.out
    assert "the reference has nobody in these pictures" in ran.out
    assert report(tmp_path / "out" / "squares-android")["total"]["people"]["reference"] == 0
    assert run_posekit("validate", tmp_path / "out" / "squares-android").code == 0


def test_eight_bits_are_calibrated_and_judged(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    ran = run_posekit(
        "package", world.model, "--platform", "android", "--precision", "w8a8", "--calibration", world.images,
        *world.pictures, "--out", tmp_path,
    )  # fmt: skip
    assert ran.code in (0, 1), ran.err
    bundle = tmp_path / f"squares-android{'.rejected' if ran.code else ''}"
    names = {check["name"] for check in report(bundle)["checks"]}
    assert {"people, missed", "people, invented", "mean OKS against the reference"} <= names


def test_check_looks_at_whole_pictures(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    ran = run_posekit("check", world.model, "--images", world.images, "--json")
    assert ran.code == 0, ran.err + ran.out
    fields = {one["field"]: one["verdict"] for one in json.loads(ran.out)["fields"]}
    assert fields["input.color_order"] == fields["decoder.keypoints.fields"] == "agrees"
    assert {"decoder.keypoints.fields", "decoder.keypoints.factor, keypoints.shift"} <= fields.keys()
    spec = json.loads((world.model.with_suffix(".json")).read_text())
    spec["input"]["color_order"] = "bgr"
    (tmp_path / "wrong.json").write_text(json.dumps(spec))
    wrong = run_posekit("check", world.model, "--spec", tmp_path / "wrong.json", "--images", world.images)
    assert wrong.code == 1
    assert "input.color_order looks wrong: bgr" in wrong.out
    write_pictures(tmp_path / "empty", ("nobody",))
    nobody = run_posekit("check", world.model, "--images", tmp_path / "empty")
    assert nobody.code == 1  # nothing could be judged
    assert "looks wrong" not in nobody.out


def test_ladder_with_people_and_without(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    ran = run_posekit("ladder", world.model, "--platform", "android", *world.pictures, "--json")
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)["ladders"]
    assert found["people"] == PEOPLE
    assert found["recommended"]
    write_pictures(tmp_path / "empty", ("nobody",))
    ran = run_posekit("ladder", world.model, "--platform", "android", "--images", tmp_path / "empty")
    assert "nobody is in the pictures" in ran.out


def test_a_budget_is_searched_within(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    ran = run_posekit(
        "package", world.model, "--platform", "android", "--precision", "auto", "--budget", "oks>=0.98",
        *world.pictures, "--out", tmp_path,
    )  # fmt: skip
    assert ran.code == 0, ran.err + ran.out
    assert any(check["name"].startswith("budget oks") for check in report(tmp_path / "squares-android")["checks"])


def test_a_smaller_network_keeps_everybody(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    """w8a8 moves confidences by enough to change the order of people, who are the same nevertheless."""
    (tmp_path / "many").mkdir()
    for number, places in enumerate([*PLACES.values(), *PLACES.values()]):
        picture(SIZE_WH, places, 100 + number).save(tmp_path / "many" / f"{number}.png")
    wanted = CompressOptions(low_rank=0.8, quantize="w8a8", recover=tmp_path / "many", steps=2)
    made = compress(world.model, inputs.find_spec(world.model, ""), wanted, tmp_path)
    for found in (made.unrecovered, made.recovered):
        assert found is not None
        assert found.people > 3
        assert found.lost == 0
        assert found.oks > 0.8
    ran = run_posekit("predict", made.model, world.images / "five.png", world.images / "nobody.png", "--json")
    assert [len(one["instances"]) for one in json.loads(ran.out)["predictions"]] == [5, 0]


def test_pictures_of_nobody_teach_nothing(world: World, run_posekit: Posekit, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for number in range(8):
        picture(SIZE_WH, [], number).save(tmp_path / "empty" / f"{number}.png")
    ran = run_posekit("compress", world.model, "--quantize", "w8a8", "--recover", tmp_path / "empty", "--out", tmp_path)
    assert ran.code == 2
    assert "the network finds nobody in the 2 pictures to judge by, expected somebody" in ran.err
    assert not (tmp_path / "squares-compressed").exists()
