"""Which tensors of a checkpoint are the network's: the set, the prefix of its keys, and what is left out.

Training codes wrap a network before they save it, and many keep averaged weights (EMA, SWA) beside the raw ones, some
of them exchanged in place. So every set of tensors of a file is held against the network's own keys and shapes. Where
more than one fits, the tool that wrote the file says which one it deploys; where that is not known, the user is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    Tensors = Mapping[str, Tensor]

DEEPEST = 5  # levels of tables that are looked through
TOP = "."  # the name of the tensors that lie in no table
RIVAL = 0.5  # of the network's keys: a set with so many is one of the network's, trained differently
# torch.compile, FSDP and activation checkpointing put these into keys at any depth
WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
COUNTER = "num_batches_tracked"  # of BatchNorm; torch before 0.4.1 has none, and nothing in eval mode reads it
# what FLOP counters (thop) and averaging wrappers leave among the weights
EXTRAS = frozenset({"total_ops", "total_params", "n_averaged", "steps", "initted", "step"})


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors under the network's own keys. name: of their set in the file; said: what was done to get them."""

    tensors: dict[str, Tensor]
    name: str
    said: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A set of the file read with a prefix. fit: the fraction of the network's keys that it has, with their shapes."""

    place: str
    prefix: str
    tensors: Tensors
    fit: float


def choose(content: Mapping[Any, Any], network: Tensors, wanted: str, path: Path) -> Weights:
    """The weights of `network` (its own state dict) in a checkpoint.

    wanted: the name of a set, empty for the one that the tool which wrote the file deploys. InputError where no set
    fits, or several do and nothing says which one is meant.
    """
    sets = {name: _unwrapped(tensors) for name, tensors in sets_of(content)}
    candidates = [one for name, tensors in sets.items() for one in _candidates(name, tensors, network)]
    named = _names(candidates)
    if wanted:
        if wanted not in named:
            known = ", ".join(named) or "none that fits the network"
            raise InputError(f"{path} has no set of weights {wanted!r} for this network", f"there are {known}")
        return _taken(wanted, named[wanted], network, "", path)
    rivals = {name: one for name, one in named.items() if one.fit >= RIVAL}
    if not rivals:
        name = max(named, key=lambda name: (named[name].fit, len(named[name].tensors)), default="")
        if not name:
            raise InputError(f"{path} holds no tensors", f"its keys are {', '.join(map(str, list(content)[:8]))}")
        return _taken(name, named[name], network, "", path)
    if len(rivals) == 1 or _all_equal(list(rivals.values()), network):
        name = next(iter(rivals))
        return _taken(name, rivals[name], network, "", path)
    for tool, is_its, places, why in TOOLS:
        if is_its(content):
            name = next((name for name, one in rivals.items() if one.place in places or name in places), "")
            if name:
                return _taken(name, rivals[name], network, f"{tool}: {why}", path)
    listed = ", ".join(f"{name} ({one.fit:.0%} of the network's keys)" for name, one in rivals.items())
    raise InputError(
        f"{path} holds {len(rivals)} sets of weights of this network, and does not say which one is to be shipped: "
        f"{listed}",
        "choose with --weights NAME; averaged weights (ema, average) are what most training code deploys",
    )


def sets_of(content: Mapping[Any, Any]) -> Iterator[tuple[str, Tensors]]:
    """Every table of the file that holds tensors, by its dotted place; those of optimizers are left out."""
    yield from _sets(content, "", 0)


