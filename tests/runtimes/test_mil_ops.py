"""Every single operation through both of coremltools' routes gives torch's values here, or the route's own defect."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posekit.progress import captured
from posekit.runtimes import mil
from posekit.targets.graph.lowering import relative_rms
from tests.runtimes.single_ops import SingleOp, single_ops

ROUTES = ("trace", "export")
OPS = single_ops()
MAX_RELATIVE_RMS = 1e-4

REFUSED = "coremltools 9.0 has no conversion for it"
DEFECTS: dict[tuple[str, str], tuple[type[Exception] | None, str]] = {
    # (operation, route): (what converting raises, or None where it converts to other values; what is wrong)
    **{
        (name, route): (NotImplementedError, REFUSED)
        for name in ("celu", "logsigmoid", "prod", "take_along_dim")
        for route in ROUTES
    },
    **{
        (name, "trace"): (NotImplementedError, "coremltools 9.0 has no conversion for torch's fused attention layers")
        for name in ("multihead_attention", "transformer_layer")
    },
    ("add_alpha", "trace"): (ValueError, "coremltools 9.0 refuses alpha of aten.add"),
    ("add_alpha", "export"): (None, "coremltools 9.0 drops alpha of aten.add"),
    ("gelu_tanh", "export"): (None, "coremltools 9.0 drops approximate='tanh' and converts the exact GELU"),
    ("local_response_norm", "trace"): (TypeError, "coremltools 9.0 makes a number of an array of one"),
}


def converted(op: SingleOp, route: str, path: Path) -> None:
    import coremltools as ct

    inputs = op.inputs()
    with captured(), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if route == "trace":
            program: Any = torch.jit.trace(op.module(), inputs, check_trace=False)
            taken = [ct.TensorType(name=f"x{index}", shape=values.shape) for index, values in enumerate(inputs)]
        else:
            program = torch.export.export(op.module(), inputs).run_decompositions({})
            taken = None
        model = ct.convert(
            program,
            convert_to="mlprogram",
            inputs=taken,
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS17,
            skip_model_load=True,
        )
        model.save(str(path))


def differences(op: SingleOp, path: Path) -> list[float]:
    """Relative RMS of each output against torch; shapes must be the same."""
    program = mil.open_program(path)
    given = {feature.name: values.numpy() for feature, values in zip(program.inputs, op.inputs(), strict=True)}
    with torch.no_grad():
        expected = [values.numpy() for values in op.module()(*op.inputs())]
    got = list(mil.run(program, given, "fp32").values())
    assert [values.shape for values in got] == [values.shape for values in expected]
    return [relative_rms(np.asarray(a, np.float32), b) for a, b in zip(got, expected, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_operation_gives_what_torch_gives(op: SingleOp, route: str, tmp_path: Path) -> None:
    raised, defect = DEFECTS.get((op.name, route), (None, ""))
    path = tmp_path / "op.mlpackage"
    if raised:
        with pytest.raises(raised):
            converted(op, route, path)
        return
    converted(op, route, path)
    worst = max(differences(op, path))
    if defect:
        assert worst > MAX_RELATIVE_RMS, f"mended: {defect}"
    else:
        assert worst < MAX_RELATIVE_RMS


def test_the_table_names_operations_that_exist() -> None:
    assert {name for name, _ in DEFECTS} <= {op.name for op in OPS}
    assert len(OPS) >= 100
