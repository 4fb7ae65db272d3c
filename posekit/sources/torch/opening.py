"""From a PyTorch file to the eager network, with the facts that the file itself states."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.contract.drafts import Draft
from posekit.errors import InputError, MissingToolError, line_of_user, said
from posekit.progress import captured
from posekit.sources.recognise import Container, Form, imports_of_pickles
from posekit.sources.source import SourceModel, digest_of, settled
from posekit.sources.torch import ultralytics
from posekit.sources.torch.deserializing import known_types
from posekit.sources.torch.devices import EXPORTED_DEVICE, TORCHSCRIPT_DEVICE, on_cpu
from posekit.sources.torch.safety import refuse_exported_code, refuse_writing_code
from posekit.sources.torch.weights import choose, sets_of

if TYPE_CHECKING:
    from torch import nn

# of a checkpoint with pickled modules (YOLOv5 and what came of it): what that code deploys first
MODULES = ("ema", "model")


def opened(path: Path, kind: Container, *, arch: str, trust: bool, weights: str) -> SourceModel:
    """Open a PyTorch file as open_source says."""
    if find_spec("torch") is None:
        raise MissingToolError("PyTorch is not installed", "pip install 'posekit[all]'")
    if weights and kind in (Container.EXPORTED_PROGRAM, Container.TORCHSCRIPT):
        raise InputError(f"{path} is {kind.described}, which has one set of weights", "leave out --weights")
    facts: dict[str, Any] = {}
    draft = None
    with captured(), warnings.catch_warnings():  # torch logs what it then raises, and the user's code may print
        warnings.simplefilter("ignore")
        if kind is Container.EXPORTED_PROGRAM:
            form, (module, facts) = Form.EXPORTED_PROGRAM, _load_exported(path, trust)
        elif kind is Container.TORCHSCRIPT:
            form, (module, facts) = Form.TORCHSCRIPT, _load_torchscript(path, trust)
            draft, told = ultralytics.of_export(path)
            facts |= told
        elif kind is Container.SAFETENSORS:
            form, (module, facts) = Form.STATE_DICT, _build(_safetensors(path), arch, path, weights)
        else:
            form, module, facts, draft = _from_pickle(path, arch, trust, weights)
    return SourceModel(path, form, digest_of(path), settled(module), facts, draft)


def says_contract(path: Path, kind: Container) -> bool:
    """Whether the contract may be in the file itself, told without running what it holds."""
    if kind is Container.TORCHSCRIPT:
        return ultralytics.has_metadata(path)
    return kind is Container.PICKLE and ultralytics.is_needed(imports_of_pickles(path))


def _load_exported(path: Path, trust: bool) -> tuple[nn.Module, dict[str, Any]]:
    import torch

    if not trust:
        _refuse_imports(path)
        refuse_exported_code(path)
    file, facts = on_cpu(path, EXPORTED_DEVICE)
    try:
        # an open file, because torch goes by the name's ending otherwise
        with file, _on_cpu(), contextlib.nullcontext() if trust else _weights_only(), known_types():
            program = torch.export.load(file)
            return program.module(check_guards=False), facts
    except Exception as error:
        raise InputError(f"{path} is no readable exported program{said(error)}", "export it anew") from error


def _load_torchscript(path: Path, trust: bool) -> tuple[nn.Module, dict[str, Any]]:
    import torch

    if not trust:
        refuse_writing_code(path)
    file, facts = on_cpu(path, TORCHSCRIPT_DEVICE)
    try:
        with file:
            module: nn.Module = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
        return module, facts
    except Exception as error:
        raise InputError(f"{path} is no readable TorchScript{said(error)}", "save it anew") from error


def _safetensors(path: Path) -> dict[str, Any]:
    """The tensors of a .safetensors file, which holds nothing that could be run."""
    if find_spec("safetensors") is None:
        raise MissingToolError("safetensors is not installed", "pip install 'posekit[all]'")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path, device="cpu"))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is a damaged .safetensors file{said(error)}", "copy or save it again") from error


_Opened = tuple[Form, "nn.Module", dict[str, Any], Draft | None]


def _from_pickle(path: Path, arch: str, trust: bool, weights: str) -> _Opened:
    from torch import nn

    content = _unpickled(path, trust)
    if isinstance(content, nn.Module):
        if weights:
            raise InputError(f"{path} is a pickled network, which has one set of weights", "leave out --weights")
        return _of_module(Form.MODULE, content, {}, {}, path)
    if isinstance(content, Mapping):
        modules = {name: content[name] for name in MODULES if isinstance(content.get(name), nn.Module)}
        if modules:
            name, told = _chosen(modules, weights, path)
            return _of_module(Form.CHECKPOINT, modules[name], told, content, path)
        if any(True for _ in sets_of(content)):
            return Form.STATE_DICT, *_build(content, arch, path, weights), None
    raise InputError(f"{path} holds a {type(content).__name__} without a network", "expected a state dict or a module")


def _unpickled(path: Path, trust: bool) -> Any:
    import torch

    if not trust:
        _refuse_imports(path)
    try:
        with _importable(path) if trust else warnings.catch_warnings():
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except ModuleNotFoundError as error:
        if error.name == ultralytics.PACKAGE:
            raise MissingToolError(
                f"{path} is a checkpoint of Ultralytics, whose package is not installed",
                f"pip install {ultralytics.PACKAGE}, or where it is installed {ultralytics.EXPORT}",
            ) from error
        raise InputError(
            f"{path} needs the Python module {error.name!r}, which cannot be imported",
            "run posekit where the training code can be imported (PYTHONPATH), or save a state dict",
        ) from error
    except Exception as error:
        raise InputError(f"{path} cannot be loaded{said(error)}", "save it again") from error


def _of_module(form: Form, module: nn.Module, told: dict[str, Any], content: Mapping[Any, Any], path: Path) -> _Opened:
    """A pickled network with what it says of itself; Ultralytics' ones as their own module opens them."""
    facts, draft = _facts(module) | told, None
    if ultralytics.is_theirs(module):
        module, draft = ultralytics.opened(module, content, path)
    return form, module, facts, draft


