// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.FakeLiteRt
import kotlin.math.abs

private const val COLOR = 0x7f112233

/**
 * The generated class on a fake LiteRT: prints `name: true|false` as JSON.
 *
 * Arguments: a folder with the model, one whose model has another contract, one with a model without a contract.
 */
public object FacadeChecks {
    @JvmStatic
    public fun main(folders: Array<String>) {
        val good = FakeContext(folders[0])
        val other = FakeContext(folders[1])
        val bare = FakeContext(folders[2])
        val empty = FakeContext(folders[0] + "/nothing")
        val checks = listOf(
            "estimates" to { estimates(good) },
            "turned_and_mirrored" to { turned(good) },
            "gpu_first" to { used(good, Options()) == AcceleratorUse(Accelerator.GPU) },
            "falls_back_at_creation" to {
                FakeLiteRt.gpuFailure = IllegalStateException("no")
                fellBack(good, "GPU: no")
            },
            "falls_back_without_library" to {
                FakeLiteRt.gpuFailure = UnsatisfiedLinkError("lib")
                fellBack(good, "GPU: lib")
            },
            "falls_back_at_first_run" to {
                FakeLiteRt.gpuFailsAtRun = 1
                fellBack(good, "GPU: run 1")
            },
            "gpu_required" to {
                FakeLiteRt.gpuFailsAtRun = 1
                throws<AcceleratorException> { TemplatePose.create(good, Options(allowFallback = false)) }
            },
            "full_precision" to { options(good, Options(gpuFullPrecision = true)) == "[GPU] FP32 null" },
            "default_precision" to { options(good, Options()) == "[GPU] null null" },
            "threads" to { options(good, Options(Accelerator.CPU, threads = 3)) == "[CPU] null 3" },
            "usual_threads" to {
                val cores = Runtime.getRuntime().availableProcessors()
                options(good, Options(Accelerator.CPU)) == "[CPU] null ${minOf(4, cores)}"
            },
            "gpu_program_cache" to { programCache(good) },
            "npu" to {
                FakeLiteRt.hasNpu = true
                options(good, Options(Accelerator.NPU)) == "[NPU] null null" &&
                    used(good, Options(Accelerator.NPU)) == AcceleratorUse(Accelerator.NPU)
            },
            "no_npu" to {
                FakeLiteRt.hasNpu = false
                val use = used(good, Options(Accelerator.NPU))
                use.accelerator == Accelerator.CPU && "NPU: LiteRT knows no NPU" in use.fallbackReason!! &&
                    throws<AcceleratorException> {
                        TemplatePose.create(good, Options(Accelerator.NPU, allowFallback = false))
                    }
            },
            "contract_mismatch" to { mismatch(other)?.foundHash?.length == 64 },
            "contract_missing" to { mismatch(bare)?.let { it.foundHash == null } == true },
            "another_model_file" to {
                TemplatePose.create(good, Options(modelFile = "models/other.tflite")).close()
                FakeLiteRt.loaded.last() == "models/other.tflite"
            },
            "another_model_file_of_another_contract" to {
                val options = Options(modelFile = "../other/tiny-pose2.tflite")
                throws<ContractMismatchException> { TemplatePose.create(good, options) }
            },
            "model_missing" to { throws<ModelMissingException> { TemplatePose.create(empty) } },
            "input_shape" to {
                FakeLiteRt.inputShape = listOf(1, 3, 256, 192)
                throws<TensorShapeException> { TemplatePose.create(good) }
            },
            "output_shape" to { wrongOutput("heatmaps", listOf(1, 17, 64, 48), good) },
            "output_name" to { wrongOutput("output_0", listOf(1, 64, 48, 17), good) },
            "hardware_bitmap" to {
                val hardware = bitmap().copy(Bitmap.Config.HARDWARE, false)
                TemplatePose.create(good).use { it.estimate(hardware) == it.estimate(bitmap()) }
            },
            "recycled_bitmap" to { refuses(good, bitmap().apply { recycle() }) },
            "frames" to { FrameChecks.areRead(good) },
            "after_close" to {
                val model = TemplatePose.create(good)
                repeat(2) { model.close() }
                throws<IllegalStateException> { model.estimate(bitmap()) }
            },
            "any_thread" to { ThreadChecks.anyThread(good) },
            "one_thread_for_the_runtime" to { ThreadChecks.oneForTheRuntime(good) },
            "no_thread_is_left" to { ThreadChecks.noneIsLeft(good, empty) },
            "closed_during_a_run" to { ThreadChecks.closedDuringARun(good) },
            "interrupted" to { ThreadChecks.interrupted(good) },
            "hops_dispatchers" to { CoroutineChecks.hops(good) },
            "cancelled_as_it_loads" to { CoroutineChecks.cancelledAsItLoads(good) },
            "slow_collector" to { CoroutineChecks.slowCollector() },
            "says_who_called" to { ThreadChecks.saysWhoCalled(good) },
            "latest_frame" to { CoroutineChecks.latestFrame(good) },
            "a_run_that_fails" to { ThreadChecks.fails(good) { FakeLiteRt.failsNext = "tiny-pose2.tflite" } },
            "outputs_that_cannot_be_read" to { ThreadChecks.fails(good) { FakeLiteRt.failsAtNextRead = true } },
            "device_run_on_the_gpu" to { DeviceRunChecks.onTheGpu(good) },
            "device_run_where_the_gpu_fails" to { DeviceRunChecks.whereTheGpuFails(good) },
            "device_run_without_a_gpu" to { DeviceRunChecks.withoutGpu(good) },
            "device_run_where_the_cpu_fails" to { DeviceRunChecks.whereTheCpuFails(good) },
            "device_run_in_full_precision" to { DeviceRunChecks.inFullPrecision(good) },
            "device_run_of_another_model_file" to { DeviceRunChecks.ofAnotherModelFile(good) },
            "device_run_says_how_it_was_built" to { DeviceRunChecks.saysHowItWasBuilt(good) },
            "emulators" to { DeviceRunChecks.knowsEmulators() },
            "device_run_without_a_model" to { DeviceRunChecks.withoutModel(empty) },
            "tracker_of_the_contract" to {
                TemplatePose.regionTracker().minScore == TemplatePoseContract.TRACKER_MIN_SCORE &&
                    TemplatePose.peopleTracker().minScore == TemplatePoseContract.TRACKER_MIN_SCORE
            },
        )
        println(json(*checks.map { (name, check) -> name to run(check) }.toTypedArray()))
    }

