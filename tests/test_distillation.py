"""The benchmark of a teacher: its people, what a loss counts, and that its parts run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.distillation import networks  # noqa: E402
from benchmarks.distillation.measuring import Plan, measured  # noqa: E402
from benchmarks.distillation.people import INPUT_SIZE_WH, People, render, world_in  # noqa: E402
from benchmarks.distillation.training import from_labels, from_teacher, mpjpe_mm, targets  # noqa: E402
from sample.crops import MIRRORED, Regions  # noqa: E402
from sample.figure import NAMES  # noqa: E402


@pytest.fixture(scope="module")
def people() -> People:
    return render(50_000_000, 12, processes=1)


def test_places_lie_above_each_other_as_their_keypoints_do(people: People) -> None:
    assert np.abs(people.world[:, [NAMES.index("left_hip"), NAMES.index("right_hip")]].mean(1)).max() < 1e-9
    for points, places in zip(people.keypoints, people.world, strict=True):
        seen = points[:, 2] > 0
        flat = points[seen, :2] - points[seen, :2].mean(0)
        away = places[seen, :2] - places[seen, :2].mean(0)
        scale = (flat * away).sum() / (away**2).sum()
        assert np.abs(flat - scale * away).max() < 1e-6 * scale + 1e-6
    nose, ears = people.world[:, 0], people.world[:, 3:5].mean(1)
    assert (nose[:, 2] < ears[:, 2]).all(), "who faces the viewer has the nose nearest"


def regions(rotation: float, mirrored: bool) -> Regions:
    one = np.ones((1, 2))
    return Regions(0 * one, one, np.array([rotation]), np.array([mirrored]))


def test_places_turn_with_the_crop_and_are_mirrored_with_it(people: People) -> None:
    world = people.world[:1]
    quarter = world_in(world, regions(np.pi / 2, False))
    np.testing.assert_allclose(quarter, np.stack([world[..., 1], -world[..., 0], world[..., 2]], -1), atol=1e-12)
    mirrored = world_in(world, regions(0.0, True))
    np.testing.assert_allclose(mirrored, world[:, MIRRORED] * [-1, 1, 1], atol=1e-12)


class Perfect(torch.nn.Module):
    """The maps that the labels ask for, whatever it is shown, one person after the other."""

    def __init__(self, people: People, fault: float = 0.0) -> None:
        super().__init__()
        self.people, self.fault, self.row = people, fault, -1

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        self.row += 1
        world = self.people.world[self.row : self.row + 1] + np.array([self.fault, 0, 0])
        points = np.full((1, 17, 3), 20.0)
        heat, places, _ = targets(points, world)
        return {"heat": heat, **{axis: places[..., i, None, None] + 0 * heat for i, axis in enumerate("xyz")}}


def test_the_error_is_in_mm_about_the_hips(people: People) -> None:
    spec = networks.contract("places")
    assert mpjpe_mm(Perfect(people), people, spec) < 1e-3
    assert mpjpe_mm(Perfect(people, 0.05), people, spec) < 1e-3, "a shift of all is none about the hips"
    moved = People(people.images, people.keypoints, people.boxes_xyxy, people.world * 1.1)
    expected = 1000 * np.linalg.norm(0.1 * people.world, axis=-1).mean()
    assert mpjpe_mm(Perfect(people), moved, spec) == pytest.approx(expected, rel=1e-5)


def test_the_losses_count_places_where_the_keypoint_is(people: People) -> None:
    network = networks.Places(networks.SMALL).eval()
    with torch.no_grad():
        given = network(torch.zeros(1, 3, *INPUT_SIZE_WH[::-1]))
    assert float(from_teacher(given, given)) == 0
    given["heat"] = torch.zeros_like(given["heat"])
    given["heat"][:, :, 3, 3] = 1.0
    far, near = ({name: maps.clone() for name, maps in given.items()} for _ in range(2))
    far["z"][:, :, 10, 10] += 5
    near["z"][:, :, 3, 3] += 5
    assert float(from_teacher(far, given)) == 0
    assert float(from_teacher(near, given)) == pytest.approx(4.5)
    keypoints = np.full((1, 17, 3), 20.0)
    keypoints[..., 2] = 0
    keypoints[:, 4, 2] = 2
    heat, places, counts = targets(keypoints, people.world[:1])
    right = {"heat": heat, **{axis: places[..., i, None, None] + 0 * heat for i, axis in enumerate("xyz")}}
    assert counts.sum() == 1
    right["x"][:, 5] += 9
    assert float(from_labels(right, keypoints, people.world[:1])) == pytest.approx(0, abs=1e-9)
    right["x"][:, 4] += 9
    assert float(from_labels(right, keypoints, people.world[:1])) > 5


def test_a_small_plan_runs_to_its_end(tmp_path: Path) -> None:
    plan = Plan(24, 16, 2, 0.1, 0.1, (0,), processes=1)
    found = measured(plan, tmp_path)
    assert [row["way"] for row in found["rows"]] == ["teacher", "labels", "taught"]
    assert all(row["steps"] > 0 and row["mpjpe_mm"] > 0 for row in found["rows"])
    labels, taught = (row["mpjpe_mm"] for row in found["rows"][1:])
    assert found["lower_by"] == pytest.approx(1 - taught / labels, abs=1e-4)
