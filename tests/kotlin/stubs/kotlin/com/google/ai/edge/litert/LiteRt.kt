// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// LiteRT's own API is Kotlin, and so are its stubs: named and default arguments are checked too.
// After the Kotlin API of LiteRT 2.3.0 (google-ai-edge/LiteRT, litert/kotlin).
package com.google.ai.edge.litert

import android.content.Context

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public enum class Accelerator(public val value: Int) { NONE(0), CPU(1), GPU(2), NPU(3) }

public enum class Status(public val code: Int) { Ok(0), ErrorRuntimeFailure(3) }

public class LiteRtException(private val status: Status, message: String) : Exception(message)

public abstract class JniHandle internal constructor(internal val handle: Long) : AutoCloseable {
    protected abstract fun destroy()

    final override fun close(): Unit = stub()
}

public class Environment private constructor(handle: Long) : JniHandle(handle) {
    public enum class Option(public val value: Int) { CompilerPluginLibraryDir(0), DispatchLibraryDir(1) }

    public fun getAvailableAccelerators(): Set<Accelerator> = stub()

    override fun destroy(): Unit = stub()

    public companion object {
        @JvmOverloads
        @JvmStatic
        public fun create(options: Map<Option, String> = mapOf()): Environment = stub()

        @JvmOverloads
        @JvmStatic
        public fun create(
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
        ): Environment = stub()
    }
}

public interface NpuAcceleratorProvider {
    public fun isDeviceSupported(): Boolean

    public fun isLibraryReady(): Boolean

    public suspend fun downloadLibrary()

    public fun getLibraryDir(): String
}

public interface NpuCompatibilityChecker {
    public fun isDeviceSupported(): Boolean

    public companion object {
        public val Default: NpuCompatibilityChecker = stub()
    }
}

public class BuiltinNpuAcceleratorProvider @JvmOverloads constructor(
    private val context: Context,
    private val npuCompatibilityChecker: NpuCompatibilityChecker = NpuCompatibilityChecker.Default,
) : NpuAcceleratorProvider {
    override fun isDeviceSupported(): Boolean = stub()

    override fun isLibraryReady(): Boolean = stub()

    override suspend fun downloadLibrary(): Unit = stub()

    override fun getLibraryDir(): String = stub()
}

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
    public fun writeFloat(data: FloatArray): Unit = stub()

    public fun writeInt8(data: ByteArray): Unit = stub()

    public fun readFloat(): FloatArray = stub()

    public fun readInt8(): ByteArray = stub()

    override fun destroy(): Unit = stub()
}
