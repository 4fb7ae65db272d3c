"""How many worker processes look at pictures, and those that start before this process knows what they will look at.

Nothing here imports much: a worker then imports what it needs while this process does.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from posekit.pipelines.validate_options import ValidateOptions
from posekit.runtimes.workers.processes import Staff, cores, hired

WORTH_A_WORKER = 40  # pictures; fewer are done before another process has started
MOST = 16  # worker processes where nothing is said
LOOKING = "posekit.pipelines.measuring"  # what a worker needs


def worker_count(asked: int, pictures: int, cores: int) -> int:
    """Worker processes that help, 1 for none but this one; asked: 0 where it is not said."""
    return asked or max(min(cores, MOST, pictures // WORTH_A_WORKER), 1)


@contextlib.contextmanager
def ahead(options: ValidateOptions) -> Iterator[Staff]:
    """The worker processes that the pictures of `validate` will want, by the number of files in their folder."""
    files = 0
    if options.images is not None and not options.workers:
        with contextlib.suppress(OSError):  # said where the pictures are read
            files = sum(1 for _ in itertools.islice(options.images.rglob("*"), MOST * WORTH_A_WORKER))
    count = 1 if options.images is None or options.scheduler else worker_count(options.workers, files, cores())
    with hired(count if count > 1 else 0, LOOKING) as staff:
        yield staff
