"""What the generated wrapper made of the cases, on this machine or on a device, told apart into its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import Run
from posekit.contract.precisions import Precision
from posekit.contract.spec import GateSpec, PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.decoders.dense import SURFACE
from posekit.errors import InputError
from posekit.parity.cases import Case, found_in, found_of, nothing_in
from posekit.parity.dense import dense_in
from posekit.parity.gate import Check, Outcome
from posekit.parity.metrics import Found
from posekit.parity.steps import Side, Step
from posekit.parity.undone import is_one_motion
from posekit.parity.worst import CaseError, worst_cases
from posekit.parity.written_poses import WrittenPose, poses_of_written
from posekit.poses.dense import DenseMap

NO_DEVICE = "needs a device: --device or --device-run"
NO_OTHER_MACHINE = "needs another machine: --device-run"
LAST_DIGITS = 1e-3  # grey levels; the same arithmetic in another language ends in other digits of float32
NO_WRAPPER = "held to the golden vectors by the module's own tests; run here with --wrapper"


def no_device(platform: str) -> str:
    """Why nothing was run on a device."""
    return NO_OTHER_MACHINE if platform == "linux" else NO_DEVICE


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the wrapper gave for one case. input: (1, H, W, 3) that it made of the picture; outputs of its model; people
    in source px, None where they are not finite; dense: results (h, w) by name, empty where they are not finite."""

    input: NDArray[np.float32] | None
    outputs: Outputs
    people: tuple[WrittenPose, ...] | None
    dense: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A wrapper's run: `results` gives the results of a case by mode (devices/format.py), empty if it was not run.

    accelerator: whether it ran on a device, so that its outputs tell of the accelerator there. asked: the names of the
    cases that it was to run; None means all. precision: of the arithmetic there, where that is coarser than the file's.
    """

    results: Callable[[Case], Mapping[str, Shipped]]
    accelerator: bool
    asked: frozenset[str] | None = None
    precision: Precision | None = None


class WrapperSide:
    """The wrapper's cases so far: preprocessing, decoding and accelerator, each with the other steps held fixed.

    A network that rounds within itself may give other outputs where a last digit of its input is another. Where the
    packaged file gives the reference's very numbers, and the wrapper's input is the reference's but for last digits,
    what the file gives for that input is what the reference would: gates compare with it.
    """

    def __init__(self, wrapper: Wrapper, spec: PoseSpec, gate: GateSpec) -> None:
        self._wrapper, self._spec = wrapper, spec
        self._preprocessed, self._decoded, self._accelerated, self._end, self._gated = (Side(gate) for _ in range(5))
        self._on_reference: dict[str, list[Found]] = {"image": [], "tensor": []}
        self._same_outputs: list[Found] = []
        self._reference: list[Found] = []
        self._gated_reference: list[Found] = []
        self._cases, self._missing, self._is_one_motion = 0, list[str](), True

    def add(self, case: Case, reference: Outputs, host: Outputs, run: Run) -> None:
        """Add a case. host: outputs of the packaged model on this machine for the reference's input."""
        if self._wrapper.asked is not None and case.name not in self._wrapper.asked:
            return
        self._cases += 1
        results = self._wrapper.results(case)
        image, tensor = results.get("image"), results.get("tensor")
        if image is None:
            self._missing.append(case.name)
        else:
            self._add_image(case, image, reference, host, run)
        if tensor is not None and self._wrapper.accelerator:
            outputs = _outputs(case, tensor, host)
            self._accelerated.add(case, outputs, host, self._spec)
            self._on_reference["tensor"].append(found_in(case, host, self._spec))

    def _add_image(self, case: Case, image: Shipped, reference: Outputs, host: Outputs, run: Run) -> None:
        spec = self._spec
        made = _input(case, image)
        self._preprocessed.add_tensors(case, {"image": made}, {"image": case.pixels})
        there = run(made)
        self._preprocessed.add_found(case, found_in(case, there, spec), there, host, spec)
        self._preprocessed.add_dense(case, dense_in(there, spec), dense_in(host, spec))
        self._on_reference["image"].append(found_in(case, host, spec))
        outputs, decoded = _outputs(case, image, host), _found(case, image, spec)
        if all(np.isfinite(values).all() for values in outputs.values()):  # else no decoder can be right
            self._same_outputs.append(found_in(case, outputs, spec))
            self._is_one_motion = self._is_one_motion and is_one_motion(decoded, self._same_outputs[-1])
            self._decoded.add_found(case, decoded, outputs, outputs, spec)
            self._decoded.add_dense(case, _dense(case, image, outputs, spec), dense_in(outputs, spec))
        self._end.add_tensors(case, outputs, reference)
        explained = there if _same_digits(made, case.pixels) and _same_numbers(host, reference) else reference
        for side, against, found in (
            (self._end, reference, self._reference), (self._gated, explained, self._gated_reference)
        ):  # fmt: skip
            side.add_found(case, decoded, outputs, against, spec)
            side.add_dense(case, _dense(case, image, outputs, spec), dense_in(against, spec))
            found.append(found_in(case, against, spec))

    def steps(self) -> dict[str, Step]:
        """`preprocessing`, `decoding`, `accelerator`; `wrapper`: all of it against the reference; and `gated`: against
        what the reference gives for the wrapper's input, where that can be told."""
        spec = self._spec
        if not self._reference:
            found = {name: Step(name, skipped="no case was run from its picture")
                     for name in ("preprocessing", "decoding", "wrapper", "gated")}  # fmt: skip
        else:
            found = {
                "preprocessing": self._preprocessed.step("preprocessing", self._on_reference["image"], spec),
                "decoding": replace(
                    self._decoded.step("decoding", self._same_outputs, spec), is_one_motion=self._is_one_motion
                )
                if self._same_outputs
                else Step("decoding", skipped="the outputs to decode are not finite"),
                "wrapper": self._end.step("wrapper", self._reference, spec),
                "gated": self._gated.step("wrapper", self._gated_reference, spec),
            }
        ran = self._on_reference["tensor"]
        if ran:
            found["accelerator"] = self._accelerated.step("accelerator", ran, spec)
        elif self._wrapper.accelerator:
            found["accelerator"] = Step("accelerator", skipped="no case was run from the reference's tensor")
        return found

    def worst(self, limit: int) -> tuple[CaseError, ...]:
        """The cases with the largest errors from picture to keypoints, worst first."""
        return worst_cases(self._end.found, self._reference, self._spec, limit)

    def check(self) -> Check:
        """Whether every case was run."""
        done = self._cases - len(self._missing)
        text = f"{done} of {self._cases}" + (f"; missing: {', '.join(self._missing[:5])}" if self._missing else "")
        return Check("every case was run", Outcome.FAIL if self._missing else Outcome.PASS, text)


