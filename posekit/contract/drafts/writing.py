"""A draft as a spec file: each line with who says it, each gap with its choices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from posekit.contract.drafts import Draft, Gap
from posekit.contract.drafts.completing import defaults_left
from posekit.contract.gaps import MARK, gap_value, one_line

ORDER = ("schema", "name", "type_name", "version", "license", "kind", "outputs")
TABLES = ("input", "decoder", "keypoints", "gate")
WIDTH = 120
LONG = 90  # letters of a value that its comment stands above


def spec_text(draft: Draft, model: str) -> str:
    """The TOML file of a draft. model: the name of the model's file."""
    count = len(draft.gaps)
    lines = [
        f"# Drafted by `posekit init` of {one_line(model)}"
        + (f" from {one_line(draft.origin)}" if draft.origin else "")
        + ".",
        "# Behind each line stands who says it. "
        + (
            f"Open: {count}, each marked {MARK}; `posekit package` refuses the file until they are filled in."
            if count
            else "Nothing is open; `posekit check` holds it against pictures."
        ),
    ]
    lines += [f"# note: {one_line(note)}" for note in draft.notes]
    lines += _table(draft, "", ORDER)
    for section in _sections(draft):
        lines += ["", f"[{section}]", *_table(draft, f"{section}.", ())]
        left = defaults_left(draft, section)
        if left:
            written = ", ".join(f"{name} = {toml(value)}" for name, value in left.items())
            lines.append(f"# left at posekit's defaults, no file says otherwise: {written}")
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but for DEL, which JSON leaves as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _sections(draft: Draft) -> Iterator[str]:
    """Tables and those in them, in the order of the spec's page."""
    names = [*draft.values, *draft.gaps]
    for table in TABLES:
        inner = dict.fromkeys(name.rpartition(".")[0] for name in names if name.startswith(f"{table}."))
        yield from sorted(inner, key=lambda name: name.count("."))


def _table(draft: Draft, before: str, order: Sequence[str]) -> Iterator[str]:
    names = [name for name in dict.fromkeys([*draft.values, *draft.gaps]) if name.rpartition(".")[0] == before[:-1]]
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    for name in names:
        key = _key(name.removeprefix(before))
        if name in draft.gaps:
            yield from _gap(key, draft.gaps[name])
            continue
        said = draft.values[name]
        source = ("assumed: " if said.assumed else "") + one_line(said.source)
        line = f"{key} = {toml(said.value)}"
        if len(line) > LONG or len(line) + len(source) + 4 > WIDTH:
            yield f"# {source}"
            yield from _wrapped(key, said.value) if len(line) > WIDTH else [line]
        else:
            yield f"{line}  # {source}"


def _gap(key: str, gap: Gap) -> Iterator[str]:
    yield f"# {MARK} {key}:"
    yield from (f"#   {one_line(choice)}" for choice in gap.choices)
    yield f"{key} = {toml(gap_value(gap.question))}"


def _wrapped(key: str, value: Any) -> Iterator[str]:
    """A long list over several lines."""
    if not isinstance(value, list | tuple):
        yield f"{key} = {toml(value)}"
        return
    yield f"{key} = ["
    line = "  "
    for item in map(toml, value):
        if len(line) + len(item) + 2 > WIDTH and line.strip():
            yield line.rstrip()
            line = "  "
        line += f"{item}, "
    yield line.rstrip()
    yield "]"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else toml(name)
