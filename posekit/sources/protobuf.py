"""The outermost fields of a protobuf message, told without its schema."""

from __future__ import annotations

from pathlib import Path
from typing import IO

MOST_FIELDS = 100_000  # looked at; a frozen graph has one a node
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class DamagedError(ValueError):
    """The bytes are no such message from `numbers` on, the fields that came before."""

    def __init__(self, numbers: set[int]) -> None:
        super().__init__("no protobuf message")
        self.numbers = numbers


def field_numbers(path: Path) -> set[int]:
    """Numbers of the outermost fields of a file, skipping what they hold; DamagedError where it is no such message."""
    size, numbers = path.stat().st_size, set[int]()
    with path.open("rb") as file:
        for _ in range(MOST_FIELDS):
            if file.tell() == size:
                break
            tag = _varint(file)
            length = None if tag is None else _length(file, tag & 7)
            if tag is None or length is None or tag >> 3 == 0 or file.tell() + length > size:
                raise DamagedError(numbers)
            numbers.add(tag >> 3)
            file.seek(length, 1)
    return numbers


def _length(file: IO[bytes], wire: int) -> int | None:
    """Bytes of a field's value that are still to be skipped; None where there is no such value."""
    if wire == VARINT:
        return 0 if _varint(file) is not None else None
    return _varint(file) if wire == BYTES else {FIXED64: 8, FIXED32: 4}.get(wire)


def _varint(file: IO[bytes]) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None
