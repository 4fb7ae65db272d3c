// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

internal const val MAX_TEXT: Int = 4000

/**
 * All cases on one accelerator; without [cases] where it did not run them.
 *
 * @property used what the model is loaded on.
 * @property fallbackReason why that is not what was [requested], or why there is nothing to load it on.
 * @property failure what went wrong as it was loaded or while it ran.
 * @property detail how it computes.
 */
internal data class RunPass(
    val requested: String,
    val used: String? = null,
    val fallbackReason: String? = null,
    val failure: String? = null,
    val detail: String? = null,
    val thermalBefore: String? = null,
    val thermalAfter: String? = null,
    val latencies: JsonObject? = null,
    val cases: List<JsonObject> = emptyList(),
) {
    /** What run.json says of it. */
    fun document(): JsonObject = buildJsonObject {
        put("requested", requested)
        put("used", used)
        put("fallback_reason", fallbackReason?.take(MAX_TEXT))
        put("failure", failure?.take(MAX_TEXT))
        put("detail", detail)
        put("thermal_before", thermalBefore)
        put("thermal_after", thermalAfter)
        put("latencies", latencies ?: JsonNull)
        put("cases", JsonArray(cases))
    }
}
