// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Holds its owner to the thread that made it, and to nothing after closing. */
internal class Confinement(private val what: String) {
    private val owner: Thread = Thread.currentThread()
    private var closed = false

    /** [IllegalStateException] unless called on the owner's thread, before closing. */
    fun check() {
        checkThread()
        check(!closed) { "$what is used after close()" }
    }

    /** True the first time, when there is something to close. */
    fun close(): Boolean {
        checkThread()
        val first = !closed
        closed = true
        return first
    }

    private fun checkThread() {
        val current = Thread.currentThread()
        check(current === owner) {
            "$what was created on thread '${owner.name}' and is used on '${current.name}'; " +
                "create, use and close it on one thread"
        }
    }
}
