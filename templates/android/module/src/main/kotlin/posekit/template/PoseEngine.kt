// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.Environment

/** What the generated class stands on: one model, one pipeline, one thread. */
internal class PoseEngine private constructor(
    private val confinement: Confinement,
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

    /** [IllegalStateException] on another thread, or after [close]. */
    fun check(): Unit = confinement.check()

    fun estimate(bitmap: Bitmap, rotationDegrees: Int, mirrored: Boolean, region: Region?): List<Pose> {
        confinement.check()
        return pipeline.estimate(BitmapSource(bitmap), Orientation(rotationDegrees, mirrored), region)
    }

    fun estimateDense(
        bitmap: Bitmap,
        rotationDegrees: Int,
        mirrored: Boolean,
        region: Region?,
    ): Pair<List<Pose>, List<DenseMap>> {
        confinement.check()
        return pipeline.estimateDense(BitmapSource(bitmap), Orientation(rotationDegrees, mirrored), region)
    }

    override fun close() {
        if (confinement.close()) closeAll(opened.owned)
    }

    companion object {
        /** [shared] is the environment of another engine; without it this one has its own. */
        fun create(
            context: Context,
            contract: PoseContract,
            options: Options,
            what: String,
            shared: Environment? = null,
        ): PoseEngine {
            checkContract(context.assets, contract)
            val (opened, use) = openPreferred(options) { accelerator ->
                val environment = shared ?: Environment.create() // within the attempt: its library may be missing
                val own = if (shared == null) listOf(environment) else emptyList()
                val runner = closingOnFailure(own) {
                    LiteRtRunner.open(context.assets, contract, accelerator, options, environment)
                }
                OpenedModel(environment, runner, listOf(runner) + own)
            }
            return closingOnFailure(opened.owned) {
                PoseEngine(Confinement(what), opened, PosePipeline(contract, opened.runner), use)
            }
        }
    }
}

/** A model that runs in [environment]; [owned] is closed with it, in this order. */
private class OpenedModel(val environment: Environment, val runner: ModelRunner, val owned: List<AutoCloseable>)
