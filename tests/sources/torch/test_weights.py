"""Weights as training codes leave them on disk: the right ones, by the tool that wrote them, or a question."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from posekit.errors import InputError  # noqa: E402
from posekit.sources import open_source  # noqa: E402
from posekit.sources.torch.weights import Weights, choose  # noqa: E402

Tensors = dict[str, Tensor]


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential()
    made.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    made.head = nn.Conv2d(4, 2, 1)
    return made.eval()


RIGHT, OTHER = network(1).state_dict(), network(2).state_dict()  # OTHER is never to be shipped unasked


def under(prefix: str, tensors: Mapping[str, Tensor] = RIGHT) -> Tensors:
    return {prefix + key: value for key, value in tensors.items()}


def chosen(content: Any, wanted: str = "") -> Weights:
    return choose(content, RIGHT, wanted, Path("model.pt"))


def is_right(found: Weights) -> bool:
    return found.tensors.keys() >= {key for key in RIGHT if not key.endswith("num_batches_tracked")} and all(
        torch.equal(value, RIGHT[key]) for key, value in found.tensors.items()
    )


OPTIMIZER = {"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": []}
LAYOUTS: dict[str, tuple[Any, str]] = {
    "plain": (RIGHT, ""),
    "DataParallel": (under("module."), "prefix 'module.' taken off"),
    "torch.compile": (under("_orig_mod."), ""),
    "torch.compile of DataParallel": (under("_orig_mod.module."), "prefix 'module.' taken off"),
    "torch.compile of a part": ({key.replace("stem.", "stem._orig_mod."): v for key, v in RIGHT.items()}, ""),
    "FSDP": (under("_fsdp_wrapped_module."), ""),
    "Lightning": (
        {"state_dict": under("model."), "epoch": 3, "optimizer_states": [OPTIMIZER]},
        "state_dict; prefix 'model.'",
    ),
    "Lightning with a loss": (
        {"state_dict": under("net.") | {"loss.weight": torch.ones(3)}},
        "left out: loss.weight (1 in all)",
    ),
    "AveragedModel": (under("module.") | {"n_averaged": torch.tensor(9)}, "left out: n_averaged"),
    "FLOP counter": (
        RIGHT | {"total_ops": torch.zeros(1), "stem.0.total_params": torch.zeros(1)},
        "left out: total_ops",
    ),
    "a key of its own": ({"network": RIGHT, "epoch": 1, "optimizer": OPTIMIZER}, "network"),
    "nested twice": ({"model": {"state_dict": RIGHT}}, "model.state_dict"),
    "old BatchNorm": ({key: v for key, v in RIGHT.items() if not key.endswith("num_batches_tracked")}, ""),
    "MMCV's averaged buffers": (
        RIGHT | {f"ema_{key.replace('.', '_')}": value for key, value in OTHER.items()},
        "left out: ema_stem_0_weight",
    ),
    "another network beside it": (
        {"state_dict": RIGHT, "discriminator": {"stem.0.weight": torch.zeros(9, 9), "out": torch.zeros(1)}},
        "state_dict",
    ),
    "the same twice": ({"state_dict": RIGHT, "best": dict(RIGHT)}, "state_dict"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_gives_the_weights_and_says_what_was_done(layout: str) -> None:
    content, says = LAYOUTS[layout]
    found = chosen(content)
    assert is_right(found)
    assert says in found.said
    assert bool(found.said) is bool(says)


# two sets that both fit: the right one is known from the tool
TWO: dict[str, tuple[Any, str]] = {
    "MMEngine exchanges them": (
        {"meta": {"mmengine_version": "0.10.4"}, "state_dict": RIGHT,
         "ema_state_dict": under("module.", OTHER) | {"steps": torch.tensor(7)}}, "state_dict; MMEngine"),
    "MMEngine by its message hub": (
        {"message_hub": {}, "state_dict": RIGHT, "ema_state_dict": under("module.", OTHER)}, "MMEngine"),
    "Lightning's WeightAveraging": (
        {"pytorch-lightning_version": "2.6", "averaging_state": {"n": torch.tensor(1)}, "state_dict": under("model."),
         "current_model_state": under("model.", OTHER)}, "Lightning"),
    "timm": ({"arch": "x", "version": 2, "state_dict": OTHER, "state_dict_ema": RIGHT}, "state_dict_ema; timm"),
    "RT-DETR": ({"model": OTHER, "ema": {"module": RIGHT, "updates": 5}}, "ema.module; RT-DETR"),
    "ema-pytorch": (
        under("online_model.", OTHER) | under("ema_model.") | {"initted": torch.tensor(True), "step": torch.tensor(3)},
        "ema_model; ema-pytorch"),
}  # fmt: skip


@pytest.mark.parametrize("tool", TWO)
def test_of_two_sets_the_tools_own_is_taken_and_another_can_be_chosen(tool: str) -> None:
    content, says = TWO[tool]
    found = chosen(content)
    assert is_right(found)
    assert says in found.said
    with pytest.raises(InputError) as caught:
        chosen(content, "no such set")
    names = caught.value.hint.removeprefix("there are ").split(", ")
    assert found.name in names
    (other,) = (name for name in names if name != found.name and "averaging_state" not in name)
    assert all(torch.equal(value, OTHER[key]) for key, value in chosen(content, other).tensors.items())


UNKNOWN: dict[str, Any] = {
    "state_dict and ema_state_dict": {"state_dict": RIGHT, "ema_state_dict": OTHER},
    "model and model_ema": {"model": RIGHT, "model_ema": under("module.", OTHER)},
    "student and teacher": {"state_dict": under("student.") | under("teacher.", OTHER)},
    "top and nested": {**RIGHT, "ema": OTHER},
    "an average without buffers": {"state_dict": RIGHT, "ema": {k: v for k, v in OTHER.items() if "running" not in k}},
    "Lightning's SWA in a callback": {"pytorch-lightning_version": "2.1", "state_dict": under("model."),
                                      "callbacks": {"StochasticWeightAveraging": {"average_model_state": OTHER}}},
}  # fmt: skip


@pytest.mark.parametrize("layout", UNKNOWN)
def test_of_two_sets_of_an_unknown_tool_none_is_taken_unasked(layout: str) -> None:
    with pytest.raises(InputError, match="2 sets of weights of this network") as caught:
        chosen(UNKNOWN[layout])
    assert "--weights" in caught.value.hint
    names = [part.split(" (")[0] for part in caught.value.message.split("to be shipped: ")[1].split(", ")]
    assert len(names) == 2
    assert any(is_right(chosen(UNKNOWN[layout], name)) for name in names)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({k: v for k, v in RIGHT.items() if k != "head.bias"}, "the file lacks head.bias"),
        (RIGHT | {"neck.weight": torch.zeros(1)}, "the network has no neck.weight"),
        ({"state_dict": under("model.") | {"model.neck.w": torch.zeros(1)}}, "(state_dict) does not fit"),
        ({"a": torch.zeros(1), "b": torch.zeros(2)}, "the file lacks stem.0.weight"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(content: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        chosen(content)
    assert says in caught.value.message


# Whole files


def outputs(path: Path, tiny: Any, **options: Any) -> Tensor:
    torch.manual_seed(0)
    with torch.inference_mode():
        return open_source(path, **options).module(torch.rand(1, 3, 48, 32))


def test_safetensors(tiny: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    save_file({f"model.{key}": value.contiguous() for key, value in tiny.network.state_dict().items()}, path)
    right = outputs(tiny.save("state_dict"), tiny, arch="tinynet:build")
    assert torch.equal(outputs(path, tiny, arch="tinynet:build"), right)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"damaged \.safetensors file"):
        open_source(cut, arch="tinynet:build")


ON_A_GPU: dict[str, Callable[[str, bytes], bytes]] = {
    "torchscript": lambda name, data: (
        data.replace(b'torch.device("cpu")', b'torch.device("cuda:0")') if name.endswith(".py") else data
    ),
    "exported": lambda name, data: (
        data.replace(b'"type": "cpu", "index": null', b'"type": "cuda", "index": 0') if name.endswith(".json") else data
    ),
}


class Slope(nn.Module):
    """Makes a tensor of its own, so that the device stands in the program."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.shape[-1], device=x.device, dtype=torch.float32)


