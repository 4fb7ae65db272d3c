"""Networks of a family's shape that see red squares as people: packaged for both platforms, nobody, one and several."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import several
from tests.conftest import Run

torch = pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")

pytestmark = pytest.mark.slow
STRIDE = 8
# from the middle of a person's square to left eye, right eye and nose, px
PLACES = torch.tensor([[4.0, -4.0], [-4.0, -4.0], [0.0, 4.0]])
PARENTS, CHILDREN = [2, 2], [0, 1]


class Heads(torch.nn.Module):
    """Heat 3, offsets 6, displacements 8, of a cell and those about it: the middle of what is red, and constants."""

    def __init__(self) -> None:
        super().__init__()
        side = 3 * STRIDE
        self.conv = torch.nn.Conv2d(3, 17, side, STRIDE, STRIDE)
        red, area = torch.tensor([1.0, -0.5, -0.5]).reshape(3, 1, 1), side**2
        ramp = (torch.arange(side) - side / 2 + 0.5) / (area * 0.75)
        steps = (PLACES[CHILDREN] - PLACES[PARENTS]).flip(1).T.flatten()  # y of both, then x
        with torch.no_grad():
            self.conv.weight.copy_(1e-4 * torch.randn(self.conv.weight.shape, generator=torch.manual_seed(3)))
            self.conv.bias.zero_()
            self.conv.weight[:3] += 16 * red / area
            self.conv.bias[:3] = torch.tensor([-3.0, -3.2, -2.8])
            self.conv.weight[3:6] += red * ramp[:, None]
            self.conv.weight[6:9] += red * ramp
            self.conv.bias[3:9] = (PLACES + STRIDE / 2).flip(1).T.flatten()
            self.conv.bias[9:17] = torch.cat([steps, -steps])

    def forward(self, x: Any) -> Any:
        found = self.conv(x)
        return found[:, :3], found[:, 3:9], found[:, 9:]


def posenet() -> dict[str, Any]:
    spec = copy.deepcopy(several.SPEC) | {"name": "posenet-squares", "kind": "bottom_up",
                                          "outputs": ["heat", "offsets", "moves"]}  # fmt: skip
    spec["decoder"] = {
        "kind": "posenet", "grouping": "bilinear", "stride": STRIDE, "heatmaps": {"output": "heat"},
        "offsets": {"output": "offsets"}, "forward": {"output": "moves"}, "backward": {"output": "moves", "first": 4},
        "parents": PARENTS, "children": CHILDREN, "min_root_score": 0.5, "min_confidence": 0.5, "radius_px": 10.0,
    }  # fmt: skip
    return spec


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_posenet_finds_nobody_one_and_several(precision: str, run_posekit: Callable[..., Run], tmp_path: Path) -> None:
    size = (1, 3, several.SIZE_WH[1], several.SIZE_WH[0])
    torch.export.save(torch.export.export(Heads().eval(), (torch.zeros(size),)), tmp_path / "heads.pt2")
    (tmp_path / "spec.json").write_text(json.dumps(posenet()))
    names = ("nobody", "one", "three")
    several.write_pictures(tmp_path / "pictures", names)
    ran = run_posekit("package", tmp_path / "heads.pt2", "--platform", "all", "--spec", tmp_path / "spec.json",
                      "--images", tmp_path / "pictures", "--precision", precision, "--out", tmp_path / "out",
                      "--json")  # fmt: skip
    assert ran.code == 0, ran
    for bundle in json.loads(ran.out)["bundles"]:
        assert bundle["verdict"] == "passed"
        people = bundle["total"]["people"]
        assert (people["reference"], people["seen"]) == (4, 4)
