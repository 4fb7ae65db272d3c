// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.res.AssetManager
import java.io.FileInputStream
import java.io.FileNotFoundException

private const val CONTRACT_FILE = "pose.json"

/** [ContractMismatchException] unless [modelFile] among [assets] was packaged with the contract of this code. */
internal fun checkContract(assets: AssetManager, contract: PoseContract, modelFile: String = contract.modelFile) {
    val found = contractHash(assets, modelFile)
    if (found != contract.hash) throw ContractMismatchException(contract.hash, found)
}

/** SHA-256 of the contract that [modelFile] among [assets] holds; null where it holds none. */
internal fun contractHash(assets: AssetManager, modelFile: String): String? = try {
    assets.openFd(modelFile).use { asset ->
        // positions in this channel count from the start of the APK; closing the asset closes it
        val channel = FileInputStream(asset.fileDescriptor).channel
        readAssociatedFile(channel, asset.startOffset, asset.length, CONTRACT_FILE)?.let(::sha256)
    }
} catch (error: FileNotFoundException) {
    throw ModelMissingException(
        "cannot open the asset $modelFile: put the model into the module's src/main/assets, " +
            "and androidResources { noCompress += \"tflite\" } into the app's build.gradle.kts",
        error,
    )
}
