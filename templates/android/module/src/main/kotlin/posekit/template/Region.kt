// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.atan2
import kotlin.math.cos
import kotlin.math.floor
import kotlin.math.hypot
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/**
 * A rectangle of the upright image, the part in which the model looks for one person.
 *
 * @property centerX x of its centre, source px.
 * @property centerY y of its centre, source px; y points down.
 * @property width width before turning, source px.
 * @property height height before turning, source px.
 * @property rotationDegrees turn about the centre, clockwise as seen.
 */
public data class Region(
    public val centerX: Double,
    public val centerY: Double,
    public val width: Double,
    public val height: Double,
    public val rotationDegrees: Double = 0.0,
) {
    init {
        require(
            centerX.isFinite() && centerY.isFinite() && rotationDegrees.isFinite() &&
                width.isFinite() && height.isFinite() && width > 0 && height > 0,
        ) { "a region needs finite numbers and a positive size, got $this" }
    }
}

/**
 * How a region comes from points of a person or of a hand; see [region].
 *
 * @property first place of a point among the points.
 * @property second place of another; the vector to it is turned to [targetDegrees].
 * @property scale by how much the region is grown.
 * @property shift by how much of its height the region is moved along its own y axis.
 * @property targetDegrees counter-clockwise from the x axis; 90 is up.
 * @property withSecond further places, the vector then goes to the mean of all; one that is named twice counts twice.
 * @property among places of points whose extent along the turned axes is the region's.
 */
public data class PointsRule(
    public val first: Int,
    public val second: Int,
    public val scale: Double,
    public val shift: Double = 0.0,
    public val targetDegrees: Double = 90.0,
    public val withSecond: List<Int> = emptyList(),
    public val among: List<Int> = emptyList(),
) {
    /**
     * The square region, turned, about the first point, whose half side is the second one's distance, times [scale].
     *
     * [coordinates] hold [dimensions] numbers a point, px of the upright image. With a [box] the square is about its
     * middle and as large as its longer side; with points [among] the same of their extent. Null where both points are
     * one place, or too far away.
     */
    @JvmOverloads
    public fun region(coordinates: DoubleArray, dimensions: Int = 2, box: Box? = null): Region? {
        val x = coordinates[first * dimensions]
        val y = coordinates[first * dimensions + 1]
        val leads = listOf(second) + withSecond
        val alongX = leads.sumOf { coordinates[it * dimensions] } / leads.size - x
        val alongY = leads.sumOf { coordinates[it * dimensions + 1] } / leads.size - y
        val distance = 2 * hypot(alongX, alongY)
        if (!(distance in SMALLEST_PX..FARTHEST_PX && abs(x) <= FARTHEST_PX && abs(y) <= FARTHEST_PX)) return null
        val turn = targetDegrees - atan2(-alongY, alongX) * 180 / Math.PI
        val degrees = turn - 360 * floor((turn + 180) / 360)
        if (box != null) {
            if (!box.isSound) return null
            val height = box.bottom - box.top
            val side = max(box.right - box.left, height)
            return square((box.left + box.right) / 2, (box.top + box.bottom) / 2, height, side, degrees)
        }
        if (among.isEmpty()) return square(x, y, distance, distance, degrees)
        return extent(coordinates, dimensions, x, y, degrees)
    }

    /** Of the points [among] along axes turned by [degrees] about ([x], [y]). */
    private fun extent(coordinates: DoubleArray, dimensions: Int, x: Double, y: Double, degrees: Double): Region? {
        val sine = sin(degrees * Math.PI / 180)
        val cosine = cos(degrees * Math.PI / 180)
        var left = Double.POSITIVE_INFINITY
        var top = Double.POSITIVE_INFINITY
        var right = Double.NEGATIVE_INFINITY
        var bottom = Double.NEGATIVE_INFINITY
        for (place in among) {
            val dx = coordinates[place * dimensions] - x
            val dy = coordinates[place * dimensions + 1] - y
            val across = dx * cosine + dy * sine
            val down = dy * cosine - dx * sine
            left = min(left, across)
            right = max(right, across)
            top = min(top, down)
            bottom = max(bottom, down)
        }
        val u = (left + right) / 2
        val v = (top + bottom) / 2
        val middleX = x + u * cosine - v * sine
        val middleY = y + u * sine + v * cosine
        val side = max(right - left, bottom - top)
        val isNear = abs(middleX) <= FARTHEST_PX && abs(middleY) <= FARTHEST_PX
        if (!(side in SMALLEST_PX..FARTHEST_PX && isNear)) return null
        return square(middleX, middleY, bottom - top, side, degrees)
    }

    private fun square(x: Double, y: Double, height: Double, side: Double, degrees: Double): Region {
        val angle = degrees * Math.PI / 180
        val away = shift * height
        return Region(x - away * sin(angle), y + away * cos(angle), side * scale, side * scale, degrees)
    }
}

internal const val FARTHEST_PX: Double = 1e7
private const val SMALLEST_PX = 1e-3

/** Whether a box can be a person's. */
internal val Box.isSound: Boolean
    get() = listOf(left, top, right, bottom).all { abs(it) <= FARTHEST_PX } &&
        right - left >= SMALLEST_PX && bottom - top >= SMALLEST_PX
