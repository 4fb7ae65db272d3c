"""From a PyTorch file to the eager network, with the facts that the file itself states."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.chatter import captured
from posekit.errors import InputError, MissingToolError, first_line
from posekit.sources.recognise import Container, Form, container, imports_of_pickles
from posekit.sources.safety import refuse_exported_code, refuse_writing_code

if TYPE_CHECKING:
    from torch import nn

# the averaged weights first, as with pickled modules: they are what such training code deploys
NESTED_KEYS = ("ema_state_dict", "ema", "state_dict", "model_state_dict", "model", "net")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A trained network as its framework runs it.

    module: eager (or as the file holds it), on the CPU, in eval mode and float32. facts: what the file says of
    itself (`stride`, `kpt_shape`, `names`), shown to the user and checked against the spec.
    """

    path: Path
    form: Form
    sha256: str
    module: nn.Module
    facts: Mapping[str, Any] = field(default_factory=dict)


def open_source(path: Path, *, arch: str = "", trust: bool = False) -> SourceModel:
    """Open `path` without running anything that it holds, unless `trust`.

    arch: `module:factory` that builds the network of a state dict. InputError says what is wrong.
    """
    kind = container(path)
    if find_spec("torch") is None:
        raise MissingToolError("PyTorch is not installed", "pip install 'posekit[all]'")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts: dict[str, Any] = {}
    with captured(), warnings.catch_warnings():  # torch logs what it then raises, and the user's code may print
        warnings.simplefilter("ignore")
        if kind is Container.EXPORTED_PROGRAM:
            form, module = Form.EXPORTED_PROGRAM, _load_exported(path, trust)
        elif kind is Container.TORCHSCRIPT:
            form, module = Form.TORCHSCRIPT, _load_torchscript(path, trust)
        else:
            form, module, facts = _from_pickle(path, arch, trust)
    module = _settled(module)
    _refuse_bad_weights(module, path)
    return SourceModel(path, form, digest, module, facts)


def _load_exported(path: Path, trust: bool) -> nn.Module:
    import torch

    if not trust:
        _refuse_imports(path)
        refuse_exported_code(path)
    try:
        # an open file, because torch goes by the name's ending otherwise
        with path.open("rb") as file, contextlib.nullcontext() if trust else _weights_only():
            program = torch.export.load(file)
            return program.module(check_guards=False)
    except Exception as error:
        raise InputError(f"{path} is no readable exported program: {first_line(error)}", "export it anew") from error


def _load_torchscript(path: Path, trust: bool) -> nn.Module:
    import torch

    if not trust:
        refuse_writing_code(path)
    try:
        module: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        return module
    except Exception as error:
        raise InputError(f"{path} is no readable TorchScript: {first_line(error)}", "save it anew") from error


def _from_pickle(path: Path, arch: str, trust: bool) -> tuple[Form, nn.Module, dict[str, Any]]:
    import torch
    from torch import nn

    if not trust:
        _refuse_imports(path)
    try:
        with _importable(path) if trust else warnings.catch_warnings():
            content = torch.load(path, map_location="cpu", weights_only=not trust)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{path} needs the Python module {error.name!r}, which cannot be imported",
            "run posekit where the training code can be imported (PYTHONPATH), or save a state dict",
        ) from error
    except Exception as error:
        raise InputError(f"{path} cannot be loaded: {first_line(error)}", "save it again") from error
    if isinstance(content, nn.Module):
        return Form.MODULE, content, _facts(content)
    if isinstance(content, dict):
        for key in ("ema", "model"):
            if isinstance(content.get(key), nn.Module):
                return Form.CHECKPOINT, content[key], _facts(content[key])
        tensors = _state_dict(content)
        if tensors is not None:
            return Form.STATE_DICT, _build(tensors, arch, path), {}
    raise InputError(f"{path} holds a {type(content).__name__} without a network", "expected a state dict or a module")


def _refuse_imports(path: Path) -> None:
    """InputError that lists what the file's pickles would import beyond plain tensors."""
    from torch._weights_only_unpickler import _get_allowed_globals

    allowed = set(_get_allowed_globals()) | {"torch._utils._rebuild_tensor_v2"}
    # old storages (torch.FloatStorage, torch.cuda.FloatStorage) are type tags, replaced by the loader
    unknown = sorted(
        name
        for name in imports_of_pickles(path)
        if name not in allowed and not (name.startswith("torch.") and name.endswith("Storage"))
    )
    if unknown:
        listed = ", ".join(unknown[:8]) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
        raise InputError(
            f"{path} is a pickle that would import and run {listed}",
            "nothing was run; if you know where the file comes from, pass --trust, or save a state dict",
        )


