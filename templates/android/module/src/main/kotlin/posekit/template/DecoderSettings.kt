// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * What the contract says of its decoder, by the contract's own names, and of the input that keypoints are decoded into.
 *
 * A setting of a part is `part.name`; what the contract leaves out is absent.
 *
 * Every getter throws [DecoderSettingException] where the setting is missing or of another type.
 *
 * @property inputWidth width of the model's input, px.
 * @property inputHeight height of the model's input, px.
 * @property inputAlignment how coordinates of the input relate to its pixels.
 * @property keypointCount number of keypoints (K).
 */
internal data class DecoderSettings(
    val values: Map<String, Any>,
    val inputWidth: Int,
    val inputHeight: Int,
    val inputAlignment: Alignment,
    val keypointCount: Int,
) {
    fun text(name: String): String = values[name] as? String ?: throw wrong(name, "a text")

    /** A number; one without a fraction may be written as an integer. */
    fun number(name: String): Double = (values[name] as? Number)?.toDouble() ?: throw wrong(name, "a number")

    fun integer(name: String): Int = values[name] as? Int ?: throw wrong(name, "an integer")

    /** A channel, counted from 0. */
    fun channel(name: String): Int = integer(name).also { if (it < 0) throw wrong(name, "an integer from 0 on") }

    fun flag(name: String): Boolean = values[name] as? Boolean ?: throw wrong(name, "true or false")

    fun texts(name: String): List<String> = list(name, "texts") { it as? String }

    fun integers(name: String): List<Int> = list(name, "integers") { it as? Int }

    fun numbers(name: String): List<Double> = list(name, "numbers") { (it as? Number)?.toDouble() }

    /** Whether the contract says anything of it. */
    fun has(name: String): Boolean = name in values

    private fun <T : Any> list(name: String, what: String, read: (Any?) -> T?): List<T> {
        val read = (values[name] as? List<*>)?.map(read)
        return read?.filterNotNull()?.takeIf { it.size == read.size } ?: throw wrong(name, "a list of $what")
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
