// SPDX-License-Identifier: Apache-2.0
// LiteRT's C library for the stand-ins of its Kotlin API. The library is opened at run time and its functions are
// declared here, as they are in LiteRT 2.3; it takes an environment where earlier versions did not.

#include <dlfcn.h>
#include <jni.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANK 8
#define MAX_TENSORS 64
#define READ 0
#define WRITE 1
#define NAME(function) Java_com_google_ai_edge_litert_NativeLiteRt_##function

typedef void* Handle;

typedef struct {
  unsigned int rank : 7;
  unsigned int has_strides : 1;
  int32_t dimensions[MAX_RANK];
  uint32_t strides[MAX_RANK];
} Layout;

typedef struct {
  int32_t element;
  Layout layout;
} TensorType;

_Static_assert(sizeof(TensorType) == 72, "a tensor type of LiteRT has 72 bytes");

// result, name, arguments
#define FUNCTIONS(F) \
  F(int, CreateEnvironment, (int, const void*, Handle*)) \
  F(void, DestroyEnvironment, (Handle)) \
  F(int, CreateModelFromBuffer, (Handle, const void*, size_t, Handle*)) \
  F(void, DestroyModel, (Handle)) \
  F(int, CreateOptions, (Handle*)) \
  F(void, DestroyOptions, (Handle)) \
  F(int, SetOptionsHardwareAccelerators, (Handle, int)) \
  F(int, CreateOpaqueOptions, (const char*, void*, void (*)(void*), Handle*)) \
  F(int, AddOpaqueOptions, (Handle, Handle)) \
  F(int, CreateCompiledModel, (Handle, Handle, Handle, Handle*)) \
  F(void, DestroyCompiledModel, (Handle)) \
  F(int, GetModelSignature, (Handle, size_t, Handle*)) \
  F(int, GetNumSignatureInputs, (Handle, size_t*)) \
  F(int, GetNumSignatureOutputs, (Handle, size_t*)) \
  F(int, GetSignatureInputName, (Handle, size_t, const char**)) \
  F(int, GetSignatureOutputName, (Handle, size_t, const char**)) \
  F(int, GetSignatureInputTensorByIndex, (Handle, size_t, Handle*)) \
  F(int, GetSignatureOutputTensorByIndex, (Handle, size_t, Handle*)) \
  F(int, GetRankedTensorType, (Handle, TensorType*)) \
  F(int, GetCompiledModelInputBufferRequirements, (Handle, size_t, size_t, Handle*)) \
  F(int, GetCompiledModelOutputBufferRequirements, (Handle, size_t, size_t, Handle*)) \
  F(int, CreateManagedTensorBufferFromRequirements, (Handle, const TensorType*, Handle, Handle*)) \
  F(void, DestroyTensorBuffer, (Handle)) \
  F(int, GetTensorBufferPackedSize, (Handle, size_t*)) \
  F(int, LockTensorBuffer, (Handle, void**, int)) \
  F(int, UnlockTensorBuffer, (Handle)) \
  F(int, RunCompiledModel, (Handle, size_t, size_t, Handle*, size_t, Handle*))

#define DECLARE(result, name, arguments) static result(*name) arguments;
FUNCTIONS(DECLARE)

static void fail(JNIEnv* env, const char* what, int status) {
  char text[160];
  snprintf(text, sizeof text, "%s failed in LiteRT with status %d", what, status);
  jclass type = (*env)->FindClass(env, "com/google/ai/edge/litert/LiteRtException");
  if (type) (*env)->ThrowNew(env, type, text);
}

// Whether a function did its work; else a LiteRtException is under way.
static bool done(JNIEnv* env, const char* what, int status) {
  if (status) fail(env, what, status);
  return status == 0;
}

static Handle handle(jlong value) { return (Handle)(intptr_t)value; }

