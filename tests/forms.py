"""A sample network saved in each of the forms in which PyTorch models are handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FORMS = ("exported program", "TorchScript", "state dict", "pickled module", "old pickled module", "checkpoint")
FACTORIES = {"tinypose": "heatmap_network", "tinysimcc": "simcc_network"}


def save_in_form(exported: Path, form: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Save a sample's network as `form` in `folder`; the file and the options to open it with."""
    import torch

    from sample import networks

    factory = FACTORIES[exported.stem]
    network = getattr(networks, factory)().eval()
    network.load_state_dict(torch.export.load(exported).state_dict)
    path = folder / f"{exported.stem}.pt"
    if form == "exported program":
        path.write_bytes(exported.read_bytes())
        return path, {}
    if form == "TorchScript":
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 128, 96)), path)
        return path, {}
    if form == "state dict":
        torch.save(network.state_dict(), path)
        return path, {"arch": f"sample.networks:{factory}"}
    if form == "checkpoint":
        network.stride, network.kpt_shape, network.names = torch.tensor([4.0]), [17, 3], {0: "person"}
        torch.save({"epoch": 1, "ema": network.half(), "model": None, "train_args": {}}, path)
        return path, {"trust": True}
    torch.save(network, path, _use_new_zipfile_serialization=form != "old pickled module")
    return path, {"trust": True}
