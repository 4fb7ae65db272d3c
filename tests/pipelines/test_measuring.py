"""A packaged model on many pictures: the same figures wherever it runs, whoever is killed, and little memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.bundle import open_bundle
from posekit.errors import InputError
from posekit.pipelines import hiring, measuring
from posekit.pipelines.hiring import WORTH_A_WORKER, worker_count
from posekit.pipelines.measuring import (
    AT_ONCE,
    Model,
    Pictures,
    Seen,
    begun,
    look,
    tasks_of,
    work_of,
)
from posekit.pipelines.validate_options import ValidateOptions
from posekit.poses.images import Person, Photo
from posekit.progress import silent
from posekit.runtimes import mil, runtime_for
from posekit.runtimes.workers import Work, cluster, processes
from tests.conftest import Run
from tests.local_cluster import local

pytestmark = pytest.mark.xdist_group("bundle")
PICTURES = 5 * AT_ONCE + 3
BAD = 17  # the number of a picture that is cut short
PEOPLE = 2


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    """Pictures of noise with two people each, one of the pictures cut short."""
    folder, rng = tmp_path_factory.mktemp("many") / "images", np.random.default_rng(3)
    folder.mkdir()
    found = []
    for number in range(PICTURES):
        coarse = rng.integers(0, 256, (9, 12, 3), np.uint8)
        path = folder / f"{number:03d}.png"
        Image.fromarray(coarse).resize((80, 60), Image.Resampling.BICUBIC).save(path)
        people = [_person(rng) for _ in range(PEOPLE)]
        found.append(Photo(path, number, tuple(people)))
    bad = found[BAD].path
    bad.write_bytes(bad.read_bytes()[:-200])
    return found


def _person(rng: np.random.Generator) -> Person:
    x, y = rng.uniform(0, 30, 2)
    points = np.column_stack([rng.uniform((x, y), (x + 40, y + 30), (3, 2)), [2, 2, 0]])
    return Person((x, y, x + 40, y + 30), points, 1200.0)


@pytest.fixture(scope="module")
def work(packaged: Path) -> Work[Model, Pictures, list[Seen]]:
    opened = open_bundle(packaged)
    return work_of(opened.platform, opened.model_path, opened.spec)


def facts(seen: list[Seen]) -> list[Any]:
    """To the last bit."""
    return [
        (
            one.number,
            one.untold,
            one.unread and (one.unread.message, one.unread.hint),
            *(found.keypoints.tobytes() + found.scores.tobytes() for found in one.found),
            *(None if truth is None else (truth.image_id, truth.keypoints.tobytes()) for truth in one.truth),
        )
        for one in seen
    ]


@pytest.fixture(scope="module")
def expected(work: Any, photos: list[Photo]) -> list[Any]:
    """What is seen in this process."""
    with begun(work, photos, 1, "", silent) as end:
        return facts(end())


def test_every_picture_is_seen_in_order(expected: list[Any], photos: list[Photo]) -> None:
    assert [one[0] for one in expected] == list(range(PICTURES))
    assert [number for number, one in enumerate(expected) if one[2]] == [BAD]
    assert expected[BAD][2][0] == f"{photos[BAD].path} cannot be read as a picture: it is damaged or cut short"
    assert len({one[3] for one in expected if not one[2]}) == PICTURES - 1  # each has keypoints of its own


@pytest.mark.parametrize("count", [2, 3])
def test_more_processes_see_the_same(count: int, work: Any, photos: list[Photo], expected: list[Any]) -> None:
    with begun(work, photos, count, "", silent) as end:
        assert facts(end()) == expected


def test_workers_that_wait_already_are_those_that_look(
    work: Any, photos: list[Photo], expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with processes.hired(3, hiring.LOOKING) as staff:
        monkeypatch.setattr(processes.subprocess, "Popen", None)  # no other is started
        with begun(work, photos, 2, "", silent, staff) as end:
            assert facts(end()) == expected
        assert [hasattr(worker, "work") for worker in staff] == [True, True, False]
    assert all(worker.process.poll() is not None for worker in staff)


@pytest.mark.parametrize(
    ("images", "workers", "scheduler", "count"),
    [(False, 2, "", 0), (True, 3, "", 3), (True, 1, "", 0), (True, 2, "tcp://there", 0), (True, 0, "", 0)],
)
def test_workers_are_hired_ahead(images: bool, workers: int, scheduler: str, count: int, photos: list[Photo]) -> None:
    folder = photos[0].path.parent if images else None  # of too few pictures to be worth a worker
    with hiring.ahead(ValidateOptions(images=folder, workers=workers, scheduler=scheduler)) as staff:
        assert len(staff) == count


def test_the_files_of_a_folder_tell_how_many_are_hired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiring, "cores", lambda: 8)
    for number in range(2 * WORTH_A_WORKER):
        (tmp_path / f"{number}.jpg").touch()
    for folder, count in ((tmp_path, 2), (tmp_path / "missing", 0)):
        with hiring.ahead(ValidateOptions(images=folder)) as staff:
            assert len(staff) == count


def test_what_a_worker_imports_while_it_waits_may_be_missing(
    work: Any, photos: list[Photo], expected: list[Any]
) -> None:
    with processes.hired(2, "posekit.nothing") as staff, begun(work, photos, 2, "", silent, staff) as end:
        assert facts(end()) == expected


def killed_once(run: Any, kill: Callable[[], None], photos: list[Photo]) -> list[Any]:
    """What is seen where workers are killed after the first answer."""
    seen: dict[int, Seen] = {}
    for made, answer in enumerate(run(tasks_of(photos))):
        if made == 0:
            kill()
        assert not seen.keys() & {one.number for one in answer}
        seen |= {one.number: one for one in answer}
    return facts([seen[number] for number in range(PICTURES)])


def test_a_killed_process_loses_nothing(
    work: Any, photos: list[Photo], expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(processes.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with processes.processes(work, 2) as run:
        assert killed_once(run, lambda: started[0].send_signal(signal.SIGKILL), photos) == expected
    assert len(started) == 3
    assert all(one.poll() is not None for one in started)


def test_whoever_kills_every_worker_is_named(
    work: Any, photos: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os\nfrom posekit.pipelines import measuring\n"
        "measuring.decode_image = lambda *_: os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match=r"looked at 00\d.png to 0\d\d.png was killed"), begun(
        work, photos[: 2 * AT_ONCE], 2, "", silent
    ) as end:  # fmt: skip
        end()


@pytest.mark.slow
def test_dask_workers_see_the_same_though_one_is_killed(work: Any, photos: list[Photo], expected: list[Any]) -> None:
    with local(2) as two:
        with begun(work, photos, 0, two.scheduler_address, silent) as end:
            assert facts(end()) == expected

        def kill() -> None:
            os.kill(next(iter(two.workers.values())).pid, signal.SIGKILL)

        with cluster.dask(work, two.scheduler_address) as run:
            assert killed_once(run, kill, photos) == expected


def test_where_no_scheduler_answers_it_is_told(work: Any, photos: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.4)
    with (
        pytest.raises(InputError, match="no Dask scheduler answers"),
        begun(work, photos, 0, "tcp://127.0.0.1:1", silent),
    ):
        pass


# Memory and time


def test_pictures_are_read_as_they_are_asked_for(photos: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(measuring, "_read", lambda path: read.append(path) or b"12345")
    tasks = tasks_of(photos)
    assert [photo.image_id for photo in next(tasks).photos] == list(range(AT_ONCE))
    assert len(read) == AT_ONCE
    monkeypatch.setattr(measuring, "ENOUGH_BYTES", 10)
    assert [photo.image_id for photo in next(tasks).photos] == [AT_ONCE, AT_ONCE + 1]  # large ones go by themselves
    assert [one.first for one in tasks] == list(range(AT_ONCE + 2, PICTURES, 2))


def test_leaving_early_leaves_the_rest(work: Any, photos: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    first, go = threading.Event(), threading.Event()

    def slow(path: Path) -> bytes:
        read.append(path)
        if len(read) > AT_ONCE:
            first.set()
            go.wait(10)
        return path.read_bytes()

    monkeypatch.setattr(measuring, "_read", slow)
    with pytest.raises(KeyboardInterrupt), begun(work, photos, 2, "", silent):
        assert first.wait(10)
        threading.Timer(0.3, go.set).start()
        raise KeyboardInterrupt
    assert len(read) <= 3 * AT_ONCE < PICTURES


@pytest.mark.parametrize(
    ("asked", "pictures", "cores", "count"),
    [
        (0, 8, 8, 1),
        (0, 2 * WORTH_A_WORKER, 8, 2),
        (0, 10**6, 8, 8),
        (0, 10**6, 256, hiring.MOST),
        (0, 10**6, 1, 1),
        (5, 1, 1, 5),
    ],
)
def test_as_many_workers_as_help(asked: int, pictures: int, cores: int, count: int) -> None:
    assert worker_count(asked, pictures, cores) == count


def test_another_model_takes_the_place_of_the_last(work: Any, photos: list[Photo]) -> None:
    from dataclasses import replace

    (task, *_) = tasks_of(photos[:2])
    look(work.problem, task)
    first = measuring._last
    look(work.problem, task)
    assert measuring._last is first
    look(replace(work.problem, sha256="another"), task)
    assert measuring._last is not first


@pytest.mark.slow
def test_ios_is_the_same_in_other_processes_since_torch_has_one_thread(
    small: tuple[Path, list[Path]], photos: list[Photo]
) -> None:
    torch = pytest.importorskip("torch")
    opened = open_bundle(small[1][2])
    work, before = work_of("ios", opened.model_path, opened.spec), torch.get_num_threads()
    some = photos[: 2 * AT_ONCE]
    seen = []
    for count in (1, 2):
        with begun(work, some, count, "", silent) as end:
            seen.append(facts(end()))
    assert seen[0] == seen[1]
    threads: list[int] = []
    run = mil.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mil, "run", lambda *given: threads.append(torch.get_num_threads()) or run(*given))
        width, height = opened.spec.input.size_wh
        runtime_for("ios", opened.model_path, threads=1).run(np.zeros((height, width, 3), np.float32))
    assert (threads, torch.get_num_threads()) == ([1], before)


# The command


def annotated(photos: list[Photo], folder: Path) -> Path:
    """A COCO file of the pictures."""
    images = [{"id": photo.image_id, "file_name": photo.path.name, "width": 80, "height": 60} for photo in photos]
    people = [
        {"id": 2 * number + place, "image_id": photo.image_id, "category_id": 1, "area": person.area, "iscrowd": 0,
         "bbox": [person.box_xyxy[0], person.box_xyxy[1], 40, 30], "num_keypoints": 2,
         "keypoints": np.asarray(person.keypoints).ravel().tolist()}
        for number, photo in enumerate(photos) for place, person in enumerate(photo.people)
    ]  # fmt: skip
    path = folder / "people.json"
    categories = [{"id": 1, "name": "person"}]
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": categories}))
    return path


def test_validate_says_the_same_with_any_number_of_workers(
    packaged: Path, photos: list[Photo], tmp_path: Path, run_posekit: Callable[..., Run]
) -> None:
    people = annotated(photos, tmp_path)
    command = ("validate", packaged, "--images", photos[0].path.parent, "--annotations", people, "--json")
    one, two = (run_posekit(*command, "--workers", count) for count in (1, 2))
    assert one.code == 0
    assert one.out == two.out
    found = json.loads(one.out)
    assert found["accuracy"]["packaged"]["people"] == PEOPLE * (PICTURES - 1)
    assert found["warnings"] == [
        f"1 of {PICTURES} pictures left out: {photos[BAD].path} cannot be read as a picture: it is damaged or cut short"
    ]


def test_what_cannot_be_read_at_all_is_refused_at_once(
    packaged: Path, photos: list[Photo], tmp_path: Path, refused: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "images").mkdir()
    bad = tmp_path / "images" / photos[BAD].path.name
    bad.write_bytes(photos[BAD].path.read_bytes())
    people = annotated([photos[BAD]], tmp_path)
    refused(2, "validate", packaged, "--images", bad.parent, "--annotations", people,
            says=("none of the 1 pictures can be read",))  # fmt: skip


@pytest.mark.parametrize("option", [("--workers", 2), ("--scheduler", "tcp://127.0.0.1:1")])
def test_workers_are_for_pictures(option: Any, packaged: Path, refused: Callable[..., dict[str, Any]]) -> None:
    refused(2, "validate", packaged, *option, says=("--workers and --scheduler are for many pictures",))
