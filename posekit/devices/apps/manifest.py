"""What an Android manifest asks for: text, as projects and libraries have it, binary XML of an APK, or a bundle's.

Source of the binary form: Android's ResourceTypes.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from posekit.devices.apps.messages import named_elements

ANDROID, TOOLS = "http://schemas.android.com/apk/res/android", "http://schemas.android.com/tools"
STRINGS, RESOURCES, ELEMENT = 0x0001, 0x0180, 0x0102
UTF8 = 1 << 8
NAME = 0x01010003  # android:name
TEXT = 3  # an attribute's value is one of the strings
NONE = 0xFFFFFFFF
XML_NODE = b"\x0a"  # of a bundle: a protocol buffer whose first field is the root
LONGEST = 1024  # of a string, of which the rest is not read


@dataclass(frozen=True, slots=True)
class Element:
    """A tag with its android:name, and whether tools:node removes it."""

    tag: str
    name: str
    is_removal: bool = False


def elements(manifest: bytes) -> list[Element]:
    """The elements of a manifest that have a name; ValueError where it cannot be read."""
    if manifest[:2] == b"\x03\x00":
        try:
            return list(_binary(manifest))
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ValueError("the binary XML is damaged") from error
    if manifest[:1] == XML_NODE and not manifest.lstrip().startswith(b"<"):  # which is a line's end as well
        return [Element(tag, name) for tag, name in named_elements(manifest, ANDROID)]
    return _text(manifest)


def _text(manifest: bytes) -> list[Element]:
    found: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if name := attributes.get(f"{ANDROID} name"):
            found.append(Element(tag, name, attributes.get(f"{TOOLS} node") == "remove"))

    def refuse(*_: object) -> None:  # of whatever encoding: expat follows entities that name each other off its stack
        raise ValueError("it has a DOCTYPE, which no manifest needs")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, refuse
    try:
        parser.Parse(manifest, True)
    except (expat.ExpatError, LookupError) as error:  # LookupError: of an encoding that is none
        raise ValueError(f"it is no XML: {error}") from error
    return found


def _binary(manifest: bytes) -> Iterator[Element]:
    strings: Callable[[int], str] = _no_string
    resources: tuple[int, ...] = ()
    at = 8
    while at + 8 <= len(manifest):
        kind, header, size = struct.unpack_from("<HHI", manifest, at)
        if size < 8 or at + size > len(manifest):
            raise ValueError(f"the binary XML is damaged: a part of it has {size:,} bytes")
        chunk = manifest[at : at + size]
        if kind == STRINGS:
            strings = _strings(chunk)
        elif kind == RESOURCES:
            resources = struct.unpack_from(f"<{(size - header) // 4}I", chunk, header)
        elif kind == ELEMENT:
            yield from _element(chunk, header, strings, resources)
        at += size


def _no_string(place: int) -> str:
    raise IndexError(place)


def _strings(chunk: bytes) -> Callable[[int], str]:
    """The string at a place; read when it is asked for, since many places of a hostile file may share a long one."""
    count, _, flags, start = struct.unpack_from("<IIII", chunk, 8)
    (header,) = struct.unpack_from("<H", chunk, 2)
    offsets = struct.unpack_from(f"<{count}I", chunk, header)
    read = _utf8 if flags & UTF8 else _utf16
    return lambda place: read(chunk, start + offsets[place])


def _utf8(chunk: bytes, at: int) -> str:
    at += 2 if chunk[at] & 0x80 else 1  # its length in characters
    length = chunk[at]
    at += 1
    if length & 0x80:
        length = (length & 0x7F) << 8 | chunk[at]
        at += 1
    return chunk[at : at + min(length, LONGEST)].decode("utf-8", "replace")


def _utf16(chunk: bytes, at: int) -> str:
    (length,) = struct.unpack_from("<H", chunk, at)
    at += 2
    if length & 0x8000:
        length = (length & 0x7FFF) << 16 | struct.unpack_from("<H", chunk, at)[0]
        at += 2
    return chunk[at : at + 2 * min(length, LONGEST)].decode("utf-16-le", "replace")


def _element(chunk: bytes, header: int, strings: Callable[[int], str], resources: tuple[int, ...]) -> Iterator[Element]:
    tag, start, size, count = struct.unpack_from("<IHHH", chunk, header + 4)
    for number in range(count):
        name, raw, typed, value = struct.unpack_from("<4xII3xBI", chunk, header + start + number * size)
        is_name = (name < len(resources) and resources[name] == NAME) or strings(name) == "name"
        if is_name and (raw != NONE or typed == TEXT):
            yield Element(strings(tag), strings(raw if raw != NONE else value))
            return