@contextlib.contextmanager
def _weights_only() -> Iterator[None]:
    """torch.load unpickles tensors and nothing else for the time of a `with`, whoever calls it."""
    key = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[key]
        else:
            os.environ[key] = before


class _importable:
    """For the time of a `with`: the file's own folder and the current one can be imported from."""

    def __init__(self, path: Path) -> None:
        self._folders = [str(Path.cwd()), str(path.resolve().parent)]

    def __enter__(self) -> None:
        sys.path[:0] = self._folders

    def __exit__(self, *_: object) -> None:
        for folder in self._folders:
            sys.path.remove(folder)


def _state_dict(content: dict[Any, Any]) -> dict[str, Any] | None:
    import torch

    def is_tensors(value: object) -> bool:
        return isinstance(value, dict) and bool(value) and all(isinstance(v, torch.Tensor) for v in value.values())

    if is_tensors(content):
        return content
    return next((content[key] for key in NESTED_KEYS if is_tensors(content.get(key))), None)


def _build(tensors: dict[str, Any], arch: str, path: Path) -> nn.Module:
    if not arch:
        raise InputError(
            f"{path} holds {len(tensors)} tensors without the network's code",
            "say what builds the network: --arch package.module:factory",
        )
    network = _call_factory(arch, path)
    if all(key.startswith("module.") for key in tensors):  # torch.nn.DataParallel's prefix
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise InputError(f"{path} does not fit {arch}: {lines[-1].strip()}", "is it the right factory?") from error
    if missing or unexpected:
        parts = [f"{text} {', '.join(keys[:5])}{' ...' if len(keys) > 5 else ''} ({len(keys)} in all)"
                 for text, keys in (("the file lacks", missing), ("the network has no", unexpected)) if keys]  # fmt: skip
        raise InputError(f"{path} does not fit {arch}: {'; '.join(parts)}", "is it the right factory?")
    return network


def _call_factory(arch: str, path: Path) -> nn.Module:
    from torch import nn

    name, _, attribute = arch.partition(":")
    if not name or not attribute:
        raise InputError(f"--arch is {arch!r}, expected package.module:factory")
    with _importable(path):
        try:
            factory = getattr(importlib.import_module(name), attribute)
        except Exception as error:
            raise InputError(f"--arch {arch} cannot be imported: {first_line(error)}", "check PYTHONPATH") from error
        try:
            network = factory()
        except Exception as error:
            raise InputError(f"--arch {arch} failed when called without arguments: {first_line(error)}") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"--arch {arch} gave a {type(network).__name__}, expected a torch.nn.Module")
    return network


def _facts(module: nn.Module) -> dict[str, Any]:
    """What an Ultralytics-style network says of itself, as plain values."""
    facts: dict[str, Any] = {}
    for name in ("stride", "kpt_shape", "names"):
        value = getattr(module, name, None)
        if value is None and name == "kpt_shape":
            value = (getattr(module, "yaml", None) or {}).get("kpt_shape")
        if value is not None:
            facts[name] = value.tolist() if hasattr(value, "tolist") else value
    return facts


def _settled(module: nn.Module) -> nn.Module:
    """The module on the CPU, in float32 (checkpoints are often saved in half) and in eval mode."""
    module = module.float().cpu()
    with contextlib.suppress(NotImplementedError):  # an exported program has no modes to set
        module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        # TorchScript gives plain tensors, and torch.export insists on parameters; this is how torch marks one
        parameter._is_param = True
    return module


def _refuse_bad_weights(module: nn.Module, path: Path) -> None:
    """Weights are finite; a buffer may hold -inf, as the mask of an attention does."""
    parameters = {name for name, _ in module.named_parameters()}
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        good = tensor.isfinite() if name in parameters else tensor.isfinite() | tensor.isneginf()
        if not bool(good.all()):
            raise InputError(f"{path}: weight {name!r} holds values that are not finite", "was the training diverging?")
