"""What the protocol buffers of an Android App Bundle say: its manifest, and how the APKs made of it store files.

Source: Resources.proto of aapt2 and config.proto of bundletool, whose field numbers are used here, and bundletool's
rules of patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
NODE_ELEMENT = 1  # XmlNode.element
TAG, ATTRIBUTE, CHILD = 3, 4, 5  # of XmlElement
NAMESPACE, NAME, VALUE = 1, 2, 3  # of XmlAttribute
COMPRESSION, UNCOMPRESSED_GLOB = 3, 1  # of BundleConfig, of its Compression
OPTIMIZATIONS, UNCOMPRESSED_LIBRARIES, ALIGNMENT, OF_4_KB = 2, 2, 2, 1  # the last two of UncompressNativeLibraries
LONGEST_GLOB, MOST_STARS = 200, 6  # of patterns that are looked at: hostile ones would be matched for hours
DEEPEST = 100  # elements in each other


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """How APKs are made of a bundle. stored: patterns of what they do not compress; aligns_to_4_kb: whether libraries
    are said to begin at multiples of 4 KB alone."""

    stored: tuple[re.Pattern[str], ...]
    aligns_to_4_kb: bool

    def stores(self, name: str) -> bool:
        """Whether the file of that name in a module, as `assets/a.tflite`, is not compressed."""
        return any(pattern.fullmatch(name) for pattern in self.stored)


def bundle_config(config: bytes) -> BundleConfig:
    """What BundleConfig.pb says; ValueError where it cannot be read."""
    globs = [glob for compression in _parts(config, COMPRESSION) for glob in _parts(compression, UNCOMPRESSED_GLOB)]
    alignments = [
        number
        for optimizations in _parts(config, OPTIMIZATIONS)
        for libraries in _parts(optimizations, UNCOMPRESSED_LIBRARIES)
        for number in _numbers(libraries, ALIGNMENT)
    ]
    return BundleConfig(tuple(map(_pattern, filter(_is_usual, globs))), OF_4_KB in alignments)


def _is_usual(glob: bytes) -> bool:
    return len(glob) <= LONGEST_GLOB and glob.count(b"*") <= MOST_STARS


def _pattern(glob: bytes) -> re.Pattern[str]:
    """Of a glob as bundletool reads it: `**` is any text, `*` and `?` go no further than a folder, `{a,b}` is one of
    both, `[ab]` a letter of them, and a backslash takes a sign for itself. ValueError for what is none."""
    made, depth = "", 0
    for part in re.findall(r"\\.|\[[^\]]*\]|\*+|.", glob.decode("utf-8", "replace"), re.DOTALL):
        if part.startswith("*"):
            made += ".*" if len(part) > 1 else "[^/]*"
        elif part == "?":
            made += "[^/]"
        elif part[0] == "[" and len(part) > 1:
            made += _one_of(part[1:-1])
        elif part == "{":
            made, depth = made + "(?:", depth + 1
        elif part == "}" and depth:
            made, depth = made + ")", depth - 1
        elif part == "," and depth:
            made += "|"
        else:
            made += re.escape(part[-1])
    try:
        return re.compile(made, re.DOTALL)
    except re.error as error:
        raise ValueError(f"the pattern {glob!r} in it cannot be read") from error


def _one_of(letters: str) -> str:
    """The expression of `[letters]`, or of `[!letters]`, which is none of them."""
    escaped = re.sub(r"([^a-zA-Z0-9-])", r"\\\1", letters.removeprefix("!"))
    return f"[{'^' if letters.startswith('!') else ''}{escaped}]"


def named_elements(node: bytes, namespace: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Of a manifest, an XmlNode, each element's tag and the value of its attribute `name` of a namespace, where it has
    one; ValueError where it cannot be read."""
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} elements lie in each other")
    for element in _parts(node, NODE_ELEMENT):
        tag = _text(element, TAG)
        for attribute in _parts(element, ATTRIBUTE):
            if (_text(attribute, NAMESPACE), _text(attribute, NAME)) == (namespace, "name"):
                yield tag, _text(attribute, VALUE)
        for child in _parts(element, CHILD):
            yield from named_elements(child, namespace, depth + 1)


def _text(message: bytes, number: int) -> str:
    return next((part.decode("utf-8", "replace") for part in _parts(message, number)), "")


def _parts(message: bytes, wanted: int) -> Iterator[bytes]:
    """The values of a field of bytes, texts or messages."""
    return (value for number, value in _fields(message) if number == wanted and isinstance(value, bytes))


def _numbers(message: bytes, wanted: int) -> Iterator[int]:
    """The values of a field of whole numbers."""
    return (value for number, value in _fields(message) if number == wanted and isinstance(value, int))


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of each field but fractions."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size, at = _varint(message, at) if kind == BYTES else ({FIXED64: 8, FIXED32: 4}.get(kind, len(message) + 1), at)
        if at + size > len(message):
            raise ValueError(f"a part of it has {size:,} bytes, of {len(message) - at:,} that are left")
        if kind == BYTES:
            yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        value |= (message[at] & 0x7F) << shift
        at += 1
        if not message[at - 1] & 0x80:
            return value, at
    raise ValueError("a number in it has no end")
