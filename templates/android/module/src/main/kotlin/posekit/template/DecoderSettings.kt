// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * What the contract says of its decoder, by the contract's own names, and of the input that keypoints are decoded into.
 *
 * Every getter throws [DecoderSettingException] where the setting is missing or of another type.
 *
 * @property inputWidth width of the model's input, px.
 * @property inputHeight height of the model's input, px.
 * @property inputAlignment how coordinates of the input relate to its pixels.
 * @property keypointCount number of keypoints (K).
 */
internal data class DecoderSettings(
    private val values: Map<String, Any>,
    val inputWidth: Int,
    val inputHeight: Int,
    val inputAlignment: Alignment,
    val keypointCount: Int,
) {
    fun text(name: String): String = values[name] as? String ?: throw wrong(name, "a text")

    /** A number; one without a fraction may be written as an integer. */
    fun number(name: String): Double = (values[name] as? Number)?.toDouble() ?: throw wrong(name, "a number")

    fun integer(name: String): Int = values[name] as? Int ?: throw wrong(name, "an integer")

    fun flag(name: String): Boolean = values[name] as? Boolean ?: throw wrong(name, "true or false")

    fun texts(name: String): List<String> {
        val texts = (values[name] as? List<*>)?.map { it as? String }
        return texts?.filterNotNull()?.takeIf { it.size == texts.size } ?: throw wrong(name, "a list of texts")
    }

    /** The constant of [E] that the contract writes in lower case: "signed_unit" is SIGNED_UNIT. */
    inline fun <reified E : Enum<E>> choice(name: String): E = among(name, text(name), enumValues<E>())

    /** As [choice], of every text in a list. */
    inline fun <reified E : Enum<E>> choices(name: String): List<E> = texts(name).map { among(name, it, enumValues<E>()) }

    fun <E : Enum<E>> among(name: String, word: String, constants: Array<E>): E =
        constants.find { it.name.lowercase() == word }
            ?: throw wrong(name, "one of ${constants.joinToString { it.name.lowercase() }}")

    /** What a decoder throws where a setting is of the right type and still of no use. */
    fun wrong(name: String, expected: String): DecoderSettingException {
        val seen = values[name]?.let { if (it is String) "'$it'" else "$it" } ?: "missing"
        return DecoderSettingException("the decoder's setting '$name' is $seen, expected $expected")
    }
}
