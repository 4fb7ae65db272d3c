// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.io.RandomAccessFile
import java.nio.ByteBuffer
import kotlin.math.abs

/** Prints `name: true|false` of every check as JSON; with arguments FILE NAME START SIZE reads an associated file. */
public object GuardChecks {
    @JvmStatic
    public fun main(arguments: Array<String>) {
        if (arguments.isNotEmpty()) associated(arguments) else println(json(*checks().toTypedArray()))
    }

    private fun associated(arguments: Array<String>) {
        RandomAccessFile(arguments[0], "r").use { file ->
            val answer = try {
                readAssociatedFile(file.channel, arguments[2].toLong(), arguments[3].toLong(), arguments[1])
                    ?.let(::sha256) ?: "none"
            } catch (error: ModelFileException) {
                "damaged"
            }
            println(answer)
        }
    }

    private fun checks(): List<Pair<String, Any>> = listOf(
        "nan_output" to throws<NonFiniteOutputException> { estimate(Float.NaN) },
        "infinite_output" to throws<NonFiniteOutputException> { estimate(Float.NEGATIVE_INFINITY) },
        "finite_output" to (estimate(0.5f).single().count == 2),
        "wrong_count" to throws<TensorShapeException> { estimate(0f, values = 5) },
        "wrong_shape" to throws<TensorShapeException> { estimate(0f, shape = intArrayOf(1, 2, 3)) },
        "missing_output" to throws<TensorShapeException> { estimate(0f, name = "other") },
        "empty_image" to throws<IllegalArgumentException> { estimate(0f, width = 0) },
        "bad_rotation" to throws<IllegalArgumentException> { Orientation(45) },
        "empty_region" to throws<IllegalArgumentException> { Region(1.0, 1.0, 0.0, 1.0) },
        "nan_region" to throws<IllegalArgumentException> { Region(Double.NaN, 1.0, 1.0, 1.0) },
        "exif_values" to exifValues(),
        "short_planes" to shortPlanes(),
        "gpu_used" to (opened(Options()) == (Accelerator.GPU to null)),
        "gpu_falls_back" to (opened(Options(), IllegalStateException("no")) == (Accelerator.CPU to "GPU: no")),
        "gpu_library_missing" to (opened(Options(), UnsatisfiedLinkError("no")).first == Accelerator.CPU),
        "gpu_required" to throws<AcceleratorException> {
            opened(Options(allowFallback = false), IllegalStateException())
        },
        "contract_never_falls_back" to throws<TensorShapeException> { opened(Options(), TensorShapeException("no")) },
        "region_without_a_scale" to unusableRegions(),
        "turned_region_where_antialiased" to
            (turnedRegion(Sampling.BILINEAR_ANTIALIAS) && !turnedRegion(Sampling.BILINEAR)),
        "other_shapes" to DECODERS.all { (kind, of) -> refusesOtherShapes(kind, of) },
        "tracker_needs_all_of_a_small_skeleton" to smallSkeleton(),
        "wrong_settings" to wrongSettings(),
        "every_setting_of_a_decoder" to DECODERS.all { (kind, of) -> refusesOtherSettings(kind, of) },
        "settings_of_every_type" to settingsOfEveryType(),
        "poses_are_values" to posesAreValues(),
        "poses_are_iterable" to posesAreIterable(),
        "far_region_is_padding" to farRegion(),
        "no_depth" to (estimate(0.5f).single()[TemplatePose.Keypoint.LEFT_EYE].z == null),
        "no_such_keypoint" to throws<IndexOutOfBoundsException> {
            estimate(0f).single()[TemplatePose.Keypoint.LEFT_WRIST]
        },
        "region_of_a_pose" to (estimate(0.5f).single().region == Region(1.5, 1.5, 3.0, 3.0)),
        "box_of_a_turned_region" to boxOfATurnedRegion(),
        "tracker_needs_boxes_to_compare" to throws<IllegalArgumentException> {
            PeopleTracker(doubleArrayOf(0.1, 0.1), Similarity.IOU).update(listOf(pose(2, 1.0)), 0.0)
        },
        "people_tracker_resets" to peopleTrackerResets(),
        "tracker_resets" to trackerResets(),
        "fast_warp_is_plain_warp" to WarpFuzz.agrees(),
        "antialiasing_is_its_definition" to AntialiasFuzz.agrees(),
    )

