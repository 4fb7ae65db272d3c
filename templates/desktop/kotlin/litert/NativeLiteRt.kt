// SPDX-License-Identifier: Apache-2.0

package com.google.ai.edge.litert

import java.nio.ByteBuffer

/** native/litert_jni.c; every function throws [LiteRtException] where LiteRT does not say that all is well. */
internal object NativeLiteRt {
    init {
        System.load(System.getProperty("posekit.jni"))
        open(System.getProperty("posekit.litert"))
    }

    private external fun open(library: String)

    external fun createEnvironment(): Long

    external fun destroyEnvironment(environment: Long)

    /** [model], a direct buffer, must live as long as what is returned. */
    external fun createModel(environment: Long, model: ByteBuffer): Long

    external fun destroyModel(model: Long)

    /** [accelerators]: bit 0 the CPU, bit 1 the GPU; [threads]: 0 leaves it to the runtime. */
    external fun compile(environment: Long, model: Long, accelerators: Int, threads: Int): Long

    external fun destroyCompiled(compiled: Long)

    /** Place of an input, or output, in the first signature; -1 where there is none of that name. */
    external fun place(model: Long, isInput: Boolean, name: String): Int

    /** Number of the element type, then the sides. */
    external fun type(model: Long, isInput: Boolean, place: Int): IntArray

    external fun createBuffer(environment: Long, compiled: Long, model: Long, isInput: Boolean, place: Int): Long

    external fun destroyBuffer(buffer: Long)

    external fun write(buffer: Long, values: FloatArray)

    external fun read(buffer: Long): FloatArray

    /** Buffers in the signature's order. */
    external fun run(compiled: Long, inputs: LongArray, outputs: LongArray)
}
