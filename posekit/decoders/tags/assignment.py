"""Rows to columns at the least total cost (Kuhn 1955), with a rule for ties, in whole numbers that never round.

Of the assignments whose total is least, the one counts in which the first row has the lowest column, among those the
one in which the second row has the lowest column, and so on. Mirrored by Assignment in Kotlin and Swift.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.int64]


def assigned(costs: Costs) -> list[int]:
    """The column of each row of `costs` (rows, columns); rows beyond the columns get numbers from `columns` on, which
    stand for no column. As many are assigned as can be."""
    rows, columns = costs.shape
    first = costs.argmin(axis=1)
    if len(set(first.tolist())) == rows:  # nobody wants another's: no total is less, and no column is lower
        return [int(column) for column in first]
    # rows and columns that fill up to a square cost nothing: how many of them are assigned is always the same
    size = max(rows, columns)
    square = np.zeros((size, size), np.int64)
    square[:rows, :columns] = costs
    return _earliest(*_least(square.tolist()), rows)


def _least(costs: list[list[int]]) -> tuple[list[list[bool]], list[int]]:
    """Which cells an assignment of least total may use, and the row of each column in one of them.

    The shortest augmenting path from each row in turn; place 0 stands for the row that has no column yet.
    """
    size = len(costs)
    of_row, of_column = [0] * (size + 1), [0] * (size + 1)
    owner = [0] * (size + 1)
    for row in range(1, size + 1):
        owner[0], column = row, 0
        slack, before, seen = [2**62] * (size + 1), [0] * (size + 1), [False] * (size + 1)
        while owner[column]:
            seen[column] = True
            current, step, following = owner[column], 2**62, 0
            for other in range(1, size + 1):
                if seen[other]:
                    continue
                cost = costs[current - 1][other - 1] - of_row[current] - of_column[other]
                if cost < slack[other]:
                    slack[other], before[other] = cost, column
                if slack[other] < step:
                    step, following = slack[other], other
            for other in range(size + 1):
                if seen[other]:
                    of_row[owner[other]] += step
                    of_column[other] -= step
                else:
                    slack[other] -= step
            column = following
        while column:
            owner[column] = owner[before[column]]
            column = before[column]
    tight = [[costs[r][c] == of_row[r + 1] + of_column[c + 1] for c in range(size)] for r in range(size)]
    return tight, [row - 1 for row in owner[1:]]


def _earliest(tight: list[list[bool]], owner: list[int], rows: int) -> list[int]:
    """The lowest column for each row in turn that leaves the others a column: any way through `tight` costs the same.

    owner: the row of each column in one of these ways; it is written over.
    """
    size, closed = len(owner), [False] * len(owner)

    def moved(row: int, given_up_by: int, seen: list[bool]) -> bool:
        """Whether `row` finds another column, of which one is given up."""
        for column in range(size):
            if tight[row][column] and not seen[column]:
                seen[column] = True
                if owner[column] == given_up_by or moved(owner[column], given_up_by, seen):
                    owner[column] = row
                    return True
        return False

    chosen = []
    for row in range(rows):
        for column in range(size):
            if not tight[row][column] or closed[column]:
                continue
            others = closed.copy()
            others[column] = True
            if owner[column] == row or moved(owner[column], row, others):
                owner[column] = row
                closed[column] = True
                chosen.append(column)
                break
    return chosen
