"""A packaged model on many pictures: in this process, in processes of this machine, or on a Dask cluster.

The figures are the same wherever it runs, since every picture is looked at alone and on one thread. A few pictures are
on their way at a time, so that memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from posekit.contract.outputs import Run
from posekit.contract.precisions import TFLITE
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.errors import InputError
from posekit.parity.accuracy import Truth, truth_of, why_no_truth
from posekit.parity.cases import cases_in, found_in
from posekit.parity.metrics import Found
from posekit.pipelines.hiring import worker_count
from posekit.poses.images import Photo, decode_image
from posekit.progress import Progress, patient
from posekit.runtimes import runtime_for
from posekit.runtimes.files import contents, unpack
from posekit.runtimes.workers import Spread, Work, cluster, installed, processes

AT_ONCE = 4  # pictures of a task
ENOUGH_BYTES = 1 << 23  # of a task: a picture that reaches it ends it
LOOK_SECONDS = 0.5  # between two looks at how far it is
OF_LITERT = ("ai-edge-litert", "numpy", "pillow")
TOOLS = dict.fromkeys(TFLITE, OF_LITERT) | {"ios": ("coremltools", "torch", "numpy", "pillow")}


@dataclass(frozen=True, slots=True)
class Model:
    """A packaged model as it is sent to workers: the model file, or the files of its package, by their path."""

    platform: str
    spec: PoseSpec
    name: str
    files: Mapping[str, bytes]
    sha256: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Some pictures, and the bytes of each or why they cannot be read; first: the number of the first one."""

    first: int
    photos: tuple[Photo, ...]
    contents: tuple[bytes | InputError, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in one picture, person by person, or why it cannot be read; untold: as why_no_truth."""

    number: int
    found: tuple[Found, ...] = ()
    truth: tuple[Truth | None, ...] = ()
    untold: tuple[str, ...] = ()
    unread: InputError | None = None


def work_of(platform: str, model: Path, spec: PoseSpec) -> Work[Model, Pictures, list[Seen]]:
    """Running a model on pictures as work."""
    files = contents(model) if model.is_dir() else {"": model.read_bytes()}
    digest = hashlib.sha256(platform.encode() + canonical_json(spec))
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    sent = Model(platform, spec, model.name, files, digest.hexdigest())
    return Work(sent, look, _lost, tools_of, "run the same again when it is back")


def tasks_of(photos: Sequence[Photo]) -> Iterator[Pictures]:
    """The pictures in order, some at a time, each read as it is asked for."""
    some: list[tuple[Photo, bytes | InputError]] = []
    size = 0
    for number, photo in enumerate(photos):
        content = _read(photo.path)
        some.append((photo, content))
        size += len(content) if isinstance(content, bytes) else 0
        if len(some) == AT_ONCE or size >= ENOUGH_BYTES or number + 1 == len(photos):
            group, bytes_of = zip(*some, strict=True)
            yield Pictures(number + 1 - len(some), group, bytes_of)
            some, size = [], 0


def _read(path: Path) -> bytes | InputError:
    try:
        return path.read_bytes()
    except OSError as error:
        return InputError(
            f"{path} cannot be read as a picture: {(error.strerror or 'it may not be opened').lower()}",
            "check its permissions",
        )


def look(model: Model, task: Pictures) -> list[Seen]:
    """Run a model on pictures in this process, which keeps the last model open until it ends."""
    run = _opened(model)
    seen = []
    for number, (photo, content) in enumerate(zip(task.photos, task.contents, strict=True), task.first):
        try:
            if isinstance(content, InputError):
                raise content
            image = decode_image(content, photo.path)
        except InputError as error:
            seen.append(Seen(number, unread=error))
            continue
        cases = cases_in(image, photo, model.spec)
        found = tuple(found_in(case, run(case.pixels), model.spec) for case in cases)
        seen.append(
            Seen(
                number,
                found,
                tuple(truth_of(case, model.spec) for case in cases),
                tuple(why_no_truth(case, model.spec) for case in cases),
            )
        )
    return seen


_last: tuple[str, Run, tempfile.TemporaryDirectory[str]] | None = None  # the folder is removed with it


def _opened(model: Model) -> Run:
    global _last
    if _last is None or _last[0] != model.sha256:
        scratch = tempfile.TemporaryDirectory()
        path = Path(scratch.name) / model.name
        if "" in model.files:
            path.write_bytes(model.files[""])
        else:
            unpack(model.files, path)
        _last = model.sha256, runtime_for(model.platform, path, threads=1).run, scratch
    return _last[1]


def _lost(task: Pictures) -> list[Seen]:
    names = f"{task.photos[0].name} to {task.photos[-1].name}" if len(task.photos) > 1 else task.photos[0].name
    raise InputError(
        f"the process that looked at {names} was killed, again and again", "is there enough memory? Try fewer --workers"
    )


def tools_of(model: Model) -> Mapping[str, str]:
    """Versions of what decides the figures, by name."""
    return installed(*TOOLS[model.platform])


@contextlib.contextmanager
def begun(
    work: Work[Model, Pictures, list[Seen]],
    photos: Sequence[Photo],
    workers: int,
    scheduler: str,
    step: Progress,
    staff: processes.Staff | None = None,
) -> Iterator[Callable[[], list[Seen]]]:
    """Begin to look at pictures; what comes waits for the end and gives what was seen, in their order.

    workers: processes, 0 for as many as help, 1 for none but this one, which then looks as it waits. scheduler: of a
    Dask cluster, used instead. staff: worker processes that wait already. InputError where no scheduler answers, and
    MissingToolError without Dask.
    """
    count = worker_count(workers, len(photos), processes.cores())
    with contextlib.ExitStack() as stack:
        run: Spread[Pictures, list[Seen]] = partial(map, partial(look, work.problem))
        if scheduler:
            run = stack.enter_context(cluster.dask(work, scheduler))
        elif count > 1:
            waiting = staff[:count] if staff else stack.enter_context(processes.hired(count))
            run = stack.enter_context(processes.at_work(work, waiting))
        seen: dict[int, Seen] = {}
        is_over = threading.Event()

        def take() -> None:
            tasks = itertools.takewhile(lambda _: not is_over.is_set(), tasks_of(photos))
            for answer in run(tasks):
                seen.update((one.number, one) for one in answer)

        thread = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(is_over.set)  # whatever the reason, the tasks on their way are the last
        began = thread.submit(take) if scheduler or count > 1 else None

        def end() -> list[Seen]:
            taken = began or thread.submit(take)
            say = patient(step)
            while not wait([taken], timeout=LOOK_SECONDS).done:
                say(f"look at the pictures, {len(seen)} of {len(photos)}")
            taken.result()
            return [seen[number] for number in range(len(photos))]

        yield end
