"""Visibility, presence and metres are compared and gated, somebody who is lost is told, and a run has to say them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import Outputs
from posekit.errors import InputError
from posekit.parity.cases import Case, found_in
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.gate import Outcome
from posekit.parity.shipped import Shipped, Wrapper
from posekit.parity.written_poses import WrittenPose, written_poses
from tests.parity.test_drift import case

SPEC: PoseSpec = preset("blazepose-33").model_copy(update={"dense": ()})
IN_THE_WORLD = "keypoints, largest error in the world"
Written = list[dict[str, Any]]


def pairs() -> list[tuple[Case, Outputs]]:
    rng = np.random.default_rng(0)
    made = [of(SPEC.decoder).examples(SPEC.decoder, SPEC.input, rng, 33) for _ in range(2)]
    return [
        (case(SPEC, number), {name: values[None].astype(np.float32) for name, values in outputs.items()})
        for number, outputs in enumerate(made)
    ]


def failed(
    precision: Any, change: Callable[[Any], Any], people: Callable[[Written], Written] | None = None
) -> list[str]:
    """The gates that a model fails whose outputs are changed; people: what its wrapper writes of them."""
    seen = {one.name: change(dict(outputs)) for one, outputs in pairs()}
    model = iter([seen[one.name] for one, _ in pairs() for _ in range(1 if people is None else 2)])

    def results(one: Case) -> dict[str, Shipped]:
        assert people is not None
        written = people(written_poses(found_in(one, seen[one.name], SPEC)))
        return {"image": Shipped(one.pixels[None], seen[one.name], tuple(map(WrittenPose.model_validate, written)))}

    wrapper = None if people is None else Wrapper(results, False)
    runs = Runs(lambda _: next(model), "HOST", "none", wrapper=wrapper)
    found = evaluate(pairs(), SPEC, runs, Terms(precision))
    return [check.name for check in found.checks if check.outcome is Outcome.FAIL]


def same(outputs: Any) -> Any:
    return outputs


def moved(name: str, by: Any) -> Callable[[Any], Any]:
    return lambda outputs: {**outputs, name: outputs[name] + np.float32(by)}


@pytest.mark.parametrize(("precision", "metres"), [("fp32", 0.0015), ("fp16", 0.015), ("w8", 0.06)])
def test_a_world_that_is_off_fails(precision: str, metres: float) -> None:
    assert IN_THE_WORLD in failed(precision, moved("world", (0, metres, 0)))
    assert IN_THE_WORLD not in failed(precision, moved("world", (0, metres / 2, 0)))


def test_a_presence_that_is_off_fails_as_scores_do() -> None:
    assert failed("fp32", same) == []
    assert "scores" in failed("fp32", moved("landmarks", (0, 0, 0, 0, 0.5)))


def test_somebody_who_is_lost_is_missed() -> None:
    assert "people, missed" in failed("fp32", moved("presence", -0.9))
    assert "people, invented" not in failed("fp32", moved("presence", -0.9))


def each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Written], Written]:
    return lambda written: [change(one) for one in written]


def without(name: str) -> Callable[[Written], Written]:
    return each(lambda one: {key: value for key, value in one.items() if key != name})


def test_a_run_says_all_of_it() -> None:
    assert failed("fp32", same, lambda written: written) == []
    for name in ("visibility", "presence", "world"):
        with pytest.raises(InputError, match=f"of the run lack {name}"):
            failed("fp32", same, without(name))


@pytest.mark.parametrize(
    "fault",
    [
        each(lambda one: {**one, "world": [[y, x, z] for x, y, z in one["world"]]}),
        each(lambda one: {**one, "visibility": one["presence"]}),
        lambda written: [],
    ],
)
def test_a_fault_of_the_wrapper_is_the_decodings(fault: Callable[[Written], Written]) -> None:
    assert "the wrapper's decoding" in failed("fp32", same, fault)
