// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Context
import android.content.Intent
import android.widget.Toast
import androidx.core.content.FileProvider
import java.io.File

/** A file to be shared. */
internal class SharedFile(val file: File, val type: String)

/** The folder that res/xml/shared_files.xml lets other apps read from, a file at a time. */
internal fun sharedFolder(context: Context): File = File(context.cacheDir, "shared").apply { mkdirs() }

/** Ask the user which app is to get [shared]. */
internal fun Activity.share(shared: SharedFile) {
    val uri = FileProvider.getUriForFile(this, "$packageName.files", shared.file)
    val intent = Intent(Intent.ACTION_SEND).apply {
        type = shared.type
        putExtra(Intent.EXTRA_STREAM, uri)
        clipData = ClipData.newRawUri(shared.file.name, uri) // the permission goes with it
        addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
    }
    try {
        startActivity(Intent.createChooser(intent, null))
    } catch (_: ActivityNotFoundException) {
        Toast.makeText(this, R.string.nobody_takes_it, Toast.LENGTH_LONG).show()
    }
}