@pytest.mark.parametrize("form", ON_A_GPU)
def test_a_file_saved_on_a_gpu_is_read_on_the_cpu(form: str, tmp_path: Path) -> None:
    """The files are edited as a GPU writes them: none is at hand."""
    path, there, x = tmp_path / "cpu.pt2", tmp_path / "gpu.pt2", torch.zeros(1, 3, 48, 32)
    net = nn.Sequential(nn.Conv2d(3, 2, 3), Slope()).eval()
    if form == "exported":
        torch.export.save(torch.export.export(net, (x,)), path)
    else:
        torch.jit.save(torch.jit.trace(net, x), path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(there, "w") as new:
        for name in old.namelist():
            new.writestr(name, ON_A_GPU[form](name, old.read(name)))
    assert there.read_bytes().count(b"cuda") > 0
    source = open_source(there)
    assert source.facts == {"device": "saved on cuda, read on the CPU"}
    assert open_source(path).facts == {}
    with torch.inference_mode():
        assert torch.equal(source.module(x), net(x))


def test_a_checkpoint_of_modules_takes_the_average_says_so_and_can_be_told_otherwise(tiny: Any, tmp_path: Path) -> None:
    import tinynet

    raw, average = tinynet.build(), tinynet.build()
    with torch.no_grad():
        average.head.bias += 1
    path = tmp_path / "last.pt"
    torch.save({"model": raw, "ema": average, "updates": 3}, path)
    taken, asked = (open_source(path, trust=True, weights=name) for name in ("", "model"))
    assert taken.facts["weights"] == "ema; left out: model"
    assert torch.equal(taken.module.head.bias, average.head.bias)
    assert torch.equal(asked.module.head.bias, raw.head.bias)
    with pytest.raises(InputError, match="no network 'other'"):
        open_source(path, trust=True, weights="other")


@pytest.mark.parametrize("form", ["exported", "torchscript"])
def test_a_file_with_one_set_of_weights_gives_no_choice(form: str, tiny: Any) -> None:
    with pytest.raises(InputError, match="one set of weights"):
        open_source(tiny.save(form), weights="ema")
