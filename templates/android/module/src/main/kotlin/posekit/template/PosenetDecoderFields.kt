// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor

/** Heat, offsets and displacements, the last two in cells: each map of pairs has one axis first, then the other. */
internal class PosenetDecoderFields private constructor(
    val heat: MapRole,
    private val offsets: MapRole,
    private val forward: MapRole?,
    private val backward: MapRole?,
    private val axes: Order,
    private val activation: ScoreActivation,
) {
    enum class Order { YX, XY }

    /** What offsets and displacements count. */
    enum class PairUnit { INPUT_PX, CELLS }

    val roles: List<MapRole> = listOfNotNull(heat, offsets, forward, backward)
    val width: Int get() = heat.width
    val height: Int get() = heat.height
    val keypointCount: Int get() = heat.count

    fun bind(outputs: Map<String, Tensor>): Unit = MapRole.bind(roles, outputs)

    /** What a heat stands for. */
    fun score(raw: Double): Double = activation.of(raw)

    /** The column nearest to a place; a half goes up. */
    fun nearestX(x: Double): Int = floor(x + 0.5).coerceIn(0.0, width - 1.0).toInt()

    fun nearestY(y: Double): Int = floor(y + 0.5).coerceIn(0.0, height - 1.0).toInt()

    /** x of the nearest place that is not beyond the outermost cells. */
    fun withinX(x: Double): Double = x.coerceIn(0.0, width - 1.0)

    fun withinY(y: Double): Double = y.coerceIn(0.0, height - 1.0)

    fun offsetX(x: Int, y: Int, keypoint: Int): Double = offsets.at(x, y, channelX(offsets, keypoint))

    fun offsetY(x: Int, y: Int, keypoint: Int): Double = offsets.at(x, y, channelY(offsets, keypoint))

    /** x of the displacement along [edge], to the child or back. */
    fun moveX(x: Int, y: Int, edge: Int, isForward: Boolean): Double =
        moves(isForward).let { it.at(x, y, channelX(it, edge)) }

    fun moveY(x: Int, y: Int, edge: Int, isForward: Boolean): Double =
        moves(isForward).let { it.at(x, y, channelY(it, edge)) }

    fun heatBetween(x: Double, y: Double, keypoint: Int): Double = heat.between(x, y, keypoint)

    fun offsetXBetween(x: Double, y: Double, keypoint: Int): Double =
        offsets.between(x, y, channelX(offsets, keypoint))

    fun offsetYBetween(x: Double, y: Double, keypoint: Int): Double =
        offsets.between(x, y, channelY(offsets, keypoint))

    fun moveXBetween(x: Double, y: Double, edge: Int, isForward: Boolean): Double =
        moves(isForward).let { it.between(x, y, channelX(it, edge)) }

    fun moveYBetween(x: Double, y: Double, edge: Int, isForward: Boolean): Double =
        moves(isForward).let { it.between(x, y, channelY(it, edge)) }

    private fun moves(isForward: Boolean): MapRole = checkNotNull(if (isForward) forward else backward)

    private fun channelX(role: MapRole, pair: Int): Int = if (axes == Order.XY) pair else role.count / 2 + pair

    private fun channelY(role: MapRole, pair: Int): Int = if (axes == Order.YX) pair else role.count / 2 + pair

    companion object {
        fun of(settings: DecoderSettings, stride: Int, isTree: Boolean): PosenetDecoderFields {
            val scale = if (settings.choice<PairUnit>("unit") == PairUnit.INPUT_PX) 1.0 / stride else 1.0
            val edges = settings.integers("parents").size
            val count = settings.keypointCount
            return PosenetDecoderFields(
                heat = MapRole.of(settings, "heatmaps", count),
                offsets = MapRole.of(settings, "offsets", 2 * count, scale),
                forward = if (isTree) MapRole.of(settings, "forward", 2 * edges, scale) else null,
                backward = if (isTree) MapRole.of(settings, "backward", 2 * edges, scale) else null,
                axes = settings.choice("axes"),
                activation = settings.choice("activation"),
            )
        }
    }
}
