// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Where the model runs. */
public enum class Accelerator {
    GPU,
    CPU,

    /**
     * A phone's neural unit, where the app holds its maker's LiteRT libraries. What of the model it cannot run is left to
     * the CPU, of which LiteRT says nothing.
     */
    NPU,
}

/**
 * How to run the model.
 *
 * @property accelerator the one to try first.
 * @property allowFallback whether the CPU may stand in for a GPU or an NPU that cannot run the model.
 * @property threads CPU threads; null for as many as there are cores, at most four.
 * @property gpuFullPrecision float32 arithmetic on the GPU, slower; by default it computes in about 16 bits.
 *   Set it to compare with the reference.
 * @property gpuProgramCache whether programs compiled for the GPU are kept for the next start, which is faster then.
 * @property modelFile the model's name among the app's assets, for a model of the same contract that was packaged with
 *   another precision; null for the one that this code came with. Of two stages it is the one that looks at each person.
 */
public data class Options @JvmOverloads constructor(
    public val accelerator: Accelerator = Accelerator.GPU,
    public val allowFallback: Boolean = true,
    public val threads: Int? = null,
    public val gpuFullPrecision: Boolean = false,
    public val gpuProgramCache: Boolean = true,
    public val modelFile: String? = null,
) {
    init {
        require(threads == null || threads > 0) { "threads is $threads, expected at least 1" }
    }
}

/**
 * Which accelerator runs the model.
 *
 * @property accelerator the one in use.
 * @property fallbackReason why it is not the one asked for; null when it is.
 */
public data class AcceleratorUse(
    public val accelerator: Accelerator,
    public val fallbackReason: String? = null,
)

/**
 * Open something on the accelerator that [options] ask for, or on the CPU where that fails and they allow it.
 *
 * A [PoseException] is no reason to fall back: a model that is not the contract's is so on every accelerator.
 */
internal fun <T : Any> openPreferred(options: Options, open: (Accelerator) -> T): Pair<T, AcceleratorUse> {
    val wanted = options.accelerator
    val first = attempt { open(wanted) }
    val failure = first.exceptionOrNull() ?: return first.getOrThrow() to AcceleratorUse(wanted)
    val reason = "$wanted: ${failure.message ?: failure.javaClass.simpleName}"
    if (wanted == Accelerator.CPU || !options.allowFallback) {
        throw AcceleratorException("the model does not run on the $reason", failure)
    }
    val second = attempt { open(Accelerator.CPU) }
    val opened = second.getOrElse { error ->
        error.addSuppressed(failure)
        throw AcceleratorException("the model runs neither on the $reason; nor on the CPU: ${error.message}", error)
    }
    return opened to AcceleratorUse(Accelerator.CPU, reason)
}

private inline fun <T : Any> attempt(open: () -> T): Result<T> = try {
    Result.success(open())
} catch (error: PoseException) {
    throw error
} catch (error: Exception) {
    Result.failure(error)
} catch (error: LinkageError) {
    Result.failure(error) // a native library that is not in the APK
}
