"""Draft a spec of a model: from its own file, a configuration of the tool that trained it, and a run of the network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posekit.contract.changes import Change, apply, parse_change
from posekit.contract.drafts import Draft, Said, changed, configs, flat, merged, nested
from posekit.contract.drafts.completing import check_values, completed
from posekit.contract.drafts.fitting import fitted, probe
from posekit.contract.drafts.naming import of_model
from posekit.contract.drafts.writing import spec_text
from posekit.contract.outputs import check_outputs
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.errors import InputError, MissingToolError
from posekit.progress import Progress, silent
from posekit.sources import SourceModel, described, drafted, open_source
from posekit.sources.ensemble import first_member
from posekit.sources.fixed_size import fixed_size_wh
from posekit.sources.limits import INPUT_PIXELS, refuse_above
from posekit.sources.reference import run_reference

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Drafted:
    """A spec file that was written: its draft, and the network's outputs, None where it was not run."""

    path: Path
    draft: Draft
    outputs: Shapes | None


def init(
    model: Path, config: Path | None, changes: Sequence[str], out: Path | None, *, overwrite: bool = False,
    arch: str = "", trust: bool = False, weights: str = "", step: Progress = silent,
) -> Drafted:  # fmt: skip
    """Write the draft to `out`, MODEL.toml beside the model by default.

    InputError where it is there already, where the configuration is of another task, and where the network's outputs
    are not those that it says.
    """
    path = out or model.with_suffix(".toml")
    parsed = [parse_change(text) for text in changes]
    if not model.exists():
        raise InputError(f"there is no file {model}", "check the path")
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already", "--overwrite replaces it, --out writes elsewhere")
    step("read what is said")
    network = first_member(model)  # an ensemble has the contract of its members
    said = _both(configs.read(config) if config is not None else None, drafted(network))
    before = _with_changes(said or Draft("", {}), parsed)
    step("open the model")
    opened = _opened(network, before, config is not None, arch, trust, weights)
    draft = _with_changes(_joined(model, said, opened.source), parsed)
    step("run the network once")
    draft, outputs = _run(draft, opened)
    draft = completed(fitted(draft, outputs))
    check_values(draft, f"the draft of {model}")
    _check_whole(draft, opened, network, trust)
    _write(path, spec_text(draft, model.name))
    return Drafted(path, draft, outputs)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The model, None where it cannot be opened yet, and why. names: of the outputs of a file that is opened under a
    contract; None of one that is opened without."""

    source: SourceModel | None
    why_not: str = ""
    names: tuple[str, ...] | None = None


def _opened(model: Path, draft: Draft, has_config: bool, arch: str, trust: bool, weights: str) -> _Opened:
    """The model; InputError where nothing else says anything of it. Under what is known of the picture, where its file
    wants a contract to be opened."""
    told = described(model, trust=trust)
    names = None if told is None else tuple(told["outputs"]) if isinstance(told.get("outputs"), Mapping) else ()
    size = draft.values.get("input.size_wh")
    try:
        if names is None or size is None:
            return _Opened(open_source(model, arch=arch, trust=trust, weights=weights), "", names)
        check_values(draft, f"the draft of {model}")
        spec = _probe(draft, tuple(size.value), _names_of_code(names))
        return _Opened(open_source(model, spec, arch=arch, trust=trust, weights=weights), "", names)
    except (InputError, MissingToolError) as error:
        if arch or not (has_config or names is not None):
            raise
        return _Opened(None, error.message, names)


def _probe(draft: Draft, size_wh: tuple[int, int], outputs: Sequence[str]) -> PoseSpec:
    """A contract to run the network once with, of the colours that are said; of pixels as they are where its file
    takes nothing else."""
    order, std = draft.values.get("input.color_order"), draft.values.get("input.std")
    is_raw = std is not None and std.fixed
    return probe(size_wh, str(order.value) if order is not None else "rgb", outputs, 1.0 if is_raw else 255.0)


def _names_of_code(names: Sequence[str]) -> list[str]:
    """Of outputs as a contract can name them, in their order."""
    plain = all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) for name in names)
    return list(names) if plain else [f"output_{number}" for number in range(len(names))]


def _joined(model: Path, said: Draft | None, source: SourceModel | None) -> Draft:
    """All that the configuration, the model's file and its name say."""
    draft = _both(said, source.draft if source is not None else None) or Draft("", {})
    values, gaps = of_model(model.stem)
    asked = {name: gap for name, gap in gaps.items() if name not in draft.values}
    return replace(draft, values={**values, **draft.values}, gaps={**draft.gaps, **asked})


def _both(said: Draft | None, own: Draft | None) -> Draft | None:
    return merged(said, own) if said is not None and own is not None else said or own


