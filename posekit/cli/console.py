"""What the command line prints: progress, errors in one sentence, and what files hold."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from posekit.errors import InputError, PosekitError

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec
    from posekit.pipelines.demo import Demo
    from posekit.pipelines.inputs import Images


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A callback for the name of each step: a spinner on a terminal, nothing elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    # by its path and without the current folder on sys.path (-P), where anybody's files may lie
    command = [sys.executable, "-P", str(Path(__file__).with_name("spinner.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8") as spinner:
        stream = spinner.stdin
        assert stream is not None

        def say(name: str) -> None:
            with contextlib.suppress(OSError):  # a spinner that was killed ends nothing
                stream.write(" ".join(name.split()) + "\n")
                stream.flush()

        try:
            yield say
        finally:
            with contextlib.suppress(OSError):
                stream.close()


def warn(text: str) -> None:
    """A warning on standard error; on a terminal in the place of the spinner's line, which it draws again below."""
    note(f"warning: {text}")


def note(text: str) -> None:
    """The same for what is no warning."""
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{clear}{text}\n")


def warn_of(pictures: Images, what_is_done: str) -> None:
    """What was left out of the pictures given, or that none are given."""
    if not pictures.are_given:
        warn(f"{what_is_done} on {pictures.what}")
    for warning in pictures.warnings:
        warn(warning)


def show_error(error: PosekitError, as_json: bool) -> None:
    """The error's sentence and hint; as JSON on standard output where that was asked for."""
    step = f"{error.step}: " if error.step else ""
    if as_json:
        print_json({"error": error.message, "hint": error.hint, "step": error.step, "exit_code": error.exit_code})
    sys.stderr.write(f"error: {step}{error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def show_fault(sentence: str, as_json: bool) -> None:
    """An error that posekit did not foresee, before its traceback."""
    if as_json:
        print_json({"error": sentence, "hint": "this is a fault of posekit", "step": "", "exit_code": 70})
    sys.stderr.write(f"error: a fault of posekit, please report it: {sentence}\n")


def show_facts(facts: dict[str, Any], as_json: bool) -> None:
    """What a file is."""
    from posekit.targets import lint

    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    contract = facts.get("contract")
    if isinstance(contract, dict):
        facts = {**facts, "contract": f"{contract['name']} {contract['version']}, {contract['kind']}"}
        facts |= {f"contract, {part}": contract[part] for part in ("input", "decoder")}
        facts["contract, keypoints"] = (
            f"{contract['keypoints']['skeleton'] or 'spelled out'}: {len(contract['keypoints']['names'])}"
        )
    if isinstance(layers := facts.get("layers"), dict):
        facts = {**facts, "layers": "; ".join(f"{count} in {way}" for way, count in layers.items())}
    if isinstance(found := facts.get("lint"), dict):
        facts = {**facts, "lint": "\n".join([found["linter"], *lint.sentences(found)])}
    for key, value in facts.items():
        table.add_row(key, escape(in_words(value)))
    Console().print(table)


def show_presets(specs: Sequence[PoseSpec], names: Sequence[str], as_json: bool) -> None:
    """The presets and what they say."""
    if as_json:
        print_json(
            {
                "presets": {
                    name: spec.model_dump(mode="json", by_alias=True) for name, spec in zip(names, specs, strict=True)
                }
            }
        )
        return
    table = Table(Column("preset", no_wrap=True), "input", "decoder", Column("keypoints", no_wrap=True), "crop")
    for name, spec in zip(names, specs, strict=True):
        width, height = spec.input.size_wh
        crop = f"{spec.input.resize}, {spec.input.alignment}"
        table.add_row(name, f"{width} x {height}", spec.decoder.kind, spec.keypoints.skeleton, crop)
    Console().print(table)


def show_written(paths: Sequence[Path], folder: Path, as_json: bool) -> None:
    """The files of a sample, and what to do with them."""
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        out_line(str(path))
    out_line(f"now: posekit package {folder / 'tinypose.pt2'} --platform all --images {folder / 'images'} "
         f"--annotations {folder / 'annotations.json'}")  # fmt: skip


def show_demo(written: Demo, as_json: bool) -> None:
    """An app that was written, and what to do with it."""
    if as_json:
        print_json(dataclasses.asdict(written))
        return
    out_line(f"{written.folder}: {written.application_id}, with {', '.join(written.models)}")
    program = "Android Studio" if written.platform == "android" else "Xcode"
    out_line(f"open it in {program} and run it; {written.folder / 'README.md'} says more")


def parse_box(text: str) -> tuple[float, ...]:
    """x1,y1,x2,y2 as numbers; InputError otherwise."""
    from posekit.poses.regions import is_sound_box

    try:
        box = tuple(float(part) for part in text.split(","))
        if len(box) == 4 and is_sound_box(box):
            return box
    except ValueError:
        pass
    raise InputError(f"--box is {text!r}, expected x1,y1,x2,y2 in px with x1 < x2 and y1 < y2")


def in_words(value: Any) -> str:
    """A value as a line of text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(item)}" for key, item in value.items() if item is not None)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def out_line(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")


def print_json(value: Any) -> None:
    """The one document of `--json`, on standard output."""
    from posekit.documents import plain  # pydantic, which --help does without

    out_line(json.dumps(plain(value), indent=1, sort_keys=True, default=str, allow_nan=False))
