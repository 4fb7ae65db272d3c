"""The networks that are measured: each with its contract, calibration inputs, and what torch makes of an input."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import NETWORKS, build
from benchmarks.peers.environment import ROOT
from posekit.compression.calibration import choose
from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec, read_spec
from posekit.sources.recognise import Form
from posekit.sources.reference import network_input, run_reference
from posekit.sources.sample import sample_images
from posekit.sources.source import SourceModel, open_source

SAMPLES = ("tinypose", "tinysimcc")
TRAINED = "efficientpose-rt"
NAMES = (*SAMPLES, *NETWORKS, TRAINED)
CALIBRATION = 16  # inputs, for every tool the same


@dataclass(frozen=True, slots=True)
class Case:
    """A network under measurement. inputs: of calibration, each (H, W, 3) RGB 0-255; the first is what is timed."""

    name: str
    source: SourceModel
    spec: PoseSpec
    inputs: tuple[NDArray[np.float32], ...]

    def write(self, folder: Path) -> None:
        """What the peers need, as plain files: the exported network, inputs as it takes them, torch's outputs."""
        import torch

        networks = np.concatenate([network_input(self.spec, pixels) for pixels in self.inputs])
        program = torch.export.export(self.source.module, (torch.from_numpy(networks[:1]),))
        torch.export.save(program, folder / "network.pt2")
        np.save(folder / "pixels.npy", self.inputs[0][None])
        np.save(folder / "calibration.npy", networks)
        np.savez(folder / "expected.npz", **run_reference(self.source, self.spec, self.inputs[0]))

    @property
    def macs(self) -> int:
        """Multiplications with an addition in one run: convolutions, linear layers and products."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.utils.flop_counter import FlopCounterMode

        counter = FlopCounterMode(display=False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            self.source.module(torch.from_numpy(network_input(self.spec, self.inputs[0])))
        return int(counter.get_total_flops()) // 2

    @property
    def key(self) -> bytes:
        """What the peers' files depend on."""
        return b"".join([self.source.sha256.encode(), *(one.tobytes() for one in self.inputs)])


def trained() -> Path | None:
    """The trained network that is not part of this repository, where it lies beside or in the checkout."""
    places = [at / "shared" / "data" / "efficientpose_rt" / "efficientpose_rt.pt2" for at in (ROOT, ROOT.parent)]
    return next((one for one in places if one.is_file()), None)


@cache
def case(name: str) -> Case:
    """One of NAMES; FileNotFoundError where it is not here."""
    pictures, annotations = sample_images()
    source, spec = _seeded(name) if name in NETWORKS else _stored(name)
    # with another skeleton the sample's annotations do not fit, and whole pictures have to do
    people = annotations if spec.keypoints.skeleton == "coco17" else None
    chosen = choose(pictures, spec, annotations=people, limit=CALIBRATION)
    return Case(name, source, spec, chosen.inputs)


def _stored(name: str) -> tuple[SourceModel, PoseSpec]:
    path = trained() if name == TRAINED else sample_images()[0].parent / f"{name}.pt2"
    if path is None:
        raise FileNotFoundError("shared/data/efficientpose_rt is not beside this checkout")
    return open_source(path), read_spec(path.with_suffix(".toml"))


def _seeded(name: str) -> tuple[SourceModel, PoseSpec]:
    network, size_wh = build(name)
    told = hashlib.sha256()
    for values in network.state_dict().values():
        told.update(values.numpy().tobytes())
    code = (ROOT / "benchmarks" / "networks.py").read_bytes()
    return SourceModel(Path(name), Form.MODULE, told.hexdigest() + hashlib.sha256(code).hexdigest(), network), contract(
        name, size_wh
    )


def contract(name: str, size_wh: tuple[int, int]) -> PoseSpec:
    """A contract as the network's family has it."""
    like = preset("rtmpose-coco17" if name == "rtmpose-m" else "hrnet-coco17").model_dump(mode="json", by_alias=True)
    made: dict[str, Any] = {**like, "name": name, "type_name": "", "input": {**like["input"], "size_wh": list(size_wh)}}
    if name == "yolov8n-pose":
        # no decoder here reads its rows, so the contract names an output that it does not have and the rows stay as
        # they are
        made |= {"outputs": ["rows"], "input": {**made["input"], "mean": [0.0] * 3, "std": [255.0] * 3}}
    return parse_spec(made, name)
