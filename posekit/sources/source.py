"""From a model file to the network that its own framework runs, whatever framework that is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.drafts import Draft
from posekit.errors import InputError
from posekit.progress import LOG, TOLD_AT_ONCE
from posekit.sources.facts import check_facts
from posekit.sources.recognise import Container, Form, container

if TYPE_CHECKING:
    from torch import nn

    from posekit.contract.spec import PoseSpec
    from posekit.sources.tflite.ports import Network

Run = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]  # (1, C, H, W) normalised to outputs by name
ROUNDING = 1e-4  # relative RMS of one float32 implementation of a network against another
ROOMS = {  # what opens each container: opened(path, spec) of the module, PyTorch's also with the user's options
    Container.ONNX: "posekit.sources.onnx.opening",
    Container.TFLITE: "posekit.sources.tflite.opening",
    Container.SAVED_MODEL: "posekit.sources.tensorflow.opening",
    Container.FROZEN_GRAPH: "posekit.sources.tensorflow.opening",
    Container.KERAS: "posekit.sources.tensorflow.opening",
    Container.COREML: "posekit.sources.coreml.opening",
    Container.TASK: "posekit.sources.task",
    Container.ENSEMBLE: "posekit.sources.ensemble",
}
RUN_CODE = {Container.SAVED_MODEL, Container.FROZEN_GRAPH, Container.KERAS}  # whose rooms also take `trust`


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A trained network as its framework runs it.

    module: the network in PyTorch, from (1, C, H, W), on the CPU, in eval mode and float32: what is converted. run: how
    the file's own framework runs it, the reference; None where that is PyTorch. facts: what the file says of itself
    (`stride`, `kpt_shape`, `names`), shown to the user and checked against the spec. draft: the contract that the file
    itself lets posekit write, where it does. rounding: relative RMS that `module` may differ from `run`, more where the
    file computes in 16 or 8 bits. tflite: the network as a .tflite, whose graph Android's file keeps.
    """

    path: Path
    form: Form
    sha256: str
    module: nn.Module
    facts: Mapping[str, Any] = field(default_factory=dict)
    draft: Draft | None = None
    run: Run | None = None
    rounding: float = ROUNDING
    tflite: Network | None = None


def open_source(
    path: Path, spec: PoseSpec | None = None, *, arch: str = "", trust: bool = False, weights: str = ""
) -> SourceModel:
    """Open `path` without running anything that it holds, unless `trust`.

    spec: the contract, by which the sizes that a file leaves open are fixed and its outputs are taken, and which is
    held against what the file says; without one, a file that needs it gives what it says of itself alone. arch:
    `module:factory` that builds the network of a PyTorch state dict. weights: the set of a checkpoint that holds
    several (torch/weights.py), which is logged for every command alike. InputError says what is wrong.
    """
    kind = container(path)
    if kind in ROOMS:
        options: dict[str, Any] = {"trust": trust} if kind in RUN_CODE else {}
        if kind is Container.ENSEMBLE:  # whose members may be PyTorch's
            options = {"arch": arch, "trust": trust, "weights": weights}
        else:
            _refuse_options(kind, path, arch, weights)
        found: SourceModel = import_module(ROOMS[kind]).opened(path, spec, **options)
    else:
        from posekit.sources.torch import opening

        found = opening.opened(path, kind, arch=arch, trust=trust, weights=weights)
    if spec is not None:
        check_facts(path, found.facts, spec)
    refuse_bad_weights(found.module, path)
    for name in TOLD_AT_ONCE:
        if name in found.facts:
            LOG.warning("%s: %s", name, found.facts[name])
    return found


def says_contract(path: Path) -> bool:
    """Whether the contract may be in the file itself, told without running what it holds."""
    kind = container(path)
    if kind in ROOMS:
        return bool(getattr(import_module(ROOMS[kind]), "says_contract", lambda path: False)(path))
    from posekit.sources.torch import opening

    return opening.says_contract(path, kind)


def described(path: Path, *, trust: bool = False) -> dict[str, Any] | None:
    """What a file says of itself without a contract: inputs, outputs, operations, metadata; None for PyTorch's files,
    which say little before they run. trust: as open_source has it."""
    kind = container(path)
    if kind not in ROOMS:
        return None
    options = {"trust": trust} if kind in RUN_CODE else {}
    return dict(import_module(ROOMS[kind]).described(path, **options))


def drafted(path: Path) -> Draft | None:
    """What a file says of a contract before it is opened, as of the picture it takes; None where it says nothing."""
    kind = container(path)
    if kind not in ROOMS:
        return None
    says: Callable[[Path], Draft | None] | None = getattr(import_module(ROOMS[kind]), "drafted", None)
    return None if says is None else says(path)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names in order."""
    if path.is_dir():
        whole = hashlib.sha256()
        for one in sorted(path.rglob("*")):
            if one.is_file():
                whole.update(f"{one.relative_to(path).as_posix()}\0{digest_of(one)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settled(module: nn.Module) -> nn.Module:
    """The module on the CPU, in float32 (checkpoints are often saved in half) and in eval mode."""
    import contextlib

    module = module.float().cpu()
    with contextlib.suppress(NotImplementedError):  # an exported program has no modes to set
        module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        # TorchScript gives plain tensors, and torch.export insists on parameters; this is how torch marks one
        parameter._is_param = True
    return module


def refuse_bad_weights(module: nn.Module, path: Path) -> None:
    """Weights are finite; a buffer may hold -inf, as the mask of an attention does."""
    parameters = {name for name, _ in module.named_parameters()}
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        good = tensor.isfinite() if name in parameters else tensor.isfinite() | tensor.isneginf()
        if not bool(good.all()):
            raise InputError(f"{path}: weight {name!r} holds values that are not finite", "was the training diverging?")


def _refuse_options(kind: Container, path: Path, arch: str, weights: str) -> None:
    """InputError for what is said of PyTorch files alone."""
    for option, value in (("--arch", arch), ("--weights", weights)):
        if value:
            raise InputError(f"{path} is {kind.described}, which {option} says nothing of", f"leave out {option}")
