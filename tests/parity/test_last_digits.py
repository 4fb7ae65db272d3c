"""A network that rounds within itself moves keypoints for the last digits of its input: told, and nothing hides
behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from posekit.parity.cases import Case, found_in
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.written_poses import WrittenPose, written_poses
from tests.parity.test_drift import PLAIN, Outputs, case, failed, people

SPEC = PLAIN["heatmap"]
TOLD = "from the picture: last digits"


@dataclass(frozen=True)
class Ran:
    """other_grey: what the wrapper's input is off by. file_off: what the file gives more than the reference. moved: by
    how many cells the file's maps move for another input; wrapper_moved: and the wrapper's."""

    other_grey: float = 1e-5
    file_off: float = 0.0
    moved: int = 1
    wrapper_moved: int = 1


def evaluated(ran: Ran) -> Evaluation:
    pairs = [(case(SPEC, number), outputs) for number, outputs in enumerate(people(SPEC, 3))]
    by_case = {one.name: outputs for one, outputs in pairs}

    def given(one: Case, cells: int) -> Outputs:
        return {
            name: np.roll(maps, cells, axis=2) + np.float32(ran.file_off) for name, maps in by_case[one.name].items()
        }

    order = iter([given(one, cells) for one, _ in pairs for cells in (0, ran.moved)])  # the reference's, the wrapper's

    def results(one: Case) -> dict[str, Shipped]:
        outputs = given(one, ran.wrapper_moved)
        there = tuple(map(WrittenPose.model_validate, written_poses(found_in(one, outputs, SPEC))))
        return {"image": Shipped(one.pixels[None] + np.float32(ran.other_grey), outputs, there)}

    runs = Runs(lambda _: next(order), "HOST", "none", wrapper=Wrapper(results, accelerator=False))
    return evaluate(pairs, SPEC, runs, Terms("fp32"))


@pytest.mark.parametrize(
    ("ran", "good"),
    [
        (Ran(), True),
        (Ran(moved=0, wrapper_moved=0), True),
        (Ran(other_grey=0.01), False),  # more than last digits
        (Ran(file_off=1e-6), False),  # the file is not the network
        (Ran(moved=0), False),  # nothing but the wrapper moves them
        (Ran(wrapper_moved=3), False),  # the wrapper moves them further than the file
    ],
)
def test_only_what_the_file_itself_does_for_last_digits_is_explained(ran: Ran, good: bool) -> None:
    found = evaluated(ran)
    assert found.is_good == good
    if not good:
        assert any(name.startswith("from the picture: keypoints") for name in failed(found))


def test_it_is_told_and_the_figures_are_against_the_reference() -> None:
    found = evaluated(Ran())
    (told,) = (check for check in found.checks if check.name == TOLD)
    assert "moves keypoints by up to" in told.detail
    assert found.total.keypoints is not None
    assert found.total.keypoints.max_px > 1
    assert TOLD not in {check.name for check in evaluated(Ran(moved=0, wrapper_moved=0)).checks}
