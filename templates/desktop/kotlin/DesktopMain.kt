// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.content.res.AssetManager
import java.io.File

/** The assets are [model]: a file, or the folder of both stages'. */
internal class DesktopContext(model: File) : Context() {
    private val manager = AssetManager(model)

    override fun getAssets(): AssetManager = manager
}

/** Runs a request on this machine's CPU. Arguments: the folders of the request and of the answer, the model's file. */
public fun main(arguments: Array<String>) {
    val (request, out, model) = arguments.map(::File)
    val device = RunDevice(
        name = System.getProperty("posekit.device"),
        os = "${System.getProperty("os.name")} ${System.getProperty("os.version")}",
        simulated = false,
        runtime = System.getProperty("posekit.runtime"),
        build = null,
        thermal = { null },
    )
    DeviceRun(DesktopContext(model), device, request, out).run(System.err::println)
}
