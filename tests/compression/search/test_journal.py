"""The journal of a search: what is written is read, what is damaged is refused, and a kill leaves it whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from posekit.compression.search import journal
from posekit.compression.search.trial import Trial
from posekit.contract.recipe import Recipe
from posekit.errors import InputError
from posekit.parity.quality import Quality

TRIALS = [
    Trial(Recipe(precision="w8"), 100, Quality(3, 0.99, 0.9, 0.5, 1.0, 0.8, 0.9, 0.1, 0.0), (("a", 10, 8.0),), "", 0.5),
    Trial(Recipe(precision="w4", layers={"a": "w8"}), failure="planted"),
]


def write(path: Path, problem: str, trials: Sequence[Trial], later: Sequence[Trial] = ()) -> None:
    with journal.writing(path, problem, trials) as keep:
        for trial in later:
            keep(trial)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "search.json"
    write(path, "p", TRIALS[:1], TRIALS[1:])
    assert journal.read(path, "p") == TRIALS
    assert [one.name for one in path.parent.iterdir()] == ["search.json"]


def test_every_trial_is_on_disk_as_it_comes(tmp_path: Path) -> None:
    with journal.writing(tmp_path / "s", "p", []) as keep:
        for count, trial in enumerate(TRIALS, 1):
            keep(trial)
            assert journal.read(tmp_path / "s", "p") == TRIALS[:count]


def test_another_problems_trials_are_not_used(tmp_path: Path) -> None:
    write(tmp_path / "s", "p", TRIALS)
    assert journal.read(tmp_path / "s", "q") == []
    assert journal.read(tmp_path / "none", "p") == []


def test_wherever_a_kill_cut_the_file_the_whole_trials_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write(path, "p", TRIALS)
    content = path.read_bytes()
    head = content.index(b"\n") + 1
    for length in (*range(head, len(content), 11), len(content) - 1):
        path.write_bytes(content[:length])
        assert journal.read(path, "p") == TRIALS[: content[head:length].count(b"\n")]


def test_a_second_search_does_not_write_into_the_firsts_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with journal.writing(path, "p", []) as keep:
        write(path, "q", TRIALS[:1])
        keep(TRIALS[1])
    assert journal.read(path, "q") == TRIALS[:1]


def damaged(change: Any) -> str:
    document = {"head": {"schema": 1, "problem": "p"}, "trials": [trial.as_json() for trial in TRIALS]}
    change(document)
    return "".join(json.dumps(line) + "\n" for line in (document["head"], *document["trials"]))


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", "\0" * 100, "[" * 50_000, '{"schema": 1}', "\n",
        damaged(lambda d: d["head"].update(schema=2)),
        damaged(lambda d: d["head"].update(problem=3)),
        damaged(lambda d: d["trials"].insert(0, 3)),
        damaged(lambda d: d["trials"][0].update(size=-1)),
        damaged(lambda d: d["trials"][0].update(size="1")),
        damaged(lambda d: d["trials"][0]["quality"].update(oks=None)),
        damaged(lambda d: d["trials"][0]["recipe"].update(precision="int8")),
        damaged(lambda d: d["trials"][0].pop("layers")),
        damaged(lambda d: d["trials"][0].update(layers=[["a", "b", "c"]])),
        damaged(lambda d: None).replace('"size"', '"size', 1),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "search.json"
    path.write_text(text)
    with pytest.raises(InputError, match="cannot be resumed") as caught:
        journal.read(path, "p")
    assert caught.value.hint == "delete it to search from the start"
    assert path.read_text() == text
