"""Logits of a detector beyond what 16 bits hold: it is told, and moves no keypoint of a bundle that passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

import torch
from torch import Tensor, nn

from posekit.compression.settings import asked
from posekit.contract.spec import parse_spec
from posekit.parity.gate import Outcome
from posekit.parity.halves import NAME
from posekit.pipelines import inputs
from posekit.pipelines.package import Packaged, package
from posekit.pipelines.validate import validate
from tests import several

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults_overflow")]
BY = 2e4  # logits are about 5
SCORES = {"outputs": ["scores"], "activation": "sigmoid"}


class Overflowing(nn.Module):
    """The detector of tests/several.py whose logits are scaled up, and given so, or scaled back down as trained weights
    may do, or made chances of."""

    def __init__(self, gives: str) -> None:
        super().__init__()
        self.squares, self.gives = several.network(), gives

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels = zip(self.squares.levels, self.squares.mix, strict=True)
        found = torch.cat([mix(conv(x)).flatten(2) for conv, mix in levels], dim=2)
        logits = found[:, 4:5] * BY
        scores = {"logits": logits, "chances": torch.sigmoid(logits), "scaled": torch.sigmoid(logits / BY)}[self.gives]
        return torch.exp(found[:, :4].clamp(-2, 2)), scores, found[:, 5:14]


def packaged(gives: str, platform: str, precision: Any, folder: Path) -> Packaged:
    decoder = {**several.SPEC["decoder"], **({"scores": SCORES} if gives == "logits" else {})}
    spec = parse_spec({**several.SPEC, "decoder": decoder}, "overflowing")
    several.write_pictures(folder / "images")
    program = torch.export.export(Overflowing(gives).eval(), (torch.zeros(1, 3, 128, 160),))
    torch.export.save(program, folder / "squares.pt2")
    images = inputs.find_images(folder / "images", None, spec)
    (made,) = package(folder / "squares.pt2", platform, spec, images, compression=asked(precision), out=folder)
    return made


@pytest.mark.parametrize(
    ("gives", "platform", "precision", "outcome", "failed"),
    [
        ("logits", "ios", "fp16", Outcome.PASS, "scores is finite"),
        ("scaled", "ios", "fp16", Outcome.PASS, "scores signal to noise"),
        ("chances", "ios", "fp16", Outcome.PASS, ""),  # of infinity the sigmoid is 1, as of what is that large
        ("scaled", "ios", "fp32", None, ""),
        ("scaled", "android", "fp16", Outcome.SKIPPED, ""),  # computed in 32 bits here, on a phone's GPU not
    ],
)
def test_an_overflow_is_told_and_refused_where_it_moves_anybody(
    gives: str, platform: str, precision: str, outcome: Outcome | None, failed: str, tmp_path: Path
) -> None:
    made = packaged(gives, platform, precision, tmp_path)
    checks = {one.name: one for one in made.evaluation.checks}
    assert made.evaluation.is_good == (not failed)
    assert not failed or checks[failed].outcome is Outcome.FAIL
    assert made.evaluation.blamed == (("precision",) if failed else ())
    if outcome is None:
        assert NAME not in checks
    else:
        assert checks[NAME].outcome is outcome
        assert "65504" in checks[NAME].detail
    again = validate(made.folder).evaluation
    assert again.is_good == (not failed)
    assert {one.name: one.outcome for one in again.checks}.get(NAME) == outcome
    if made.evaluation.is_good:
        total = made.evaluation.total
        assert (total.lost, total.drift and total.drift.max_px < 0.25) == (0, True)
