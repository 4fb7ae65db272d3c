// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** A dense result as the contract has it. */
internal fun denseSpec(data: JsonObject): DenseSpec = DenseSpec(
    name = data.text("name"),
    kind = DenseKind.valueOf(data.text("kind").uppercase()),
    output = data.text("output"),
    first = data.integer("first"),
    stride = data.number("stride"),
    shift = data.number("shift"),
    upsampling = data.integer("upsampling"),
    activation = ScoreActivation.valueOf(data.text("activation").uppercase()),
    threshold = data.number("threshold"),
    within = data.text("within"),
    labels = data.getValue("labels").jsonArray.map { it.jsonPrimitive.content },
    coarseCount = data.integer("coarse_count"),
    coarse = denseRole(data, "coarse"),
    u = denseRole(data, "u"),
    v = denseRole(data, "v"),
)

private fun denseRole(data: JsonObject, name: String): DenseRole? =
    (data.getValue(name) as? JsonObject)?.let { DenseRole(it.text("output"), it.integer("first")) }

/** What dense cases are off by; [count] and [numbers] are how many maps and labels are others. */
internal class DenseErrors {
    var count = 0
    var numbers = 0
    var values = 0.0
    var uv = 0.0
    var matrix = 0.0
    var atPoints = 0.0

    private fun worst(one: Double, other: Double): Double = if (other.isNaN()) other else max(one, other)

    fun add(expected: JsonObject, actual: DenseMap, points: DoubleArray) {
        val size = expected.numbers("size_wh")
        if (actual.width.toDouble() != size[0] || actual.height.toDouble() != size[1]) {
            count++
            return
        }
        val labels = IntArray(actual.values.size) { actual.label(it % actual.width, it / actual.width) }
        numbers += expected.numbers("numbers").withIndex().count { (index, number) -> labels[index] != number.toInt() }
        values = worst(values, maxError(doubles(expected.floats("values")), doubles(actual.values)))
        uv = worst(uv, maxError(doubles(expected.floats("uv")), doubles(actual.surface ?: FloatArray(0))))
        matrix = worst(matrix, maxError(expected.numbers("matrix"), actual.transform))
        val read = DoubleArray(points.size / 2) { actual.at(points[it * 2], points[it * 2 + 1]).toDouble() }
        atPoints = worst(atPoints, maxError(expected.numbers("at_points"), read))
    }

    private fun doubles(values: FloatArray): DoubleArray = DoubleArray(values.size) { values[it].toDouble() }
}

internal fun denseErrors(cases: List<JsonObject>): DenseErrors {
    val errors = DenseErrors()
    for (case in cases) {
        val reader = DenseReader(case.getValue("dense").jsonArray.map { denseSpec(it.jsonObject) })
        val (a, b, tx, c, d) = case.numbers("to_source")
        val toSource = Affine(a, b, tx, c, d, case.numbers("to_source")[5])
        val maps = reader.read(goldenOutputs(case), toSource)
        val expected = case.getValue("maps").jsonArray.map { it.jsonObject }
        if (maps.map { it.name } != expected.map { it.text("name") }) errors.count++
        for ((one, map) in expected.zip(maps)) errors.add(one, map, case.numbers("points"))
    }
    return errors
}
