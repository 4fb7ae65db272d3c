"""A file that was saved on a GPU names it in its code or its tables; on a machine without one it is read as the
CPU's."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import IO, Any

from posekit.sources.recognise import read_entry

# entries of the archive, the device in them, and what stands there on a CPU
Device = tuple[re.Pattern[str], re.Pattern[bytes], bytes]
TORCHSCRIPT_DEVICE: Device = (
    re.compile(r".*\.py"),
    re.compile(rb"torch\.device\(\"(cuda|mps|xpu)(:\d+)?\"\)"),
    b'torch.device("cpu")',
)
EXPORTED_DEVICE: Device = (
    re.compile(r".*\.json|.*models/.*"),
    re.compile(rb'"type":\s*"(cuda|mps|xpu)",\s*"index":\s*(\d+|null)'),
    b'"type": "cpu", "index": null',
)


def on_cpu(path: Path, device: Device) -> tuple[IO[bytes], dict[str, Any]]:
    """The file opened, or a copy in memory with the CPU in the place of a GPU, and what is to be said of it."""
    entries, pattern, cpu = device
    with zipfile.ZipFile(path) as archive:
        changed, found = {}, set[str]()
        for name in archive.namelist():
            if entries.fullmatch(name):
                text = read_entry(archive, name, path)
                if matches := list(pattern.finditer(text)):
                    changed[name] = pattern.sub(cpu, text)
                    found |= {match[1].decode() for match in matches}
        if not changed:
            return path.open("rb"), {}
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as new:  # stored, as torch asks of its archives
            for name in archive.namelist():
                new.writestr(name, changed.get(name) or archive.read(name))
    copy.seek(0)
    return copy, {"device": f"saved on {', '.join(sorted(found))}, read on the CPU"}