def _chosen(modules: dict[str, Any], weights: str, path: Path) -> tuple[str, dict[str, Any]]:
    """Which network of a checkpoint is taken, and what is told of it."""
    if weights and weights not in modules:
        raise InputError(f"{path} has no network {weights!r}", f"there are {', '.join(modules)}")
    name = weights or next(iter(modules))
    others = [other for other in modules if other != name]
    if not weights and not others:
        return name, {}
    return name, {"weights": name + (f"; left out: {', '.join(others)}" if others else "")}


def _refuse_imports(path: Path) -> None:
    """InputError that lists what the file's pickles would import beyond plain tensors."""
    from torch._weights_only_unpickler import _get_allowed_globals

    allowed = set(_get_allowed_globals()) | {"torch._utils._rebuild_tensor_v2"}
    # old storages (torch.FloatStorage, torch.cuda.FloatStorage) are type tags, replaced by the loader
    unknown = sorted(
        (
            name
            for name in imports_of_pickles(path)
            if name not in allowed and not (name.startswith("torch.") and name.endswith("Storage"))
        ),
        key=lambda name: (name.startswith("torch."), name),  # what is least known first
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


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """torch.load puts tensors on the CPU for the time of a `with`, whoever calls it: torch.export.load has no way to
    say so."""
    import torch

    load = torch.load
    torch.load = functools.partial(load, map_location="cpu")
    try:
        yield
    finally:
        torch.load = load


def _build(content: Mapping[Any, Any], arch: str, path: Path, weights: str) -> tuple[nn.Module, dict[str, Any]]:
    """The network of --arch with the weights of the file, and what was done to find them."""
    if not arch:
        count = max(len(tensors) for _, tensors in sets_of(content))
        raise InputError(
            f"{path} holds {count} tensors without the network's code",
            "say what builds the network: --arch package.module:factory",
        )
    network = _call_factory(arch, path)
    chosen = choose(content, network.state_dict(), weights, path)
    try:
        network.load_state_dict(chosen.tensors, strict=False)  # weights.py has accounted for every key
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise InputError(f"{path} does not fit {arch}: {lines[-1].strip()}", "is it the right factory?") from error
    return network, {"weights": chosen.said} if chosen.said else {}


def _call_factory(arch: str, path: Path) -> nn.Module:
    from torch import nn

    name, _, attribute = arch.partition(":")
    if not name or not attribute:
        raise InputError(f"--arch is {arch!r}, expected package.module:factory")
    with _importable(path):
        try:
            factory = getattr(importlib.import_module(name), attribute)
        except Exception as error:
            raise InputError(
                f"--arch {arch} cannot be imported{line_of_user(error)}{said(error, of_user=True)}", "check PYTHONPATH"
            ) from error
        try:
            network = factory()
        except Exception as error:
            raise InputError(
                f"--arch {arch} failed when called without arguments{line_of_user(error)}{said(error, of_user=True)}"
            ) from error
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
