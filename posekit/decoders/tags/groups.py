"""Peaks to people by their tags: numbers that are alike for the keypoints of one person (Newell et al. 2017).

Keypoint by keypoint, peaks are assigned to the people whose mean tag is near. Costs are whole distances, so that many
assignments cost the same, and the tie rule of assignment.py decides. The published cost also takes the score of each
peak off; every peak is in every assignment, so that it changes nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from posekit.decoders.peaks import Peaks
from posekit.decoders.tags.assignment import assigned
from posekit.decoders.upsampled import Places
from posekit.documents import Part
from posekit.poses import Floats

FAR = 1_000_000  # tags further apart than that are as far as they can be
MostPeople = Annotated[int, Field(ge=1, le=200)]


class GroupsSpec(Part):
    """threshold: a peak joins a person whose mean tag is nearer than that. most_people: only that many people, the
    first ones that were started, are joined by peaks. beyond: whether more people `stay`, are left out (`drop`), or
    whether grouping ends there (`stop`). same_tag: whether a new person whose first tag is exactly that of another one
    is that person (`same`), as in published code whose people are keyed by it, or `another`.
    """

    threshold: Annotated[float, Field(gt=0, le=1000)] = 1.0
    most_people: MostPeople = 30
    beyond: Literal["stay", "drop", "stop"] = "stay"
    same_tag: Literal["same", "another"] = "same"


class _Person:
    """peaks: by keypoint. total: of `count` tags, whose mean is the person's."""

    def __init__(self, key: float) -> None:
        self.key = key
        self.peaks: dict[int, int] = {}
        self.total: Floats = np.zeros(0)
        self.count = 0


def grouped(peaks: Peaks, tags: Floats, order: Sequence[int], count: int, spec: GroupsSpec) -> Places:
    """The peak of each keypoint of each person (P, K), -1 for none, people as they were started.

    tags: of the peaks (N, D). order: in which keypoints are looked at.
    """
    people: list[_Person] = []
    for keypoint in order:
        own = range(*np.searchsorted(peaks.channels, [keypoint, keypoint + 1]).tolist())
        if not own or (spec.beyond == "stop" and len(people) >= spec.most_people):
            continue
        joined = people[: spec.most_people]
        for peak, person in zip(own, _partners(tags[own.start : own.stop], joined, spec.threshold), strict=True):
            _join(people, keypoint, peak, tags[peak], None if person is None else joined[person], spec)
    if spec.beyond == "drop":
        people = people[: spec.most_people]
    return np.array([[one.peaks.get(k, -1) for k in range(count)] for one in people], np.intp).reshape(-1, count)


def _partners(tags: Floats, people: list[_Person], threshold: float) -> list[int | None]:
    """Which of `people` each peak joins."""
    if not people:
        return [None] * len(tags)
    means = np.stack([one.total / one.count for one in people])
    distances = np.sqrt(((tags[:, None] - means) ** 2).sum(axis=-1))
    columns = assigned(np.minimum(np.rint(distances), FAR).astype(np.int64))  # half to even, as numpy and Python do
    return [
        column if column < len(people) and distances[row, column] < threshold else None
        for row, column in enumerate(columns)
    ]


def _join(
    people: list[_Person], keypoint: int, peak: int, tag: Floats, person: _Person | None, spec: GroupsSpec
) -> None:
    """Add a peak to a person, or start one."""
    if person is None:
        key = float(tag[0])
        same = [one for one in people if one.key == key] if spec.same_tag == "same" else []
        person = same[0] if same else _Person(key)
        if not same:
            people.append(person)
        person.total, person.count = np.zeros_like(tag), 0  # whoever is started again forgets earlier tags
    person.peaks[keypoint] = peak
    person.total, person.count = person.total + tag, person.count + 1
