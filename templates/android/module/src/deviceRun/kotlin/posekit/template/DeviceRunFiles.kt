// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.res.AssetManager
import android.graphics.Bitmap
import java.io.DataInputStream
import java.io.File
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.DigestInputStream
import java.security.MessageDigest
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray

private const val REQUEST = "request.json"
private const val RUN = "run.json"
private const val BLOCK = 1 shl 16

/** A picture in memory, and the digest of its bytes so far. */
internal class LoadedPicture(val bitmap: Bitmap, private val digest: MessageDigest) {
    /** SHA-256 of the picture's bytes followed by [more]. */
    fun sha256With(more: ByteArray): String = hexadecimal((digest.clone() as MessageDigest).apply { update(more) })
}

/** A tensor in memory: [bytes] as they lie in the file. */
internal class LoadedTensor(val bytes: ByteArray) {
    val values: FloatArray
        get() {
            val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
            return FloatArray(floats.remaining()).also { floats.get(it) }
        }
}

/** The folder of a request; of its pictures only the last one stays in memory. */
internal class RequestFiles(private val folder: File) {
    private var last: Pair<AskedPicture, LoadedPicture>? = null

    fun request(): RunRequest = parseRequest(open(REQUEST).readText())

    fun picture(asked: AskedPicture): LoadedPicture {
        last?.let { (picture, loaded) ->
            val same = picture.file == asked.file && picture.width == asked.width && picture.height == asked.height
            if (same) return loaded
            last = null
            loaded.bitmap.recycle()
        }
        return load(asked).also { last = asked to it }
    }

    private fun load(asked: AskedPicture): LoadedPicture {
        val digest = MessageDigest.getInstance("SHA-256")
        val row = ByteArray(asked.width * 3)
        val file = open(asked.file, row.size.toLong() * asked.height)
        val argb = IntArray(asked.width * asked.height)
        DataInputStream(DigestInputStream(file.inputStream().buffered(BLOCK), digest)).use { stream ->
            for (start in argb.indices step asked.width) {
                stream.readFully(row)
                for (x in 0 until asked.width) {
                    val red = row[x * 3].toInt() and 255
                    val green = row[x * 3 + 1].toInt() and 255
                    val blue = row[x * 3 + 2].toInt() and 255
                    argb[start + x] = (0xff shl 24) or (red shl 16) or (green shl 8) or blue
                }
            }
        }
        return LoadedPicture(Bitmap.createBitmap(argb, asked.width, asked.height, Bitmap.Config.ARGB_8888), digest)
    }

    fun tensor(asked: AskedTensor): LoadedTensor = LoadedTensor(open(asked.file, asked.size * 4L).readBytes())

    private fun open(name: String, bytes: Long? = null): File {
        val file = File(folder, name)
        require(file.isFile) { "the request lacks $name" }
        require(bytes == null || file.length() == bytes) { "$name has ${file.length()} bytes, expected $bytes" }
        return file
    }
}

/** The folder of a run. */
internal class RunFiles(private val folder: File) {
    init {
        check(folder.isDirectory || folder.mkdirs()) { "cannot make the folder $folder" }
        File(folder, RUN).delete() // of an earlier run: whoever finds it takes the run for done
    }

    /** Write a tensor; what run.json says of it. */
    fun tensor(name: String, shape: List<Int>, values: FloatArray): JsonObject {
        val bytes = ByteBuffer.allocate(values.size * 4).order(ByteOrder.LITTLE_ENDIAN)
        bytes.asFloatBuffer().put(values)
        File(folder, name).writeBytes(bytes.array())
        return buildJsonObject {
            put("file", name)
            putJsonArray("shape") { shape.forEach { add(it) } }
        }
    }

    /** Write run.json, whole or not at all. */
    fun run(document: JsonObject) {
        val partial = File(folder, "$RUN.partial")
        partial.writeText("$document\n")
        check(partial.renameTo(File(folder, RUN))) { "cannot write $RUN in $folder" }
    }
}

/** SHA-256 of the asset [name], 64 lower case hexadecimal digits. */
internal fun assetHash(assets: AssetManager, name: String): String = assets.openFd(name).use { asset ->
    val digest = MessageDigest.getInstance("SHA-256")
    val channel = FileInputStream(asset.fileDescriptor).channel
    val block = ByteBuffer.allocate(BLOCK)
    var at = asset.startOffset
    val end = at + asset.length
    while (at < end) {
        block.clear().limit(minOf(BLOCK.toLong(), end - at).toInt())
        val count = channel.read(block, at)
        check(count > 0) { "the asset $name ends early" }
        digest.update(block.array(), 0, count)
        at += count
    }
    hexadecimal(digest)
}

private fun hexadecimal(digest: MessageDigest): String = digest.digest().joinToString("") { "%02x".format(it) }
