"""Two networks in one bundle, from package to the app's code: each stage, both together, and a clip."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posekit.bundle import golden, open_bundle, write_manifest
from posekit.bundle.golden_following import clip_cases
from posekit.compression.settings import asked, of_detector
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.contract.stages import following_rule, joined
from posekit.devices import desktop, golden_run
from posekit.devices.desktop import Compiled, live
from posekit.devices.desktop.live import View
from posekit.errors import InputError
from posekit.parity.both import BothTally
from posekit.parity.cases import recorded
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.gate import Outcome
from posekit.parity.stages import StageGates, StageRuns, detect, follow, look, poses_in
from posekit.pipelines import inputs
from posekit.pipelines import validate as validating
from posekit.pipelines.both_stages import again, recorded_people
from posekit.pipelines.inputs import Images
from posekit.pipelines.package import TrainedNetwork, _refuse_early, package
from posekit.pipelines.predict import open_detector, open_for_prediction
from posekit.pipelines.validate import validate
from posekit.pipelines.validate_options import ValidateOptions
from posekit.poses import Poses
from posekit.poses.camera import camera_frame, upright_picture
from posekit.poses.following import PeopleFollower
from posekit.poses.images import Picture, load_image
from posekit.poses.people_tracking import PeopleTracker
from posekit.poses.regions import Region
from posekit.poses.transforms import Orientation
from tests import several, two_stage

pytestmark = [pytest.mark.xdist_group("two_stage"), pytest.mark.slow]
PEOPLE = sum(map(len, several.PLACES.values()))
KINDS = (("android", "fp32"), ("android", "fp16"), ("ios", "fp32"), ("ios", "fp16"), ("linux", "fp32"))


@dataclass(frozen=True)
class Pair:
    """Both models' files, their contract, and pictures of nobody, one person and several."""

    pose: Path
    detector: Path
    spec: PoseSpec
    folder: Path

    @property
    def images(self) -> Images:
        return inputs.find_images(self.folder, None, self.spec)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("two_stage")
    several.write_pictures(folder / "images")
    detector, pose = several.write_model(folder), folder / "points.pt2"
    example = (torch.zeros(1, 3, two_stage.SIDE, two_stage.SIDE),)
    torch.export.save(torch.export.export(two_stage.networks()[1], example), pose)
    (folder / "points.json").write_text(json.dumps(two_stage.POSE))
    spec = joined(two_stage.pose_spec(), two_stage.detector_spec(), two_stage.REGION)
    return Pair(pose, detector, spec, folder / "images")


