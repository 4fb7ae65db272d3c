// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * The person of whom [found] says which keypoints the network found, at least one.
 *
 * A keypoint that was not found has score 0 and lies in the middle of those that were: its place says nothing, but
 * nothing that draws, tracks or averages meets a hole. The box is the extent of those that were found.
 *
 * @param coordinates x, y of each keypoint in turn; those that were not found are written over.
 */
internal fun partialPerson(
    coordinates: DoubleArray,
    found: BooleanArray,
    scores: DoubleArray,
    confidence: Double,
): Person {
    val there = found.indices.filter { found[it] }
    val middleX = there.sumOf { coordinates[2 * it] } / there.size
    val middleY = there.sumOf { coordinates[2 * it + 1] } / there.size
    for (keypoint in found.indices.filterNot { found[it] }) {
        coordinates[2 * keypoint] = middleX
        coordinates[2 * keypoint + 1] = middleY
        scores[keypoint] = 0.0
    }
    val box = Box(
        left = there.minOf { coordinates[2 * it] },
        top = there.minOf { coordinates[2 * it + 1] },
        right = there.maxOf { coordinates[2 * it] },
        bottom = there.maxOf { coordinates[2 * it + 1] },
    )
    return Person(coordinates, scores, confidence, box)
}
