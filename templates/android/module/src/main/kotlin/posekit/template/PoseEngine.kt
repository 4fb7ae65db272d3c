// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.BuiltinNpuAcceleratorProvider
import com.google.ai.edge.litert.Environment

/** What the generated class stands on: one model, one pipeline; all calls come from the thread that created it. */
internal class PoseEngine private constructor(
    private val opened: OpenedModel,
    /** Its steps one by one, for a run that records what each of them gives. */
    val pipeline: PosePipeline,
    private val use: AcceleratorUse,
) : AutoCloseable {
    val accelerator: AcceleratorUse
        get() = use

    /** Of LiteRT; another engine may share it, and is closed before this one. */
    val environment: Environment
        get() = opened.environment

    /** How long the steps of all its estimates took so far. */
    val spent: StepTimes
        get() = pipeline.spent

    fun estimate(pixels: Pixels, orientation: Orientation, region: Region?): List<Pose> =
        pipeline.estimate(pixels.source, orientation, region)

    fun estimateDense(pixels: Pixels, orientation: Orientation, region: Region?): Pair<List<Pose>, List<DenseMap>> =
        pipeline.estimateDense(pixels.source, orientation, region)

    override fun close(): Unit = closeAll(opened.owned)

    companion object {
        /** [shared] is the environment of another engine; without it this one has its own. */
        fun create(
            context: Context,
            contract: PoseContract,
            options: Options,
            shared: Environment? = null,
        ): PoseEngine {
            checkContract(context.assets, contract, options.modelFile ?: contract.modelFile)
            val (opened, use) = openPreferred(options) { accelerator ->
                val environment = shared ?: newEnvironment(context, accelerator) // within the attempt: its library may be missing
                val own = if (shared == null) listOf(environment) else emptyList()
                val runner = closingOnFailure(own) {
                    LiteRtRunner.open(context, contract, accelerator, options, environment)
                }
                OpenedModel(environment, runner, listOf(runner) + own)
            }
            return closingOnFailure(opened.owned) {
                PoseEngine(opened, PosePipeline(contract, opened.runner), use)
            }
        }
    }
}

private fun newEnvironment(context: Context, accelerator: Accelerator): Environment =
    if (accelerator == Accelerator.NPU) {
        Environment.create(BuiltinNpuAcceleratorProvider(context)) // looks for the maker's libraries among the app's
    } else {
        Environment.create()
    }

/** A model that runs in [environment]; [owned] is closed with it, in this order. */
private class OpenedModel(val environment: Environment, val runner: ModelRunner, val owned: List<AutoCloseable>)
