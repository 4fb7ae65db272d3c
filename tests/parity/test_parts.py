"""Left and right parts of the body that the contract exchanges are found by the keypoints on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.parity.cases import Case, cases_in
from posekit.parity.gate import Outcome
from posekit.parity.metrics import Found
from posekit.parity.parts import part_checks, votes_of
from posekit.poses.dense import DenseMap
from posekit.poses.images import Photo

SPEC = preset("bodypix-coco17")
LABELS = SPEC.dense[1].labels
KEYPOINTS = SPEC.keypoints.names
CELL_PX = 4.0


def swapped(spec: PoseSpec) -> PoseSpec:
    """The contract with left and right exchanged in the labels of parts."""
    other = {"left": "right", "right": "left"}
    labels = tuple("_".join(other.get(word, word) for word in label.split("_")) for label in LABELS)
    dense = spec.dense[1].model_copy(update={"labels": labels})
    return spec.model_copy(update={"dense": (spec.dense[0], dense)})


def person(seed: int, spec: PoseSpec) -> tuple[Case, Found, DenseMap]:
    """Keypoints at random places of a picture, each on a part of its side, of which three are wrong, or on the
    torso."""
    width, height = SPEC.input.size_wh
    rng = np.random.default_rng(seed)
    (case,) = cases_in(np.zeros((height, 2 * width, 3), np.uint8), Photo(Path(), 0), SPEC)
    cells = np.zeros((round(height / CELL_PX), round(width / CELL_PX)), np.float32)
    places = rng.permutation(cells.size // 9)[: len(KEYPOINTS)]
    rows, columns = np.divmod(places, cells.shape[1] // 3)
    at = np.stack([columns, rows], axis=-1) * 3 + 1
    for number, name in enumerate(KEYPOINTS):
        side = name.split("_")[0] if number > 3 else "right"  # of the face all is on the right half
        label = f"{side}_hand" if side in ("left", "right") else "torso_front"
        cells[at[number, 1], at[number, 0]] = LABELS.index(label) + 1
    matrix = np.array([[CELL_PX, 0, CELL_PX / 2], [0, CELL_PX, CELL_PX / 2]])
    keypoints = case.transform.to_source((at + 0.5) * CELL_PX)[None]
    dense = DenseMap("parts", cells, matrix, spec.dense[1].labels)
    return case, Found("it", keypoints, np.ones((1, len(KEYPOINTS))), np.ones(1), np.ones(1)), dense


@pytest.mark.parametrize(
    ("spec", "outcome", "count"),
    [(SPEC, Outcome.PASS, 3), (swapped(SPEC), Outcome.FAIL, 3), (swapped(SPEC), Outcome.SKIPPED, 0)],
)
def test_exchanged_sides_of_parts_fail(spec: PoseSpec, outcome: Outcome, count: int) -> None:
    votes = []
    for seed in range(max(count, 1)):
        case, found, dense = person(seed, spec)
        if not count:
            found.scores[:] = -1.0  # nobody is sure
        votes += votes_of(case, found, (dense,), spec)
    (check,) = part_checks(votes)
    assert (check.name, check.outcome) == ("contract, left and right of parts", outcome)
    if count:
        assert f"of {16 * count} keypoints" in check.detail


def test_labels_without_sides_are_not_judged() -> None:
    case, found, dense = person(0, SPEC)
    plain = DenseMap("parts", dense.values, dense.matrix, tuple(f"part_{n}" for n in range(len(LABELS))))
    assert part_checks(votes_of(case, found, (plain,), SPEC)) == []
