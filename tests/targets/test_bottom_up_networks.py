"""Networks of the bottom-up families on both platforms: nobody, one person, several."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from posekit.contract.outputs import check_outputs, decode
from posekit.contract.recipe import uniform
from posekit.runtimes import runtime_for
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets.graph.lowering import Lowered, lower
from tests.bottom_up_networks import POINTS, network, spec_of
from tests.several import PLACES, SIZE_WH, picture
from tests.targets import conversion

pytestmark = pytest.mark.slow


def pixels(name: str) -> np.ndarray:
    return np.asarray(picture(SIZE_WH, PLACES[name], 3), np.float32)


@cache
def lowered(name: str) -> Lowered:
    source = SourceModel(Path("in-memory"), Form.MODULE, "", network(name))
    reference = run_reference(source, spec_of(name), pixels("three"))
    return lower(source, spec_of(name), pixels("three"), reference)


# each shape on each platform, each precision on each of both
@pytest.mark.parametrize(
    ("name", "platform", "precision"),
    [
        ("higherhrnet", "android", "fp32"),
        ("higherhrnet", "ios", "fp16"),
        ("litepose", "android", "fp16"),
        ("litepose", "ios", "fp32"),
        ("centernet", "android", "fp16"),
        ("centernet", "ios", "fp16"),
        ("dekr", "android", "fp16"),
        ("dekr", "ios", "fp32"),
    ],
)
def test_people_are_found_as_the_network_saw_them(name: str, platform: str, precision: str, tmp_path: Path) -> None:
    spec = spec_of(name)
    converted = conversion.converted(platform, lowered(name), spec, uniform(precision), tmp_path)
    run = runtime_for(platform, converted.path).run
    for shown in ("nobody", "one", "three"):
        outputs = run(pixels(shown))
        check_outputs({key: value.shape for key, value in outputs.items()}, spec)
        found = decode(outputs, spec)
        assert found.count == len(PLACES[shown])
        for corner in PLACES[shown]:
            away = np.abs(found.keypoints - (np.array(POINTS) + corner)).max(axis=(1, 2))
            assert away.min() < (1.5 if spec.decoder.kind == "tags" else 2.5), (shown, corner, away)  # half a cell
