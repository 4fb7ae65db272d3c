"""How pytest-xdist gives tests to workers: by groups, and going on when a worker crashes."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController


class GroupsThatSurvive(LoadGroupScheduling):
    """As `--dist loadgroup` of pytest-xdist 3.8, which waits for ever after a crash (its issues 1323, 1327 and 1378).

    It gives out again all that the dead worker had done, as units without a test that nobody answers; and it gives
    the new worker one test, which a worker begins only when it hears what follows. Remove this with the release that
    mends both.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        """Take from a worker what it has not done; the test that it died of is not run again."""
        workload = self.assigned_work.pop(node)
        undone = [(tests, test) for tests in workload.values() for test, is_done in tests.items() if not is_done]
        if not undone:
            return None
        tests, crashed = undone[0]
        tests[crashed] = True
        self.workqueue.update((scope, tests) for scope, tests in workload.items() if not all(tests.values()))
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Not while a replacement still collects: it is given work when it has."""
        if node in self.registered_collections:
            super()._reschedule(node)

    def schedule(self) -> None:
        """Give out work; to the one that takes a dead worker's place as to those that begin: two units."""
        super().schedule()
        for node in self.nodes:
            self._reschedule(node)


@pytest.hookimpl(optionalhook=True)  # asked by pytest-xdist alone
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupsThatSurvive | None:
    """For conftest.py: what pytest-xdist distributes the tests with, where they go by groups."""
    return GroupsThatSurvive(config, log) if config.getvalue("dist") == "loadgroup" else None