class Beside:
    """The cases of a wrapper's run so far, from the picture to the keypoints and no closer: of the passes of a device
    that the waterfall is not of."""

    def __init__(self, name: str, wrapper: Wrapper, spec: PoseSpec, gate: GateSpec) -> None:
        self.name, self.wrapper, self._spec = name, wrapper, spec
        self._end, self._reference = Side(gate), list[Found]()

    def add(self, case: Case, reference: Outputs) -> None:
        """Add a case; one that was not run is left out (devices/evidence.py tells of it)."""
        image = self.wrapper.results(case).get("image")
        if image is not None:
            outputs = _outputs(case, image, reference)
            self._end.add_found(case, _found(case, image, self._spec), outputs, reference, self._spec)
            dense = _dense(case, image, outputs, self._spec)
            self._end.add_dense(case, dense, dense_in(reference, self._spec))
            self._reference.append(found_in(case, reference, self._spec))

    def step(self) -> Step:
        """All of it against the reference."""
        if not self._reference:
            return Step(self.name, skipped="no case was run from its picture")
        return self._end.step(self.name, self._reference, self._spec)


def _same_digits(made: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    return bool(np.abs(made - expected).max() <= LAST_DIGITS)


def _same_numbers(seen: Outputs, expected: Outputs) -> bool:
    return all(np.array_equal(seen[name], values) for name, values in expected.items())


def _input(case: Case, image: Shipped) -> NDArray[np.float32]:
    if image.input is None or image.input.shape != (1, *case.pixels.shape):
        seen = None if image.input is None else image.input.shape
        raise InputError(
            f"the wrapper's input for case {case.name!r} has shape {seen}, expected {(1, *case.pixels.shape)}"
        )
    return np.asarray(image.input[0], np.float32)


def _outputs(case: Case, one: Shipped, expected: Outputs) -> Outputs:
    for name, values in expected.items():
        seen = one.outputs[name].shape if name in one.outputs else None
        if seen != values.shape:
            raise InputError(
                f"output {name!r} of case {case.name!r} has shape {seen} in the run, expected {values.shape}"
            )
    return one.outputs


def _dense(case: Case, one: Shipped, outputs: Outputs, spec: PoseSpec) -> tuple[DenseMap, ...]:
    """What the wrapper made of the outputs; none where these are not finite."""
    found = []
    for expected in dense_in(outputs, spec):
        values = one.dense.get(expected.name)
        if values is None or values.shape != expected.values.shape:
            raise InputError(
                f"dense result {expected.name!r} of case {case.name!r} has shape "
                f"{None if values is None else values.shape} in the run, expected {expected.values.shape}"
            )
        surface = None if expected.uv is None else one.dense.get(f"{expected.name}{SURFACE}")
        if expected.uv is not None and (surface is None or surface.shape != expected.uv.shape):
            raise InputError(
                f"U and V of dense result {expected.name!r} of case {case.name!r} have shape "
                f"{None if surface is None else surface.shape} in the run, expected {expected.uv.shape}"
            )
        found.append(replace(expected, values=values, uv=surface))
    return tuple(found)


def _found(case: Case, one: Shipped, spec: PoseSpec) -> Found:
    if one.people is None:
        return nothing_in(case, spec)
    if not spec.has_several and len(one.people) != 1 and (one.people or not spec.may_find_nobody):
        raise InputError(f"case {case.name!r} of the run has {len(one.people)} people, the contract finds one")
    poses = poses_of_written(one.people, spec.keypoint_count, f"case {case.name!r} of the run")
    if poses.count and (poses.keypoints.shape[2] == 3) != spec.decoder.has_depth:
        raise InputError(
            f"keypoints of case {case.name!r} of the run have {poses.keypoints.shape[2]} numbers, expected "
            f"{3 if spec.decoder.has_depth else 2}"
        )
    if poses.count and spec.has_several and poses.boxes_xyxy is None:
        raise InputError(f"the people of case {case.name!r} of the run have no boxes, which the model finds")
    for name, expected in (("visibility", spec.decoder.has_visibility), ("presence", spec.decoder.has_presence),
                           ("world", spec.decoder.has_world)):  # fmt: skip
        if poses.count and (getattr(poses, name) is not None) != expected:
            raise InputError(f"the people of case {case.name!r} of the run {'lack' if expected else 'have'} {name}")
    return found_of(case, poses, spec)