JNIEXPORT void JNICALL NAME(open)(JNIEnv* env, jobject self, jstring path) {
  const char* file = (*env)->GetStringUTFChars(env, path, NULL);
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  (*env)->ReleaseStringUTFChars(env, path, file);
  const char* missing = library ? NULL : "the library";
#define FIND(result, name, arguments) \
  if (!missing && !(*(void**)(&name) = dlsym(library, "LiteRt" #name))) missing = #name;
  FUNCTIONS(FIND)
  if (missing) fail(env, missing, -1);
}

JNIEXPORT jlong JNICALL NAME(createEnvironment)(JNIEnv* env, jobject self) {
  Handle made = NULL;
  done(env, "making an environment", CreateEnvironment(0, NULL, &made));
  return (jlong)(intptr_t)made;
}

JNIEXPORT void JNICALL NAME(destroyEnvironment)(JNIEnv* env, jobject self, jlong it) { DestroyEnvironment(handle(it)); }

JNIEXPORT jlong JNICALL NAME(createModel)(JNIEnv* env, jobject self, jlong environment, jobject bytes) {
  Handle made = NULL;
  const void* at = (*env)->GetDirectBufferAddress(env, bytes);
  size_t size = (size_t)(*env)->GetDirectBufferCapacity(env, bytes);
  done(env, "reading the model", CreateModelFromBuffer(handle(environment), at, size, &made));
  return (jlong)(intptr_t)made;
}

JNIEXPORT void JNICALL NAME(destroyModel)(JNIEnv* env, jobject self, jlong it) { DestroyModel(handle(it)); }

// The CPU's options travel as TOML under the name of its kernels; the options take ownership of the text.
static bool set_threads(JNIEnv* env, Handle options, int threads) {
  char text[40];
  Handle opaque = NULL;
  if (threads <= 0) return true;
  snprintf(text, sizeof text, "num_threads = %d\n", threads);
  return done(env, "making CPU options", CreateOpaqueOptions("xnnpack", strdup(text), free, &opaque)) &&
         done(env, "adding CPU options", AddOpaqueOptions(options, opaque));
}

JNIEXPORT jlong JNICALL NAME(compile)(
    JNIEnv* env, jobject self, jlong environment, jlong model, jint accelerators, jint threads) {
  Handle made = NULL, options = NULL;
  if (!done(env, "making options", CreateOptions(&options))) return 0;
  if (done(env, "choosing the accelerator", SetOptionsHardwareAccelerators(options, accelerators)) &&
      set_threads(env, options, threads)) {
    done(env, "compiling the model", CreateCompiledModel(handle(environment), handle(model), options, &made));
  }
  DestroyOptions(options);
  return (jlong)(intptr_t)made;
}

JNIEXPORT void JNICALL NAME(destroyCompiled)(JNIEnv* env, jobject self, jlong it) { DestroyCompiledModel(handle(it)); }

JNIEXPORT jint JNICALL NAME(place)(JNIEnv* env, jobject self, jlong model, jboolean input, jstring wanted) {
  Handle signature = NULL;
  size_t count = 0;
  jint found = -1;
  if (!done(env, "finding the signature", GetModelSignature(handle(model), 0, &signature)) ||
      !done(env, "counting tensors", (input ? GetNumSignatureInputs : GetNumSignatureOutputs)(signature, &count))) {
    return -1;
  }
  const char* name = (*env)->GetStringUTFChars(env, wanted, NULL);
  for (size_t i = 0; i < count && found < 0; i++) {
    const char* one = NULL;
    int status = (input ? GetSignatureInputName : GetSignatureOutputName)(signature, i, &one);
    if (!done(env, "naming a tensor", status)) break;
    if (strcmp(one, name) == 0) found = (jint)i;
  }
  (*env)->ReleaseStringUTFChars(env, wanted, name);
  return found;
}

static bool type_of(JNIEnv* env, jlong model, jboolean input, jint place, TensorType* type) {
  Handle signature = NULL, tensor = NULL;
  return done(env, "finding the signature", GetModelSignature(handle(model), 0, &signature)) &&
         done(env, "finding a tensor",
              (input ? GetSignatureInputTensorByIndex : GetSignatureOutputTensorByIndex)(
                  signature, (size_t)place, &tensor)) &&
         done(env, "reading a tensor's type", GetRankedTensorType(tensor, type));
}

JNIEXPORT jintArray JNICALL NAME(type)(JNIEnv* env, jobject self, jlong model, jboolean input, jint place) {
  TensorType type = {0};
  if (!type_of(env, model, input, place, &type)) return NULL;
  jint numbers[MAX_RANK + 1] = {type.element};
  jsize rank = type.layout.rank < MAX_RANK ? (jsize)type.layout.rank : MAX_RANK;
  for (jsize i = 0; i < rank; i++) numbers[i + 1] = type.layout.dimensions[i];
  jintArray made = (*env)->NewIntArray(env, rank + 1);
  if (made) (*env)->SetIntArrayRegion(env, made, 0, rank + 1, numbers);
  return made;
}

JNIEXPORT jlong JNICALL NAME(createBuffer)(
    JNIEnv* env, jobject self, jlong environment, jlong compiled, jlong model, jboolean input, jint place) {
  TensorType type = {0};
  Handle needs = NULL, made = NULL;
  if (type_of(env, model, input, place, &type) &&
      done(env, "asking what a buffer needs",
           (input ? GetCompiledModelInputBufferRequirements : GetCompiledModelOutputBufferRequirements)(
               handle(compiled), 0, (size_t)place, &needs))) {
    done(env, "making a buffer",
         CreateManagedTensorBufferFromRequirements(handle(environment), &type, needs, &made));
  }
  return (jlong)(intptr_t)made;
}

JNIEXPORT void JNICALL NAME(destroyBuffer)(JNIEnv* env, jobject self, jlong it) { DestroyTensorBuffer(handle(it)); }

JNIEXPORT void JNICALL NAME(write)(JNIEnv* env, jobject self, jlong buffer, jfloatArray values) {
  size_t bytes = 0;
  void* at = NULL;
  jsize count = (*env)->GetArrayLength(env, values);
  if (!done(env, "measuring a buffer", GetTensorBufferPackedSize(handle(buffer), &bytes))) return;
  if (bytes != (size_t)count * sizeof(jfloat)) {
    fail(env, "writing an array of another size than the tensor's", 1);
  } else if (done(env, "opening a buffer", LockTensorBuffer(handle(buffer), &at, WRITE))) {
    (*env)->GetFloatArrayRegion(env, values, 0, count, at);
    done(env, "closing a buffer", UnlockTensorBuffer(handle(buffer)));
  }
}

JNIEXPORT jfloatArray JNICALL NAME(read)(JNIEnv* env, jobject self, jlong buffer) {
  size_t bytes = 0;
  void* at = NULL;
  if (!done(env, "measuring a buffer", GetTensorBufferPackedSize(handle(buffer), &bytes))) return NULL;
  jsize count = (jsize)(bytes / sizeof(jfloat));
  jfloatArray made = (*env)->NewFloatArray(env, count);
  if (made && done(env, "opening a buffer", LockTensorBuffer(handle(buffer), &at, READ))) {
    (*env)->SetFloatArrayRegion(env, made, 0, count, at);
    done(env, "closing a buffer", UnlockTensorBuffer(handle(buffer)));
  }
  return made;
}

JNIEXPORT void JNICALL NAME(run)(JNIEnv* env, jobject self, jlong compiled, jlongArray inputs, jlongArray outputs) {
  jlong values[2][MAX_TENSORS];
  Handle buffers[2][MAX_TENSORS];
  jsize counts[2] = {(*env)->GetArrayLength(env, inputs), (*env)->GetArrayLength(env, outputs)};
  if (counts[0] > MAX_TENSORS || counts[1] > MAX_TENSORS) {
    fail(env, "running with so many tensors", 1);
    return;
  }
  for (int side = 0; side < 2; side++) {
    (*env)->GetLongArrayRegion(env, side ? outputs : inputs, 0, counts[side], values[side]);
    for (jsize i = 0; i < counts[side]; i++) buffers[side][i] = handle(values[side][i]);
  }
  done(env, "running the model",
       RunCompiledModel(handle(compiled), 0, (size_t)counts[0], buffers[0], (size_t)counts[1], buffers[1]));
}
