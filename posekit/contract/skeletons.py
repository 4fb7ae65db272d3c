"""Named keypoint sets: the order of the keypoints, edges, flip pairs and OKS sigmas.

A skeleton is looked up by its name and never by its number of keypoints: coco17 and h36m17 have as
many. Each is a file in skeleton_data/, written as a spec's [keypoints] table spells its set out,
and is read when it is first asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_DATA = Path(__file__).parent / "skeleton_data"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A keypoint set; its integrity is checked when it is made.

    keypoints: snake_case names in the order of the model's output.
    edges: what to draw, by name.
    flip_pairs: (left, right) by name, of the person and not of the image.
    oks_sigmas: one a keypoint, as COCO has them: OKS is the mean of exp(-d^2 / (8 sigma^2 area)).
    source: where the order and the sigmas come from.
    """

    name: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    flip_pairs: tuple[tuple[str, str], ...]
    oks_sigmas: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        for problem in (
            _keypoints_problem(self.keypoints),
            _edges_problem(self.keypoints, self.edges),
            _flip_pairs_problem(self.keypoints, self.flip_pairs),
            _sigmas_problem(self.keypoints, self.oks_sigmas),
        ):
            if problem:
                raise ValueError(f'skeleton "{self.name}": {problem}')


def skeleton(name: str) -> Skeleton:
    """The skeleton of that name; ValueError, with the names that exist, where there is none."""
    if name in SKELETONS:
        return SKELETONS[name]
    import difflib

    close = difflib.get_close_matches(name.lower(), list(SKELETONS), n=1, cutoff=0.6)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    raise ValueError(f'skeleton is "{name}", expected one of {", ".join(SKELETONS)}{hint}')


def flip_indices(skeleton: Skeleton) -> tuple[int, ...]:
    """The permutation that swaps left and right: flipped[k] = original[flip_indices[k]]."""
    partner = dict(skeleton.flip_pairs) | {right: left for left, right in skeleton.flip_pairs}
    index = _index(skeleton)
    return tuple(index[partner.get(name, name)] for name in skeleton.keypoints)


def edge_indices(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """The edges by index into `keypoints`."""
    index = _index(skeleton)
    return tuple((index[start], index[end]) for start, end in skeleton.edges)


def lower_camel(name: str) -> str:
    """The name as Kotlin and Swift write an enum case: left_wrist -> leftWrist."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _index(skeleton: Skeleton) -> dict[str, int]:
    return {name: k for k, name in enumerate(skeleton.keypoints)}


class _Registry(Mapping[str, Skeleton]):
    """The files of skeleton_data/ by name, each read and checked once."""

    def __init__(self) -> None:
        files = sorted(_DATA.glob("*.toml"))
        self._loaded: dict[str, Skeleton | None] = {file.stem: None for file in files}

    def __getitem__(self, name: str) -> Skeleton:
        found = self._loaded[name]
        if found is None:
            found = self._loaded[name] = _read(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


def _read(name: str) -> Skeleton:
    import tomllib

    with (_DATA / f"{name}.toml").open("rb") as file:
        table = tomllib.load(file)
    return Skeleton(
        name=name,
        keypoints=tuple(table["names"]),
        edges=tuple((start, end) for start, end in table["edges"]),
        flip_pairs=tuple((left, right) for left, right in table["flip_pairs"]),
        oks_sigmas=tuple(table["oks_sigmas"]),
        source=table["source"],
    )


SKELETONS: Mapping[str, Skeleton] = _Registry()


def _keypoints_problem(keypoints: tuple[str, ...]) -> str:
    if not keypoints:
        return "keypoints are empty, expected at least one"
    enum_cases: dict[str, str] = {}
    for name in keypoints:
        if not _is_snake_case(name):
            return f'keypoint "{name}" is not a snake_case name, expected one such as left_wrist'
        case = lower_camel(name)
        if enum_cases.get(case) == name:
            return f'keypoint "{name}" is listed twice, expected unique names'
        if case in enum_cases:
            return (
                f'keypoints "{enum_cases[case]}" and "{name}" would both be {case} in an app,'
                " expected names that stay unique"
            )
        enum_cases[case] = name
    return ""


def _is_snake_case(name: str) -> bool:
    """Lower-case ASCII words of letters and digits joined by single underscores; a letter first."""
    words = name.split("_")
    plain = all(word.isascii() and word.isalnum() and word == word.lower() for word in words)
    return plain and name[0].isalpha()


def _edges_problem(keypoints: tuple[str, ...], edges: tuple[tuple[str, str], ...]) -> str:
    known = set(keypoints)
    seen: set[frozenset[str]] = set()
    for edge in edges:
        for name in edge:
            if name not in known:
                return f'edge {edge} names "{name}", expected one of the keypoints'
        if edge[0] == edge[1]:
            return f"edge {edge} joins a keypoint to itself, expected two keypoints"
        if frozenset(edge) in seen:
            return f"edge {edge} is listed twice, expected once in either direction"
        seen.add(frozenset(edge))
    return ""


def _flip_pairs_problem(keypoints: tuple[str, ...], pairs: tuple[tuple[str, str], ...]) -> str:
    known = set(keypoints)
    paired: set[str] = set()
    for pair in pairs:
        for name in pair:
            if name not in known:
                return f'flip pair {pair} names "{name}", expected one of the keypoints'
            if name in paired:
                return f'flip pair {pair} names "{name}" a second time, expected one pair a keypoint'
            paired.add(name)
        joint = pair[0].removeprefix("left_")
        has_side = any(name.startswith(("left_", "right_")) for name in pair)
        if has_side and pair != (f"left_{joint}", f"right_{joint}"):
            return f"flip pair {pair} is inconsistent, expected (left_x, right_x) of one joint x"
    for name in keypoints:
        partner = "right_" + name.removeprefix("left_")
        if name.startswith("left_") and partner in known and name not in paired:
            return f'flip_pairs lack ("{name}", "{partner}"), expected as both are keypoints'
    return ""


def _sigmas_problem(keypoints: tuple[str, ...], sigmas: tuple[float, ...]) -> str:
    if len(sigmas) != len(keypoints):
        return f"oks_sigmas has {len(sigmas)} values, expected {len(keypoints)}, one a keypoint"
    for name, sigma in zip(keypoints, sigmas, strict=True):
        if not (math.isfinite(sigma) and sigma > 0):
            return f'the OKS sigma of "{name}" is {sigma}, expected a positive, finite number'
    return ""
