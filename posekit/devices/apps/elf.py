"""How the segments of a shared library are aligned, as the loader of Android reads it."""

from __future__ import annotations

import struct

LOAD = 1  # PT_LOAD
HEADERS = 1 << 16  # bytes that hold all headers of a library


def alignment(head: bytes) -> int | None:
    """The least alignment of the loadable segments of a 64-bit ELF file; None for a 32-bit one, or for what is none.

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
