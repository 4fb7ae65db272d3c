"""What the linux package is rendered with beside what every wrapper is: the contract as Python writes it, and the code
of its decoders, which is posekit's own (vendored.py)."""

from __future__ import annotations

import dataclasses
import keyword
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from posekit.bundle import vendored
from posekit.bundle.vendored import Name
from posekit.bundle.vendored_text import place
from posekit.contract.stages import following_rule
from posekit.decoders import dense, of
from posekit.errors import InputError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

CODE = "_posekit"  # the folder of posekit's own code in the package
WIDTH = 100  # characters of a value that stays on one line
# what the package runs whatever its decoder is
ALWAYS = (
    ("posekit.contract.depth", "DepthSpec about_root"),
    ("posekit.decoders.dense", "DenseSpec decode"),
    ("posekit.decoders.map_roles", "MapRole"),
    ("posekit.poses", "Floats Poses"),
    ("posekit.poses.dense", "DenseMap in_source over_picture values_at"),
    ("posekit.poses.following", "FollowingRule PeopleFollower detected_regions followed_region person_box"),
    ("posekit.poses.input_spec", "InputSpec"),
    ("posekit.poses.people_tracking", "MIN_SIMILARITY PeopleSmoother PeopleTracker"),
    ("posekit.poses.regions", "PointsRule Region frame_region is_sound_box region_from_box region_from_points"),
    ("posekit.poses.source_px", "brought_to_source"),
    ("posekit.poses.torso", "TorsoRule torso_region"),
    ("posekit.poses.tracking", "MIN_SCORE OneEuroFilter next_region"),
    ("posekit.poses.transforms", "InputTransform Orientation input_transform invert moved upright_size"),
    ("posekit.poses.warp", "crop"),
    ("posekit.poses.yuv", "YuvColors to_rgb"),
)
# names that a package would hide, or that it has itself
TAKEN = frozenset(["ai_edge_litert", "cv2", "numpy", "PIL", "pip", "posekit", "setuptools", "tests"])
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")


def check_name(package: str) -> None:
    """InputError where a package of that name could not be imported, or would hide another one."""
    if keyword.iskeyword(package) or package in TAKEN or package in sys.stdlib_module_names:
        raise InputError(
            f"name makes the Python package {package!r}, which Python or another package has already",
            f"name the model otherwise, for example {package}-pose",
        )


def check_decoders(stages: Iterable[PoseSpec]) -> None:
    """InputError where a decoder is more than numpy and Python's own library."""
    _files(tuple(_roots(stages)))


def context(stages: Sequence[PoseSpec]) -> dict[str, Any]:
    """What the templates know of the package; stages: the pose network's contract, then its detector's."""
    rule = [following_rule(stages[0])] if stages[0].detector is not None else []
    roots = [("FollowingRule", Name("posekit.poses.following", "FollowingRule"))]
    for stage in stages:
        values = (stage.input, stage.decoder, stage.dense, stage.depth, rule)
        roots += [(one.name, one) for value in values for one in _types(value)]
    roots += [
        (f"decode as decode_{role}", vendored.of(of(stage.decoder).decode))
        for role, stage in zip(("pose", "detector"), stages, strict=False)
    ]
    imported: dict[str, set[str]] = {}
    for text, name in roots:
        imported.setdefault(f"from .{CODE}.{'.'.join(place(name.module))} import", set()).add(text)
    imports = "\n".join(
        f"{start} {text}"
        for start, names in sorted(imported.items())
        for text in (", ".join(sorted(one for one in names if " as " not in one)), *(n for n in names if " as " in n))
        if text
    )
    return {
        "imports": imports, "rule": literal(rule[0]) if rule else "None", "version": _version(stages[0].version),
    }  # fmt: skip


def _version(text: str) -> str:
    """A contract's version as Python's packages are numbered; others are said behind a +."""
    return text if VERSION.fullmatch(text) else f"0+{re.sub('[^a-z0-9]+', '.', text.lower()).strip('.') or 'unknown'}"


def of_network(spec: PoseSpec, output_shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """What the templates know of one network, as Python writes it."""
    values: dict[str, Any] = {
        "input": spec.input, "decoder": spec.decoder, "output_shapes": dict(output_shapes),
        "reads": spec.decoder.outputs, "dense_reads": tuple(dense.shapes(spec.dense)), "names": spec.keypoints.names,
        "sigmas": spec.keypoints.oks_sigmas, "dense": spec.dense, "depth": spec.depth, "metres": spec.has_metric_depth,
    }  # fmt: skip
    return {name: literal(value) for name, value in values.items()}


def write_code(stages: Iterable[PoseSpec], folder: Path) -> None:
    """Write posekit's own code, as far as the package runs it, into `folder`, which has what stands in for the rest."""
    for path, text in _files(tuple(_roots(stages))).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


@cache
def _files(roots: tuple[Name, ...]) -> dict[str, str]:
    return vendored.files(roots)


def _roots(stages: Iterable[PoseSpec]) -> Iterator[Name]:
    for module, names in ALWAYS:
        yield from (Name(module, name) for name in names.split())
    for stage in stages:
        yield vendored.of(of(stage.decoder).decode)
        yield from _types(stage.decoder)


def _types(value: Any) -> Iterator[Name]:
    """The classes that a value is written with."""
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        yield vendored.of(type(value))
        for _, inner in _fields(value):
            yield from _types(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _types(inner)


def _fields(value: Any) -> list[tuple[str, Any]]:
    names = (
        type(value).model_fields if isinstance(value, BaseModel) else [one.name for one in dataclasses.fields(value)]
    )
    return [(name, getattr(value, name)) for name in names]


def literal(value: Any) -> str:
    """A value of a contract as Python writes it, its parts by the names of their classes."""
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        fields = [f"{name}={literal(inner)}" for name, inner in _fields(value)]
        return _bracketed(f"{type(value).__name__}(", fields, ")")
    if isinstance(value, tuple | list):
        return _bracketed("(", [literal(inner) for inner in value], ",)" if len(value) == 1 else ")")
    if isinstance(value, dict):
        return _bracketed("{", [f"{literal(key)}: {literal(inner)}" for key, inner in value.items()], "}")
    if isinstance(value, str) and value.isprintable():
        text = repr(value)
        return f'"{text[1:-1]}"' if '"' not in text and text.startswith("'") else text
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise InputError(f"a decoder's setting is {value!r}, expected texts, numbers, flags and tuples of them")


def _bracketed(start: str, values: Sequence[str], end: str) -> str:
    line = f"{start}{', '.join(values)}{end}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    inner = "".join("    " + value.replace("\n", "\n    ") + ",\n" for value in values)
    return f"{start}\n{inner}{end[-1]}"
