// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.res.AssetManager
import java.io.FileInputStream
import java.io.FileNotFoundException

private const val CONTRACT_FILE = "pose.json"

/** [ContractMismatchException] unless the model among [assets] was packaged with the contract of this code. */
internal fun checkContract(assets: AssetManager, contract: PoseContract) {
    val found = contractHash(assets, contract)
    if (found != contract.hash) throw ContractMismatchException(contract.hash, found)
}

/** SHA-256 of the contract that the model among [assets] holds; null where it holds none. */
internal fun contractHash(assets: AssetManager, contract: PoseContract): String? = try {
    assets.openFd(contract.modelFile).use { asset ->
        // positions in this channel count from the start of the APK; closing the asset closes it
        val channel = FileInputStream(asset.fileDescriptor).channel
        readAssociatedFile(channel, asset.startOffset, asset.length, CONTRACT_FILE)?.let(::sha256)
    }
} catch (error: FileNotFoundException) {
    throw ModelMissingException(
        "cannot open the asset ${contract.modelFile}: put the model into the module's src/main/assets, " +
            "and androidResources { noCompress += \"tflite\" } into the app's build.gradle.kts",
        error,
    )
}
