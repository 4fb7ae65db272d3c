// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.res.AssetManager
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import com.google.ai.edge.litert.TensorType
import com.google.ai.edge.litert.Accelerator as LiteRtAccelerator

/** The model in LiteRT on one accelerator; inputs and outputs are bound by name. */
internal class LiteRtRunner private constructor(
    private val model: CompiledModel,
    private val contract: PoseContract,
) : ModelRunner {
    private val inputs = mutableMapOf<String, TensorBuffer>()
    private val outputs = mutableMapOf<String, TensorBuffer>()
    private val tensors = contract.outputs.associate { it.name to Tensor(it.name, it.shape) }

    override fun run(input: FloatArray): Map<String, Tensor> {
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
        run(FloatArray(contract.input.width * contract.input.height * 3))
    }

    companion object {
        /** Load and try out the model in [environment], which stays open; whatever the runtime throws comes through. */
        fun open(
            assets: AssetManager,
            contract: PoseContract,
            accelerator: Accelerator,
            options: Options,
            environment: Environment,
        ): LiteRtRunner {
            val model = CompiledModel.create(
                assets, contract.modelFile, compileOptions(accelerator, options), environment,
            )
            val runner = LiteRtRunner(model, contract)
            return closingOnFailure(listOf(runner)) {
                runner.bind()
                runner.warmUp()
                runner
            }
        }

        /** One accelerator alone: with two, LiteRT would fall back without a word. */
        private fun compileOptions(accelerator: Accelerator, options: Options): CompiledModel.Options =
            when (accelerator) {
                Accelerator.CPU -> CompiledModel.Options(LiteRtAccelerator.CPU).apply {
                    cpuOptions = CompiledModel.CpuOptions(numThreads = options.threads)
                }
                Accelerator.GPU -> CompiledModel.Options(LiteRtAccelerator.GPU).apply {
                    val precision = CompiledModel.GpuOptions.Precision.FP32
                    if (options.gpuFullPrecision) gpuOptions = CompiledModel.GpuOptions(precision = precision)
                }
            }
    }
}