@pytest.fixture(scope="module")
def bundles(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    made = {}
    for platform, precision in KINDS:
        out = tmp_path_factory.mktemp("bundles")
        wanted = asked(precision)
        (result,) = package(
            pair.pose, platform, pair.spec, pair.images, compression=wanted, out=out,
            detector=TrainedNetwork(pair.detector, compression=wanted),
        )  # fmt: skip
        assert result.evaluation.is_good, [one for one in result.evaluation.checks if one.outcome is Outcome.FAIL]
        logs = {path.name for path in out.glob("*.convert.log")}  # of each network its own
        assert logs == {f"{result.folder.name}{stage}.convert.log" for stage in ("", ".detector")}
        made[platform, precision] = result.folder
    return made


@pytest.fixture(scope="module", params=["android", "ios", "linux"])
def code(
    request: pytest.FixtureRequest, bundles: dict[tuple[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Compiled]:
    """A bundle at fp32, and its code compiled for this machine."""
    folder = bundles[request.param, "fp32"]
    try:
        desktop.require(request.param)
    except Exception as error:
        pytest.skip(str(error))
    opened = open_bundle(folder)
    return folder, desktop.compiled(request.param, opened.wrapper_path, opened.spec, tmp_path_factory.mktemp("code"))


def checks_of(folder: Path) -> dict[str, dict[str, str]]:
    document = json.loads((folder / "report" / "report.json").read_text())
    return {one["name"]: one for one in document["checks"]}


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_both_stages_and_each_are_proved(kind: tuple[str, str], bundles: dict[tuple[str, str], Path]) -> None:
    folder = bundles[kind]
    found = checks_of(folder)
    for name in ("both stages: people, missed", "both stages: people, invented", "detector: people, missed"):
        assert found[name]["outcome"] == "pass", name
        assert f"0 of {PEOPLE} people" in found[name]["detail"], found[name]
    assert found["both stages: mean OKS"]["outcome"] == "pass"
    assert validate(folder).evaluation.is_good
    opened = open_bundle(folder)
    assert opened.detector is not None
    cases = json.loads((folder / "evaluation" / "cases.json").read_text())["cases"]
    assert len(cases) == PEOPLE  # a region each, of the trained detector
    assert all(one["is_detected"] for one in cases)
    manifests = [json.loads((part / "manifest.json").read_text()) for part in (folder, folder / "detector")]
    assert len({one["contract_sha256"] for one in manifests}) == 1
    assert {one["precision"] for one in manifests} == {kind[1]}


def test_the_generated_code_runs_both_stages(
    code: tuple[Path, Compiled], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, program = code
    monkeypatch.setattr(validating, "compiled", lambda *_: program)
    result = validate(folder, ValidateOptions(wrapper=True, report=tmp_path / "report"))
    found = {one.name: one for one in result.evaluation.checks}
    assert result.evaluation.is_good, [one for one in found.values() if one.outcome is Outcome.FAIL]
    for stage in ("", "detector: "):
        assert found[f"{stage}the wrapper's decoding"].outcome is Outcome.PASS
        assert "of following" in found[f"{stage}{golden_run.NAME}"].detail
    if program.platform == "ios":
        assert found["both stages of the wrapper: people"].outcome is Outcome.SKIPPED
    else:
        assert f"0 of {PEOPLE} people" in found["both stages of the wrapper: people, missed"].detail
        assert found["both stages of the wrapper: mean OKS"].outcome is Outcome.PASS


def walking(step: int) -> list[tuple[int, int]]:
    """Corners of three people: two who pass one another, one who comes at frame 40; the first hides from 70 to 76."""
    places = [(8 + step, 16), (128 - step, 84)]
    if step >= 40:
        places.append((64 + round(20 * np.sin(step / 9)), 50))
    return [one for who, one in enumerate(places) if not (who == 0 and 70 <= step < 77)]


def frames() -> Iterator[tuple[Picture, int]]:
    for step in range(120):
        places = walking(step)
        yield np.asarray(several.picture(several.SIZE_WH, places, 900 + step)), len(places)


def runs_of(folder: Path) -> tuple[PoseSpec, StageRuns]:
    spec, run = open_for_prediction(folder, "", (), "", False, "")
    _, first = open_detector(folder, spec, None, "", (), "", False)
    assert first is not None
    return spec, StageRuns(first, run)


def test_people_are_followed_and_the_detector_rests(bundles: dict[tuple[str, str], Path]) -> None:
    """120 frames: who is followed is lost nowhere, and who comes is found when the detector looks next."""
    spec, runs = runs_of(bundles["android", "fp32"])
    follower, tracker = PeopleFollower(following_rule(spec)), PeopleTracker((0.3, 0.3, 0.3))
    detected, missing, ids = 0, 0, set[int]()
    for step, (image, there) in enumerate(frames()):
        detected += follower.wants_detection
        seen = follow(image, spec, runs, follower)
        sure = seen.poses.taken(np.flatnonzero(seen.poses.scores.min(axis=1) > 0.3))  # who hides is last seen unsurely
        missing += there - sure.count
        assert sure.count == there or 40 <= step < 60 or 77 <= step < 102, step
        assert sure.count <= there
        ids |= set(tracker.update(sure, step / 30))
    assert detected == 5  # 0, 30, 60 (the third person), 71 (somebody was lost), 101 (and came back)
    assert missing <= 20 + 24  # until the detector looks next
    assert len(ids) == 3  # who was hidden for a second is looked for where they must have come to


def test_the_generated_code_follows_the_same_people(code: tuple[Path, Compiled], tmp_path: Path) -> None:
    """The clip's detections and poses, given to Kotlin and Swift, which are to look in the same regions, and to detect
    in the same frames."""
    folder, program = code
    spec, runs = runs_of(folder)

    def frame(image: Picture) -> tuple[Callable[[], Poses], Callable[[Region], Poses]]:
        def see(region: Region) -> Poses:
            return poses_in(image, spec, runs.pose, [region])[0]

        return lambda: detect(image, spec, runs.detector), see

    cases = clip_cases(following_rule(spec), (frame(image) for image, _ in frames()))
    assert sum(one["wants_detection"] for one in cases) == 5
    vectors = golden_run.vectors(spec, tmp_path / "golden")
    golden.write_cases(vectors / "following.json", cases)
    said = json.loads(program.program.golden(vectors).strip().splitlines()[-1])["following"]
    assert (said["cases"], said["others"]) == (120, 0)
    assert said["region"] < 1e-6


def test_the_app_follows_the_same_people_through_frames_of_a_camera(code: tuple[Path, Compiled]) -> None:
    """Both networks, the follower, the tracker and the view, as an app has them; Python sees the same frames."""
    folder, program = code
    if program.platform == "linux":
        pytest.skip("the linux package takes pictures, not frames of a phone's camera")
    spec, runs = runs_of(folder)
    networks = {} if program.platform == "android" else {"pose": runs.pose, "detector": runs.detector}
    follower, tracker = PeopleFollower(following_rule(spec)), PeopleTracker(spec.keypoints.oks_sigmas)
    command = desktop.live_command(program, open_bundle(folder).model_path)
    with live.started(command, spec, networks) as app:
        for step, (image, there) in enumerate(islice(frames(), 12)):
            frame = camera_frame(image, Orientation(270))
            shown = app.look(frame, step / 30, View((300, 200)), smooths=False)
            poses = follow(upright_picture(frame), spec, runs, follower).poses
            assert shown.poses.count == there == 2
            assert list(shown.ids) == tracker.update(poses, step / 30) == [1, 2]
            np.testing.assert_allclose(shown.poses.keypoints, poses.keypoints, atol=0.02)


def test_a_model_of_another_bundle_and_edited_evidence_are_seen(
    bundles: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundles["android", "fp32"], tmp_path / "edited"))
    both = folder / "detector" / "evaluation" / "both.json"
    document = json.loads(both.read_text())
    moved = next(one for one in document["pictures"] if one["people"])
    moved["people"][0]["keypoints"] = [[x + 3, y] for x, y in moved["people"][0]["keypoints"]]
    both.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"both\.json .* was changed"):
        validate(folder)
    for part in (folder / "detector", folder):
        facts = json.loads((part / "manifest.json").read_text())
        write_manifest(part, {key: value for key, value in facts.items() if key not in ("files", "schema")})
    failed = [one.name for one in validate(folder).evaluation.checks if one.outcome is Outcome.FAIL]
    assert "both stages: mean OKS" in failed
    shutil.copyfile(folder / "points.tflite", folder / "module/src/main/assets/points-detector.tflite")
    write_manifest(folder, {k: v for k, v in facts.items() if k not in ("files", "schema")})
    failed = [one.name for one in validate(folder).evaluation.checks if one.outcome is Outcome.FAIL]
    assert "detector: model file of the wrapper" in failed


def written_as(change: Callable[[dict[str, Any]], None]) -> Callable[[list[dict[str, Any]]], None]:
    """A change of the picture that has most people."""
    return lambda pictures: change(max(pictures, key=lambda one: len(one["people"])))


def huge(picture: dict[str, Any]) -> None:
    for region in picture["regions"]:
        region["size_wh"] = [1e7, 1e7]  # in which any error is a small one


def one_for_all(picture: dict[str, Any]) -> None:
    picture["regions"] = picture["regions"][:1] * len(picture["people"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda pictures: None, "6 pictures detected anew"),
        (written_as(huge), "is none that the recorded outputs give"),
        (written_as(one_for_all), "is none that the recorded outputs give"),
        (written_as(lambda one: one["regions"].pop()), "the number of regions"),
        (written_as(lambda one: one.update(name="nobody.jpg")), "the names of the pictures"),
        (lambda pictures: pictures.reverse(), "the names of the pictures"),
    ],
)
def test_recorded_people_are_where_the_recorded_outputs_say(
    change: Callable[[list[dict[str, Any]]], None], says: str, bundles: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    opened = open_bundle(bundles["android", "fp32"])
    assert opened.detector is not None
    folder = opened.detector.folder / "evaluation"
    document = json.loads((folder / "both.json").read_text())
    assert max(len(one["people"]) for one in document["pictures"]) > 1
    change(document["pictures"])
    (tmp_path / "both.json").write_text(json.dumps(document))
    check = recorded_people(tmp_path, list(recorded(folder, opened.detector.spec)), opened.spec)
    assert check.outcome is (Outcome.PASS if says.startswith("6 pictures") else Outcome.FAIL)
    assert says in check.detail


def test_nobody_in_the_pictures_is_told(pair: Pair, tmp_path: Path) -> None:
    several.write_pictures(tmp_path / "empty", ("nobody",))
    images = inputs.find_images(tmp_path / "empty", None, pair.spec)
    (result,) = package(
        pair.pose, "android", pair.spec, images, out=tmp_path / "out", detector=TrainedNetwork(pair.detector)
    )
    found = {one.name: one for one in result.evaluation.checks}
    assert found["both stages: people"].outcome is Outcome.SKIPPED
    assert any("the detector finds nobody" in one for one in result.report["warnings"])


def test_annotated_people_measure_the_pose_network(pair: Pair, tmp_path: Path) -> None:
    annotations = several.write_pictures(tmp_path / "images")
    images = inputs.find_images(tmp_path / "images", annotations, pair.spec)
    (result,) = package(
        pair.pose, "ios", pair.spec, images, out=tmp_path / "out", detector=TrainedNetwork(pair.detector)
    )
    assert result.evaluation.is_good
    assert result.evaluation.accuracy["packaged"].people == PEOPLE
    assert result.evaluation.accuracy["packaged"].pck > 0.99


def test_both_networks_are_the_bundles(pair: Pair, bundles: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """--source with and without --detector: each stage is made again, or says that it was not."""
    folder = bundles["android", "fp32"]
    both = validate(folder, ValidateOptions(source=pair.pose, detector=pair.detector, changes=("region.margin=3.0",)))
    found = {one.name: one.outcome for one in both.evaluation.checks}
    assert both.evaluation.is_good
    for stage in ("", "detector: "):
        for name in ("the contract is the one given", "the reference is the network's", "the trace is the network's"):
            assert found[f"{stage}{name}"] is Outcome.PASS, (stage, name)
    alone = validate(folder, ValidateOptions(source=pair.pose))
    found = {one.name: one.outcome for one in alone.evaluation.checks}
    assert alone.evaluation.is_good
    assert found["the contract is the one given, but for its detector"] is Outcome.PASS
    assert found["detector: it is the network's"] is Outcome.SKIPPED
    network = several.network()
    network.mix[0].bias.data += 0.01
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3, 128, 160),)), tmp_path / "other.pt2")
    options = ValidateOptions(source=pair.pose, detector=tmp_path / "other.pt2", spec=str(folder / "pose.json"))
    other = validate(folder, options)
    assert "detector: the reference is the network's" in [
        one.name for one in other.evaluation.checks if one.outcome is Outcome.FAIL
    ]


