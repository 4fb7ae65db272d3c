// SPDX-License-Identifier: Apache-2.0
// Fake, never shipped: stands in for the class of that name when the Android layer is run on a JVM.

package com.google.ai.edge.litert

import android.content.Context
import android.content.res.AssetManager

/** What the fake runtime does, and what was asked of it. */
public object FakeLiteRt {
    public var gpuFailure: Throwable? = null
    public var cpuFailure: Throwable? = null

    /** 1: at the first run; 0: never. */
    public var gpuFailsAtRun: Int = 0
    public var inputShape: List<Int> = emptyList()
    public val outputs: MutableMap<String, Pair<List<Int>, FloatArray>> = mutableMapOf()
    public var lastInput: FloatArray = FloatArray(0)
    public var lastOptions: CompiledModel.Options? = null
    public var openHandles: Int = 0
    public var environments: Int = 0

    /** The models that were loaded and the inputs that were run, by file. */
    public val loaded: MutableList<String> = mutableListOf()
    public val ran: MutableList<String> = mutableListOf()

    /** A model whose next run fails on any accelerator, or whose loading does on the GPU. */
    public var failsNext: String? = null
    public var notOnGpu: String? = null
    public var failsAtNextRead: Boolean = false

    /** Whether the app holds the library of an NPU that the phone has. */
    public var hasNpu: Boolean = false

    /** What happens while a model runs, and on which threads models were created, run and freed. */
    public var whileRunning: () -> Unit = {}
    public val threads: MutableSet<Thread> = mutableSetOf()
}

public enum class Accelerator(public val value: Int) { NONE(0), CPU(1), GPU(2), NPU(3) }

public enum class Status { Ok }

public class LiteRtException(private val status: Status, message: String) : Exception(message)

public abstract class JniHandle internal constructor(internal val handle: Long) : AutoCloseable {
    private var open = true

    init {
        FakeLiteRt.openHandles++
    }

    protected abstract fun destroy()

    final override fun close() {
        if (open) destroy()
        if (open) FakeLiteRt.openHandles--
        open = false
    }
}

public class Environment private constructor(private val beyond: Set<Accelerator>) : JniHandle(0) {
    public enum class Option { CompilerPluginLibraryDir }

    public fun getAvailableAccelerators(): Set<Accelerator> = beyond + Accelerator.CPU

    override fun destroy() {
        check(FakeLiteRt.openHandles == 1) { "the environment is closed before what is in it" }
    }

    public companion object {
        @JvmOverloads
        @JvmStatic
        @Suppress("UNUSED_PARAMETER")
        public fun create(options: Map<Option, String> = mapOf()): Environment =
            Environment(emptySet()).also { FakeLiteRt.environments++ }

        @JvmOverloads
        @JvmStatic
        @Suppress("UNUSED_PARAMETER")
        public fun create(
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
        ): Environment {
            FakeLiteRt.environments++
            return Environment(if (FakeLiteRt.hasNpu) setOf(Accelerator.NPU) else emptySet())
        }
    }
}

public interface NpuAcceleratorProvider

public interface NpuCompatibilityChecker {
    public companion object {
        public val Default: NpuCompatibilityChecker = object : NpuCompatibilityChecker {}
    }
}

@Suppress("UNUSED_PARAMETER")
public class BuiltinNpuAcceleratorProvider @JvmOverloads constructor(
    context: Context,
    npuCompatibilityChecker: NpuCompatibilityChecker = NpuCompatibilityChecker.Default,
) : NpuAcceleratorProvider

public data class TensorType @JvmOverloads constructor(
    public val elementType: ElementType,
    public val layout: Layout? = null,
) {
    public enum class ElementType { INT, FLOAT, INT8, BOOLEAN, INT64 }

    public data class Layout @JvmOverloads constructor(
        public val dimensions: List<Int>,
        public val strides: List<Int> = listOf(),
    )
}

public class TensorBuffer internal constructor(internal val name: String) : JniHandle(0) {
    public fun writeFloat(data: FloatArray) {
        FakeLiteRt.lastInput = data.copyOf()
    }

    public fun readFloat(): FloatArray {
        if (FakeLiteRt.failsAtNextRead) {
            FakeLiteRt.failsAtNextRead = false
            throw LiteRtException(Status.Ok, "$name cannot be read")
        }
        return FakeLiteRt.outputs.getValue(name).second.copyOf()
    }

    override fun destroy(): Unit = Unit
}

@Suppress("UNUSED_PARAMETER")
public class CompiledModel private constructor(private val options: Options, private val name: String) : JniHandle(0) {
    public data class CpuOptions(
        public val numThreads: Int? = null,
        public val xnnPackFlags: Int? = null,
        public val xnnPackWeightCachePath: String? = null,
    )

    public data class GpuOptions(
        public val constantTensorSharing: Boolean? = null,
        public val infiniteFloatCapping: Boolean? = null,
        public val allowSrcQuantizedFcConvOps: Boolean? = null,
        public val precision: Precision? = null,
        public val bufferStorageType: BufferStorageType? = null,
        public val preferTextureWeights: Boolean? = null,
        public val serializationDir: String? = null,
        public val modelCacheKey: String? = null,
        public val serializeProgramCache: Boolean? = null,
    ) {
        public enum class Precision { DEFAULT, FP16, FP32 }

        public enum class BufferStorageType { DEFAULT, BUFFER, TEXTURE_2D }
    }

    public class Options(public val accelerators: Set<Accelerator>) {
        public constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        public var cpuOptions: CpuOptions? = null
        public var gpuOptions: GpuOptions? = null
    }

    private val onGpu get() = Accelerator.GPU in options.accelerators
    private var runs = 0

    public fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = TensorBuffer(inputName)

    public fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = TensorBuffer(outputName)

    public fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ) {
        runs++
        FakeLiteRt.ran += name
        FakeLiteRt.threads += Thread.currentThread()
        FakeLiteRt.whileRunning()
        if (name == FakeLiteRt.failsNext) {
            FakeLiteRt.failsNext = null
            throw LiteRtException(Status.Ok, "$name fails")
        }
        if (onGpu && runs == FakeLiteRt.gpuFailsAtRun) throw LiteRtException(Status.Ok, "run $runs")
    }

    public fun getInputTensorType(inputName: String, signature: String = ""): TensorType = type(FakeLiteRt.inputShape)

    public fun getOutputTensorType(outputName: String, signature: String = ""): TensorType =
        type(FakeLiteRt.outputs[outputName]?.first ?: throw LiteRtException(Status.Ok, "no $outputName"))

    private fun type(shape: List<Int>) = TensorType(TensorType.ElementType.FLOAT, TensorType.Layout(shape))

    override fun destroy() {
        FakeLiteRt.threads += Thread.currentThread()
    }

    public companion object {
        @JvmOverloads
        @JvmStatic
        public fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options(Accelerator.CPU),
            optionalEnv: Environment? = null,
        ): CompiledModel {
            FakeLiteRt.lastOptions = options
            FakeLiteRt.threads += Thread.currentThread()
            val onGpu = Accelerator.GPU in options.accelerators
            val failure = if (onGpu) FakeLiteRt.gpuFailure else FakeLiteRt.cpuFailure
            failure?.let { throw it }
            check(!onGpu || assetName != FakeLiteRt.notOnGpu) { "$assetName: no GPU" }
            FakeLiteRt.loaded += assetName
            return CompiledModel(options, assetName)
        }
    }
}