    private inline fun <reified T : Throwable> throws(action: () -> Unit): Boolean = try {
        action()
        false
    } catch (error: Throwable) {
        error is T
    }

    private fun contract(padValue: Double = 7.0): PoseContract {
        val input = InputSpec(4, 4, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, padValue, boxPadding = 1.25)
        val own = settings(
            2, "refinement" to "none", "alignment" to "stride", "border" to "both", "blur_kernel" to 11,
            "blur_edge" to "zero",
        )
        val decoder = ContractDecoder("c", own) { TemplatePoseContract.contract.decoder.new(it) }
        return PoseContract("0", "x.tflite", input, "image", listOf(OutputSpec("c", 1, 2, 3)), 2, decoder)
    }

    private fun settings(keypointCount: Int, vararg more: Pair<String, Any>) = DecoderSettings(
        mapOf("output" to "c", "activation" to "none", *more), 4, 4, Alignment.HALF_PIXEL, keypointCount,
    )

    private class FakeRunner(val tensor: Tensor, val onRun: (FloatArray) -> Unit = {}) : ModelRunner {
        override fun run(input: FloatArray): Map<String, Tensor> = mapOf(tensor.name to tensor).also { onRun(input) }

        override fun close(): Unit = Unit
    }

    private fun estimate(
        value: Float,
        values: Int = 8,
        shape: IntArray = intArrayOf(1, 2, 2, 2),
        name: String = "c",
        width: Int = 3,
    ): List<Pose> {
        val tensor = Tensor(name, shape).apply { this.values = FloatArray(values) { value } }
        val source = RgbSource(width, 3, ByteArray(27))
        return PosePipeline(contract(), FakeRunner(tensor)).estimate(source, Orientation(), null)
    }

    private fun farRegion(): Boolean {
        val tensor = Tensor("c", intArrayOf(1, 2, 2, 2)).apply { values = FloatArray(8) }
        var padded = false
        val pipeline = PosePipeline(contract(), FakeRunner(tensor) { input -> padded = input.all { it == 7f } })
        pipeline.estimate(RgbSource(3, 3, ByteArray(27)), Orientation(), Region(1e9, -1e9, 5.0, 5.0, 10.0))
        return padded
    }

    /** A picture that is stored with value 6 is seen after a quarter turn clockwise, with 5 mirrored after it. */
    private fun exifValues(): Boolean =
        Orientation.ofExif(0) == Orientation.UPRIGHT && Orientation.ofExif(1) == Orientation.UPRIGHT &&
            Orientation.ofExif(6) == Orientation(90) && Orientation.ofExif(5) == Orientation(90, true) &&
            Orientation.ofExif(2) == Orientation(0, true) && Orientation.ofExif(8) == Orientation(270) &&
            (1..8).map(Orientation::ofExif).distinct().size == 8 &&
            throws<IllegalArgumentException> { Orientation.ofExif(9) }

    private fun shortPlanes(): Boolean {
        fun plane(bytes: Int, rowStride: Int, pixelStride: Int = 1) =
            Pixels.Plane(ByteBuffer.allocate(bytes), rowStride, pixelStride)
        fun refuses(make: () -> Pixels) = throws<IllegalArgumentException> { make() }
        Pixels.yuv420(plane(19, 8), plane(5, 3), plane(6, 3, 2), 3, 3) // the last row is short
        return refuses { Pixels.rgba(ByteBuffer.allocate(47), 4, 3) } && refuses { Pixels.rgba(ByteBuffer.allocate(99), 4, 3, 15) } &&
            refuses { Pixels.rgba(ByteBuffer.allocate(99), 0, 3) } && refuses { Pixels.nv21(ByteArray(13), 3, 3) } &&
            refuses { Pixels.nv21(ByteArray(3), 3, 3) } && refuses { Pixels.nv21(ByteArray(9), -3, 3) } &&
            refuses { Pixels.yuv420(plane(18, 8), plane(5, 3), plane(6, 3, 2), 3, 3) } &&
            refuses { Pixels.yuv420(plane(19, 8), plane(4, 3), plane(6, 3, 2), 3, 3) } &&
            refuses { Pixels.yuv420(plane(19, 8), plane(5, 3), plane(5, 3, 2), 3, 3) } &&
            refuses { Pixels.yuv420(plane(19, 2), plane(5, 3), plane(6, 3, 2), 3, 3) } &&
            refuses { Pixels.yuv420(plane(19, 8), plane(5, 3, 0), plane(6, 3, 2), 3, 3) }
    }

