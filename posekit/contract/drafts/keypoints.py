"""The [keypoints] of a draft: a named set where a configuration means one, else its own names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from posekit.contract import skeletons
from posekit.contract.drafts import same
from posekit.contract.drafts.drafting import Drafting
from posekit.contract.spec import RESERVED_KEYPOINTS

SIDES = (("left", "right"), ("l", "r"))
LONGEST = 64
USUAL_SIGMA = 0.1


def snake(name: str) -> str:
    """`Left Knee`, `leftKnee`, `left-knee` as left_knee."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return "_".join(re.findall("[a-z0-9]+", spaced.lower()))


def names_of_code(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names that an app's code can have, in the same order; what was renamed, as `index -> index_point`)."""
    made: list[str] = []
    cases: set[str] = set()
    renamed = []
    for number, name in enumerate(names):
        word = side_first(snake(name))[:LONGEST].rstrip("_")
        if word and not word[0].isalpha():
            word = f"point_{word}"
        if word and skeletons.lower_camel(word) in RESERVED_KEYPOINTS:
            word = f"{word}_point"
        if not word or skeletons.lower_camel(word) in cases:
            word = f"keypoint_{number}"
        while skeletons.lower_camel(word) in cases:
            word += "_x"
        cases.add(skeletons.lower_camel(word))
        made.append(word)
        if word != name:
            renamed.append(f"{name} -> {word}")
    return tuple(made), tuple(renamed)


def side_first(name: str) -> str:
    """`l_eye`, `eye_l` and `eye_left` as left_eye."""
    words = name.split("_")
    for left, right in SIDES:
        for side, full in ((left, "left"), (right, "right")):
            if len(words) > 1 and words[0] == side:
                return "_".join([full, *words[1:]])
            if len(words) > 1 and words[-1] == side:
                return "_".join([full, *words[:-1]])
    return name


def pairs_of(names: Sequence[str]) -> list[list[str]]:
    """(left_x, right_x) of names that differ in the side alone."""
    known = set(names)
    lefts = [name for name in names if name.startswith("left")]  # leftear and rightear as well
    return [[name, other] for name in lefts if (other := "right" + name.removeprefix("left")) in known]


def say_named(draft: Drafting, skeleton: str, source: str, count: Any = None) -> None:
    """A named set; where the network gives another number of keypoints, a gap that says so."""
    whole = len(skeletons.skeleton(skeleton).keypoints)
    if isinstance(count, int) and not isinstance(count, bool) and count != whole:
        draft.ask(
            "keypoints.skeleton",
            f"{source} means {skeleton} of {whole} keypoints, but the network gives {count}: "
            "which are they? Name a set, or spell out names and oks_sigmas",
        )
        return
    draft.say("keypoints.skeleton", skeleton, source)


def say_own(
    draft: Drafting, names: Sequence[str], source: str, *, edges: Sequence[Sequence[str]] = (),
    pairs: Sequence[Sequence[str]] = (), sigmas: Sequence[float] | None = None, usual: str = "",
) -> None:  # fmt: skip
    """Keypoints as a configuration names them, edges and pairs by those names; a named set if all is alike.

    usual: who takes 0.1 for every sigma where the configuration says none.
    """
    made, renamed = names_of_code(names)
    code = dict(zip(names, made, strict=True))
    said_pairs = _pairs(pairs, code) or pairs_of(made)
    known = _known(made, said_pairs, sigmas)
    if known:
        draft.say("keypoints.skeleton", known, source)
        return
    draft.say("keypoints.names", made, source)
    draft.say("keypoints.edges", _edges(edges, code), f"{source}, its skeleton" if edges else "no file says any")
    draft.say("keypoints.flip_pairs", said_pairs, f"{source}, its swaps" if pairs else "by the names")
    if sigmas is not None:
        draft.say("keypoints.oks_sigmas", sigmas, source)
    else:
        draft.ask(
            "keypoints.oks_sigmas", "one number a keypoint, as in COCO; they weigh errors in OKS, and move no keypoint",
            f"{[USUAL_SIGMA] * len(made)}" + (f"  {usual}" if usual else ""),
        )  # fmt: skip
    if other := [one for one in renamed if not _is_spelling(one)]:
        draft.note(f"keypoints have other names in an app's code: {', '.join(other[:20])}")


def _is_spelling(renamed: str) -> bool:
    before, _, after = renamed.partition(" -> ")
    return snake(before) == after


def _known(names: Sequence[str], pairs: Sequence[Sequence[str]], sigmas: Sequence[float] | None) -> str:
    """The named set with these names; and with these pairs and sigmas, where they are said."""
    for name, one in skeletons.SKELETONS.items():
        if one.keypoints != tuple(names):
            continue
        is_alike = {frozenset(pair) for pair in pairs} == {frozenset(pair) for pair in one.flip_pairs}
        if is_alike and (sigmas is None or same(list(sigmas), list(one.oks_sigmas))):
            return name
    return ""


def _edges(edges: Sequence[Sequence[str]], code: Mapping[str, str]) -> list[list[str]]:
    found: dict[frozenset[str], list[str]] = {}
    for edge in edges:
        named = [code[end] for end in edge if end in code]
        if len(named) == 2 and named[0] != named[1]:
            found.setdefault(frozenset(named), named)
    return list(found.values())


def _pairs(pairs: Sequence[Sequence[str]], code: Mapping[str, str]) -> list[list[str]]:
    """By the names of code, the left one first, each once."""
    found: dict[frozenset[str], list[str]] = {}
    for pair in pairs:
        named = [code[one] for one in pair if one in code]
        if len(named) == 2 and named[0] != named[1]:
            named.sort(key=lambda name: not name.startswith("left"))
            found.setdefault(frozenset(named), named)
    return list(found.values())
