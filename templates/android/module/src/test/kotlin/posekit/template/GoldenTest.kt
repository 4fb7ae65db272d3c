// SPDX-License-Identifier: Apache-2.0

package posekit.template

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** Holds this module's arithmetic to the reference's: the bundle's golden vectors were made by posekit in Python. */
class GoldenTest {
    @Test
    fun warpGivesTheReferenceTensor() {
        val cases = goldenCases("warp")
        assertTrue("there are warp cases", cases.isNotEmpty())
        for (case in cases) {
            val name = case.text("name")
            val errors = warpErrors(case)
            assertEquals("$name: grey levels", 0.0, errors.tensor, 0.01)
            assertEquals("$name: region, source px", 0.0, errors.region, 1e-6)
            assertEquals("$name: matrix", 0.0, errors.matrix, 1e-6)
            assertEquals("$name: points, px", 0.0, errors.points, 1e-6)
        }
    }

    @Test
    fun framesHaveTheReferenceColours() {
        val cases = goldenCases("yuv")
        assertTrue("there are frames", cases.isNotEmpty())
        for (case in cases) assertTrue("${case.text("name")}: other grey levels", yuvError(case) == 0)
    }

    @Test
    fun decoderGivesTheReferenceKeypoints() {
        val own = TemplatePoseContract.contract.decoder
        val cases = goldenCases(own.kind)
        assertTrue("there are cases of ${own.kind}", cases.isNotEmpty())
        for (case in cases) {
            val name = case.text("name")
            val decoder = own.new(decoderSettings(case))
            val errors = decoderErrors(case, decoder)
            assertTrue("$name: as many people", errors.count == 0)
            assertEquals("$name: boxes, input px", 0.0, errors.box, 0.001)
            assertTrue("$name: NaN is refused", decodedThoughNotFinite(case, decoder) == 0)
            assertEquals("$name: keypoints, input px", 0.0, errors.keypoints, 0.001)
            assertEquals("$name: scores", 0.0, errors.scores, 1e-5)
        }
    }

    @Test
    fun denseResultsAreTheReferences() {
        val cases = goldenCases("dense")
        assertTrue("there are dense cases", cases.isNotEmpty())
        val errors = denseErrors(cases)
        assertTrue("${errors.count} results have other cells", errors.count == 0)
        assertTrue("${errors.numbers} cells have other labels", errors.numbers == 0)
        assertEquals("values", 0.0, errors.values, 1e-5)
        assertEquals("U and V", 0.0, errors.uv, 1e-5)
        assertEquals("from cells to the picture", 0.0, errors.matrix, 1e-6)
        assertEquals("values between cells", 0.0, errors.atPoints, 1e-5)
    }

    @Test
    fun trackerGivesTheReferenceIds() {
        val cases = goldenCases("people")
        assertTrue("there are clips", cases.isNotEmpty())
        val errors = peopleErrors(cases)
        assertTrue("${errors.ids} frames have other ids", errors.ids == 0)
        assertEquals("smoothed keypoints, px", 0.0, errors.smoothed, 1e-6)
    }

    @Test
    fun followerLooksWhereTheReferenceDoes() {
        val cases = goldenCases("following")
        assertTrue("there are clips of people who are followed", cases.isNotEmpty())
        val errors = followingErrors(cases)
        assertTrue("${errors.others} frames have other people or detections", errors.others == 0)
        assertEquals("regions, source px", 0.0, errors.region, 1e-6)
    }

    @Test
    fun contractNamesTheOutputsThatTheDecoderReads() {
        val contract = TemplatePoseContract.contract
        val names = contract.outputs.map { it.name }
        assertTrue("$names hold the decoder's", names.containsAll(contract.decoder.new().outputNames))
        assertEquals("keypoints", contract.keypointCount.toDouble(), TemplatePose.Keypoint.entries.size.toDouble(), 0.0)
    }
}
