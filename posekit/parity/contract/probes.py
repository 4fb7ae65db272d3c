"""Look at the same people several times: as they are, moved, scaled and mirrored; what moves not with them is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posekit.contract.outputs import check_outputs, decode, mirrored_keypoints
from posekit.contract.spec import PoseSpec
from posekit.decoders.decoder import Outputs
from posekit.parity.contract.subjects import Subject, region_of
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region
from posekit.poses.transforms import InputTransform, input_transform
from posekit.poses.warp import crop

Network = Callable[[PoseSpec, NDArray[np.float32]], Outputs]


@dataclass(frozen=True, slots=True)
class Probe:
    """One look. shift: of the crop, as a fraction of the person's longer side; scale: of the crop's size."""

    name: str
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    mirrored: bool = False


# no whole number of heatmap cells, and to all four sides
AS_IT_IS = Probe("as it is")
SHIFTS = (Probe("shift 1", (0.09, 0.07)), Probe("shift 2", (-0.075, -0.085)))
SCALES = (Probe("larger crop", scale=1.15), Probe("smaller crop", scale=0.87))
MIRROR = Probe("mirrored", mirrored=True)
PROBES = (AS_IT_IS, *SHIFTS, *SCALES, MIRROR)


@dataclass(frozen=True, slots=True)
class Look:
    """Keypoints (K, 2) px of the subject's pixels and scores (K,); NaN where the network gave no finite numbers.

    Where nobody was found keypoints are NaN, and scores 0. size: the longer side of the person's box where the model
    finds the box itself, px of the subject's pixels, else None.
    """

    keypoints: Floats
    scores: Floats
    size: float | None = None


@dataclass(frozen=True, slots=True)
class Prober:
    """A network and the people it is shown.

    pinned: the input whose outputs are kept, so that decoding them anew costs no run; all would be gigabytes.
    """

    network: Network
    subjects: tuple[Subject, ...]
    pinned: InputSpec | None = None
    answers: dict[tuple[int, str], Outputs] = field(default_factory=dict)

    def outputs(self, spec: PoseSpec, index: int, probe: Probe) -> Outputs:
        """What the decoder reads of one look; it depends on the input's part of the contract alone."""
        key = (index, probe.name)
        if spec.input == self.pinned and key in self.answers:
            return self.answers[key]
        pixels, _ = crop(self.subjects[index].image, self.region(spec, index, probe), spec.input)
        outputs = self.network(spec, np.ascontiguousarray(pixels[:, ::-1]) if probe.mirrored else pixels)
        check_outputs({name: values.shape for name, values in outputs.items()}, spec)
        if spec.input == self.pinned:
            self.answers[key] = outputs = {name: outputs[name] for name in spec.decoder.outputs}
        return outputs

    def region(self, spec: PoseSpec, index: int, probe: Probe) -> Region:
        """Where a look is, in px of the subject's pixels."""
        subject = self.subjects[index]
        region = region_of(subject, spec)
        (x, y), (width, height) = region.center_xy, region.size_wh
        centre = (x + probe.shift[0] * subject.size, y + probe.shift[1] * subject.size)
        return Region(centre, (width * probe.scale, height * probe.scale))

    def transform(self, spec: PoseSpec, index: int, probe: Probe) -> InputTransform:
        """From px of the subject's pixels to the network's input."""
        return input_transform(self.region(spec, index, probe), spec.input)

    def look(
        self,
        spec: PoseSpec,
        index: int,
        probe: Probe,
        flip: NDArray[np.int64] | None = None,
        near: Floats | None = None,
    ) -> Look:
        """The keypoints of one look; of a mirrored one turned back, `flip` naming each keypoint's partner.

        Of several people the one nearest to the keypoints `near`, else the most confident.
        """
        outputs, nothing = self.outputs(spec, index, probe), np.full((spec.keypoint_count, 2), np.nan)
        if not all(np.isfinite(outputs[name]).all() for name in spec.decoder.outputs):
            return Look(nothing, nothing[:, 0])
        poses = decode(outputs, spec)
        if not poses.count:
            return Look(nothing, np.zeros(spec.keypoint_count))
        points, scores = poses.keypoints[..., :2].copy(), poses.scores
        if probe.mirrored:
            width = spec.input.size_wh[0] - (0 if spec.input.alignment == "half_pixel" else 1)
            points[..., 0] = width - points[..., 0]
            if spec.decoder.gives_corners:
                points[..., 0] = points[..., ::-1, 0]
            if flip is not None:
                points, scores = points[:, flip], scores[:, flip]
        points = self.transform(spec, index, probe).to_source(points)
        one = 0
        if near is not None and np.isfinite(near).all():
            one = int(np.linalg.norm(points - near, axis=-1).mean(axis=1).argmin())
        if poses.boxes_xyxy is None:
            return Look(points[one], scores[one])
        x1, y1, x2, y2 = poses.boxes_xyxy[one].tolist()
        scale = self.transform(spec, index, probe).source_px_per_input_px
        return Look(points[one], scores[one], max(x2 - x1, y2 - y1, 1.0) * scale)


def partners(spec: PoseSpec) -> NDArray[np.int64]:
    """For each keypoint the index of its flip partner, itself without one: (K,)."""
    return np.array(mirrored_keypoints(spec), np.int64)
