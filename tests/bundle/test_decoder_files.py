"""A module is shipped with its own decoder's files alone: none of them may lean on a file of another decoder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posekit.bundle.wrapper import DECODER_FILES, TREES, decoder_class, template_root
from posekit.decoders import DECODERS

# what other files can name: declarations that begin a line and are not private
DECLARED = re.compile(
    r"^(?!.*\b(?:private|fileprivate)\b)(?:[a-z]+ )*?"
    r"(?:class|object|interface|struct|enum|protocol|typealias|func|fun|val|let) "
    r"(?:class )?(?:<[^>]*> )?(?:[A-Z]\w*\.)?(\w+)",
    re.MULTILINE,
)


def files(platform: str) -> dict[str, list[Path]]:
    """The files of each decoder by kind."""
    place, suffix = DECODER_FILES[platform]
    folder = template_root() / TREES[platform][0] / place
    return {kind: sorted(folder.glob(f"{decoder_class(kind)}*{suffix}")) for kind in DECODERS}


def leaning(texts: dict[str, str]) -> dict[tuple[str, str], set[str]]:
    """(kind, other kind): names that files of the one take from those of the other."""
    declared = {kind: set(DECLARED.findall(text)) for kind, text in texts.items()}
    found = {}
    for kind, text in texts.items():
        code = re.sub(r"//.*|/\*.*?\*/", "", text)
        words = set(re.findall(r"\b[A-Z]\w*", code)) | set(re.findall(r"\b([a-z]\w*)\(", code))  # types and calls
        for other, names in declared.items():
            if other != kind and (taken := (names - declared[kind]) & words):
                found[kind, other] = taken
    return found


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_no_decoder_leans_on_files_of_another(platform: str) -> None:
    texts = {kind: "\n".join(path.read_text() for path in paths) for kind, paths in files(platform).items()}
    assert all(texts.values())
    assert leaning(texts) == {}


def test_one_that_does_is_seen() -> None:
    kotlin = {"a": "internal fun kernel(size: Int) = 1\nprivate fun own() = 2", "b": "val x = kernel(3) + own()"}
    assert leaning(kotlin) == {("b", "a"): {"kernel"}}
    swift = {"a": "struct Step: Sendable {\n  let x = 1\n}", "b": "public struct B {\n  var step: Step\n}"}
    assert leaning(swift) == {("b", "a"): {"Step"}}
