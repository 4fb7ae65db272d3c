// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** How a region is brought to the input's shape. */
internal enum class Resize { AFFINE_CROP, LETTERBOX, STRETCH }

/** How pixels become the input's; [BILINEAR_32NDS] reads at places rounded so, [BILINEAR_ANTIALIAS] is for upright regions. */
internal enum class Sampling { BILINEAR, BILINEAR_32NDS, BILINEAR_ANTIALIAS }

/**
 * How coordinates relate to pixels.
 *
 * HALF_PIXEL: pixel i has its centre at i + 0.5, a row of n is n long. INDEX: centre at i, n long.
 * CORNERS: centre at i, n - 1 long.
 */
internal enum class Alignment {
    HALF_PIXEL,
    INDEX,
    CORNERS,
    ;

    /** What a row of n pixels is shorter than n. */
    val shrink: Int get() = if (this == CORNERS) 1 else 0
}

/** What lies outside the picture: the pad value, or its edge repeated. */
internal enum class Outside { VALUE, EDGE }

/** Where a letterbox lays its content in the input. */
internal enum class Anchor { CENTER, TOP_LEFT }

/** How a letterbox rounds the sides of its content to whole px. */
internal enum class Rounding { HALF_UP, HALF_EVEN, FLOOR }

/** Which side of a centred letterbox takes an odd px of padding; AFTER: right and bottom. */
internal enum class OddPixel { AFTER, BEFORE }

/**
 * How the model wants its picture; sizes in input px, [padValue] 0-255.
 *
 * Of a letterbox: [anchor], [rounding] and [oddPixel], and whether pictures smaller than the input [enlarge].
 */
internal class InputSpec(
    val width: Int,
    val height: Int,
    val resize: Resize,
    val alignment: Alignment,
    val padValue: Double,
    val boxPadding: Double,
    val sampling: Sampling = Sampling.BILINEAR,
    val anchor: Anchor = Anchor.CENTER,
    val rounding: Rounding = Rounding.HALF_UP,
    val oddPixel: OddPixel = OddPixel.AFTER,
    val enlarge: Boolean = true,
    val outside: Outside = if (resize == Resize.AFFINE_CROP) Outside.VALUE else Outside.EDGE,
) {
    /** What a row of n pixels is shorter than n. */
    val shrink: Int get() = alignment.shrink

    /** Coordinate of the centre of pixel 0. */
    val pixelCenter: Double get() = if (alignment == Alignment.HALF_PIXEL) 0.5 else 0.0

    init {
        require(width > shrink && height > shrink) { "an input of $width x $height px has no extent under $alignment" }
    }
}

/** One output of the model: its name in the signature and its shape, with the batch axis of 1. */
internal class OutputSpec(val name: String, vararg val shape: Int)

/** The decoder of a model's head: what the contract calls it, its settings, and how one is made of such. */
internal class ContractDecoder(
    val kind: String,
    val settings: DecoderSettings,
    private val of: (DecoderSettings) -> Decoder,
) {
    /** A decoder keeps scratch, so every estimator has its own. */
    fun new(settings: DecoderSettings = this.settings): Decoder = of(settings)
}

/**
 * What the generated code knows of its model.
 *
 * Of two stages it is of the pose network: [detector] finds people for it, and [following] says where it looks.
 */
internal class PoseContract(
    val hash: String,
    val modelFile: String,
    val input: InputSpec,
    val inputName: String,
    val outputs: List<OutputSpec>,
    val keypointCount: Int,
    val decoder: ContractDecoder,
    val dense: List<DenseSpec> = emptyList(),
    val depth: Depth? = null,
    val detector: PoseContract? = null,
    val following: FollowingRule? = null,
)
