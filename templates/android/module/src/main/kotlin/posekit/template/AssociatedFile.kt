// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.io.EOFException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import java.security.MessageDigest
import java.util.zip.CRC32
import java.util.zip.DataFormatException
import java.util.zip.Inflater

private const val END_SIGNATURE = 0x06054b50
private const val ENTRY_SIGNATURE = 0x02014b50
private const val LOCAL_SIGNATURE = 0x04034b50
private const val END_SIZE = 22
private const val ENTRY_SIZE = 46
private const val LOCAL_SIZE = 30
private const val MAX_COMMENT = 65535
private const val MAX_FILE_BYTES = 1 shl 20
private const val STORED = 0
private const val DEFLATED = 8

/**
 * A file from the zip that is appended to a model, or null where there is no such zip or no such file.
 *
 * The model lies in [channel] from [start] on, [size] bytes long. The zip's own offsets may count from the start of
 * the model or from the start of the zip: where its directory really lies tells which.
 */
internal fun readAssociatedFile(channel: FileChannel, start: Long, size: Long, name: String): ByteArray? =
    try {
        AppendedZip(channel, start, size).read(name)
    } catch (error: EOFException) {
        throw ModelFileException("the zip at the end of the model is damaged", error)
    } catch (error: DataFormatException) {
        throw ModelFileException("$name in the model is damaged", error)
    }

/** SHA-256 of [bytes], 64 lower case hexadecimal digits. */
internal fun sha256(bytes: ByteArray): String =
    MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }

private class AppendedZip(private val channel: FileChannel, private val start: Long, private val size: Long) {
    fun read(name: String): ByteArray? {
        val tailSize = minOf(size, (END_SIZE + MAX_COMMENT).toLong()).toInt()
        val tail = bytes(size - tailSize, tailSize)
        val end = (tailSize - END_SIZE downTo 0).firstOrNull { at ->
            tail.getInt(at) == END_SIGNATURE && at + END_SIZE + tail.short(at + 20) == tailSize
        } ?: return null
        val directorySize = tail.int(end + 12)
        val directoryAt = size - tailSize + end - directorySize
        val shift = directoryAt - tail.int(end + 16) // 0 when offsets count from the start of the model
        if (directorySize > MAX_FILE_BYTES) throw ModelFileException("the model's zip directory is too large")
        return find(bytes(directoryAt, directorySize.toInt()), tail.short(end + 10), name, shift)
    }

    private fun find(directory: ByteBuffer, entries: Int, name: String, shift: Long): ByteArray? {
        var at = 0
        repeat(entries) {
            if (at + ENTRY_SIZE > directory.capacity() || directory.getInt(at) != ENTRY_SIGNATURE) throw EOFException()
            val nameSize = directory.short(at + 28)
            if (at + ENTRY_SIZE + nameSize > directory.capacity()) throw EOFException()
            val entryName = String(directory.array(), at + ENTRY_SIZE, nameSize, Charsets.UTF_8)
            if (entryName == name) return extract(directory, at, name, shift)
            at += ENTRY_SIZE + nameSize + directory.short(at + 30) + directory.short(at + 32)
        }
        return null
    }

    private fun extract(directory: ByteBuffer, at: Int, name: String, shift: Long): ByteArray {
        val packedSize = directory.int(at + 20)
        val plainSize = directory.int(at + 24)
        if (maxOf(packedSize, plainSize) > MAX_FILE_BYTES) throw ModelFileException("$name in the model is too large")
        val localAt = directory.int(at + 42) + shift
        val local = bytes(localAt, LOCAL_SIZE)
        if (local.getInt(0) != LOCAL_SIGNATURE) throw EOFException()
        val packed = bytes(localAt + LOCAL_SIZE + local.short(26) + local.short(28), packedSize.toInt()).array()
        val plain = when (val method = directory.short(at + 10)) {
            STORED -> packed
            DEFLATED -> inflate(packed, plainSize.toInt())
            else -> throw ModelFileException("$name in the model is packed by method $method, only 0 and 8 are read")
        }
        val crc = CRC32().apply { update(plain) }.value
        if (crc != directory.int(at + 16)) throw ModelFileException("$name in the model is damaged: wrong checksum")
        return plain
    }

    private fun inflate(packed: ByteArray, plainSize: Int): ByteArray {
        val inflater = Inflater(true)
        try {
            inflater.setInput(packed)
            val plain = ByteArray(plainSize)
            if (inflater.inflate(plain) != plainSize) throw EOFException()
            return plain
        } finally {
            inflater.end()
        }
    }

    private fun bytes(offset: Long, count: Int): ByteBuffer {
        if (offset < 0 || count < 0 || offset + count > size) throw EOFException()
        val buffer = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN)
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, start + offset + buffer.position()) < 0) throw EOFException()
        }
        return buffer
    }

    private fun ByteBuffer.short(at: Int): Int = getShort(at).toInt() and 0xffff

    private fun ByteBuffer.int(at: Int): Long = getInt(at).toLong() and 0xffffffffL
}
