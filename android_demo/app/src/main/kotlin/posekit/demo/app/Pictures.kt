// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.ContentResolver
import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import java.io.File
import java.io.IOException
import java.io.InputStream
import posekit.template.Orientation

private const val LONGEST_SIDE = 2048

/** The picture at [uri] as it is seen, made smaller where it is large; null where there is none. It takes a while. */
internal fun readUpright(resolver: ContentResolver, uri: Uri): Bitmap? = try {
    upright(resolver, uri)
} catch (_: IOException) {
    null
} catch (_: SecurityException) {
    null // the app was not given it, or no longer
}

private fun upright(resolver: ContentResolver, uri: Uri): Bitmap? {
    val exif = resolver.read(uri) { ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1) }
    val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    resolver.read(uri) { BitmapFactory.decodeStream(it, null, size) }
    val options = BitmapFactory.Options().apply { inSampleSize = sampleSize(size.outWidth, size.outHeight) }
    val stored = resolver.read(uri) { BitmapFactory.decodeStream(it, null, options) } ?: return null
    return turned(stored, Orientation.ofExif(exif?.coerceIn(0, 8) ?: 1))
}

private fun sampleSize(width: Int, height: Int): Int {
    var size = 1
    while (maxOf(width, height) / size > LONGEST_SIDE) size *= 2
    return size
}

private fun turned(stored: Bitmap, orientation: Orientation): Bitmap {
    if (orientation == Orientation.UPRIGHT) return stored
    val matrix = Matrix().apply {
        setRotate(orientation.rotationDegrees.toFloat())
        if (orientation.mirrored) postScale(-1f, 1f)
    }
    return Bitmap.createBitmap(stored, 0, 0, stored.width, stored.height, matrix, true)
}

private fun <T> ContentResolver.read(uri: Uri, read: (InputStream) -> T): T? = openInputStream(uri)?.use(read)

/** The [snapshot] as a file to be shared; null where it cannot be written. Not on the main thread. */
internal fun writeSnapshot(context: Context, snapshot: Bitmap): File? = try {
    File(sharedFolder(context), "snapshot.png").apply {
        outputStream().use { snapshot.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }
} catch (_: IOException) {
    null
}
