// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** What can be wrong with a model file or its outputs; a wrong argument is an [IllegalArgumentException] instead. */
public sealed class PoseException(message: String, cause: Throwable? = null) : RuntimeException(message, cause)

/** The model is not among the app's assets, or it was compressed into the APK. */
public class ModelMissingException(message: String, cause: Throwable? = null) : PoseException(message, cause)

/** The model file's associated files cannot be read. */
public class ModelFileException(message: String, cause: Throwable? = null) : PoseException(message, cause)

/**
 * The model was packaged with another contract than this code.
 *
 * @property expectedHash SHA-256 of the contract that this code was generated from.
 * @property foundHash SHA-256 of the contract inside the model; null when the model holds none.
 */
public class ContractMismatchException(
    public val expectedHash: String,
    public val foundHash: String?,
) : PoseException(
        "the model's contract is ${foundHash ?: "missing"}, this code was generated for $expectedHash; " +
            "take the model and the module from the same bundle",
    )

/** An input or output of the model is missing or has another shape than the contract says. */
public class TensorShapeException(message: String, cause: Throwable? = null) : PoseException(message, cause)

/** A setting of the decoder is missing or is not what the decoder can work with. */
public class DecoderSettingException(message: String) : PoseException(message)

/** The model gave NaN or an infinite value; no keypoint can be made of it. */
public class NonFiniteOutputException(
    /** Name of the output. */
    public val output: String,
    /** Position of the first such value in the flat output. */
    public val position: Int,
) : PoseException("output '$output' holds a value that is not finite, first at $position")

/** The runtime failed as it ran the model. */
public class InferenceException(message: String, cause: Throwable? = null) : PoseException(message, cause)

/** No accelerator could run the model. */
public class AcceleratorException(message: String, cause: Throwable? = null) : PoseException(message, cause)
