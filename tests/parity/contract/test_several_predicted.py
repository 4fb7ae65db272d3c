"""The training code's predictions of several people, against a network under right and wrong contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders.decoder import Outputs
from posekit.decoders.detections.encoding import encode
from posekit.errors import InputError
from posekit.parity.cases import cases_of, poses_of
from posekit.parity.contract import contract_step
from posekit.parity.contract.alternatives import with_fields
from posekit.parity.gate import Outcome
from posekit.parity.predictions import Prediction, Predictions
from posekit.poses import Poses
from posekit.poses.images import Photo
from tests.several import SIZE_WH, SPEC

CONTRACT = parse_spec(SPEC, "tests/several.py")


def crowd(rng: np.random.Generator) -> Poses:
    """Three people, each seen twice, the second time less surely."""
    low = np.array([[5.0, 5.0], [60.0, 30.0], [110.0, 70.0]])
    points = low[:, None] + rng.uniform(4, 36, (3, 3, 2))
    boxes = np.concatenate([low, low + 40.0], axis=1)
    both = [np.concatenate([one, one + 4.0]) for one in (points, boxes)]
    return Poses(both[0], np.full((6, 3), 0.8), np.array([0.9, 0.8, 0.7, 0.5, 0.45, 0.4]), both[1])


class World:
    """Pictures, a network that knows who is in them, and what the training code predicted."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.photos, self.answers, by_photo = [], dict[bytes, Outputs](), {}
        for number in range(4):
            path = folder / f"{number}.png"
            Image.fromarray(rng.integers(0, 256, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)).save(path)
            photo = Photo(path, number)
            (case,) = cases_of(photo, CONTRACT)
            decoder: Any = CONTRACT.decoder
            outputs = encode(crowd(rng), decoder, CONTRACT.input, rng)
            self.answers[case.pixels.tobytes()] = {name: one[None].astype(np.float32) for name, one in outputs.items()}
            poses = poses_of(self.answers[case.pixels.tobytes()], case.transform, CONTRACT)
            by_photo[path] = tuple(map(Prediction, poses.keypoints, poses.scores))
            self.photos.append(photo)
        self.predictions = Predictions(by_photo, "by file name")

    def network(self, spec: PoseSpec, pixels: np.ndarray[Any, Any]) -> Outputs:
        del spec
        return self.answers[pixels.tobytes()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("predicted"))


def failed(world: World, **fields: Any) -> list[str]:
    spec = CONTRACT.decoding(with_fields(CONTRACT.decoder, {k.replace("__", "."): v for k, v in fields.items()}))
    result = contract_step(world.network, spec, world.photos, world.predictions)
    assert result.step.keypoints is not None
    return [check.name for check in result.checks if check.outcome is Outcome.FAIL]


def test_a_right_contract_passes(world: World) -> None:
    result = contract_step(world.network, CONTRACT, world.photos, world.predictions)
    assert [check.outcome for check in result.checks[:2]] == [Outcome.PASS, Outcome.PASS]
    assert result.step.keypoints is not None
    assert (result.step.keypoints.instances, result.step.keypoints.max_px) == (12, 0.0)
    assert "12 people in 4 of 4 pictures" in result.how


@pytest.mark.parametrize(
    ("fields", "check"),
    [({"nms__threshold": 0.9}, "contract, people"), ({"nms__kind": "none"}, "contract, people"),
     ({"keypoints__shift": 0.0}, "contract against the training code")],
)  # fmt: skip
def test_a_wrong_contract_fails(fields: dict[str, Any], check: str, world: World) -> None:
    assert check in failed(world, **fields)


def test_more_predictions_than_people_are_told_and_no_fault(world: World) -> None:
    assert failed(world, min_confidence=0.75) == []
    spec = CONTRACT.decoding(with_fields(CONTRACT.decoder, {"min_confidence": 0.75}))
    assert "predictions of nobody who is looked at left out" in contract_step(
        world.network, spec, world.photos, world.predictions).how  # fmt: skip


def test_predictions_of_another_network_are_refused(world: World) -> None:
    far = {path: tuple(Prediction(one.keypoints + 500.0, one.scores) for one in items)
           for path, items in world.predictions.by_photo.items()}  # fmt: skip
    with pytest.raises(InputError, match="none of the reference's 12 predictions is near one of the 12 people"):
        contract_step(world.network, CONTRACT, world.photos, Predictions(far, "by file name"))
