"""How the segments of a shared library are aligned, as the loader of Android reads it."""

from __future__ import annotations

import struct

LOAD = 1  # PT_LOAD
HEADERS = 1 << 16  # bytes that hold all headers of a library


def is_32_bit(head: bytes) -> bool:
    """Whether it is an ELF file of 32 bits."""
    return head[:4] == b"\x7fELF" and head[4:5] == b"\1"


def alignment(head: bytes) -> int | None:
    """The least alignment of the loadable segments of a 64-bit ELF file; None where that cannot be told.

    head: the first HEADERS bytes.
    """
    if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] != 2:
        return None
    order = "<" if head[5] == 1 else ">"
    (start,) = struct.unpack_from(f"{order}Q", head, 32)
    size, count = struct.unpack_from(f"{order}HH", head, 54)
    aligned = []
    for at in range(start, start + size * count, size or 1):
        if at + 56 > len(head):
            return None
        (kind,) = struct.unpack_from(f"{order}I", head, at)
        if kind == LOAD:
            aligned.append(struct.unpack_from(f"{order}Q", head, at + 48)[0])
    return min(aligned, default=None)