    private fun opened(options: Options, failure: Throwable? = null): Pair<Accelerator, String?> {
        val (opened, use) = openPreferred(options) {
            if (it == Accelerator.GPU && failure != null) throw failure
            it
        }
        check(opened == use.accelerator)
        return use.accelerator to use.fallbackReason
    }

    /** As in Swift: refused, where a transform of NaN would give keypoints of NaN. */
    private fun unusableRegions(): Boolean = Resize.entries.all { resize ->
        val input = InputSpec(4, 4, resize, Alignment.HALF_PIXEL, 7.0, boxPadding = 1.25)
        val regions = listOf(
            Region(0.0, 0.0, Double.MIN_VALUE, 1.0), Region(0.0, 0.0, Double.MIN_VALUE, Double.MIN_VALUE),
            Region(1e300, 0.0, 10.0, 20.0), Region(0.0, 0.0, 1e300, 1e300),
        )
        regions.all { throws<IllegalArgumentException> { inputTransform(it, input) } }
    }

    private fun turnedRegion(sampling: Sampling): Boolean {
        val input = InputSpec(4, 4, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, 7.0, 1.25, sampling)
        return throws<IllegalArgumentException> { inputTransform(Region(2.0, 2.0, 4.0, 4.0, 20.0), input) }
    }

    /** More or fewer axes than in a golden case, or one place and channel more. */
    private fun refusesOtherShapes(kind: String, of: (DecoderSettings) -> Decoder): Boolean {
        val case = goldenCases(kind).first()
        val settings = decoderSettings(case)
        val (first, rest) = goldenOutputs(case).values.let { it.first() to it.drop(1) }
        fun refuses(shape: IntArray) = throws<TensorShapeException> {
            val other = Tensor(first.name, shape).apply { values = FloatArray(size) }
            of(settings).decode((rest + other).associateBy { it.name })
        }
        val wider = IntArray(first.shape.size) { if (it == 0) 1 else first.shape[it] + 1 }
        return !refuses(first.shape) && refuses(wider) && refuses(first.shape + 1) &&
            refuses(first.shape.copyOf(first.shape.size - 1)) && refuses(intArrayOf(first.size))
    }

    /** Of another type each setting is told of by golden cases that use it; left out it is told of or allowed. */
    private fun refusesOtherSettings(kind: String, of: (DecoderSettings) -> Decoder): Boolean {
        val all = goldenCases(kind).map(::decoderSettings)
        fun refuses(settings: DecoderSettings, values: Map<String, Any>): Boolean = try {
            of(settings.copy(values = values))
            false
        } catch (error: DecoderSettingException) {
            true
        }
        val ofPackaging = "background" // what the packaged model leaves out already
        return (all.flatMap { it.values.keys }.distinct() - ofPackaging).all { name ->
            val users = all.filter { it.has(name) }
            users.forEach { refuses(it, it.values - name) } // anything else that is thrown comes through
            users.any { refuses(it, it.values + (name to listOf(0.5))) }
        }
    }

    /** Getters that refuse, and what their sentence says of the setting. */
    private fun wrongSettings(): Boolean {
        val settings = settings(1, "count" to 2.5, "names" to listOf("x", 3))
        val refused = listOf<Pair<String, () -> Any>>(
            "'kernel' is missing, expected an integer" to { settings.integer("kernel") },
            "'count' is 2.5, expected an integer" to { settings.integer("count") },
            "'output' is 'c', expected a number" to { settings.number("output") },
            "'output' is 'c', expected true or false" to { settings.flag("output") },
            "'count' is 2.5, expected a text" to { settings.text("count") },
            "'names' is [x, 3], expected a list of texts" to { settings.texts("names") },
            "'names' is [x, 3], expected a list of integers" to { settings.integers("names") },
            "'output' is 'c', expected a list of numbers" to { settings.numbers("output") },
            "'output' is 'c', expected one of gpu, cpu" to { settings.choice<Accelerator>("output") },
        )
        return refused.all { (sentence, get) ->
            try {
                get()
                false
            } catch (error: DecoderSettingException) {
                error.message?.contains(sentence) == true
            }
        }
    }

