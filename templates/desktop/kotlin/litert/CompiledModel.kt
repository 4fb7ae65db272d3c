// SPDX-License-Identifier: Apache-2.0
// Stands in for the part of LiteRT's Kotlin API that the generated module uses, over LiteRT's own C library.

package com.google.ai.edge.litert

import android.content.res.AssetManager
import java.io.FileInputStream
import java.io.IOException
import java.nio.ByteBuffer

private const val INT8_ELEMENT = 9
private const val INT32_ELEMENT = 2
private const val INT64_ELEMENT = 4
private const val FLOAT_ELEMENT = 1
private const val BOOLEAN_ELEMENT = 6

/** A model of one signature; [bytes] are the file that LiteRT reads its weights from. */
public class CompiledModel private constructor(
    handle: Long,
    private val model: Long,
    private val environment: Environment,
    private val ownsEnvironment: Boolean,
    @Suppress("unused") private val bytes: ByteBuffer,
) : JniHandle(handle) {
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

    public fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer =
        buffer(true, inputName, signature)

    public fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer =
        buffer(false, outputName, signature)

    public fun getInputTensorType(inputName: String, signature: String = ""): TensorType =
        type(true, inputName, signature)

    public fun getOutputTensorType(outputName: String, signature: String = ""): TensorType =
        type(false, outputName, signature)

    public fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ): Unit = NativeLiteRt.run(checked(), ordered(true, inputs, signature), ordered(false, outputs, signature))

    override fun destroy() {
        NativeLiteRt.destroyCompiled(handle)
        NativeLiteRt.destroyModel(model)
        if (ownsEnvironment) environment.close()
    }

    private fun place(isInput: Boolean, name: String, signature: String): Int {
        require(signature.isEmpty()) { "this stand-in knows the first signature only" }
        checked()
        val place = NativeLiteRt.place(model, isInput, name)
        if (place < 0) throw LiteRtException(Status.ErrorInvalidArgument, "the model has no tensor '$name'")
        return place
    }

    private fun buffer(isInput: Boolean, name: String, signature: String): TensorBuffer {
        val place = place(isInput, name, signature)
        return TensorBuffer(NativeLiteRt.createBuffer(environment.checked(), handle, model, isInput, place))
    }

    private fun type(isInput: Boolean, name: String, signature: String): TensorType {
        val numbers = NativeLiteRt.type(model, isInput, place(isInput, name, signature))
        val element = when (numbers[0]) {
            FLOAT_ELEMENT -> TensorType.ElementType.FLOAT
            INT32_ELEMENT -> TensorType.ElementType.INT
            INT64_ELEMENT -> TensorType.ElementType.INT64
            INT8_ELEMENT -> TensorType.ElementType.INT8
            BOOLEAN_ELEMENT -> TensorType.ElementType.BOOLEAN
            else -> throw LiteRtException("'$name' has an element type that Kotlin does not know: ${numbers[0]}")
        }
        return TensorType(element, TensorType.Layout(numbers.drop(1)))
    }

    private fun ordered(isInput: Boolean, buffers: Map<String, TensorBuffer>, signature: String): LongArray {
        val handles = LongArray(buffers.size)
        for ((name, buffer) in buffers) {
            val place = place(isInput, name, signature)
            if (place >= handles.size) {
                throw LiteRtException(Status.ErrorInvalidArgument, "a tensor beside '$name' is missing")
            }
            handles[place] = buffer.checked()
        }
        return handles
    }

    public companion object {
        @JvmOverloads
        @JvmStatic
        public fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel {
            val bytes = try {
                assetManager.openFd(assetName).use { asset ->
                    val channel = FileInputStream(asset.fileDescriptor).channel
                    val buffer = ByteBuffer.allocateDirect(asset.length.toInt())
                    while (buffer.hasRemaining()) {
                        val count = channel.read(buffer, asset.startOffset + buffer.position())
                        if (count <= 0) throw IOException("it ends early")
                    }
                    buffer
                }
            } catch (error: IOException) {
                throw LiteRtException("cannot read the asset $assetName: ${error.message}")
            }
            return compiled(bytes, options, optionalEnv)
        }

        private fun compiled(bytes: ByteBuffer, options: Options, optionalEnv: Environment?): CompiledModel {
            val environment = optionalEnv ?: Environment.create()
            var model = 0L
            try {
                model = NativeLiteRt.createModel(environment.checked(), bytes)
                val accelerators = options.accelerators.sumOf { if (it == Accelerator.NONE) 0 else 1 shl it.value - 1 }
                val threads = options.cpuOptions?.numThreads ?: 0
                val handle = NativeLiteRt.compile(environment.checked(), model, accelerators, threads)
                return CompiledModel(handle, model, environment, optionalEnv == null, bytes)
            } catch (error: LiteRtException) {
                if (model != 0L) NativeLiteRt.destroyModel(model)
                if (optionalEnv == null) environment.close()
                throw error
            }
        }
    }
}