def _sets(table: Mapping[Any, Any], place: str, depth: int) -> Iterator[tuple[str, Tensors]]:
    import torch

    tensors = {key: value for key, value in table.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
    if tensors:
        yield place or TOP, tensors
    if depth >= DEEPEST:
        return
    for key, value in table.items():
        if isinstance(key, str) and isinstance(value, Mapping) and not key.startswith(("optim", "lr_sched", "sched")):
            yield from _sets(value, f"{place}.{key}" if place else key, depth + 1)


def _unwrapped(tensors: Tensors) -> Tensors:
    def plain(key: str) -> str:
        for wrapper in WRAPPERS:
            key = key.replace(wrapper, "")
        return key

    return {plain(key): value for key, value in tensors.items()}


def _candidates(place: str, tensors: Tensors, network: Tensors) -> Iterator[_Candidate]:
    """The set read with every prefix under which it has some of the network's keys; with none, as it is."""
    keys = [key for key in network if not key.endswith(COUNTER)]
    prefixes = {
        found.removesuffix(key) for key in keys[:4] for found in tensors if found == key or found.endswith(f".{key}")
    }
    for prefix in sorted(prefixes, key=lambda prefix: (len(prefix), prefix)) or [""]:
        there = sum(
            prefix + key in tensors and tensors[prefix + key].shape == network[key].shape for key in keys
        )  # the shapes too: a discriminator may share a name with the network
        yield _Candidate(place, prefix, tensors, there / max(len(keys), 1))


def _names(candidates: list[_Candidate]) -> dict[str, _Candidate]:
    """By the place of the set, with the prefix where a set holds several networks."""
    shared = [one.place for one in candidates]
    named = {}
    for one in candidates:
        prefix = one.prefix.rstrip(".")
        inside = prefix if one.place == TOP else f"{one.place}.{prefix}".rstrip(".")
        named[inside or TOP if shared.count(one.place) > 1 else one.place] = one
    return named


def _all_equal(rivals: list[_Candidate], network: Tensors) -> bool:
    import torch

    first, *others = rivals
    return all(
        one.fit == first.fit
        and all(
            torch.equal(one.tensors[one.prefix + key], first.tensors[first.prefix + key])
            for key in network
            if first.prefix + key in first.tensors and one.prefix + key in one.tensors
        )
        for one in others
    )


def _taken(name: str, one: _Candidate, network: Tensors, tool: str, path: Path) -> Weights:
    """The tensors under the network's keys, after every other key of the set is accounted for."""
    taken = {key: one.tensors[one.prefix + key] for key in network if one.prefix + key in one.tensors}
    others = [key for key in one.tensors if not (key.startswith(one.prefix) and key[len(one.prefix) :] in network)]
    inside = {key[len(one.prefix) :] for key in others if key.startswith(one.prefix)}
    averaged = {f"ema_{key.replace('.', '_')}" for key in network}  # MMCV's EMAHook keeps the raw weights in buffers
    extras = {key for key in inside if key.rpartition(".")[2] in EXTRAS or key in averaged or key.endswith(COUNTER)}
    missing = [key for key in network if key not in taken and not key.endswith(COUNTER)]
    unknown = sorted(inside - extras)
    if missing or unknown:
        parts = [f"{text} {', '.join(keys[:5])}{' ...' if len(keys) > 5 else ''} ({len(keys)} in all)"
                 for text, keys in (("the file lacks", missing), ("the network has no", unknown)) if keys]  # fmt: skip
        where = "" if name == TOP else f" ({name})"
        raise InputError(f"{path}{where} does not fit the network: {'; '.join(parts)}", "is it the right factory?")
    said = [] if name == TOP else [name]
    said += [tool] if tool else []
    said += [f"prefix {one.prefix!r} taken off"] if one.prefix else []
    said += (
        [f"left out: {', '.join(others[:3])}{' ...' if len(others) > 3 else ''} ({len(others)} in all)"]
        if others
        else []
    )
    return Weights(taken, name, "; ".join(said))


def _is_mmengine(content: Mapping[Any, Any]) -> bool:
    meta = content.get("meta")
    return "message_hub" in content or (isinstance(meta, Mapping) and "mmengine_version" in meta)


def _is_ema_of_detr(content: Mapping[Any, Any]) -> bool:
    ema = content.get("ema")
    return isinstance(ema, Mapping) and {"module", "updates"} <= ema.keys()


# tool, whether it wrote the file, the set that it deploys, why. Sources: each tool's own code for saving and loading.
TOOLS: tuple[tuple[str, Callable[[Mapping[Any, Any]], bool], tuple[str, ...], str], ...] = (
    (
        "MMEngine",
        _is_mmengine,
        ("state_dict",),
        "its EMAHook exchanges the two before it saves, so that state_dict is the average",
    ),
    (
        "Lightning",
        lambda c: {"pytorch-lightning_version", "averaging_state"} <= c.keys(),
        ("state_dict",),
        "its WeightAveraging saves the average as state_dict",
    ),
    (
        "timm",
        lambda c: {"arch", "version", "state_dict_ema"} <= c.keys(),
        ("state_dict_ema",),
        "it loads the average where there is one",
    ),
    ("RT-DETR and its descendants", _is_ema_of_detr, ("ema.module",), "they load the average where there is one"),
    (
        "ema-pytorch",
        lambda c: "initted" in c and any(str(key).startswith("ema_model.") for key in c),
        ("ema_model",),
        "ema_model is the average, online_model the network in training",
    ),
)