def test_what_is_not_listed_in_the_detectors_part_is_seen(bundles: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["ios", "fp16"], tmp_path / "stray"))
    (folder / "detector" / "x.bin").write_bytes(b"x")
    facts = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {key: value for key, value in facts.items() if key not in ("files", "schema")})
    with pytest.raises(InputError, match="is not of the bundle that holds it"):
        open_bundle(folder)
    with pytest.raises(InputError, match="is a part of the bundle"):
        open_bundle(folder / "detector")


def test_calibration_may_be_for_one_stage(tmp_path: Path) -> None:
    wanted = asked("fp16", calibration=tmp_path)
    detector = of_detector(wanted, "w8a8")
    assert (detector.recipe.precision, detector.calibration) == ("w8a8", tmp_path)
    finals = {"android": tmp_path / "a"}
    spec = joined(two_stage.pose_spec(), two_stage.detector_spec())
    _refuse_early(finals, spec, [wanted, detector], overwrite=False, wrapper=False)
    with pytest.raises(InputError, match="precision fp16 needs no calibration pictures"):
        _refuse_early(finals, spec, [wanted, of_detector(wanted, "w8")], overwrite=False, wrapper=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("points.pt2", "--detector", "nothing.onnx"), "there is no file"),
        (("points.pt2", "--detector", "points.pt2"), "the detector's decoder is 'heatmap', which finds one person"),
        (
            ("squares.pt2", "--detector", "squares.pt2"),
            "the pose network's kind is 'one_stage', which needs no",
        ),
        (("points.pt2", "--detector-spec", "rtmdet-person"), "--detector-spec is of a detector, and there is none"),
        (("points.pt2", "--detector", "squares.pt2", "--detector-precision", "auto"), "--detector-precision is auto"),
        (("points.pt2", "--detector-precision", "fp16"), "--detector-precision and --detector-arch are of a detector"),
    ],
)
def test_wrong_pairs_are_refused(
    pair: Pair, refused: Callable[..., Any], arguments: tuple[str, ...], message: str
) -> None:
    given = [pair.pose.parent / one if one.endswith((".pt2", ".onnx")) else one for one in arguments]
    refused(2, "package", *given, "--platform", "android", says=(message,))


