// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * From a candidate's numbers to input px: px = (number + [x] or [y]) * [scaleX] or [scaleY]; [find] sets them.
 *
 * They count in cells, in px from the anchor, in anchors, or from the input's corner, where [x] and [y] stay 0.
 */
internal class Frame private constructor(
    private val grid: Grid,
    val unit: LengthUnit,
    private val shift: Double,
    var scaleX: Double,
    var scaleY: Double,
) {
    var x: Double = 0.0
        private set
    var y: Double = 0.0
        private set

    /** Looks up the candidate at [place]. */
    fun find(place: Int) {
        if (!unit.isOnLevels) return
        grid.find(place)
        x = grid.column + shift
        y = grid.row + shift
        if (unit == LengthUnit.CELLS) {
            scaleX = grid.pitchX
            scaleY = grid.pitchY
            return
        }
        if (unit == LengthUnit.ANCHORS) {
            scaleX = grid.anchorWidth
            scaleY = grid.anchorHeight
        }
        x *= grid.pitchX / scaleX
        y *= grid.pitchY / scaleY
    }

    companion object {
        /** The frame that the settings `[role].unit` and `[role].shift` tell of. */
        fun of(settings: DecoderSettings, role: String, grid: Grid): Frame {
            val unit = settings.choice<LengthUnit>("$role.unit")
            if (unit.isOnLevels && grid.isEmpty) throw settings.wrong("strides", "those of the levels")
            if (unit == LengthUnit.ANCHORS && !grid.hasSizes) {
                throw settings.wrong("anchors.widths", "those of the anchors of a cell")
            }
            val shrink = settings.inputAlignment.shrink
            return Frame(
                grid, unit, settings.number("$role.shift"),
                unit.scale(settings.inputWidth - shrink), unit.scale(settings.inputHeight - shrink),
            )
        }
    }
}

/** Keypoints of candidates; in cells x is (factor * number + column + shift) * stride, y alike. */
internal class CandidateKeypoints private constructor(
    val role: Role,
    private val fields: List<Field>,
    private val factor: Double,
    private val frame: Frame,
    private val activation: ScoreActivation,
    private val keypointCount: Int,
) {
    enum class Field { X, Y, SCORE, SKIP }

    private val xAt = fields.indexOf(Field.X)
    private val yAt = fields.indexOf(Field.Y)
    private val scoreAt = fields.indexOf(Field.SCORE)

    /** Writes x and y of each keypoint of the candidate at [place], input px, into [into] from [at] on. */
    fun read(place: Int, into: DoubleArray, at: Int) {
        frame.find(place)
        for (k in 0 until keypointCount) {
            val field = k * fields.size
            into[at + 2 * k] = (factor * role.at(place, field + xAt) + frame.x) * frame.scaleX
            into[at + 2 * k + 1] = (factor * role.at(place, field + yAt) + frame.y) * frame.scaleY
        }
    }

    /** The scores of the candidate at [place]; [confidence], its person's, where the model gives none. */
    fun scores(place: Int, confidence: Double): DoubleArray = DoubleArray(keypointCount) { k ->
        if (scoreAt < 0) confidence else activation.of(role.at(place, k * fields.size + scoreAt).toDouble())
    }

    companion object {
        fun of(settings: DecoderSettings, axes: Axes, grid: Grid): CandidateKeypoints {
            val fields = settings.choices<Field>("keypoints.fields")
            if (Field.entries.any { it != Field.SKIP && fields.count(it::equals) > 1 } || !fields.containsAll(XY)) {
                throw settings.wrong("keypoints.fields", "x and y once, score at most once")
            }
            val frame = Frame.of(settings, "keypoints", grid)
            if (frame.unit == LengthUnit.ANCHORS) throw settings.wrong("keypoints.unit", "px, cells or 0 to 1")
            return CandidateKeypoints(
                role = Role.of(settings, "keypoints", settings.keypointCount * fields.size, axes),
                fields = fields,
                factor = if (frame.unit == LengthUnit.CELLS) settings.number("keypoints.factor") else 1.0,
                frame = frame,
                activation = settings.choice("keypoints.activation"),
                keypointCount = settings.keypointCount,
            )
        }

        private val XY = listOf(Field.X, Field.Y)
    }
}
