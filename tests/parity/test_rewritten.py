"""posekit bisect on layers that posekit writes anew before it converts: a fault in one is named by the user's name for
it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.compression.settings import asked
from posekit.pipelines import inputs
from posekit.pipelines import package as pipeline
from posekit.pipelines.bisect import bisect
from posekit.runtimes import mil
from tests.conftest import SPEC, Tiny
from tests.model_faults import change_constants, with_model
from tests.pipelines.test_bisection import rehashed

pytest.importorskip("litert_torch")
pytest.importorskip("coremltools")
pytestmark = pytest.mark.xdist_group("rewritten")


class Gate(nn.Module):
    """A product that is taken apart by torch's own table."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(8, 24, 16) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(x, x, self.scale)


class Rewritten(nn.Module):
    """A layer of each kind that is written anew, plain ones before and behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 4, 1)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1)
        self.gate = Gate()
        self.grouped = nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=4)
        self.middle = nn.Conv2d(8, 6, 1)
        self.rows = nn.GRU(6, 6, batch_first=True)
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.gate(self.up(F.relu(self.first(x))))
        x = F.interpolate(self.grouped(x), size=(12, 8), mode="bilinear", antialias=True)
        x = self.middle(F.hardshrink(x, 0.01))
        x = x + self.rows(x.mean(3).mT[:, :3])[0].mT.mean(2)[..., None, None]
        return self.head(x)


RESIZE = "the matrix of a resize"
# what is multiplied by 1.5 -> the operation of the network's own graph and the layer that are named for it
PLANTED = {
    "first.weight": ("", "first"),
    "up.weight": ("conv_transpose2d", "up"),
    "gate.scale": ("mul", "gate"),
    "grouped.weight": ("conv_transpose2d", "grouped"),
    RESIZE: ("matmul", "grouped"),  # it has no weights of the network's: the layer before it
    "middle.weight": ("conv2d", "middle"),
    "rows.weight_ih_l0": ("linear", "rows"),
    "rows.weight_hh_l0": ("linear", "rows"),
}


@pytest.fixture(scope="module")
def network() -> Rewritten:
    torch.manual_seed(0)
    made = Rewritten().train(False)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter *= 2.5 if parameter.ndim > 1 else 0.1  # what is small beside biases hides what is wrong with it
    return made


@pytest.fixture(scope="module")
def bundles(network: Rewritten, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rewritten")
    model, spec = folder / "tiny.pt2", folder / "tiny.toml"
    torch.export.save(torch.export.export(network, (torch.rand(1, 3, 48, 32),)), model)
    spec.write_text(SPEC)
    contract = inputs.find_spec(model, str(spec))
    pictures = inputs.find_images(tiny.images, None, contract)
    as_it_is = asked(None, without=["input"])  # the first layer's weights are found in the file by their values
    made = pipeline.package(model, "all", contract, pictures, out=folder, compression=as_it_is)
    return {one.platform: one.folder for one in made}


def is_planted(values: np.ndarray, what: str, network: Rewritten) -> bool:
    """Whether a constant of the file is the weight, or a part of it, in whatever order the converter keeps it."""
    if what == RESIZE:
        sums = [values.sum(axis) for axis in (-1, -2)] if values.ndim >= 2 and values.size > 64 else []
        return any(np.allclose(one, 1, atol=1e-5) for one in sums)
    known = np.sort(dict(network.named_parameters())[what].detach().numpy().ravel())
    if not 4 < values.size <= known.size:
        return False
    near = np.clip(np.searchsorted(known, values.ravel()), 1, known.size - 1)
    return bool((np.minimum(abs(known[near] - values.ravel()), abs(known[near - 1] - values.ravel())) < 1e-7).all())


def planted(folder: Path, what: str, network: Rewritten) -> None:
    """Multiply the first such constant of the bundle's model by 1.5."""
    if folder.name.endswith("android"):

        def change(constants: list[np.ndarray]) -> None:
            next(values for values in constants if is_planted(values, what, network))[...] *= 1.5

        with_model(folder, lambda content: change_constants(content, change))
        return
    package = next(folder.glob("*.mlpackage"))
    program = mil.open_program(package)
    constants = (program.constant(name) for name, one in program.constants.items() if one.type.dtype == "fp32")
    values = next(one for one in constants if is_planted(one, what, network)).astype("<f4")
    for path in folder.rglob("weight.bin"):
        content = path.read_bytes()
        assert content.count(values.tobytes()) == 1
        path.write_bytes(content.replace(values.tobytes(), (values * np.float32(1.5)).tobytes()))
    rehashed(folder)


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_sound_bundle_has_no_fault(bundles: dict[str, Path], platform: str) -> None:
    found = bisect(bundles[platform]).comparison
    assert found.parting is None
    layers = {one.nearest.layer for one in found.ops if one.nearest is not None}
    assert layers >= {layer for _, layer in PLANTED.values()} | {"head"}, "each is compared with the network's own"


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_fault_in_what_was_written_anew_is_named(
    bundles: dict[str, Path], network: Rewritten, platform: str, what: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundles[platform], tmp_path / bundles[platform].name))
    planted(copy, what, network)
    part = bisect(copy).comparison.parting
    assert part is not None
    assert part.nearest is not None
    operation, layer = PLANTED[what]
    assert part.nearest.layer == layer
    assert not operation or part.nearest.op == operation
    assert part.error > 0.05
