"""Does the network see anybody in the calibration pictures? Pixels alone do not say; the network's behaviour does.

Two looks beside the one as it is. Moved by a few px, keypoints on a person move along, and those that a network
makes up where nobody is do not. Cut to pieces and put together anew, a person is gone and all else is as before: where
there was none, the network is no less sure than it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from posekit.documents import Part
from posekit.errors import InputError
from posekit.poses import Poses

Pixels = NDArray[np.float32]
Look = Callable[[Pixels], Poses]  # of pixels (H, W, 3) the people in input px, the most confident first

LOOKED_AT = 16  # inputs
PIECES = 8  # a side
MOVED = (0.065, -0.075)  # of the input's longer side: no whole number of heatmap cells
NEAR = 0.035  # of the input's longer side: half a cell of 1/16 and a little
FOLLOWS = 0.5  # of the keypoints: more on the person than not
# share of inputs: of people in boxes 0.88 to 1 follow, of landscapes, text and clutter 0 to 0.25 (docs/calibration.md)
NOBODY, FEW = 0.1, 0.5
# chance that a picture beats pieces: of people 0.75 to 1, of what is not people up to 0.7, but of landscapes up to 0.98
LUCK, SURER = 0.5, 0.75


class Seen(Part):
    """What the network makes of some inputs.

    follows: share of the inputs in which at least half of the keypoints stayed on the picture as it moved. surer:
    chance that the mean score of an input lies above that of one in pieces, 0.5 where they are alike; None without
    scores.
    """

    inputs: int
    follows: float
    surer: float | None

    @property
    def sees_nobody(self) -> bool:
        """Whether nothing follows, or neither look speaks for people."""
        if self.surer is None:
            return self.follows <= NOBODY
        return self.follows == 0 or (self.surer < (SURER if self.follows <= NOBODY else LUCK) and self.follows < FEW)

    @property
    def sentence(self) -> str:
        """For the report."""
        surer = "" if self.surer is None else f", and is surer of one than of its pieces in {self.surer:.0%} of pairs"
        return f"the network follows a person in {self.follows:.0%} of {self.inputs} inputs{surer}"


def look_for_people(look: Look, inputs: Sequence[Pixels], limit: int = LOOKED_AT) -> Seen:
    """Look at `limit` inputs, spread over all of them, in three ways each; InputError where there are none."""
    follows, scores, controls = [], [], []
    for number, pixels in enumerate(inputs[:: -(-len(inputs) // limit) or 1]):
        as_it_is = look(pixels)
        follows.append(_share_that_follows(look, pixels, as_it_is))
        scores.append(_score(as_it_is))
        controls.append(_score(look(in_pieces(pixels, number))))
    if not follows:
        raise InputError("there are no inputs in which to look for people, expected at least one")
    return Seen(
        inputs=len(follows),
        follows=float(np.mean([share >= FOLLOWS for share in follows])),
        surer=chance_of_more(scores, controls),
    )


def judge_people(seen: Seen, reference: Seen | None = None) -> str:
    """A warning where the network sees few people or nobody in the calibration pictures, else nothing.

    reference: the same of pictures that are known to show people, such as annotated evaluation pictures. InputError
    where it sees people there and nobody here: pictures of the wrong task. Without it nobody is only warned about,
    since a network that sees nobody anywhere, such as one that is not trained, has no better pictures.
    """
    if seen.sees_nobody and reference is not None and reference.follows >= FEW:
        raise InputError(
            f"the calibration pictures show nobody that the network sees: it follows a person in {seen.follows:.0%} of "
            f"{seen.inputs} of them, and in {reference.follows:.0%} of {reference.inputs} evaluation pictures",
            "give pictures of people such as the app will see, with --calibration-annotations where a box a person "
            "is expected",
        )
    if seen.sees_nobody:
        return f"the network sees nobody in the calibration pictures: {seen.sentence}; are they of the right kind?"
    if seen.follows < FEW:
        return f"the network sees few people in the calibration pictures: {seen.sentence}; a box a person helps"
    return ""


def _score(poses: Poses) -> float:
    """Mean score of the most confident person; 0 where nobody is."""
    return float(poses.scores[0].mean()) if poses.count else 0.0


def chance_of_more(scores: Iterable[float], controls: Iterable[float]) -> float | None:
    """How often a score lies above a control, ties by half: the area under the ROC curve.

    None where all are the same, as with a decoder without scores, or where any is not finite.
    """
    one, other = np.array([*scores], np.float64), np.array([*controls], np.float64)
    both = np.concatenate([one, other])
    if not np.isfinite(both).all() or np.ptp(both) == 0:
        return None
    return float(((one[:, None] > other) + 0.5 * (one[:, None] == other)).mean())


def in_pieces(pixels: Pixels, seed: int) -> Pixels:
    """The input cut into PIECES x PIECES tiles in an order that follows from the seed; what does not divide stays."""
    height, width = (side // PIECES for side in pixels.shape[:2])
    pieces = [(y * height, x * width) for y in range(PIECES) for x in range(PIECES)]
    mixed = pixels.copy()
    for (y, x), index in zip(pieces, np.random.default_rng(seed).permutation(len(pieces)), strict=True):
        from_y, from_x = pieces[index]
        mixed[y : y + height, x : x + width] = pixels[from_y : from_y + height, from_x : from_x + width]
    return mixed


def _share_that_follows(look: Look, pixels: Pixels, as_it_is: Poses) -> float:
    """Share of the keypoints that are where the move puts them, of the most confident person and whoever is nearest
    then; those that leave the input do not count."""
    if not as_it_is.count:
        return 0.0
    height, width = pixels.shape[:2]
    longer = max(height, width)
    dx, dy = (round(part * longer) for part in MOVED)
    rows, columns = (np.clip(np.arange(n) - d, 0, n - 1) for n, d in ((height, dy), (width, dx)))
    everybody = look(np.ascontiguousarray(pixels[rows][:, columns])).keypoints[..., :2]
    if not len(everybody):
        return 0.0
    expected = as_it_is.keypoints[0, :, :2] + (dx, dy)
    away = np.linalg.norm(everybody - expected, axis=-1).mean(axis=1)
    moved = everybody[int(np.nan_to_num(away, nan=np.inf).argmin())]
    stays = ((expected >= 0) & (expected <= (width, height))).all(axis=1)
    near = np.linalg.norm(moved - expected, axis=1) <= NEAR * longer  # NaN is not near
    return float(near[stays].mean()) if stays.any() else 0.0
