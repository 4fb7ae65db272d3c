// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Runs the model: takes its input, H x W x 3 RGB 0-255, and gives its outputs by name, valid until the next run. */
internal interface ModelRunner : AutoCloseable {
    fun run(input: FloatArray): Map<String, Tensor>
}

/**
 * From pixels to poses: sample the region, run the model, decode, map back to px of the upright image.
 *
 * The steps are taken in this order; what a step leaves, [input] and [outputs], stays until it is taken again.
 */
internal class PosePipeline(private val contract: PoseContract, private val runner: ModelRunner) {
    private val decoder = contract.decoder.new()
    private val denseReader = DenseReader(contract.dense)
    private val window = PixelWindow()

    /** What the model is given next. */
    val input: FloatArray = FloatArray(contract.input.width * contract.input.height * 3)

    /** What the model gave last; empty before it ran. */
    var outputs: Map<String, Tensor> = emptyMap()
        private set

    /** How long the steps of all estimates took so far. */
    var spent: StepTimes = StepTimes.NONE
        private set

    /** The people in [region], in the whole picture where it is null; those that the decoder puts first come first. */
    fun estimate(source: PixelSource, orientation: Orientation, region: Region?): List<Pose> =
        timed(source, orientation, region) { transform, where -> decode(outputs, transform, where) }

    /** The same, and the dense results of the same run. */
    fun estimateDense(source: PixelSource, orientation: Orientation, region: Region?): Pair<List<Pose>, List<DenseMap>> =
        timed(source, orientation, region) { transform, where ->
            decode(outputs, transform, where) to dense(outputs, transform)
        }

    /** All steps, of which [read] is the last. */
    private fun <T> timed(
        source: PixelSource, orientation: Orientation, region: Region?, read: (InputTransform, Region) -> T,
    ): T {
        val start = System.nanoTime()
        val where = region ?: wholeFrame(source.width, source.height, orientation)
        val transform = preprocess(source, orientation, where)
        val preprocessed = System.nanoTime()
        infer()
        val inferred = System.nanoTime()
        val result = read(transform, where)
        spent += StepTimes.ofNanos(preprocessed - start, inferred - preprocessed, System.nanoTime() - inferred)
        return result
    }

    /** The region of a whole picture of that stored size. */
    fun wholeFrame(storedWidth: Int, storedHeight: Int, orientation: Orientation): Region = frameRegion(
        uprightWidth(storedWidth, storedHeight, orientation),
        uprightHeight(storedWidth, storedHeight, orientation),
        contract.input,
    )

    fun preprocess(source: PixelSource, orientation: Orientation, region: Region): InputTransform {
        require(source.width > 0 && source.height > 0) { "the image is empty: ${source.width} x ${source.height} px" }
        val transform = inputTransform(region, contract.input)
        val warp = Warp(contract.input, transform, orientation, source.width, source.height)
        warp.window(window)
        source.read(window)
        warp.warp(window, input)
        window.shrink()
        return transform
    }

    fun infer() {
        outputs = runner.run(input)
    }

    fun decode(outputs: Map<String, Tensor>, transform: InputTransform, region: Region): List<Pose> =
        decoder.decode(outputs).map { person -> poseOf(person, transform, region) }

    /** The dense results of [outputs], over the upright image. */
    fun dense(outputs: Map<String, Tensor>, transform: InputTransform): List<DenseMap> =
        denseReader.read(outputs, transform.toSource)

    /** [person] in source px; its arrays become the pose's. */
    private fun poseOf(person: Person, transform: InputTransform, region: Region): Pose {
        contract.depth?.moveToRoot(person)
        val coordinates = person.coordinates
        val dimensions = coordinates.size / person.scores.size
        val toSource = transform.toSource
        val depthScale = if (contract.depth?.unit == DepthUnit.METRES) 1.0 else transform.sourcePxPerInputPx
        for (at in coordinates.indices step dimensions) {
            val x = coordinates[at]
            val y = coordinates[at + 1]
            coordinates[at] = toSource.mapX(x, y)
            coordinates[at + 1] = toSource.mapY(x, y)
            if (dimensions == 3) coordinates[at + 2] *= depthScale
        }
        val box = person.box?.let { boxAround(it, toSource) }
        val world = person.world?.also(transform::turn)
        return Pose(
            coordinates, person.scores, dimensions, person.confidence, box, region, person.visibility, person.presence,
            world,
        )
    }
}
