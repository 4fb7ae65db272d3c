"""What an app would show: pictures and videos through a bundle's generated code as a phone's camera gives them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image

from posekit import bundle
from posekit.compression.calibration import video
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.devices import desktop
from posekit.devices.desktop import live
from posekit.devices.desktop.live import LiveFrame, LiveWrapper, View
from posekit.errors import InputError
from posekit.pipelines import consistency
from posekit.pipelines.wrapper_runs import compiled
from posekit.poses.camera import CameraFrame, FrameForm, camera_frame, upright_picture
from posekit.poses.images import Picture, load_image
from posekit.poses.transforms import Orientation
from posekit.poses.view_mapping import ViewMapping
from posekit.progress import LOG, Progress, announced, silent
from posekit.report.app_view import app_view
from posekit.runtimes import runtime_for

Camera: TypeAlias = Literal["back", "front"]
CAMERAS: dict[Camera, int] = {"back": 90, "front": 270}  # clockwise to upright, of a phone that is held upright
LONG_SIDE, SHORT_SIDE = 960, 540  # px of a view where none is asked for: half of what many phones have


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The phone. camera: which one looks, the front one's view is mirrored; form: of its frames; view_wh: px of the
    view, None for one that stands or lies as the picture does; trust: whether changed code may run."""

    camera: Camera = "back"
    form: FrameForm = "yuv420"
    view_wh: tuple[int, int] | None = None
    trust: bool = False


@dataclass(frozen=True, slots=True)
class AppFrame:
    """A frame as the app shows it. place: of a video the number of the frame, from 0, of which there are `rate` a
    second, else None; seen: by the wrapper; view: of the phone."""

    path: Path
    place: int | None
    rate: float
    frame: CameraFrame
    seen: LiveFrame
    view: View

    @property
    def time_seconds(self) -> float:
        """When it was taken, from the first frame on."""
        return 0.0 if self.place is None else self.place / self.rate


@contextlib.contextmanager
def opened_app(folder: Path, options: AppOptions, step: Progress = silent) -> Iterator[LiveWrapper]:
    """The wrapper of a bundle, compiled and running on this machine.

    InputError for what is no bundle of an app; MissingToolError where it cannot be compiled here.
    """
    with tempfile.TemporaryDirectory() as scratch:
        with announced(step, "compile the wrapper"):
            if not bundle.is_bundle(folder):
                raise InputError(
                    f"{folder} is no bundle", "package the model first: --wrapper runs the code of a bundle"
                )
            opened = bundle.open_bundle(folder)
            if opened.platform == "linux":
                raise InputError(
                    f"{folder} is a bundle for linux, whose package looks at cameras and videos by itself",
                    "give a bundle for android or ios, or run `python -m` with the package's name",
                )
            if opened.platform == "ios" and options.form == "nv21":
                raise InputError("no camera of an iPhone gives nv21", "take --frames yuv420 or rgba for an ios bundle")
            desktop.require(opened.platform)
            edits = consistency.edits_of(opened)
            consistency.refuse_foreign(edits, trust=options.trust)
            code = compiled(opened, edits, Path(scratch))
        runs = {} if opened.platform == "android" else _runs(opened)
        with live.started(desktop.live_command(code, opened.model_path), opened.spec, runs) as wrapper:
            yield wrapper


def _runs(opened: bundle.Bundle) -> dict[str, Run]:
    """The networks of a bundle, by stage, where the wrapper has nothing to run them on."""
    stages = {"pose": opened, "detector": opened.detector}
    return {name: runtime_for(one.platform, one.model_path).run for name, one in stages.items() if one is not None}


def look_at(app: LiveWrapper, path: Path, options: AppOptions, step: Progress = silent) -> Iterator[AppFrame]:
    """What the app shows of a picture, or of each frame of a video, whose people it follows.

    InputError where the file cannot be read.
    """
    if not video.is_video(path):
        step(f"predict {path.name}")
        yield _shown(app, path, None, load_image(path), 1.0, options)
        return
    count, rate, found = video.length(path), video.rate(path), 0
    for place, picture in video.frames(path, range(count)):
        step(f"predict {path.name}, frame {place + 1} of {count}")
        yield _shown(app, path, place, picture, rate, options)
        found = place + 1
    if not found:
        raise InputError(f"the video {path} has no frame that can be read", video.DAMAGED)
    if found < count - video.TAIL:
        LOG.warning("%s can be read no further than frame %d of %d", path, found, count)


def _shown(
    app: LiveWrapper, path: Path, place: int | None, picture: Picture, rate: float, options: AppOptions
) -> AppFrame:
    frame = camera_frame(picture, Orientation(CAMERAS[options.camera]), options.form)
    view = View(options.view_wh or usual_view(picture), mirrored=options.camera == "front")
    seen = app.look(frame, (place or 0) / rate, view, tracks=place is not None)
    return AppFrame(path, place, rate, frame, seen, view)


def usual_view(picture: Picture) -> tuple[int, int]:
    """A view of a phone that is held as the picture stands, px."""
    height, width = picture.shape[:2]
    return (LONG_SIDE, SHORT_SIDE) if width > height else (SHORT_SIDE, LONG_SIDE)


def drawn(one: AppFrame, spec: PoseSpec) -> Image.Image:
    """The view as the phone would show it."""
    picture, view, seen = upright_picture(one.frame), one.view, one.seen
    size_wh = (picture.shape[1], picture.shape[0])
    mapping = ViewMapping(size_wh, view.size_wh, view.fit, view.mirrored, spec.input.pixel_center)
    return app_view(picture, seen.ids, seen.poses, seen.in_view, seen.dense, mapping, spec)
