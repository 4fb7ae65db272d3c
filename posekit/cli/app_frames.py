"""What `posekit predict --wrapper` prints and draws: what an app would show of pictures and videos."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from posekit.cli.console import out_line, print_json, progress, show_error, warn
from posekit.cli.predictions import row_of, show_row
from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.pipelines.app_path import AppFrame, AppOptions


def parse_options(camera: str, frames: str, view: str, trust: bool, others: Mapping[str, Any]) -> AppOptions:
    """The phone; others: arguments that a bundle's own code takes no heed of. InputError for a wrong one."""
    from posekit.pipelines.app_path import CAMERAS, AppOptions
    from posekit.poses.camera import FrameForm

    for name, value in others.items():
        if value:
            raise InputError(f"{name} does not go with --wrapper, which runs a bundle as it is", f"leave out {name}")
    if camera not in CAMERAS:
        raise InputError(f"--camera is {camera!r}, expected back or front")
    if frames not in get_args(FrameForm):
        raise InputError(f"--frames is {frames!r}, expected {', '.join(get_args(FrameForm))}")
    return AppOptions(camera, cast(FrameForm, frames), _size(view), trust)


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) == 2 and all(part.isdecimal() and len(part) < 5 and int(part) >= 16 for part in parts):
        return int(parts[0]), int(parts[1])
    raise InputError(f"--view is {text!r}, expected a width and a height in px from 16 to 9999, such as 540x960")


def show_app(model: Path, paths: Sequence[Path], options: AppOptions, out: Path | None, as_json: bool) -> bool:
    """What the app shows, as tables or JSON; pictures and films of it into `out`. Whether a file could not be read."""
    from posekit.pipelines.app_path import look_at, opened_app

    rows, films, failed = list[dict[str, Any]](), list[str](), list[tuple[Path, InputError]]()
    with progress() as step, opened_app(model, options, step) as app:
        if app.spec.looks_at_regions and app.spec.detector is None:
            warn("the model looks at one person at a time: pictures and first frames are looked at as a whole")
        for path, name in zip(paths, _names(paths), strict=True):
            own, target = list[dict[str, Any]](), _Drawn(None if out is None else out / name, app.spec)
            try:
                with target:
                    for one in look_at(app, path, options, step):
                        own.append(_row(one, app.spec) | target.add(one))
            except InputError as error:
                failed.append((path, error))
                continue
            films += target.films
            rows += own
    if failed and not rows:
        raise failed[0][1]
    if as_json:
        unread = [{"image": str(path), "error": error.message, "hint": error.hint} for path, error in failed]
        print_json({"predictions": rows, "films": films, "failed": unread})
    else:
        _show(rows, films, app.spec)
    for _, why in failed:
        show_error(why, as_json=False)
    return bool(failed)


def _names(paths: Sequence[Path]) -> list[str]:
    """What is written of each file begins with, different for each."""
    stems = [path.stem for path in paths]
    wanted = [path.name.replace(".", "-") if stems.count(path.stem) > 1 else path.stem for path in paths]
    names: list[str] = []
    for name in wanted:
        number, free = 1, name
        while f"{free}.app" in names or (number > 1 and free in wanted):
            number += 1
            free = f"{name}-{number}"
        names.append(f"{free}.app")
    return names


def _row(one: AppFrame, spec: PoseSpec) -> dict[str, Any]:
    """A frame as JSON has it."""
    import numpy as np

    from posekit.pipelines.predict import Prediction

    row = row_of(one.path, Prediction(one.seen.poses, one.seen.dense), spec)
    for instance, number, points in zip(row["instances"], one.seen.ids, one.seen.in_view, strict=True):
        instance |= {"id": number, "in_view": np.round(points, 3).tolist()}
    times = {step: round(value, 3) for step, value in one.seen.times_ms.items()}
    place = {} if one.place is None else {"frame": one.place, "time_seconds": round(one.time_seconds, 4)}
    return row | place | {"view_wh": list(one.view.size_wh), "times_ms": times}


def _show(rows: Sequence[dict[str, Any]], films: Sequence[str], spec: PoseSpec) -> None:
    """A table a person of each picture; of a video who was seen, and how long a frame took."""
    videos: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if "frame" in row:
            videos.setdefault(row["image"], []).append(row)
        else:
            show_row(row, spec)
    for name, own in videos.items():
        ids = sorted({instance["id"] for row in own for instance in row["instances"]})
        people = f"ids {', '.join(map(str, ids))}" if ids else "nobody"
        out_line(f"{name}: {len(own)} frames, {people}; {_steps(own)}")
    for film in films:
        out_line(f"film: {film}")


def _steps(rows: Sequence[Mapping[str, Any]]) -> str:
    """The median of each step, here on this machine."""
    medians = {step: statistics.median(row["times_ms"][step] for row in rows) for step in rows[0]["times_ms"]}
    return ", ".join(f"{step} {value:.1f} ms" for step, value in medians.items()) + " on this machine"


class _Drawn:
    """Where the views of a file go: a picture, or the frames of a film, which is there when it is whole."""

    def __init__(self, target: Path | None, spec: PoseSpec) -> None:
        self._target = target
        self._spec = spec
        self._film: Any = None
        self.films: list[str] = []

    def __enter__(self) -> _Drawn:
        return self

    def add(self, one: AppFrame) -> dict[str, Any]:
        """Draw a view; the path of a picture."""
        from posekit.pipelines.app_path import drawn
        from posekit.report.film import Film

        if self._target is None:
            return {}
        shown = drawn(one, self._spec)
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            if one.place is None:
                target = self._target.with_name(self._target.name + ".png")
                shown.save(target)
                return {"overlay": str(target)}
            if self._film is None:
                self._film = Film(self._target.with_name(self._target.name + ".mp4"), shown.size, one.rate)
            self._film.add(shown)
        except OSError as error:
            raise InputError(f"cannot write {self._target}: {error.strerror or error}") from error
        return {}

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._film is not None:
            self._film.close(keep=kind is None)
            self.films = [str(self._film.path)] if kind is None else []
