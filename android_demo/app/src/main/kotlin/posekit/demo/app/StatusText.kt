// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.res.Resources
import posekit.template.AcceleratorUse
import posekit.template.StepTimes

private const val SECOND_MS = 1000.0

/** What the panel says of the model: what runs it, how fast, and what is wrong. */
internal fun statusText(resources: Resources, demo: DemoModel): String {
    val lines = mutableListOf<String>()
    val use = demo.use
    if (use != null) lines += ranOn(resources, demo.choices.model.label, use)
    if (use == null && demo.message == null) lines += resources.getString(R.string.loading)
    demo.message?.let { lines += it }
    val single = demo.drawing?.frame?.times.takeIf { demo.picture != null }
    if (single != null) lines += ofOne(resources, single)
    val times = demo.times.takeIf { demo.picture == null }
    if (times != null) lines += ofFrames(resources, times)
    return lines.joinToString("\n")
}

private fun ranOn(resources: Resources, model: String, use: AcceleratorUse): String {
    val reason = use.fallbackReason ?: return resources.getString(R.string.running_on, model, use.accelerator.name)
    return resources.getString(R.string.running_instead, model, use.accelerator.name, reason)
}

private fun ofOne(resources: Resources, times: StepTimes): String =
    resources.getString(R.string.one_picture, times.preprocessingMs, times.inferenceMs, times.decodingMs)

private fun ofFrames(resources: Resources, times: TimesSummary): List<String> = listOfNotNull(
    times.betweenFrames?.let { resources.getString(R.string.frames, SECOND_MS / it.p50, SECOND_MS / it.p90) },
    step(resources, R.string.preprocessing, times.preprocessing),
    step(resources, R.string.inference, times.inference),
    step(resources, R.string.decoding, times.decoding),
)

private fun step(resources: Resources, name: Int, spread: Spread): String =
    resources.getString(R.string.step_times, resources.getString(name), spread.p50, spread.p90)
