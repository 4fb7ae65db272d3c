// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.res.AssetManager
import org.json.JSONObject

private const val INDEX = "bundles.json"
private const val FOLDER = "models"

/**
 * A model file that the app was made with.
 *
 * @property label its precision.
 * @property file its name among the assets; null for the one that the module came with.
 */
internal data class BundledModel(val label: String, val file: String?)

/** The models among [assets], the module's own first. */
internal fun bundledModels(assets: AssetManager): List<BundledModel> {
    val text = assets.open(INDEX).bufferedReader().use { it.readText() }
    val models = JSONObject(text).getJSONArray("models")
    return List(models.length()) { index ->
        val model = models.getJSONObject(index)
        val file = model.getString("file")
        BundledModel(model.getString("label"), if (file.isEmpty()) null else "$FOLDER/$file")
    }
}
