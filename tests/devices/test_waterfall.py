"""Planted faults are named at the step that has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posekit.devices.desktop import kotlin
from posekit.devices.desktop.kotlin import KotlinWrapper
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.evaluation import Evaluation
from posekit.parity.shipped import Wrapper
from posekit.runtimes import litert
from tests.devices.kotlin_samples import FAULTS, Sample
from tests.model_faults import replace_constant, scale_weight

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desktop_kotlin")]
needs_kotlin = pytest.mark.skipif(bool(kotlin.why_not()), reason=kotlin.why_not())


def evaluated(sample: Sample, model: Path, wrapper: Wrapper | None) -> Evaluation:
    run = litert.open_model(model)
    return evaluate(iter(sample.cases), sample.spec, Runs(run, "HOST", "LiteRT", wrapper=wrapper), Terms("fp32"))


def through(sample: Sample, wrapper: KotlinWrapper, work: Path) -> Evaluation:
    """The evaluation of the sample's model behind a module, from picture to keypoints."""
    ran = sample.ran(wrapper, sample.request(work, ("image",)), work / "run")
    return evaluated(sample, sample.model, Wrapper(lambda case: ran.results.get(case.name, {}), accelerator=False))


@needs_kotlin
@pytest.mark.parametrize("name", ["tinypose", "tinysimcc", "letterbox"])
def test_a_sound_module_is_blamed_for_nothing(
    name: str, samples: dict[str, Sample], wrappers: dict[str, KotlinWrapper], tmp_path: Path
) -> None:
    evaluation = through(samples[name], wrappers[name], tmp_path)
    steps = {step.name: step for step in evaluation.steps}
    assert evaluation.is_good
    assert evaluation.blamed == ()
    for step in ("preprocessing", "conversion", "decoding"):
        assert steps[step].keypoints is not None
        assert steps[step].keypoints.p95_px < 0.01
    assert steps["accelerator"].skipped


@needs_kotlin
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_module_is_named(
    fault: str, samples: dict[str, Sample], wrappers: dict[str, KotlinWrapper], tmp_path: Path
) -> None:
    base, _, _, _, step = FAULTS[fault]
    evaluation = through(samples[base], wrappers[fault], tmp_path)
    assert not evaluation.is_good
    assert evaluation.blamed == (step,), [
        (s.name, s.keypoints and (s.keypoints.mean_px, s.keypoints.p95_px, s.keypoints.bias_px))
        for s in (*evaluation.steps, evaluation.total)
    ]


IN_THE_FILE: dict[str, Callable[[bytes], bytes]] = {
    "a weight": lambda model: scale_weight(model, 1.1, 2),
    "mean": lambda model: replace_constant(model, (123.675, 116.28, 103.53), (0, 0, 0)),
    "colour order of mean and std": lambda model: replace_constant(
        model, (123.675, 116.28, 103.53), (103.53, 116.28, 223.0)
    ),
}


@pytest.mark.parametrize("fault", IN_THE_FILE)
def test_a_fault_of_the_file_is_named(fault: str, samples: dict[str, Sample], tmp_path: Path) -> None:
    model = tmp_path / "tinypose.tflite"
    model.write_bytes(IN_THE_FILE[fault](samples["tinypose"].model.read_bytes()))
    evaluation = evaluated(samples["tinypose"], model, None)
    assert not evaluation.is_good
    assert evaluation.blamed == ("conversion",)


@pytest.mark.parametrize(("cells", "blamed"), [(0, ()), (1, ("accelerator",))])
def test_a_fault_of_this_machines_accelerators_is_named(
    cells: int, blamed: tuple[str, ...], samples: dict[str, Sample]
) -> None:
    sample = samples["tinypose"]
    run = litert.open_model(sample.model)
    evaluation = evaluate(
        iter(sample.cases), sample.spec,
        Runs(run, "HOST", "LiteRT",
             accelerated=lambda pixels: {name: np.roll(maps, cells, axis=2) for name, maps in run(pixels).items()}),
        Terms("fp32"),
    )  # fmt: skip
    assert evaluation.blamed == blamed
    assert evaluation.is_good == (cells == 0)
    assert any(check.name.startswith("on the accelerator: ") for check in evaluation.checks)


@needs_kotlin
def test_a_case_that_was_not_run_fails(
    samples: dict[str, Sample], wrappers: dict[str, KotlinWrapper], tmp_path: Path
) -> None:
    sample = samples["tinypose"]
    ran = sample.ran(wrappers["tinypose"], sample.request(tmp_path, ("image",), count=3), tmp_path / "run")
    wrapper = Wrapper(lambda case: ran.results.get(case.name, {}), accelerator=False)
    failed = [check for check in evaluated(sample, sample.model, wrapper).checks if check.outcome == "fail"]
    assert [check.name for check in failed] == ["every case was run"]
    assert "3 of 15" in failed[0].detail
