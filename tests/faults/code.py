"""Faults in the code of the wrapper."""

from __future__ import annotations

import re
from pathlib import Path

from posekit import bundle
from posekit.bundle import wrapper
from posekit.contract.spec import read_spec
from tests.faults.files import (
    Random,
    edit,
    wrapper_of,
)


def number(folder: Path, rng: Random) -> str:
    """A number in generated or runtime code."""
    files = sorted(path for path in wrapper_of(folder).rglob("*") if path.suffix in (".kt", ".swift", ".kts", ".py"))
    path = rng.choice(files)
    text = path.read_text()
    found = list(re.finditer(r"(?<![\w.\"])\d+(\.\d+)?(?![\w\"])", text))
    if not found:
        return ""
    one = rng.choice(found)
    new = str(int(one[0]) + 1) if one[1] is None else str(float(one[0]) * 1.25 + 0.1)
    path.write_text(text[: one.start()] + new + text[one.end() :])
    return f"{path.name}: {one[0]} to {new}"


def operator(folder: Path, rng: Random) -> str:
    files = sorted(path for path in wrapper_of(folder).rglob("*") if path.suffix in (".kt", ".swift", ".py"))
    path = rng.choice(files)
    text = path.read_text()
    pairs = [
        (" + ", " - "),
        (" - ", " + "),
        (" < ", " <= "),
        (" * ", " / "),
        ("width", "height"),
        ("true", "false"),
        ("min(", "max("),
    ]
    old, new = rng.choice(pairs)
    found = [one.start() for one in re.finditer(re.escape(old), text)]
    if not found:
        return ""
    at = rng.choice(found)
    path.write_text(text[:at] + new + text[at + len(old) :])
    return f"{path.name}: {old!r} to {new!r}"


def line(folder: Path, rng: Random) -> str:
    """A line taken out of any text of the wrapper: Gradle, manifest, read-me, package, code."""
    files = sorted(
        path for path in wrapper_of(folder).rglob("*")
        if path.is_file() and path.suffix in (".kt", ".kts", ".swift", ".xml", ".pro", ".md", ".py", ".toml")
    )  # fmt: skip
    path = rng.choice(files)
    lines = path.read_text().splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    path.write_text("".join(lines))
    return path.name


def file(folder: Path, rng: Random) -> str:
    """A file of the wrapper removed, or one more."""
    tree = wrapper_of(folder)
    files = sorted(path for path in tree.rglob("*") if path.suffix in (".kt", ".swift", ".xml", ".pro", ".py"))
    path = rng.choice(files)
    if rng.random() < 0.5:
        path.unlink()
        return f"without {path.name}"
    path.with_name(f"Extra{path.name}").write_text(path.read_text())
    return f"a second {path.name}"


def names(folder: Path, rng: Random) -> str:
    """Two keypoints of the generated enum exchanged."""
    spec = read_spec(folder / bundle.CONTRACT)
    for path in sorted(wrapper_of(folder).rglob("*")):
        if path.suffix in (".kt", ".swift", ".py") and path.is_file():
            text, (one, other) = path.read_text(), rng.sample(spec.keypoints.names, 2)
            a, b = (name.upper() if path.suffix != ".swift" else wrapper.lower_camel(name) for name in (one, other))
            if re.search(rf"\b{a}\b", text) and re.search(rf"\b{b}\b", text):
                swapped = re.sub(rf"\b{b}\b", a, re.sub(rf"\b{a}\b", "\0", text)).replace("\0", b)
                if swapped != text:
                    path.write_text(swapped)
                    return f"{one} and {other} in {path.name}"
    return ""


def version(folder: Path, rng: Random) -> str:
    """Code edited and said to be of another posekit."""
    edit(folder / bundle.MANIFEST, lambda document: document.update(posekit="0.0.9"))
    return number(folder, rng)
