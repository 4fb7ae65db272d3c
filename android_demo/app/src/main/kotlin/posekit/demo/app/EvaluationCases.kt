// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.Context
import java.io.File
import java.io.IOException
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import posekit.template.runOnThisDevice

private const val REQUEST = "request"

/** How a run ended: its [answer] as a zip, null where there is none, and what went wrong, null where nothing did. */
internal class CasesRun(val answer: File?, val error: String?)

/** The bundle's evaluation cases, which lie among the assets as `posekit validate --write-request` writes them. */
internal class EvaluationCases(private val context: Context) {
    /**
     * Run them with [model] on the CPU and the GPU, seconds to minutes long, on the calling thread; [log] is told the
     * progress. The zip holds what `posekit validate BUNDLE --device-run` reads, once it is unpacked.
     */
    fun run(model: BundledModel, log: (String) -> Unit): CasesRun {
        val work = File(context.cacheDir, "cases")
        return try {
            work.deleteRecursively()
            val request = unpacked(File(work, REQUEST))
            val out = File(work, "run")
            val error = runOnThisDevice(context, request, out, model.file, log = log)
            CasesRun(zipped(out, File(sharedFolder(context), "device-run-${model.label}.zip")), error)
        } catch (error: IOException) {
            CasesRun(null, error.message ?: error.javaClass.simpleName)
        } finally {
            work.deleteRecursively()
        }
    }

    private fun unpacked(folder: File): File {
        if (!folder.mkdirs()) throw IOException("cannot make the folder $folder")
        for (name in context.assets.list(REQUEST).orEmpty()) {
            context.assets.open("$REQUEST/$name").use { from -> File(folder, name).outputStream().use(from::copyTo) }
        }
        return folder
    }

    private fun zipped(folder: File, zip: File): File {
        ZipOutputStream(zip.outputStream().buffered()).use { stream ->
            for (file in folder.listFiles().orEmpty().sortedBy { it.name }) {
                stream.putNextEntry(ZipEntry(file.name))
                file.inputStream().use { it.copyTo(stream) }
                stream.closeEntry()
            }
        }
        return zip
    }
}