class Dull(torch.nn.Module):
    """Gives the same for every picture."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            self.register_buffer(name, torch.ones(shape))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(one + 0 * x.mean() for one in self.buffers())


@pytest.mark.parametrize("stage", ["detector", "pose network"])
def test_a_failure_says_which_network_it_is_of(stage: str, pair: Pair, bundles: Any, tmp_path: Path) -> None:
    """Of packaging, of predicting, and of validating against the network."""
    cells = 20 * 16 + 10 * 8
    shapes = {"boxes": (1, 4, cells), "scores": (1, 1, cells), "points": (1, 9, cells)}
    spec = pair.spec.detector_stage if stage == "detector" else pair.spec
    assert spec is not None
    width, height = spec.input.size_wh
    dull = Dull(shapes if stage == "detector" else {"heatmaps": (1, 3, 16, 16)})
    torch.export.save(torch.export.export(dull, (torch.zeros(1, 3, height, width),)), tmp_path / "dull.pt2")
    pose, detector = (
        (pair.pose, tmp_path / "dull.pt2") if stage == "detector" else (tmp_path / "dull.pt2", pair.detector)
    )
    with pytest.raises(InputError, match=rf"^{stage}: the network's output '\w+' is constant"):
        package(pose, "android", pair.spec, pair.images, out=tmp_path / "out", detector=TrainedNetwork(detector))
    options = ValidateOptions(source=pose, detector=detector, spec=str(bundles["android", "fp32"] / "pose.json"))
    failed = [one.name for one in validate(bundles["android", "fp32"], options).evaluation.checks
              if one.outcome is Outcome.FAIL]  # fmt: skip
    assert f"{'detector: ' * (stage == 'detector')}the reference is the network's" in failed
    assert not any(name.startswith("detector: ") for name in failed) or stage == "detector"


def test_a_fault_is_found_at_its_stage(bundles: dict[tuple[str, str], Path]) -> None:
    """A limit of people shows in both stages together; boxes that are moved hardly move keypoints, and fail the
    detector's own gates."""
    spec, runs = runs_of(bundles["android", "fp32"])
    detector = open_bundle(bundles["android", "fp32"]).detector
    assert detector is not None
    folder, terms = detector.folder / "evaluation", Terms("fp32")
    cases = list(recorded(folder, detector.spec))
    photos = [case.photo for case, _ in cases]
    for most, is_good in ((6, True), (2, False)):
        region = two_stage.REGION.model_copy(update={"max_people": most})
        limited = spec.model_copy(update={"region": region})
        seen = [look(load_image(photo.path), limited, runs) for photo in photos]
        tally = BothTally(spec, StageGates(terms.gate(detector.spec), terms.gate(spec)))
        checks = again(folder, photos, spec, runs, tally, [replace(one, detected=None) for one in seen].__getitem__)
        assert all(one.outcome is Outcome.PASS for one in checks) == is_good, checks
    for run, is_good in ((runs.detector, True), (shifted(runs.detector), False)):
        found = evaluate(cases, detector.spec, Runs(run, "HOST", "LiteRT"), terms)
        assert found.is_good == is_good


def shifted(run: Run) -> Run:
    """The detector with its boxes moved by half a cell."""

    def moved(pixels: Any) -> Any:
        outputs = dict(run(pixels))
        outputs["boxes"] = outputs["boxes"] + np.array([0.5, 0.0, -0.5, 0.0], np.float32).reshape(1, 4, 1)
        return outputs

    return moved


def test_fields_of_both_stages_are_set(pair: Pair) -> None:
    own, added = inputs.of_stages(["license=MIT", "region.margin=2", "detector.license=MIT"], pair.detector)
    assert own == ["license=MIT"]
    spec = inputs.with_detector(inputs.find_spec(pair.pose, "", own), pair.detector, "", added)
    assert (spec.license, spec.region and spec.region.margin) == ("MIT", 2)
    assert spec.detector is not None
    assert spec.detector.license == "MIT"
    with pytest.raises(InputError, match=r"region\.margin is 0\.1"):
        inputs.with_detector(two_stage.pose_spec(), pair.detector, "", ["region.margin=0.1"])
    assert inputs.of_stages(["region.margin=2"], None) == (["region.margin=2"], [])
