"""The trials of a search on disk, a line each as they come, so that an interrupted search goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from posekit import documents
from posekit.compression.search.trial import Trial
from posekit.contract.recipe import Recipe
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError, said
from posekit.parity.quality import Quality

MAX_BYTES = 1 << 28
Keep = Callable[[Trial], None]


class _Quality(Part):
    people: Annotated[int, Field(ge=0)]
    oks: float
    worst_oks: float
    mean_px: float
    p95_px: float
    ap: float | None = None
    pck: float | None = None
    ap_drop: float | None = None
    pck_drop: float | None = None


class _Entry(Part):
    recipe: Recipe
    size: Annotated[int, Field(ge=0)]
    failure: str
    quality: _Quality | None
    layers: tuple[tuple[str, int, float], ...]
    seconds: Annotated[float, Field(ge=0)]

    _lists = field_validator("layers", mode="before")(tuple_of_list)


class _Head(Part):
    schema_version: Literal[1] = Field(alias="schema")
    problem: str


def read(path: Path, problem: str) -> list[Trial]:
    """The trials of an earlier run of the same problem; none where there is no file, or it is of another problem.

    A last line without its end is what a kill left, and is not read. InputError where the file is damaged otherwise.
    """
    if not path.exists():
        return []
    hint = "delete it to search from the start"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES} bytes, expected the trials of a search", hint)
        head, *lines = path.read_bytes().split(b"\n")
        known = _Head.model_validate(documents.parse(head))
        whole = lines[:-1] if known.problem == problem else []
        return [_trial(_Entry.model_validate(documents.parse(line))) for line in whole]
    except ValidationError as error:
        raise InputError(f"the search cannot be resumed: {sentence(error, str(path))[0]}", hint) from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"the search cannot be resumed: {path} is damaged{said(error)}", hint) from error


@contextlib.contextmanager
def writing(path: Path, problem: str, earlier: Iterable[Trial]) -> Iterator[Keep]:
    """A function that adds a trial to the file, which begins anew with the earlier ones and is whole after each.

    InputError where it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file: IO[str] | None = None
    try:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = partial.open("w", encoding="utf-8")
            for document in ({"schema": 1, "problem": problem}, *(trial.as_json() for trial in earlier)):
                _add(file, document)
            partial.replace(path)  # the earlier file stays until this one is whole

        def keep(trial: Trial) -> None:
            with _told(path):
                _add(file, trial.as_json())

        yield keep
    finally:
        with contextlib.suppress(OSError):  # where it cannot be written, that is told already
            partial.unlink(missing_ok=True)
            if file is not None:
                file.close()


def _add(file: Any, document: Any) -> None:
    file.write(json.dumps(documents.plain(document), allow_nan=False) + "\n")
    file.flush()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {path}, the trials of the search: {error.strerror or error}",
            "is there space, and permission?",
        ) from error


def _trial(entry: _Entry) -> Trial:
    quality = None if entry.quality is None else Quality(**entry.quality.model_dump())
    return Trial(entry.recipe, entry.size, quality, entry.layers, entry.failure, entry.seconds)
