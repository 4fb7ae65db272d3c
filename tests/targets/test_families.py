"""A network of each family's shape on both platforms, at fp32 and fp16: nobody, one person, several, and the gates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
from tests.families import FAMILIES, SHOWN, Family

pytestmark = pytest.mark.slow
References = tuple[tuple[Case, Outputs], ...]


@cache
def family_of(name: str) -> Family:
    """By its name; with a flip test where it ends so."""
    family = FAMILIES[name.removesuffix(", flip test")]
    if name in FAMILIES:
        return family
    return replace(family, spec=family.spec.model_copy(update={"flip_test": "plain"}))


@cache
def lowered(name: str, folder: Path) -> tuple[Lowered, References]:
    """The network ready for a target, and what it gives for each picture."""
    family = family_of(name)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", family.network())
    pairs = []
    for shown in SHOWN:
        path = folder / f"{name}-{shown}.png"
        Image.fromarray(family.pixels(shown).astype(np.uint8)).save(path)
        (case,) = cases_in(load_image(path), Photo(path, len(pairs)), family.spec)
        pairs.append((case, run_reference(source, family.spec, case.pixels)))
    case, outputs = pairs[-1]
    return lower(source, family.spec, case.pixels, outputs), tuple(pairs)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("platform", TARGETS)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_people_within_the_gates(name: str, platform: str, pictures: Path, tmp_path: Path) -> None:
    check(name, platform, pictures, tmp_path, ("fp32", "fp16"))


@pytest.mark.parametrize("platform", TARGETS)
@pytest.mark.parametrize("name", ["centernet", "movenet", "posenet"])
def test_averaged_with_the_mirror_image_it_sees_them_still(
    name: str, platform: str, pictures: Path, tmp_path: Path
) -> None:
    check(f"{name}, flip test", platform, pictures, tmp_path, ("fp32",))


def check(name: str, platform: str, pictures: Path, tmp_path: Path, precisions: tuple[Precision, ...]) -> None:
    """The gates hold, and people are found where they are."""
    family, (graph, references) = family_of(name), lowered(name, pictures)
    target, log = TARGETS[platform], tmp_path / "convert.log"
    (tmp_path / "base").mkdir()
    base = target.base(graph, tmp_path / "base", log)
    for precision in precisions:
        file = tmp_path / precision / target.model_file(family.spec.name)
        file.parent.mkdir()
        run = runtime_for(
            platform, target.compress(base, family.spec, uniform(precision), Calibration(), file, log).path
        ).run
        evaluation = evaluate(references, family.spec, Runs(run, "HOST", "none"), Terms(precision))
        assert [check for check in evaluation.checks if check.outcome is Outcome.FAIL] == [], precision
        for shown, (case, _) in zip(SHOWN, references, strict=True):
            expected, found = family.people(shown), decode(run(case.pixels), family.spec)
            if expected is not None:
                assert found.count == len(expected), (precision, shown)
                away = np.abs(found.keypoints[:, None, :, :2] - expected[None]).max(axis=(2, 3), initial=0.0)
                assert (away.min(axis=0, initial=99.0) < family.away).all(), (precision, shown, away)
