"""Dense results in parity: what agrees, what does not, and what a run that lacks them is told."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import GateSpec
from posekit.errors import InputError
from posekit.parity.cases import Case, cases_in
from posekit.parity.dense import DenseError, DenseTally, dense_in
from posekit.parity.gate import Outcome, check_dense
from posekit.parity.shipped import Shipped, Wrapper, WrapperSide
from posekit.parity.step_checks import decoding_checks
from posekit.parity.steps import Step, least_agreeing
from posekit.poses.dense import DenseMap
from posekit.poses.images import Photo

SPEC = preset("bodypix-coco17")
RNG = np.random.default_rng(5)


def labels(values: Any) -> DenseMap:
    return DenseMap("parts", np.asarray(values, np.float32), np.eye(2, 3), ("hand", "foot", "head"))


def mask(values: Any) -> DenseMap:
    return DenseMap("person", np.asarray(values, np.float32), np.eye(2, 3), ("person",), 0.5)


@pytest.mark.parametrize(
    ("seen", "expected", "agreement", "cells"),
    [
        (labels([[0, 1, 2]]), labels([[0, 1, 2]]), 1.0, 2),
        (labels([[0, 1, 3]]), labels([[0, 1, 2]]), 0.5, 2),  # another part
        (labels([[1, 1, 2]]), labels([[0, 1, 2]]), 2 / 3, 3),  # one where there is background
        (labels([[0, 0, 0]]), labels([[0, 0, 0]]), 1.0, 0),  # nobody on both sides
        (mask([[0.4, 0.6, 0.9]]), mask([[0.4, 0.4, 0.9]]), 0.5, 2),
    ],
)
def test_what_agrees(seen: DenseMap, expected: DenseMap, agreement: float, cells: int) -> None:
    tally = DenseTally("it")
    tally.add("a", seen, expected)
    found = tally.result()
    assert (found.agreement, found.cells) == (pytest.approx(agreement), cells)
    assert found.max_abs == pytest.approx(0.2 if seen.is_mask else 0.0)


def test_cases_are_added_up_and_the_worst_is_named() -> None:
    tally = DenseTally("it")
    tally.add("good", labels([[1, 1, 1]]), labels([[1, 1, 1]]))
    tally.add("bad", labels([[1, 2]]), labels([[1, 1]]))
    assert tally.result() == DenseError("it", 0.8, 5, 0.0, "bad")
    tally.add("lost", None, labels([[1]]))
    assert math.isnan(tally.result().agreement)
    assert tally.result().worst == "lost"


@pytest.mark.parametrize("agreement", [0.98, math.nan])
def test_too_little_agreement_fails_and_its_step_is_blamed(agreement: float) -> None:
    gate, found = GateSpec(min_agreement=0.99), DenseError("parts", agreement, 50, 0.0, "a")
    (check,) = check_dense(gate, [found])
    assert check.outcome is Outcome.FAIL
    assert check_dense(gate, [replace(found, agreement=0.995)])[0].outcome is Outcome.PASS
    same = Step("conversion", dense=(replace(found, agreement=1.0),))
    assert least_agreeing((same, Step("precision", dense=(found,)))) == ("precision",)
    assert least_agreeing((same,)) == ()


def test_u_and_v_are_compared_where_labels_agree() -> None:
    uv = RNG.uniform(0, 0.5, (1, 3, 2)).astype(np.float32)
    expected = replace(labels([[0, 1, 2]]), uv=uv)
    tally = DenseTally("it")
    tally.add("a", replace(labels([[1, 1, 1]]), uv=uv + np.float32(0.25)), expected)
    found = tally.result()
    assert (found.max_abs, found.mean_uv) == (pytest.approx(0.25), pytest.approx(0.25))
    checks = check_dense(GateSpec(max_uv=0.2), [found])
    assert [(check.name, check.outcome) for check in checks] == [("it, U and V", Outcome.FAIL)]
    swapped_axes = DenseTally("it")
    swapped_axes.add("a", replace(expected, uv=uv[..., ::-1]), expected)
    assert swapped_axes.result().mean_uv == pytest.approx(float(np.abs(uv[0, 1:, 0] - uv[0, 1:, 1]).mean()))


def case_and_outputs() -> tuple[Case, dict[str, Any]]:
    channels = {"heatmaps": 17, "offsets": 34, "displacements": 64, "segments": 1, "parts": 24}
    photo = np.zeros((100, 120, 3), np.uint8)
    (case,) = cases_in(photo, Photo(Path(__file__), 0, ()), SPEC)
    outputs = {name: RNG.normal(0, 2, (1, 33, 33, count)).astype(np.float32) for name, count in channels.items()}
    outputs["heatmaps"] -= 20  # nobody
    return case, outputs


def wrapper_step(changed: Any) -> Step:
    """The decoding of a wrapper whose dense results are changed."""
    case, outputs = case_and_outputs()
    dense = {one.name: one.values for one in dense_in(outputs, SPEC)}
    shipped = Shipped(case.pixels[None], outputs, (), changed(dense))
    side = WrapperSide(Wrapper(lambda _: {"image": shipped}, accelerator=False), SPEC, GateSpec(min_agreement=0.99))
    side.add(case, outputs, outputs, lambda _: outputs)
    return side.steps()["decoding"]


def swapped(dense: dict[str, Any]) -> dict[str, Any]:
    """The parts of left and right exchanged."""
    parts = dense["parts"]
    return {**dense, "parts": np.where(parts == 1, 2, np.where(parts == 2, 1, parts)).astype(np.float32)}


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        (lambda dense: dense, []),
        (swapped, ["the wrapper's decoding: parts"]),
        (lambda dense: {**dense, "person": np.roll(dense["person"], 1, axis=1)}, ["the wrapper's decoding: person"]),
        (lambda dense: {**dense, "person": dense["person"] + np.float32(0.001)}, ["the wrapper's decoding: person"]),
    ],
)
def test_a_wrapper_that_decodes_otherwise_fails(changed: Any, failed: list[str]) -> None:
    checks = decoding_checks(wrapper_step(changed))
    assert [check.name for check in checks if check.outcome is Outcome.FAIL] == failed


@pytest.mark.parametrize("changed", [lambda dense: {}, lambda dense: {**dense, "parts": dense["parts"][1:]}])
def test_a_run_without_them_or_with_other_cells_is_refused(changed: Any) -> None:
    with pytest.raises(InputError, match=r"dense result '\w+' of case .* has shape"):
        wrapper_step(changed)
