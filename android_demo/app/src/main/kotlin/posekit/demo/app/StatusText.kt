// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.Context
import posekit.template.AcceleratorUse
import posekit.template.StepTimes

private const val SECOND_MS = 1000.0

/** What the panel says of the model: what runs it, how fast, and what is wrong. */
internal fun statusText(context: Context, demo: DemoModel): String {
    val lines = mutableListOf<String>()
    val use = demo.use
    if (use != null) lines += ranOn(context, demo.choices.model.label, use)
    if (use == null && demo.message == null) lines += context.getString(R.string.loading)
    demo.message?.let { lines += it }
    val single = demo.drawing?.frame?.times.takeIf { demo.picture != null }
    if (single != null) lines += ofOne(context, single)
    val times = demo.times.takeIf { demo.picture == null }
    if (times != null) lines += ofFrames(context, times)
    return lines.joinToString("\n")
}

private fun ranOn(context: Context, model: String, use: AcceleratorUse): String {
    val reason = use.fallbackReason ?: return context.getString(R.string.running_on, model, use.accelerator.name)
    return context.getString(R.string.running_instead, model, use.accelerator.name, reason)
}

private fun ofOne(context: Context, times: StepTimes): String =
    context.getString(R.string.one_picture, times.preprocessingMs, times.inferenceMs, times.decodingMs)

private fun ofFrames(context: Context, times: TimesSummary): List<String> = listOfNotNull(
    times.betweenFrames?.let { context.getString(R.string.frames, SECOND_MS / it.p50, SECOND_MS / it.p90) },
    step(context, R.string.preprocessing, times.preprocessing),
    step(context, R.string.inference, times.inference),
    step(context, R.string.decoding, times.decoding),
)

private fun step(context: Context, name: Int, spread: Spread): String =
    context.getString(R.string.step_times, context.getString(name), spread.p50, spread.p90)