def _with_changes(draft: Draft, changes: Sequence[Change]) -> Draft:
    """The draft with what the user sets; another decoder takes the settings of the one before with it."""
    if not changes:
        return draft
    values = dict(draft.values)
    kind = next((one.value for one in changes if one.field == ("decoder", "kind")), None)
    is_other = kind is not None and "decoder.kind" in values and values["decoder.kind"].value != kind
    if is_other:
        values = {name: said for name, said in values.items() if not name.startswith("decoder.")}
    if any(one.field == ("keypoints", "names") for one in changes):
        values.pop("keypoints.skeleton", None)
    is_named = any(one.field == ("keypoints", "skeleton") for one in changes)
    if is_named:
        values = {name: said for name, said in values.items() if not name.startswith("keypoints.")}
    table = apply(nested({name: said.value for name, said in values.items()}), changes)
    fields = {".".join(one.field) for one in changes}
    kept = {name: said for name, said in values.items() if not name.startswith(tuple(f"{one}." for one in fields))}
    fixed = {name for name, said in values.items() if said.fixed}
    told = {name: Said(value, "--set", fixed=name in fixed) for name, value in flat(table) if _is_of(name, fields)}
    gaps = {name: gap for name, gap in draft.gaps.items() if not _is_of(name, fields)}
    if "keypoints.names" in told:
        gaps.pop("keypoints.skeleton", None)
    if is_named:
        gaps = {name: gap for name, gap in gaps.items() if not name.startswith("keypoints.")}
    if is_other:
        gaps = {name: gap for name, gap in gaps.items() if not name.startswith("decoder.")}
    return replace(draft, values={**kept, **told}, gaps=gaps)


def _is_of(name: str, fields: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in fields)


def _run(draft: Draft, opened: _Opened) -> tuple[Draft, Shapes | None]:
    """The draft with the size that the file fixes, and the shapes of the network's outputs; None where the network
    cannot be run."""
    source = opened.source
    if source is None:
        return _not_run(draft, opened.why_not), None
    fixed = fixed_size_wh(source)
    if "input.size_wh" not in draft.values and fixed is not None:
        draft = changed(draft, {"input.size_wh": Said(list(fixed), "the size that the network was exported for")}, {})
    size = draft.values.get("input.size_wh")
    if size is None:
        return _not_run(draft, "its input's size is not known; give it with --set input.size_wh=[W,H]"), None
    check_values(draft, f"the draft of {source.path}")
    width, height = size.value
    refuse_above(width * height, INPUT_PIXELS, f"input.size_wh is {width} x {height}, that is", "px")
    names = _names_of_code(opened.names or ())
    spec = _probe(draft, (width, height), names)
    try:
        outputs = run_reference(source, spec, np.zeros((height, width, 3), np.float32))
    except InputError as error:
        if "input.color_order" in draft.values:
            raise
        return _not_run(draft, error.message), None
    if opened.names is not None and list(opened.names) != names:
        told = f"the file's {', '.join(opened.names)}"
        own = {"file_outputs": Said(list(opened.names), "the file's own names")} if len(names) > 1 else {}
        draft = changed(draft, {"outputs": Said(names, told), **own}, {})
    shapes = {name: tuple(int(side) for side in one.shape) for name, one in outputs.items()}
    return draft, shapes if opened.names is None else {name: _turned(s, width, height) for name, s in shapes.items()}


def _not_run(draft: Draft, why: str) -> Draft:
    return replace(draft, notes=(*draft.notes, f"the network was not run: {why}"))


def _turned(shape: tuple[int, ...], width: int, height: int) -> tuple[int, ...]:
    """Maps with their channels last as those of other frameworks are read: channels first."""
    is_last = len(shape) == 4 and shape[1] * width == shape[2] * height and shape[2] * width != shape[3] * height
    return (shape[0], shape[3], *shape[1:3]) if is_last and min(shape[1:3]) > 1 else shape


def _check_whole(draft: Draft, opened: _Opened, model: Path, trust: bool) -> None:
    """InputError where a draft without gaps is no contract, or not that of this network."""
    if set(draft.gaps) - {"license"}:
        return
    table = draft.table
    spec: PoseSpec = parse_spec(
        {**table, "license": "unknown"} if "license" in draft.gaps else table, f"the draft of {model}"
    )
    source = opened.source
    if source is None:
        return
    if opened.names is not None:
        source = open_source(model, spec, trust=trust)
    width, height = spec.input.size_wh
    outputs = run_reference(source, spec, np.zeros((height, width, 3), np.float32))
    check_outputs({name: values.shape for name, values in outputs.items()}, spec)


def _write(path: Path, text: str) -> None:
    """All of the file or nothing of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {path}: {error.strerror or error}", "choose another place with --out"
        ) from error
