// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Largest errors over all golden vectors, for every decoder, as one JSON line. */
public fun main() {
    val decoders = DECODERS.map { (kind, of) -> kind to decoderSuite(kind, of) }
    val followed = arrayOf(
        "tracking" to trackingSuite(), "people" to peopleSuite(), "following" to followingSuite(), "dense" to denseSuite(),
    )
    println(json("warp" to warpSuite(), "yuv" to yuvSuite(), *decoders.toTypedArray(), *followed))
}
