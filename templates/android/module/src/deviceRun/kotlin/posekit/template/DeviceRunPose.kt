// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** A person as run.json has them. */
internal fun poseDocument(pose: Pose): JsonObject = buildJsonObject {
    put("keypoints", JsonArray(pose.coordinates.toList().chunked(pose.dimensions, ::numbers)))
    put("scores", numbers(pose.scores.asList()))
    put("confidence", pose.confidence)
    put("box_xyxy", pose.box?.run { numbers(listOf(left, top, right, bottom)) } ?: JsonNull)
    pose.visibility?.let { put("visibility", numbers(it.asList())) }
    pose.presence?.let { put("presence", numbers(it.asList())) }
    pose.world?.let { put("world", JsonArray(it.asList().chunked(3, ::numbers))) }
}

private fun numbers(values: List<Double>): JsonArray = JsonArray(values.map { JsonPrimitive(it) })
