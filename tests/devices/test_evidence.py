"""What a run proves: which pass is believed, and that an accelerator that gave the CPU's bits did not run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posekit.devices import evidence
from posekit.errors import InputError
from tests.devices.runs import case, document, one_pass, read, write

CPU, GPU, NPU = [1.0, 2.0], [1.0, 2.0000002], [1.0, 2.001]
NAMES = ("a", "b")


def checks(folder: Path, *passes: dict[str, Any], **more: Any) -> dict[str, tuple[str, str]]:
    run = read(write(folder, document(*passes, **more)))
    found = evidence.checks_of(folder, run, [SimpleNamespace(name=name) for name in NAMES])  # type: ignore[misc]
    return {check.name: (str(check.outcome), check.detail) for check in found}


def ran(folder: Path, requested: str, values: Any, names: tuple[str, ...] = NAMES, **more: Any) -> dict[str, Any]:
    modes = more.pop("modes", ("image", "tensor"))
    cases = [case(folder, name, f"{requested}-{name}", values, modes) for name in names]
    return one_pass(requested, cases, **more)


def test_an_accelerator_with_outputs_of_its_own_ran(tmp_path: Path) -> None:
    found = checks(tmp_path, ran(tmp_path, "cpu", CPU), ran(tmp_path, "gpu", GPU), ran(tmp_path, "npu", NPU))
    assert found["the gpu ran the model"] == ("pass", "its outputs differ from the CPU's")
    assert found["the npu ran the model"][0] == "pass"
    assert found["the run came to its end"][0] == found["the CPU ran the model"][0] == "pass"
    assert len(found) == 4


def test_an_accelerator_with_the_bits_of_the_cpu_did_not_run(tmp_path: Path) -> None:
    found = checks(tmp_path, ran(tmp_path, "cpu", CPU), ran(tmp_path, "gpu", CPU))
    assert found["the gpu ran the model"][0] == "fail"
    assert "did not run there" in found["the gpu ran the model"][1]


def test_one_case_that_differs_is_enough(tmp_path: Path) -> None:
    gpu = one_pass("gpu", [case(tmp_path, "a", "gpu-a", CPU), case(tmp_path, "b", "gpu-b", GPU)])
    assert checks(tmp_path, ran(tmp_path, "cpu", CPU), gpu)["the gpu ran the model"][0] == "pass"


def test_not_a_number_is_the_same_bits_too(tmp_path: Path) -> None:
    odd = [float("nan"), float("inf")]
    found = checks(tmp_path, ran(tmp_path, "cpu", odd), ran(tmp_path, "gpu", odd))
    assert found["the gpu ran the model"][0] == "fail"


def test_only_the_same_mode_is_compared(tmp_path: Path) -> None:
    cpu, gpu = ran(tmp_path, "cpu", CPU, modes=("image",)), ran(tmp_path, "gpu", GPU, modes=("tensor",))
    assert checks(tmp_path, cpu, gpu)["the gpu ran the model"] == ("skipped", "no case was run on both")


# what a pass says of itself beside the CPU's, and what follows for the accelerator
TOLD: dict[str, tuple[dict[str, Any], str, str]] = {
    "fell back": (
        {"used": "cpu", "fallback_reason": "OpenCL is missing"},
        "skipped",
        "the cpu ran it: OpenCL is missing",
    ),
    "not there": ({"used": None, "fallback_reason": "no GPU here", "cases": []}, "skipped", "no GPU here"),
    "not known": ({"used": None}, "skipped", "does not say what ran it"),
    "another": ({"used": "npu"}, "skipped", "the npu ran it: no reason is given"),
    "died": ({"used": None, "failure": "the driver went away", "cases": []}, "fail", "the driver went away"),
    "died later": ({"failure": "the driver went away"}, "fail", "the driver went away"),
    "ran nothing": ({"cases": []}, "fail", "it ran nothing, and no reason is given"),
    "ran nothing, silently": ({"used": None, "cases": []}, "fail", "it ran nothing, and no reason is given"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_pass_tells_of_itself(name: str, tmp_path: Path) -> None:
    more, outcome, says = TOLD[name]
    found = checks(tmp_path, ran(tmp_path, "cpu", CPU), {**ran(tmp_path, "gpu", GPU), **more})
    assert found["the gpu ran the model"] == (outcome, says if outcome == "fail" else found["the gpu ran the model"][1])
    assert says in found["the gpu ran the model"][1]


def test_without_the_cpu_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    found = checks(tmp_path, ran(tmp_path, "gpu", GPU))
    assert found["the gpu ran the model"] == ("skipped", "there is no CPU pass to compare with")
    assert found["the CPU ran the model"][0] == "fail"


def test_a_cpu_that_failed_is_quoted(tmp_path: Path) -> None:
    found = checks(tmp_path, one_pass("cpu", [], used=None, failure="out of memory"), ran(tmp_path, "gpu", GPU))
    assert found["the CPU ran the model"] == ("fail", "out of memory")


def test_passes_with_other_outputs_are_refused(tmp_path: Path) -> None:
    gpu = ran(tmp_path, "gpu", GPU)
    gpu["cases"][0]["results"][0]["outputs"] = {}
    with pytest.raises(InputError, match="has the outputs none on the gpu and heatmaps on the cpu"):
        checks(tmp_path, ran(tmp_path, "cpu", CPU), gpu)


def test_a_run_that_broke_off_fails(tmp_path: Path) -> None:
    found = checks(tmp_path, ran(tmp_path, "cpu", CPU), error="out of memory")
    assert found["the run came to its end"] == ("fail", "out of memory")


def test_a_pass_that_stopped_half_way_fails(tmp_path: Path) -> None:
    found = checks(tmp_path, ran(tmp_path, "cpu", CPU, ("b",)), ran(tmp_path, "gpu", GPU))
    assert found["every case was run on the cpu"] == ("fail", "1 of 2; missing: a")
    assert "every case was run on the gpu" not in found  # parity/shipped.py tells of the chosen pass


@pytest.mark.parametrize(
    ("passes", "order"),
    [
        ([("cpu", "cpu"), ("gpu", "gpu"), ("npu", "npu")], ["npu", "gpu", "cpu"]),
        ([("cpu", "cpu"), ("gpu", "gpu")], ["gpu", "cpu"]),
        ([("cpu", "cpu"), ("npu", None)], ["npu", "cpu"]),
        ([("cpu", "cpu"), ("npu", "cpu")], ["cpu", "npu"]),
        ([("none", "none"), ("cpu", "cpu")], ["cpu"]),
        ([("none", "none")], []),
        ([], []),
    ],
)
def test_the_order_in_which_passes_are_believed(
    passes: list[tuple[str, str | None]], order: list[str], tmp_path: Path
) -> None:
    made = [ran(tmp_path, requested, CPU, used=used) for requested, used in passes]
    empty = one_pass("npu", [], used=None, fallback_reason="none here")
    found = evidence.passes_of(read(write(tmp_path, document(empty, *made))))
    assert [one.requested for one in found] == order


def test_only_accelerators_may_be_as_coarse_as_float16(tmp_path: Path) -> None:
    made = [ran(tmp_path, "cpu", CPU), ran(tmp_path, "gpu", GPU), ran(tmp_path, "npu", NPU, used=None)]
    passes = evidence.passes_of(read(write(tmp_path, document(*made))))
    found = {one.requested: evidence.wrapper_of(tmp_path, one, accelerator=True).precision for one in passes}
    assert found == {"cpu": None, "gpu": "fp16", "npu": "fp16"}
