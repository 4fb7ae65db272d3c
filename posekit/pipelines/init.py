"""Draft a spec of a model: from its own file, a configuration of the tool that trained it, and a run of the network."""

from __future__ import annotations

import os
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
from posekit.sources import SourceModel, open_source
from posekit.sources.fixed_size import fixed_size_wh
from posekit.sources.limits import INPUT_PIXELS, refuse_above
from posekit.sources.reference import check_facts, run_reference

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
    said = configs.read(config) if config is not None else None
    step("open the model")
    source, why_not = _opened(model, said, arch, trust, weights)
    draft = _with_changes(_joined(model, said, source), parsed)
    step("run the network once")
    draft, outputs = _run(draft, source)
    if why_not:
        draft = replace(draft, notes=(*draft.notes, f"the network was not run: {why_not}"))
    draft = completed(fitted(draft, outputs))
    check_values(draft, f"the draft of {model}")
    _check_whole(draft, source, model)
    _write(path, spec_text(draft, model.name))
    return Drafted(path, draft, outputs)


def _opened(model: Path, said: Draft | None, arch: str, trust: bool, weights: str) -> tuple[SourceModel | None, str]:
    """The model, or why it cannot be opened where a configuration says enough without it."""
    try:
        return open_source(model, arch=arch, trust=trust, weights=weights), ""
    except (InputError, MissingToolError) as error:
        if said is None or arch:
            raise
        return None, error.message


def _joined(model: Path, said: Draft | None, source: SourceModel | None) -> Draft:
    """All that the configuration, the model's file and its name say."""
    own = source.draft if source is not None else None
    draft = merged(said, own) if said is not None and own is not None else said or own or Draft("", {})
    values, gaps = of_model(model.stem)
    return Draft(
        draft.origin,
        {**values, **draft.values},
        {**draft.gaps, **{n: g for n, g in gaps.items() if n not in draft.values}},
        draft.read,
        draft.assumed,
        draft.notes,
    )


def _with_changes(draft: Draft, changes: Sequence[Change]) -> Draft:
    """The draft with what the user sets; another decoder takes the settings of the one before with it."""
    if not changes:
        return draft
    values = dict(draft.values)
    kind = next((one.value for one in changes if one.field == ("decoder", "kind")), None)
    if kind is not None and "decoder.kind" in values and values["decoder.kind"].value != kind:
        values = {name: said for name, said in values.items() if not name.startswith("decoder.")}
    if any(one.field == ("keypoints", "names") for one in changes):
        values.pop("keypoints.skeleton", None)
    table = apply(nested({name: said.value for name, said in values.items()}), changes)
    fields = {".".join(one.field) for one in changes}
    kept = {name: said for name, said in values.items() if not name.startswith(tuple(f"{one}." for one in fields))}
    told = {name: Said(value, "--set") for name, value in flat(table) if _is_of(name, fields)}
    gaps = {name: gap for name, gap in draft.gaps.items() if not _is_of(name, fields)}
    if "keypoints.names" in told:
        gaps.pop("keypoints.skeleton", None)
    return replace(draft, values={**kept, **told}, gaps=gaps)


def _is_of(name: str, fields: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in fields)


def _run(draft: Draft, source: SourceModel | None) -> tuple[Draft, Shapes | None]:
    """The draft with the size that the file fixes, and the shapes of the network's outputs; None where the network
    cannot be run."""
    if source is None:
        return draft, None
    fixed = fixed_size_wh(source)
    if "input.size_wh" not in draft.values and fixed is not None:
        draft = changed(draft, {"input.size_wh": Said(list(fixed), "the size that the network was exported for")}, {})
    size = draft.values.get("input.size_wh")
    if size is None:
        note = "the network was not run: its input's size is not known; give it with --set input.size_wh=[W,H]"
        return replace(draft, notes=(*draft.notes, note)), None
    check_values(draft, f"the draft of {source.path}")
    width, height = size.value
    refuse_above(width * height, INPUT_PIXELS, f"input.size_wh is {width} x {height}, that is", "px")
    order = draft.values.get("input.color_order")
    spec = probe((width, height), str(order.value) if order is not None else "rgb")
    try:
        outputs = run_reference(source, spec, np.zeros((height, width, 3), np.float32))
    except InputError as error:
        if order is not None:
            raise
        return replace(draft, notes=(*draft.notes, f"the network was not run: {error.message}")), None
    return draft, {name: tuple(int(side) for side in one.shape) for name, one in outputs.items()}


def _check_whole(draft: Draft, source: SourceModel | None, model: Path) -> None:
    """InputError where a draft without gaps is no contract, or not that of this network."""
    if set(draft.gaps) - {"license"}:
        return
    table = draft.table
    spec: PoseSpec = parse_spec(
        {**table, "license": "unknown"} if "license" in draft.gaps else table, f"the draft of {model}"
    )
    if source is None:
        return
    width, height = spec.input.size_wh
    outputs = run_reference(source, spec, np.zeros((height, width, 3), np.float32))
    check_facts(source, spec)
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
