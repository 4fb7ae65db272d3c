"""What the protocol buffers of an Android App Bundle say: its manifest, and what the APKs made of it do not compress.

Source: Resources.proto of aapt2 and config.proto of bundletool, whose field numbers are used here.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
NODE_ELEMENT = 1  # XmlNode.element
TAG, ATTRIBUTE, CHILD = 3, 4, 5  # of XmlElement
NAMESPACE, NAME, VALUE = 1, 2, 3  # of XmlAttribute
COMPRESSION, UNCOMPRESSED_GLOB = 3, 1  # of BundleConfig, of its Compression
DEEPEST = 100  # elements in each other


def uncompressed_globs(config: bytes) -> list[str]:
    """The patterns in BundleConfig.pb of the files that APKs store as they are; none where it cannot be read."""
    try:
        return [
            glob.decode("utf-8", "replace")
            for compression in _parts(config, COMPRESSION)
            for glob in _parts(compression, UNCOMPRESSED_GLOB)
        ]
    except ValueError:
        return []


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
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            _, at = _varint(message, at)
            continue
        size, at = _varint(message, at) if kind == BYTES else ({FIXED64: 8, FIXED32: 4}.get(kind, len(message) + 1), at)
        if at + size > len(message):
            raise ValueError(f"a part of it has {size:,} bytes, of {len(message) - at:,} that are left")
        if kind == BYTES and key >> 3 == wanted:
            yield message[at : at + size]
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
