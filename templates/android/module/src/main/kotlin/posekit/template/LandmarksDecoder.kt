// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.min
import kotlin.math.truncate

/**
 * Landmarks as rows of numbers (1, [rows], fields), of which the first K are the keypoints; sharpened by heatmaps.
 *
 * Source: the published graphs of MediaPipe's pose and hand landmarks (BlazePose, Bazarevsky et al. 2020).
 */
internal class LandmarksDecoder private constructor(
    private val output: String,
    private val rows: Int,
    private val fields: List<Field>,
    private val range: Range,
    private val activation: ScoreActivation,
    private val score: Score,
    private val zFactor: Double,
    private val instance: String?,
    private val instanceActivation: ScoreActivation,
    private val minPresence: Double,
    private val world: String?,
    private val heatmaps: Refinement?,
    input: Pair<Int, Int>,
    private val keypointCount: Int,
) : Decoder {
    enum class Field { X, Y, Z, VISIBILITY, PRESENCE, SKIP }

    /** UNIT: 0 to 1 over the input. */
    enum class Range { INPUT_PX, UNIT }

    /** Which field is a keypoint's score; NONE: how sure the model is of the instance. */
    enum class Score { VISIBILITY, PRESENCE, NONE }

    /** Maps (1, h, w, rows) whose sigmoid is the weight of a cell in the square of [kernel] cells about a landmark. */
    class Refinement(val output: String, val kernel: Int, val minWeight: Double)

    override val outputNames: List<String> = listOfNotNull(output, instance, world, heatmaps?.output)

    private val extentX = input.first.toDouble()
    private val extentY = input.second.toDouble()
    private val xAt = fields.indexOf(Field.X)
    private val yAt = fields.indexOf(Field.Y)
    private val zAt = fields.indexOf(Field.Z)
    private val dimensions = if (zAt >= 0) 3 else 2
    private val place = DoubleArray(2) // x and y of a landmark, 0 to 1 over the input

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireShape(intArrayOf(1, rows, fields.size))
        val metres = world?.let { outputs.finite(it).apply { requireShape(intArrayOf(1, rows, 3)) } }
        val maps = heatmaps?.let { outputs.finite(it.output).apply { requireAxis(rank = 4, axis = 3, count = rows) } }
        val sure = presenceIn(outputs)
        if (instance != null && sure < minPresence) return emptyList()
        val visibility = column(tensor, Field.VISIBILITY)
        val presence = column(tensor, Field.PRESENCE)
        val scores = when (score) {
            Score.VISIBILITY -> visibility?.copyOf()
            Score.PRESENCE -> presence?.copyOf()
            Score.NONE -> null
        } ?: DoubleArray(keypointCount) { sure }
        return listOf(
            Person(
                coordinates = DoubleArray(keypointCount * dimensions).also { fill(it, tensor.values, maps) },
                scores = scores,
                confidence = if (instance == null) scores.average() else sure,
                visibility = visibility,
                presence = presence,
                world = metres?.let { DoubleArray(3 * keypointCount) { at -> it.values[at].toDouble() } },
            ),
        )
    }

    /** How sure the model is of the instance; 1 where it says nothing. */
    private fun presenceIn(outputs: Map<String, Tensor>): Double {
        val tensor = outputs.finite(instance ?: return 1.0)
        tensor.requireShape(intArrayOf(1, 1, 1))
        return instanceActivation.of(tensor.values[0].toDouble())
    }

    private fun column(tensor: Tensor, field: Field): DoubleArray? {
        val at = fields.indexOf(field)
        if (at < 0) return null
        return DoubleArray(keypointCount) { activation.of(tensor.values[it * fields.size + at].toDouble()) }
    }

    private fun fill(coordinates: DoubleArray, values: FloatArray, maps: Tensor?) {
        val isPx = range == Range.INPUT_PX
        for (k in 0 until keypointCount) {
            val row = k * fields.size
            place[0] = values[row + xAt] / (if (isPx) extentX else 1.0)
            place[1] = values[row + yAt] / (if (isPx) extentY else 1.0)
            if (maps != null && heatmaps != null) refine(heatmaps, maps, k)
            coordinates[k * dimensions] = place[0] * extentX
            coordinates[k * dimensions + 1] = place[1] * extentY
            if (zAt >= 0) coordinates[k * dimensions + 2] = values[row + zAt] * zFactor * (if (isPx) 1.0 else extentX)
        }
    }

    /** Moves [place] to the weighted mean of the cells about its own; beyond the map it stays. */
    private fun refine(by: Refinement, maps: Tensor, k: Int) {
        val height = maps.shape[1]
        val width = maps.shape[2]
        val centerX = truncate(place[0] * width)
        val centerY = truncate(place[1] * height)
        if (!(centerX >= 0 && centerX < width && centerY >= 0 && centerY < height)) return
        val reach = by.kernel / 2
        var total = 0.0
        var sumX = 0.0
        var sumY = 0.0
        var most = 0.0
        for (y in max(centerY.toInt() - reach, 0)..min(centerY.toInt() + reach, height - 1)) {
            for (x in max(centerX.toInt() - reach, 0)..min(centerX.toInt() + reach, width - 1)) {
                val weight = sigmoid(maps.values[(y * width + x) * rows + k].toDouble())
                total += weight
                sumX += weight * x
                sumY += weight * y
                most = max(most, weight)
            }
        }
        if (most < by.minWeight || total <= 0) return
        place[0] = sumX / total / width
        place[1] = sumY / total / height
    }

    companion object {
        fun of(settings: DecoderSettings): LandmarksDecoder {
            fun output(name: String) = if (settings.has(name)) settings.text(name) else null
            val shrink = settings.inputAlignment.shrink
            return LandmarksDecoder(
                output = settings.text("output"),
                rows = settings.integer("rows").also {
                    if (it < settings.keypointCount) throw settings.wrong("rows", "as many as keypoints")
                },
                fields = settings.choices<Field>("fields").also {
                    if (Field.X !in it || Field.Y !in it) throw settings.wrong("fields", "x and y among them")
                },
                range = settings.choice("range"),
                activation = settings.choice("activation"),
                score = settings.choice("score"),
                zFactor = settings.number("z_factor"),
                instance = output("instance"),
                instanceActivation = settings.choice("instance_activation"),
                minPresence = settings.number("min_presence"),
                world = output("world"),
                heatmaps = output("heatmaps.output")?.let {
                    Refinement(it, settings.integer("heatmaps.kernel"), settings.number("heatmaps.min_weight"))
                },
                input = settings.inputWidth - shrink to settings.inputHeight - shrink,
                keypointCount = settings.keypointCount,
            )
        }
    }
}
