"""Networks of published shapes convert to both platforms, and keep the gates of fp32 and fp16."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

from posekit.contract.outputs import decode
from posekit.contract.precisions import Precision
from posekit.contract.recipe import uniform
from posekit.decoders.decoder import Outputs
from posekit.parity.cases import Case, cases_in
from posekit.parity.evaluate import Runs, Terms, evaluate
from posekit.parity.gate import Outcome
from posekit.poses.images import Photo, load_image
from posekit.runtimes import runtime_for
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets import TARGETS, Calibration
from posekit.targets.graph.lowering import Lowered, lower
from tests import several
from tests.whole_networks import NETWORKS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_networks")]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16")


@cache
def lowered(name: str, folder: Path) -> tuple[Lowered, tuple[tuple[Case, Outputs], ...]]:
    """The network ready for a target, and what it gives for two pictures."""
    network, spec = NETWORKS[name]
    source, pairs = SourceModel(Path("in-memory"), Form.MODULE, "", network()), []
    for number, shown in enumerate(("three", "two")):
        several.picture(several.SIZE_WH, several.PLACES[shown], number).save(path := folder / f"{name}-{shown}.png")
        (case,) = cases_in(load_image(path), Photo(path, number), spec)
        pairs.append((case, run_reference(source, spec, case.pixels)))
    case, outputs = pairs[0]
    return lower(source, spec, case.pixels, outputs), tuple(pairs)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("platform", TARGETS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_gates_hold(name: str, platform: str, pictures: Path, tmp_path: Path) -> None:
    spec, (graph, references) = NETWORKS[name][1], lowered(name, pictures)
    target, log = TARGETS[platform], tmp_path / "convert.log"
    (tmp_path / "base").mkdir()
    base = target.base(graph, tmp_path / "base", log)
    for precision in PRECISIONS:
        file = tmp_path / precision / target.model_file(spec.name)
        file.parent.mkdir()
        made = target.compress(base, spec, uniform(precision), Calibration(), file, log)
        evaluation = evaluate(
            references, spec, Runs(runtime_for(platform, made.path).run, "HOST", "none"), Terms(precision)
        )
        assert [check for check in evaluation.checks if check.outcome is Outcome.FAIL] == [], precision
        assert any(check.outcome is Outcome.PASS for check in evaluation.checks)


@pytest.mark.parametrize(("name", "count"), [("ssdlite", 3), ("rtmdet", 3), ("blazepose", 1), ("densepose", 1)])
def test_the_networks_see_the_people(name: str, count: int, pictures: Path) -> None:
    ((_, outputs), _) = lowered(name, pictures)[1]
    assert decode(outputs, NETWORKS[name][1]).count == count
    assert all(values.size == 1 or np.ptp(values) > 0 for values in outputs.values())
