"""Plant many faults: `python -m tests.faults COUNT [FIRST]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.faults.trying import Tally, made, made_small, tried


def main() -> None:
    """Plant COUNT faults from number FIRST on, half in fp32 bundles and half in compressed ones; end with 1 where one
    passes."""
    count = int(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    middle = first + count // 2
    with tempfile.TemporaryDirectory() as scratch:
        tallies = []
        for make, seeds in ((made, range(first, middle)), (made_small, range(middle, first + count))):
            folder = Path(scratch) / make.__name__
            folder.mkdir()
            source, bundles = make(folder)
            tallies.append(tried(bundles, source, seeds))
    sys.exit(bool(_told(tallies, count)))


def _told(tallies: list[Tally], count: int) -> int:
    """Print what was planted and what passed; how many passed."""
    unseen = [one for tally in tallies for one in tally.unseen]
    by_source = [one for tally in tallies for one in tally.by_source]
    for kind in sorted({kind for tally in tallies for kind in tally.planted}):
        number = sum(tally.planted[kind] for tally in tallies)
        counts = [sum(one.partition(", ")[2].startswith(f"{kind}:") for one in some) for some in (by_source, unseen)]
        print(f"{number:5} {kind}: {counts[0]} seen with --source alone, {counts[1]} unseen")
    print(f"seen with --source alone: {len(by_source)}", *by_source, sep="\n  ")
    print(f"unseen: {len(unseen)} of {count}", *unseen, sep="\n  ")
    return len(unseen)


if __name__ == "__main__":
    main()
