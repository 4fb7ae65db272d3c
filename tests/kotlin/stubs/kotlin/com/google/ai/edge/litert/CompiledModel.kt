// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package com.google.ai.edge.litert

import android.content.res.AssetManager

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public class CompiledModel private constructor(handle: Long) : JniHandle(handle) {
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
        public enum class Precision(public val value: Int) { DEFAULT(0), FP16(1), FP32(2) }

        public enum class BufferStorageType { DEFAULT, BUFFER, TEXTURE_2D }
    }

    public class Options(internal val accelerators: Set<Accelerator>) {
        public constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        public var cpuOptions: CpuOptions? = null
        public var gpuOptions: GpuOptions? = null

        public companion object {
            @JvmStatic
            public val CPU: Options = Options(Accelerator.CPU)
        }
    }

    public fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = stub()

    public fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = stub()

    @JvmOverloads
    public fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = stub()

    @JvmOverloads
    public fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = stub()

    @JvmOverloads
    public fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit = stub()

    public fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ): Unit = stub()

    public fun getInputTensorType(inputName: String, signature: String = ""): TensorType = stub()

    public fun getOutputTensorType(outputName: String, signature: String = ""): TensorType = stub()

    override fun destroy(): Unit = stub()

    public companion object {
        @JvmOverloads
        @JvmStatic
        public fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = stub()

        @JvmOverloads
        @JvmStatic
        public fun create(
            filePath: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = stub()
    }
}
