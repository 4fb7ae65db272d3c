// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max

/**
 * The column of each row so that the sum of [cost] is least; rows beyond the columns get numbers from [columns] on.
 *
 * Of several such assignments the one counts in which the first row has the lowest column, then the second, and so on.
 */
internal fun assigned(rows: Int, columns: Int, cost: (Int, Int) -> Long): IntArray {
    // rows and columns that fill up to a square cost nothing: how many of them are assigned is always the same
    val size = max(rows, columns)
    val costs = Array(size) { r -> LongArray(size) { c -> if (r < rows && c < columns) cost(r, c) else 0L } }
    return Assignment(costs).earliest(rows)
}

/** An assignment of least total, found by shortest augmenting paths, and what may be changed in it at no cost. */
private class Assignment(private val costs: Array<LongArray>) {
    private val size = costs.size
    private val ofRow = LongArray(size + 1)
    private val ofColumn = LongArray(size + 1)
    private val owner = IntArray(size + 1) // of each column; place 0 is the row that has none yet

    init {
        for (row in 1..size) add(row)
    }

    private fun add(row: Int) {
        val slack = LongArray(size + 1) { Long.MAX_VALUE }
        val before = IntArray(size + 1)
        val seen = BooleanArray(size + 1)
        owner[0] = row
        var column = 0
        while (owner[column] != 0) {
            seen[column] = true
            val current = owner[column]
            var step = Long.MAX_VALUE
            var following = 0
            for (other in 1..size) {
                if (seen[other]) continue
                val cost = costs[current - 1][other - 1] - ofRow[current] - ofColumn[other]
                if (cost < slack[other]) {
                    slack[other] = cost
                    before[other] = column
                }
                if (slack[other] < step) {
                    step = slack[other]
                    following = other
                }
            }
            for (other in 0..size) {
                if (seen[other]) {
                    ofRow[owner[other]] += step
                    ofColumn[other] -= step
                } else {
                    slack[other] -= step
                }
            }
            column = following
        }
        while (column != 0) {
            owner[column] = owner[before[column]]
            column = before[column]
        }
    }

    private fun isTight(row: Int, column: Int): Boolean = costs[row - 1][column - 1] == ofRow[row] + ofColumn[column]

    /** The lowest column for each row in turn that leaves the others a column at no cost. */
    fun earliest(rows: Int): IntArray {
        val closed = BooleanArray(size + 1)
        return IntArray(rows) { at ->
            val row = at + 1
            val column = (1..size).first { candidate ->
                isTight(row, candidate) && !closed[candidate] && takes(row, candidate, closed)
            }
            owner[column] = row
            closed[column] = true
            column - 1
        }
    }

    /** Whether whoever owns [column] finds another one, which [row] or others give up. */
    private fun takes(row: Int, column: Int, closed: BooleanArray): Boolean {
        val seen = closed.copyOf().also { it[column] = true }
        return owner[column] == row || moves(owner[column], row, seen)
    }

    private fun moves(row: Int, givenUpBy: Int, seen: BooleanArray): Boolean {
        for (column in 1..size) {
            if (seen[column] || !isTight(row, column)) continue
            seen[column] = true
            if (owner[column] == givenUpBy || moves(owner[column], givenUpBy, seen)) {
                owner[column] = row
                return true
            }
        }
        return false
    }
}