    private fun settingsOfEveryType(): Boolean {
        val settings = settings(
            1, "count" to 2, "ratio" to 1.5, "on" to true, "names" to listOf("index", "half_pixel"),
            "sides" to listOf(1, 2),
        )
        return settings.integer("count") == 2 && settings.number("count") == 2.0 && settings.number("ratio") == 1.5 &&
            settings.integers("sides") == listOf(1, 2) && settings.numbers("sides") == listOf(1.0, 2.0) &&
            settings.has("on") && !settings.has("off") &&
            settings.flag("on") && settings.text("output") == "c" &&
            settings.choices<Alignment>("names") == listOf(Alignment.INDEX, Alignment.HALF_PIXEL)
    }

    private fun pose(count: Int, score: Double): Pose =
        Pose(DoubleArray(2 * count) { it.toDouble() }, DoubleArray(count) { score }, 2)

    private fun posesAreValues(): Boolean {
        val box = Box(0.0, 1.0, 2.0, 3.0)
        val region = Region(1.0, 1.0, 2.0, 2.0)
        val one = pose(2, 1.0)
        fun other(confidence: Double, box: Box?, region: Region?) =
            Pose(one.coordinates.copyOf(), one.scores.copyOf(), 2, confidence, box, region)
        return one == pose(2, 1.0) && one != pose(2, 0.5) && one == other(1.0, null, null) &&
            one.hashCode() == other(1.0, null, null).hashCode() && one != other(0.9, null, null) &&
            other(1.0, box, region) == other(1.0, box.copy(), region.copy()) && one != other(1.0, box, null) &&
            one != other(1.0, null, region) && pose(2, 0.25).confidence == 0.25
    }

    private fun posesAreIterable(): Boolean {
        val seen = mutableListOf<String>()
        for ((keypoint, position) in pose(2, 1.0)) seen += "$keypoint ${position.x} ${position.y}"
        return seen == listOf("NOSE 0.0 1.0", "LEFT_EYE 2.0 3.0")
    }

    /** By 90 degrees: width and height change places. */
    private fun boxOfATurnedRegion(): Boolean {
        val input = InputSpec(10, 10, Resize.STRETCH, Alignment.HALF_PIXEL, 0.0, 1.0)
        val transform = inputTransform(Region(50.0, 50.0, 10.0, 10.0, 90.0), input)
        val (left, top, right, bottom) = boxAround(Box(0.0, 4.0, 2.0, 8.0), transform.toSource)
        val errors = listOf(left - 47, top - 45, right - 51, bottom - 47)
        return errors.all { abs(it) < 1e-9 }
    }

    private fun peopleTrackerResets(): Boolean {
        val tracker = PeopleTracker(DoubleArray(5) { 0.1 })
        val one = listOf(pose(5, 1.0))
        val ids = listOf(tracker.update(one, 0.0), tracker.update(one, 0.1)).flatten()
        tracker.reset()
        return ids == listOf(1, 1) && tracker.update(one, 0.2) == listOf(2) && tracker.update(one, 0.1) == listOf(3)
    }

    private fun smallSkeleton(): Boolean {
        fun follows(pose: Pose) = RegionTracker(contract().input, 0.3, 1.2).update(pose) != null
        val half = Pose(doubleArrayOf(0.0, 0.0, 9.0, 9.0), doubleArrayOf(1.0, 0.1), 2)
        return follows(pose(2, 0.3)) && !follows(half) && !follows(pose(1, 1.0)) && !follows(pose(5, Double.NaN))
    }

    private fun trackerResets(): Boolean {
        val tracker = RegionTracker(contract().input, 0.3, 1.2)
        val corners = doubleArrayOf(0.0, 0.0, 9.0, 0.0, 0.0, 9.0, 9.0, 9.0)
        val followed = tracker.update(Pose(corners, DoubleArray(4) { 1.0 }, 2)) != null && tracker.region != null
        tracker.reset()
        return followed && tracker.region == null
    }
}
