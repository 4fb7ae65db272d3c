"""Frames through the generated code as an app has them: YUV, turned, followed, calmed, and laid over a view.

A program of the wrapper looks at one frame after another and keeps what an app keeps between them. Its networks are run
by itself (Kotlin, on LiteRT), or by whoever talks with it (Swift, for there is no Core ML here). A message is its
length, four bytes of which the highest is first, and its bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np

from posekit import documents
from posekit.contract.outputs import Run
from posekit.contract.spec import PoseSpec
from posekit.errors import ConversionError, MissingToolError
from posekit.parity.written_poses import WrittenPose, poses_of_written
from posekit.poses import Floats, Poses
from posekit.poses.camera import CameraFrame
from posekit.poses.dense import DenseMap
from posekit.poses.view_mapping import ViewFit

MAX_MESSAGE = 1 << 30
HEAD_BYTES = 4
LOOK_SECONDS = 480.0  # as long as a run of a compiled wrapper may take: whoever needs more for a frame hangs


@dataclass(frozen=True, slots=True)
class View:
    """The view that shows the camera's picture. size_wh: px; mirrored: left and right are swapped in it, as in previews
    of front cameras."""

    size_wh: tuple[float, float]
    fit: ViewFit = "fill"
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """What the wrapper sees in a frame. ids: of the people; poses: source px; in_view: (N, K, 2) px of the view;
    dense: over the source; times_ms: by step."""

    ids: tuple[int, ...]
    poses: Poses
    in_view: Floats
    dense: tuple[DenseMap, ...]
    times_ms: Mapping[str, float]


@dataclass(frozen=True)
class LiveWrapper:
    """A program that looks at frames. runs: the networks, by stage, where it does not run them itself."""

    spec: PoseSpec
    runs: Mapping[str, Run]
    _to: IO[bytes]
    _from: IO[bytes]
    _errors: IO[bytes]
    _process: subprocess.Popen[bytes]

    def look(
        self, frame: CameraFrame, time_seconds: float, view: View, *, tracks: bool = True, smooths: bool = True
    ) -> LiveFrame:
        """What an app would show of a frame that was taken at that time; without `tracks` it is a picture of its own.

        ConversionError where the wrapper refuses it, fails, or says nothing for too long.
        """
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            self._process.kill()

        timer = threading.Timer(LOOK_SECONDS, stop)
        timer.daemon = True
        timer.start()
        try:
            return self._look(frame, time_seconds, view, tracks, smooths)
        except ConversionError as error:
            if is_late.is_set():
                raise ConversionError(f"the generated code looked at a frame for {LOOK_SECONDS:g} s") from error
            raise
        finally:
            timer.cancel()

    def _look(self, frame: CameraFrame, time_seconds: float, view: View, tracks: bool, smooths: bool) -> LiveFrame:
        self._send(_asked(frame, time_seconds, view, tracks, smooths))
        self._send_bytes(frame.data)
        while "run" in (said := self._receive()):
            self._run(said["run"])
        if "error" in said:
            raise ConversionError(f"the generated code cannot look at a frame: {said['error']}")
        return self._seen(said)

    def _run(self, stage: str) -> None:
        """Run a network for the wrapper; its outputs go back in the order in which its decoder reads them."""
        spec = self.spec if stage == "pose" else self.spec.detector_stage
        assert spec is not None
        width, height = spec.input.size_wh
        outputs = self.runs[stage](self._floats((height, width, 3)))
        for name in spec.outputs_read:
            self._send_bytes(np.asarray(outputs[name], "<f4").tobytes())

    def _seen(self, said: Mapping[str, Any]) -> LiveFrame:
        spec, people = self.spec, said["people"]
        written = [
            WrittenPose.model_validate({name: value for name, value in one.items() if name not in ("id", "in_view")})
            for one in people
        ]
        return LiveFrame(
            ids=tuple(one["id"] for one in people),
            poses=poses_of_written(written, spec.keypoint_count, "a frame"),
            in_view=np.array([one["in_view"] for one in people], np.float64).reshape(-1, spec.keypoint_count, 2),
            dense=tuple(self._dense(one) for one in said["dense"]),
            times_ms=said["times_ms"],
        )

    def _dense(self, said: Mapping[str, Any]) -> DenseMap:
        (width, height), own = said["size_wh"], next(one for one in self.spec.dense if one.name == said["name"])
        matrix = np.array(said["matrix"], np.float64).reshape(2, 3)
        values = self._floats((int(height), int(width)))
        return DenseMap(own.name, values, matrix, own.names, own.threshold if own.kind == "mask" else None)

    def _send(self, message: Mapping[str, Any]) -> None:
        self._send_bytes(json.dumps(message).encode())

    def _send_bytes(self, data: bytes) -> None:
        try:
            self._to.write(len(data).to_bytes(HEAD_BYTES, "big"))
            self._to.write(data)
            self._to.flush()
        except OSError as error:
            raise self._ended() from error

    def _receive(self) -> dict[str, Any]:
        return cast(dict[str, Any], documents.parse(self._receive_bytes()))

    def _floats(self, shape: tuple[int, ...]) -> Any:
        values = np.frombuffer(self._receive_bytes(), "<f4")
        if values.size != np.prod(shape):
            expected = " x ".join(map(str, shape))
            raise ConversionError(f"the generated code gives {values.size} numbers, expected {expected}")
        return values.reshape(shape).astype(np.float32)

    def _receive_bytes(self) -> bytes:
        length = int.from_bytes(self._exactly(HEAD_BYTES), "big")
        if length > MAX_MESSAGE:
            raise ConversionError(f"the generated code gives {length} bytes at once, expected {MAX_MESSAGE} at most")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = self._from.read(count)
        if len(data) < count:
            raise self._ended()
        return data

    def _ended(self) -> ConversionError:
        self._errors.seek(0)
        lines = [line for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        told = [line for line in lines if "error" in line.lower() or "exception" in line.lower()]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        last = [*told, *lines[-1:], f"it said nothing (exit code {self._process.poll()})"][0]
        return ConversionError(f"the generated code ended as it looked at a frame: {last}")


@contextlib.contextmanager
def started(command: Sequence[str], spec: PoseSpec, runs: Mapping[str, Run]) -> Iterator[LiveWrapper]:
    """A running program of a wrapper, which ends with the `with`; MissingToolError where it cannot be started."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "SWIFT_BACKTRACE": "enable=no"},
            )  # fmt: skip
        except OSError as error:
            raise MissingToolError(f"{command[0]} cannot be started: {error.strerror or error}") from error
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield LiveWrapper(spec, runs, process.stdin, process.stdout, errors, process)
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.stdout.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()


def _asked(frame: CameraFrame, time_seconds: float, view: View, tracks: bool, smooths: bool) -> dict[str, Any]:
    """What the program is told of a frame."""
    return {
        "form": frame.form,
        "size_wh": frame.size_wh,
        "planes": [
            {"offset": one.offset, "row_stride": one.row_stride, "pixel_stride": one.pixel_stride}
            for one in frame.planes
        ],
        "matrix": frame.colors.matrix,
        "range": frame.colors.range,
        "rotation_degrees": frame.orientation.rotation_degrees,
        "mirrored": frame.orientation.mirrored,
        "time_seconds": time_seconds,
        "tracking": tracks,
        "smoothing": smooths,
        "view": {"size_wh": view.size_wh, "fit": view.fit, "mirrored": view.mirrored},
    }