    /** A check passes when it is true and has left no handle open. */
    private fun run(check: () -> Boolean): Boolean {
        FakeLiteRt.gpuFailure = null
        FakeLiteRt.cpuFailure = null
        FakeLiteRt.gpuFailsAtRun = 0
        FakeLiteRt.inputShape = listOf(1, 256, 192, 3)
        FakeLiteRt.outputs.clear()
        FakeLiteRt.outputs["heatmaps"] = listOf(1, 64, 48, 17) to heatmaps()
        FakeLiteRt.openHandles = 0
        FakeLiteRt.whileRunning = {}
        FakeLiteRt.threads.clear()
        return check() && FakeLiteRt.openHandles == 0
    }

    /** Keypoint k at column 10 + k, row 20; no neighbours, so that DARK stays near. */
    private fun heatmaps(): FloatArray = FloatArray(64 * 48 * 17).also { map ->
        for (k in 0 until 17) map[(20 * 48 + 10 + k) * 17 + k] = 0.5f
    }

    internal fun bitmap(): Bitmap =
        Bitmap.createBitmap(IntArray(640 * 480) { COLOR }, 640, 480, Bitmap.Config.ARGB_8888)

    private fun near(value: Double, expected: Double): Boolean = abs(value - expected) < 1e-9

    /** 640 x 480 at 3:4 is 640 x 853.3: 10 / 3 source px an input px, 186.67 px of it above the picture. */
    private fun estimates(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val nose = model.estimate(bitmap())[TemplatePose.Keypoint.NOSE]
        val input = FakeLiteRt.lastInput
        val middle = (128 * 192 + 96) * 3
        val color = input.slice(middle..middle + 2) == listOf(17f, 34f, 51f) && input[0] == 0f
        color && nose.score == 0.5 && near(nose.x, 40 * 10 / 3.0) && near(nose.y, 80 * 10 / 3.0 - 560 / 3.0)
    }

    private fun turned(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val region = TemplatePose.regionFromBox(100.0, 100.0, 220.0, 260.0) // 150 x 200 px with the padding
        val wrist = model.estimate(bitmap(), 90, true, region)[TemplatePose.Keypoint.LEFT_WRIST]
        val scale = 150 / 192.0
        near(wrist.x, 85 + 76 * scale) && near(wrist.y, 80 + 80 * scale) &&
            throws<IllegalArgumentException> { model.estimate(bitmap(), 45) }
    }

    private fun used(context: Context, options: Options): AcceleratorUse =
        TemplatePose.create(context, options).use { it.accelerator }

    private fun fellBack(context: Context, reason: String): Boolean =
        used(context, Options()) == AcceleratorUse(Accelerator.CPU, reason)

    private fun options(context: Context, options: Options): String {
        used(context, options)
        val seen: CompiledModel.Options = FakeLiteRt.lastOptions!!
        return "${seen.accelerators} ${seen.gpuOptions?.precision} ${seen.cpuOptions?.numThreads}"
    }

    private fun mismatch(context: Context): ContractMismatchException? = try {
        TemplatePose.create(context)
        null
    } catch (error: ContractMismatchException) {
        error
    }

    private fun wrongOutput(name: String, shape: List<Int>, context: Context): Boolean {
        FakeLiteRt.outputs.clear()
        FakeLiteRt.outputs[name] = shape to heatmaps()
        return throws<TensorShapeException> { TemplatePose.create(context) }
    }

    private fun refuses(context: Context, bitmap: Bitmap): Boolean =
        TemplatePose.create(context).use { model -> throws<IllegalArgumentException> { model.estimate(bitmap) } }

    private fun programCache(context: Context): Boolean {
        used(context, Options())
        val (with, key) = FakeLiteRt.lastOptions!!.gpuOptions!!.run { serializeProgramCache to modelCacheKey }
        val where = FakeLiteRt.lastOptions!!.gpuOptions!!.serializationDir
        used(context, Options(gpuProgramCache = false))
        val without = FakeLiteRt.lastOptions!!.gpuOptions!!.run { listOf(serializeProgramCache, modelCacheKey, serializationDir) }
        used(context, Options(gpuFullPrecision = true)) // other programs
        val precise = FakeLiteRt.lastOptions!!.gpuOptions!!.modelCacheKey
        return precise != null && precise != key && with == true && TemplatePoseContract.contract.hash in key!! && where == context.codeCacheDir.path &&
            without.all { it == null }
    }

    private inline fun <reified T : Throwable> throws(action: () -> Unit): Boolean = try {
        action()
        false
    } catch (error: Throwable) {
        error is T
    }
}
