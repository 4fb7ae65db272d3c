// SPDX-License-Identifier: Apache-2.0

package posekit.template

import com.google.ai.edge.litert.FakeLiteRt
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject

private const val POSE = "tiny-pose2.tflite"
private const val DETECTOR = "tiny-pose2-detector.tflite"
private const val CANDIDATES = 240

/**
 * The generated class of two stages on a fake LiteRT: prints `name: true|false` as JSON.
 *
 * Arguments: a folder with both models, one whose detector has another contract.
 */
public object TwoStageChecks {
    @JvmStatic
    public fun main(folders: Array<String>) {
        val good = FakeContext(folders[0])
        val other = FakeContext(folders[1])
        val checks = listOf(
            "one_environment" to { with(good) { FakeLiteRt.environments == 1 && it.estimate(bitmap()).size == 1 } },
            "another_detector_before_any_model" to {
                throws<ContractMismatchException> { TemplatePose.create(other) } && FakeLiteRt.loaded.isEmpty()
            },
            "a_detector_that_fails_leaves_nothing_open" to {
                FakeLiteRt.notOnGpu = DETECTOR
                throws<AcceleratorException> { TemplatePose.create(good, Options(allowFallback = false)) }
            },
            "the_detector_alone_falls_back" to {
                FakeLiteRt.notOnGpu = DETECTOR
                with(good) {
                    it.accelerator.accelerator == Accelerator.GPU &&
                        it.detectorAccelerator.accelerator == Accelerator.CPU
                }
            },
            "another_model_file_keeps_the_detector" to {
                TemplatePose.create(good, Options(modelFile = "models/other.tflite")).close()
                FakeLiteRt.loaded == listOf("models/other.tflite", DETECTOR)
            },
            "who_is_followed_needs_no_detector" to { with(good) { looks(it) == 1 && looks(it) == 0 } },
            "another_form_begins_anew" to {
                with(good) {
                    looks(it) == 1 && looks(it, 90) == 1 && looks(it, 90, true) == 1 && looks(it, 90, true) == 0
                }
            },
            "a_failure_begins_anew" to {
                with(good) { model ->
                    looks(model)
                    FakeLiteRt.failsNext = POSE
                    throws<InferenceException> { model.follow(bitmap()) } && looks(model) == 1
                }
            },
            "from_any_thread" to { fromAnyThread(good) },
            "dense_of_a_region" to {
                with(good) {
                    val region = TemplatePose.regionFromBox(100.0, 100.0, 220.0, 260.0)
                    val estimate = it.estimateDenseIn(region, bitmap())
                    estimate.poses.single().region == region && estimate.person.label(0, 5) == 1
                }
            },
            "device_run_of_both_says_that_the_detector_fell_back" to { fellBack(good) },
        )
        println(json(*checks.map { (name, check) -> name to run(check) }.toTypedArray()))
    }

    /** A check passes when it is true and has left no handle open. */
    private fun run(check: () -> Boolean): Boolean {
        FakeLiteRt.environments = 0
        FakeLiteRt.openHandles = 0
        FakeLiteRt.loaded.clear()
        FakeLiteRt.threads.clear()
        FakeLiteRt.failsNext = null
        FakeLiteRt.notOnGpu = null
        give()
        return check() && FakeLiteRt.openHandles == 0
    }

    /** One person, whom the detector sees with some keypoints apart and the pose model with all of them. */
    private fun give() {
        val scores = FloatArray(CANDIDATES).also { it[2 * 12 + 3] = 0.9f }
        val points = FloatArray(51 * CANDIDATES) { (it / CANDIDATES % 7).toFloat() }
        FakeLiteRt.inputShape = listOf(1, 256, 192, 3)
        FakeLiteRt.outputs["boxes"] = listOf(1, 4, CANDIDATES) to FloatArray(4 * CANDIDATES) { 1f }
        FakeLiteRt.outputs["scores"] = listOf(1, 1, CANDIDATES) to scores
        FakeLiteRt.outputs["keypoints"] = listOf(1, 51, CANDIDATES) to points
        FakeLiteRt.outputs["segments"] = listOf(1, 16, 12, 1) to FloatArray(16 * 12) { if (it % 12 < 6) 4f else -4f }
        FakeLiteRt.outputs["heatmaps"] = listOf(1, 64, 48, 17) to FloatArray(64 * 48 * 17).also { map ->
            for (k in 0 until 17) map[((20 + k) * 48 + 10 + k) * 17 + k] = 0.5f
        }
    }

    private fun bitmap() = android.graphics.Bitmap.createBitmap(
        IntArray(640 * 480), 640, 480, android.graphics.Bitmap.Config.ARGB_8888,
    )

    private fun with(context: FakeContext, check: (TemplatePose) -> Boolean): Boolean =
        TemplatePose.create(context).use(check)

    /** How often the detector looks in the next frame, which must show somebody. */
    private fun looks(model: TemplatePose, rotationDegrees: Int = 0, mirrored: Boolean = false): Int {
        FakeLiteRt.ran.clear()
        check(model.follow(bitmap(), rotationDegrees, mirrored).size == 1) { "nobody is followed" }
        return FakeLiteRt.ran.count { it == DETECTOR }
    }

    /** Whom one thread's frames follow, another's do too. */
    private fun fromAnyThread(context: FakeContext): Boolean {
        val model = TemplatePose.create(context)
        looks(model)
        val looked = mutableListOf<Int>()
        Thread {
            looked += looks(model)
            model.forget()
            looked += looks(model)
            model.close()
        }.apply { start() }.join()
        model.close()
        return looked == listOf(0, 1) && throws<IllegalStateException> { model.forget() } && FakeLiteRt.threads.size == 1
    }

    private fun fellBack(context: FakeContext): Boolean {
        FakeLiteRt.notOnGpu = DETECTOR
        val (cpu, gpu) = DeviceRunChecks.run(context, stage = "both").getValue("passes").jsonArray.map { it.jsonObject }
        return cpu.text("used") == "cpu" && cpu["fallback_reason"] is JsonNull && gpu.text("used") == "cpu" &&
            "the detector: GPU: " in gpu.text("fallback_reason") && gpu.getValue("cases").jsonArray.isEmpty()
    }

    private inline fun <reified T : Throwable> throws(action: () -> Unit): Boolean = try {
        action()
        false
    } catch (error: Throwable) {
        error is T
    }
}
