// SPDX-License-Identifier: Apache-2.0
// Stands in for the part of LiteRT's Kotlin API that the generated module uses, over LiteRT's own C library.

package com.google.ai.edge.litert

import android.content.Context

public enum class Accelerator(public val value: Int) { NONE(0), CPU(1), GPU(2), NPU(3) }

public enum class Status(public val code: Int) { Ok(0), ErrorInvalidArgument(1), ErrorRuntimeFailure(3) }

public class LiteRtException(public val status: Status, message: String) : Exception(message) {
    /** For native code, which says in [message] what failed. */
    public constructor(message: String) : this(Status.ErrorRuntimeFailure, message)
}

public abstract class JniHandle internal constructor(internal val handle: Long) : AutoCloseable {
    private var open = true

    protected abstract fun destroy()

    final override fun close() {
        if (open) destroy()
        open = false
    }

    internal fun checked(): Long {
        check(open) { "${javaClass.simpleName} is used after close()" }
        return handle
    }
}

public class Environment private constructor(handle: Long) : JniHandle(handle) {
    public enum class Option(public val value: Int) { CompilerPluginLibraryDir(0), DispatchLibraryDir(1) }

    public fun getAvailableAccelerators(): Set<Accelerator> = setOf(Accelerator.CPU)

    override fun destroy(): Unit = NativeLiteRt.destroyEnvironment(handle)

    public companion object {
        @JvmOverloads
        @JvmStatic
        public fun create(options: Map<Option, String> = mapOf()): Environment {
            require(options.isEmpty()) { "this stand-in takes no options: ${options.keys}" }
            return Environment(NativeLiteRt.createEnvironment())
        }

        @JvmStatic
        public fun create(npuAcceleratorProvider: BuiltinNpuAcceleratorProvider): Environment = create()
    }
}

/** Gives nothing: there is no NPU here that LiteRT knows. */
public class BuiltinNpuAcceleratorProvider(@Suppress("UNUSED_PARAMETER") context: Context)

public data class TensorType @JvmOverloads constructor(
    public val elementType: ElementType,
    public val layout: Layout? = null,
) {
    public enum class ElementType { INT, FLOAT, INT8, BOOLEAN, INT64 }

    public data class Layout @JvmOverloads constructor(
        public val dimensions: List<Int>,
        public val strides: List<Int> = listOf(),
    )
}

public class TensorBuffer internal constructor(handle: Long) : JniHandle(handle) {
    public fun writeFloat(data: FloatArray): Unit = NativeLiteRt.write(checked(), data)

    public fun readFloat(): FloatArray = NativeLiteRt.read(checked())

    override fun destroy(): Unit = NativeLiteRt.destroyBuffer(handle)
}
