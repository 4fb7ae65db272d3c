// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import com.google.ai.edge.litert.TensorType
import kotlin.math.min
import com.google.ai.edge.litert.Accelerator as LiteRtAccelerator

/** The model in LiteRT on one accelerator; inputs and outputs are bound by name. */
internal class LiteRtRunner private constructor(
    private val model: CompiledModel,
    private val contract: PoseContract,
    private val modelFile: String,
) : ModelRunner {
    private val inputs = mutableMapOf<String, TensorBuffer>()
    private val outputs = mutableMapOf<String, TensorBuffer>()
    private val tensors = contract.outputs.associate { it.name to Tensor(it.name, it.shape) }

    override fun run(input: FloatArray): Map<String, Tensor> = try {
        compute(input)
    } catch (error: LiteRtException) { // a checked exception, of which callers do not know
        throw InferenceException("the runtime failed as it ran $modelFile: ${error.message}", error)
    }

    private fun compute(input: FloatArray): Map<String, Tensor> {
        inputs.getValue(contract.inputName).writeFloat(input)
        model.run(inputs, outputs)
        for ((name, buffer) in outputs) {
            tensors.getValue(name).values = buffer.readFloat() // LiteRT gives a new array every time
        }
        return tensors
    }

    override fun close() {
        closeAll(inputs.values + outputs.values + model)
    }

    private fun bind() {
        val name = contract.inputName
        val shape = intArrayOf(1, contract.input.height, contract.input.width, 3)
        checkType("input '$name'", shape) { model.getInputTensorType(name) }
        inputs[name] = model.createInputBuffer(name)
        for (output in contract.outputs) {
            checkType("output '${output.name}'", output.shape) { model.getOutputTensorType(output.name) }
            outputs[output.name] = model.createOutputBuffer(output.name)
        }
    }

    private fun checkType(what: String, shape: IntArray, read: () -> TensorType) {
        val type = try {
            read()
        } catch (error: LiteRtException) {
            throw TensorShapeException("the model has no $what", error)
        }
        val found = type.layout?.dimensions ?: shape.asList() // without a layout, decoding counts the values
        if (type.elementType != TensorType.ElementType.FLOAT || found != shape.asList()) {
            throw TensorShapeException(
                "$what of the model is ${type.elementType} ${found.joinToString(" x ")}, " +
                    "expected FLOAT ${shape.joinToString(" x ")}",
            )
        }
    }

    /** Some drivers fail at the first run only, so there is one before the accelerator counts as working. */
    private fun warmUp() {
        compute(FloatArray(contract.input.width * contract.input.height * 3))
    }

    companion object {
        /**
         * Load and try out the model in [environment], which stays open; whatever the runtime throws comes through.
         *
         * A GPU's compiled programs are kept in the app's code cache, which the system empties when the app is updated.
         */
        fun open(
            context: Context,
            contract: PoseContract,
            accelerator: Accelerator,
            options: Options,
            environment: Environment,
        ): LiteRtRunner {
            val compiling = when (accelerator) {
                Accelerator.CPU -> onCpu(options)
                Accelerator.GPU -> onGpu(options, context.codeCacheDir.path, contract)
                Accelerator.NPU -> onNpu(environment)
            }
            val file = options.modelFile ?: contract.modelFile
            val model = CompiledModel.create(context.assets, file, compiling, environment)
            val runner = LiteRtRunner(model, contract, file)
            return closingOnFailure(listOf(runner)) {
                runner.bind()
                runner.warmUp()
                runner
            }
        }

        // One accelerator alone each: with two, LiteRT would fall back without a word.

        private fun onCpu(options: Options) = CompiledModel.Options(LiteRtAccelerator.CPU).apply {
            cpuOptions = CompiledModel.CpuOptions(numThreads = options.threads ?: usualThreads())
        }

        private fun onGpu(options: Options, cache: String, contract: PoseContract) =
            CompiledModel.Options(LiteRtAccelerator.GPU).apply {
                gpuOptions = CompiledModel.GpuOptions(
                    precision = if (options.gpuFullPrecision) CompiledModel.GpuOptions.Precision.FP32 else null,
                    serializationDir = cache.takeIf { options.gpuProgramCache },
                    modelCacheKey = cacheKey(options, contract).takeIf { options.gpuProgramCache },
                    serializeProgramCache = true.takeIf { options.gpuProgramCache },
                )
            }

        /** LiteRT would run the model on the CPU, without a word, where it has no NPU. */
        private fun onNpu(environment: Environment): CompiledModel.Options {
            check(LiteRtAccelerator.NPU in environment.getAvailableAccelerators()) {
                "LiteRT knows no NPU of this phone, or the app has no library for it"
            }
            return CompiledModel.Options(LiteRtAccelerator.NPU)
        }

        /** The same contract may have models of several precisions, and of two stages two; a GPU computes in two. */
        private fun cacheKey(options: Options, contract: PoseContract): String {
            val file = (options.modelFile ?: contract.modelFile).replace('/', '-') // it names a file
            return "${contract.hash}-$file" + if (options.gpuFullPrecision) "-fp32" else ""
        }

        /** LiteRT by itself takes one thread; beyond four, a phone's slow cores hold up its fast ones. */
        private fun usualThreads() = min(4, Runtime.getRuntime().availableProcessors())
    }
}
