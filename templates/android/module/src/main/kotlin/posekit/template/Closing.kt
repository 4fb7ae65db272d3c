// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Close all of [ones], in this order, also where closing one of them throws. */
internal fun closeAll(ones: List<AutoCloseable>) {
    if (ones.isEmpty()) return
    try {
        ones.first().close()
    } finally {
        closeAll(ones.drop(1))
    }
}

/** What [make] gives; where it throws, [ones] are closed before. */
internal inline fun <T> closingOnFailure(ones: List<AutoCloseable>, make: () -> T): T = try {
    make()
} catch (error: Throwable) { // a missing native library is no Exception
    try {
        closeAll(ones)
    } catch (another: Throwable) {
        error.addSuppressed(another)
    }
    throw error
}
