// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.graphics.Bitmap

/** What the generated class stands on: one model, one pipeline, one thread. */
internal class PoseEngine private constructor(
    private val confinement: Confinement,
    private val runner: ModelRunner,
    /** Its steps one by one, for a run that records what each of them gives. */
    val pipeline: PosePipeline,
    private val use: AcceleratorUse,
) : AutoCloseable {
    val accelerator: AcceleratorUse
        get() = use

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
        if (confinement.close()) runner.close()
    }

    companion object {
        fun create(context: Context, contract: PoseContract, options: Options, what: String): PoseEngine {
            val assets = context.assets
            checkContract(assets, contract)
            val (runner, use) = openPreferred(options) { LiteRtRunner.open(assets, contract, it, options) }
            return PoseEngine(Confinement(what), runner, PosePipeline(contract, runner), use)
        }
    }
}
