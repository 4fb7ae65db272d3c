// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp

private const val BOX = 4 // numbers of a box

/** From a candidate's numbers to input px: px = (number + [x] or [y]) * [scaleX] or [scaleY]; [find] sets them. */
internal class Frame private constructor(
    private val grid: Grid?,
    private val shift: Double,
    var scaleX: Double,
    var scaleY: Double,
) {
    /** The anchor, in cells; 0 for numbers that count from the input's corner. */
    var x: Double = 0.0
        private set
    var y: Double = 0.0
        private set

    val isInCells: Boolean get() = grid != null

    /** Looks up the candidate at [place]. */
    fun find(place: Int) {
        if (grid == null) return
        grid.find(place)
        x = grid.column + shift
        y = grid.row + shift
        scaleX = grid.stride.toDouble()
        scaleY = scaleX
    }

    companion object {
        /** The frame that the settings `[role].unit` and `[role].shift` tell of. */
        fun of(settings: DecoderSettings, role: String, grid: Grid): Frame {
            val unit = settings.choice<LengthUnit>("$role.unit")
            val isInCells = unit == LengthUnit.CELLS
            if (isInCells && grid.isEmpty) throw settings.wrong("strides", "those of the levels")
            val shrink = settings.inputAlignment.shrink
            return Frame(
                grid.takeIf { isInCells }, settings.number("$role.shift"),
                unit.scale(settings.inputWidth - shrink), unit.scale(settings.inputHeight - shrink),
            )
        }
    }
}

/** Boxes of candidates. LTRB: distances from the anchor to the sides; CXCYWH_EXP has the logarithms of the sides. */
internal class CandidateBoxes private constructor(
    val role: Role,
    private val format: Format,
    private val frame: Frame,
) {
    enum class Format { XYXY, YXYX, XYWH, CXCYWH, LTRB, CXCYWH_EXP }

    /** Writes x1, y1, x2, y2 of the candidate at [place], input px, into [into] from [at] on. */
    fun read(place: Int, into: DoubleArray, at: Int) {
        frame.find(place)
        val firstX = if (format == Format.YXYX) 1 else 0
        readAxis(place, firstX, frame.x, frame.scaleX, into, at)
        readAxis(place, 1 - firstX, frame.y, frame.scaleY, into, at + 1)
    }

    private fun readAxis(place: Int, axis: Int, anchor: Double, scale: Double, into: DoubleArray, at: Int) {
        val first = role.at(place, axis).toDouble()
        val second = role.at(place, axis + 2).toDouble()
        if (format == Format.LTRB) {
            into[at] = (anchor - first) * scale
            into[at + 2] = (anchor + second) * scale
            return
        }
        val start = (first + anchor) * scale
        val length = (if (format == Format.CXCYWH_EXP) exp(second) else second) * scale
        val isCenter = format == Format.CXCYWH || format == Format.CXCYWH_EXP
        into[at] = if (isCenter) start - length / 2 else start
        into[at + 2] = when {
            isCenter -> start + length / 2
            format == Format.XYWH -> start + length
            else -> length // corners: where it ends
        }
    }

    companion object {
        fun of(settings: DecoderSettings, axes: Axes, grid: Grid): CandidateBoxes {
            val format = settings.choice<Format>("boxes.format")
            val frame = Frame.of(settings, "boxes", grid)
            val isOfCells = format == Format.LTRB || format == Format.CXCYWH_EXP
            if (format != Format.CXCYWH && frame.isInCells != isOfCells) {
                throw settings.wrong("boxes.unit", "${if (isOfCells) "" else "not "}cells with boxes of that format")
            }
            return CandidateBoxes(Role.of(settings, "boxes", BOX, axes), format, frame)
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
            return CandidateKeypoints(
                role = Role.of(settings, "keypoints", settings.keypointCount * fields.size, axes),
                fields = fields,
                factor = if (frame.isInCells) settings.number("keypoints.factor") else 1.0,
                frame = frame,
                activation = settings.choice("keypoints.activation"),
                keypointCount = settings.keypointCount,
            )
        }

        private val XY = listOf(Field.X, Field.Y)
    }
}
