"""Frames through the generated Kotlin and Swift as an app has them, held to the same in Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.devices.desktop import live
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.devices.desktop.live import LiveWrapper, View
from posekit.devices.desktop.swift import SwiftWrapper
from posekit.errors import ConversionError
from posekit.parity.cases import cases_in, poses_of
from posekit.poses import Poses
from posekit.poses.camera import FORMS, CameraFrame, FrameForm, camera_frame, upright_picture
from posekit.poses.images import Photo, Picture
from posekit.poses.live_tracking import LiveTracking
from posekit.poses.transforms import Orientation
from posekit.poses.view_mapping import ViewMapping
from posekit.runtimes import litert, mil
from sample import clip
from tests.devices.kotlin_samples import Sample
from tests.devices.swift_samples import SwiftSample

FRAMES = 16
PX = 0.002
UPRIGHT_OF_A_PHONE = Orientation(90)
VIEW = View((540, 960))


@pytest.fixture(scope="module")
def walk() -> list[Picture]:
    return clip.drawn(FRAMES)


@pytest.fixture
def kotlin(samples: dict[str, Sample], wrappers: dict[str, KotlinWrapper]) -> Iterator[LiveWrapper]:
    sample = samples["tinypose"]
    with live.started(wrappers["tinypose"].live(sample.model), sample.spec, {}) as started:
        yield started


@pytest.fixture
def swift(swift_samples: dict[str, SwiftSample], swift_wrapper: Callable[[str], SwiftWrapper]) -> Iterator[LiveWrapper]:
    sample = swift_samples["tinypose"]
    runs = {"pose": mil.open_model(sample.model)}
    with live.started(swift_wrapper("tinypose").live, sample.spec, runs) as started:
        yield started


@pytest.mark.slow
@pytest.mark.xdist_group("desktop_kotlin")
class TestKotlin:
    @pytest.fixture
    def run(self, samples: dict[str, Sample]) -> Run:
        return litert.open_model(samples["tinypose"].model)

    def test_follows_and_calms_as_python_does(self, kotlin: LiveWrapper, run: Run, walk: list[Picture]) -> None:
        check_walk(kotlin, run, walk)

    @pytest.mark.parametrize("form", FORMS)
    def test_frames_of_every_kind(self, form: FrameForm, kotlin: LiveWrapper, run: Run, walk: list[Picture]) -> None:
        check_forms(kotlin, run, walk[0], form)

    def test_what_it_refuses_is_said(self, kotlin: LiveWrapper, walk: list[Picture]) -> None:
        frame = camera_frame(walk[0])
        short = CameraFrame(frame.form, frame.size_wh, frame.data[:-8], frame.planes)
        with pytest.raises(ConversionError, match="cannot look at a frame: IllegalArgument"):
            kotlin.look(short, 0, VIEW)
        assert kotlin.look(frame, 0, VIEW).poses.count == 1  # and it goes on


@pytest.mark.slow
@pytest.mark.xdist_group("desktop_swift")
class TestSwift:
    @pytest.fixture
    def run(self, swift_samples: dict[str, SwiftSample]) -> Run:
        return mil.open_model(swift_samples["tinypose"].model)

    def test_follows_and_calms_as_python_does(self, swift: LiveWrapper, run: Run, walk: list[Picture]) -> None:
        check_walk(swift, run, walk)

    @pytest.mark.parametrize("form", [form for form in FORMS if form != "nv21"])  # which no Apple device gives
    def test_frames_of_every_kind(self, form: FrameForm, swift: LiveWrapper, run: Run, walk: list[Picture]) -> None:
        check_forms(swift, run, walk[0], form)

    def test_what_it_refuses_is_said(self, swift: LiveWrapper, walk: list[Picture]) -> None:
        frame = camera_frame(walk[0])
        short = CameraFrame(frame.form, frame.size_wh, frame.data[:-8], frame.planes)
        with pytest.raises(ConversionError, match="cannot look at a frame.*bytes do not hold"):
            swift.look(short, 0, VIEW)
        assert swift.look(frame, 0, VIEW).poses.count == 1  # and it goes on


def test_a_program_that_ends_is_told(walk: list[Picture]) -> None:
    from tests.heads import plain_spec

    command = [sys.executable, "-c", "import sys; sys.exit('an error of its own')"]
    started = live.started(command, plain_spec("tiny-pose"), {})
    with started as app, pytest.raises(ConversionError, match="an error of its own"):
        app.look(camera_frame(walk[0]), 0, VIEW)


def test_a_program_that_hangs_is_stopped(walk: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.heads import plain_spec

    monkeypatch.setattr(live, "LOOK_SECONDS", 0.2)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]  # reads nothing: it hangs as a frame is sent
    with live.started(command, plain_spec("tiny-pose"), {}) as app:
        for picture in (walk[0], walk[0][:32, :32]):
            with pytest.raises(ConversionError, match=r"looked at a frame for 0\.2 s|ended as it looked"):
                app.look(camera_frame(picture), 0, VIEW)


def check_walk(app: LiveWrapper, run: Run, walk: list[Picture]) -> None:
    """Somebody who walks is followed, calmed and laid over the view of a front camera as in Python.

    Python is told in each frame where the wrapper saw the person, or rounding would grow tenfold every few frames: a
    network sees a little else in a region that is a little elsewhere.
    """
    spec, view, raw = app.spec, View((411, 731), "fit", mirrored=True), list[Poses]()
    tracking, regions = tracking_of(spec), set()
    for place, picture in enumerate(walk):
        frame = camera_frame(picture, UPRIGHT_OF_A_PHONE)
        shown = app.look(frame, place / clip.RATE, view, smooths=False)
        poses = seen(upright_picture(frame), run, spec, tracking)
        assert np.abs(shown.poses.keypoints - poses.keypoints).max() < PX, place
        assert np.abs(shown.poses.scores - poses.scores).max() < 1e-4
        assert shown.ids == tuple(tracking.update(shown.poses, place / clip.RATE)[0]) == (1,)
        height, width = picture.shape[:2]
        mapping = ViewMapping((width, height), view.size_wh, "fit", True, spec.input.pixel_center)
        assert np.abs(shown.in_view - mapping.to_view(shown.poses.keypoints[..., :2])).max() < 1e-9
        assert min(shown.times_ms.values()) > 0
        regions.add(tracking.region)
        raw.append(shown.poses)
    assert len(regions) == len(walk)  # it is really followed
    assert None not in regions
    tracking = tracking_of(spec)
    for place, picture in enumerate(walk):  # once more, from the start: time goes back, so that everybody is new
        shown = app.look(camera_frame(picture, UPRIGHT_OF_A_PHONE), place / clip.RATE, view)
        _, calmed = tracking.update(raw[place], place / clip.RATE)
        assert shown.ids == (2,)
        assert np.abs(shown.poses.keypoints - calmed.keypoints).max() < 1e-6, place
    assert np.abs(calmed.keypoints - raw[-1].keypoints).max() > 0.1  # which calms
    check_anew(app, walk)


def check_anew(app: LiveWrapper, walk: list[Picture]) -> None:
    """Somebody is new in a frame that is turned or cut otherwise, and after a picture of its own."""
    time, turned = len(walk) / clip.RATE, camera_frame(walk[-1], UPRIGHT_OF_A_PHONE)
    ids = [app.look(turned, time, VIEW).ids]
    for frame in (camera_frame(walk[-1]), camera_frame(walk[-1][:-2])):
        ids += [app.look(frame, time, VIEW).ids, app.look(frame, time + 0.1, VIEW).ids]
        time += 0.2
    assert app.look(frame, time, VIEW, tracks=False).ids == (1,)
    ids.append(app.look(frame, time, VIEW).ids)
    assert ids == [(2,), (3,), (3,), (4,), (4,), (5,)]


def tracking_of(spec: PoseSpec) -> LiveTracking:
    usual = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)
    return LiveTracking(spec.keypoints.oks_sigmas, usual, spec.input.size_wh, spec.input.box_padding)


def check_forms(app: LiveWrapper, run: Run, picture: Picture, form: FrameForm) -> None:
    """A frame, however it is stored, is a picture of its own whose people are found as in Python."""
    for degrees in (0, 90, 180, 270):
        for mirrored in (False, True):
            frame = camera_frame(picture[:-1, :-1], Orientation(degrees, mirrored), form)
            shown = app.look(frame, 0, VIEW, tracks=False)
            poses = seen(upright_picture(frame), run, app.spec)
            assert np.abs(shown.poses.keypoints - poses.keypoints).max() < PX, (degrees, mirrored)


def seen(picture: Picture, run: Run, spec: PoseSpec, tracking: LiveTracking | None = None) -> Poses:
    """The person in the region where the last frame leads to, else in the whole picture."""
    where = () if tracking is None or tracking.region is None else (tracking.region,)
    (case,) = cases_in(picture, Photo(Path(), 0, regions=where), spec)
    return poses_of(run(case.pixels), case.transform, spec)
