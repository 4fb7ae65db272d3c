"""Checks of an Android app: its native libraries, how its models are stored, and what it asks of the system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from posekit.devices.apps import App, Finding
from posekit.devices.apps.elf import HEADERS, alignment, is_32_bit
from posekit.devices.apps.manifest import Element, elements
from posekit.devices.apps.messages import BundleConfig, bundle_config
from posekit.devices.apps.models import holds_contract
from posekit.parity.gate import Outcome

PAGE = 16 * 1024
GPU_LIBRARY = re.compile(r"libLiteRt\w*(?:Gpu|Cl|Gl|Vulkan|WebGpu)\w*Accelerator\.so$", re.IGNORECASE)
FOREIGN = {
    "android.permission.FOREGROUND_SERVICE": "uses-permission",
    "android.permission.FOREGROUND_SERVICE_DATA_SYNC": "uses-permission",
    "android.hardware.npu": "uses-feature",
}  # what LiteRT's own manifest adds
SHARED = "android.permission.FOREGROUND_SERVICE"  # by itself it is another library's, or the app's
LITERT = re.compile(r"com\.google\.ai\.edge\.litert:litert(-gpu)?(?::(\d+)\.(\d+))?")


def libraries(app: App) -> Iterator[Finding]:
    """Whether 64-bit libraries load where memory pages have 16 KB, as new phones and the Play store ask."""
    config = _config(app)
    lies_at_4_kb = config is not None and config.aligns_to_4_kb
    for one in app.matching("*.so"):
        head = one.read(HEADERS)
        if is_32_bit(head):
            continue  # its devices have pages of 4 KB
        name, aligned = f"16 KB pages, {one.name}", alignment(head)
        if aligned is None:
            yield Finding(name, Outcome.SKIPPED, "its segments cannot be read")
        elif aligned < PAGE:
            remedy = "take a newer release of the library, or build it with NDK r28 or -Wl,-z,max-page-size=16384"
            yield Finding(name, Outcome.FAIL, f"its segments are aligned to {aligned:,} bytes", remedy)
        elif app.kind == "apk" and not one.is_compressed and one.data_offset is not None and one.data_offset % PAGE:
            remedy = "align the APK with zipalign -P 16, or with Android Gradle plugin 8.5.1 or newer"
            yield Finding(name, Outcome.FAIL, f"it begins at byte {one.data_offset:,} of the APK", remedy)
        elif lies_at_4_kb:
            remedy = "build the bundle with Android Gradle plugin 8.5.1 or newer"
            yield Finding(name, Outcome.FAIL, "BundleConfig.pb asks for APKs in which it lies at 4 KB", remedy)
        else:
            yield Finding(name, Outcome.PASS, f"its segments are aligned to {aligned:,} bytes")


def stored_models(app: App) -> Iterator[Finding]:
    """Whether models lie in the APK as they are, or will in those of a bundle: a compressed one cannot be opened in
    place."""
    if app.kind not in ("apk", "aab"):
        return
    config = _config(app)
    where = "in the APK" if app.kind == "apk" else "in the APKs that are made of the bundle"
    for one in app.matching("*.tflite"):
        name = f"storage of {one.name}"
        module, _, place = one.name.partition("/")
        is_stored = not one.is_compressed if config is None else config.stores(place)
        if app.kind == "aab" and config is None:
            yield Finding(name, Outcome.SKIPPED, "BundleConfig.pb, which says it, is not there or cannot be read")
        elif app.kind == "aab" and _is_pack(app, module):
            yield Finding(name, Outcome.SKIPPED, f"{module} is an asset pack: how it is delivered decides it")
        elif is_stored:
            yield Finding(name, Outcome.PASS, "stored as it is")
        elif holds_contract(one):
            remedy = 'androidResources { noCompress += "tflite" } in the build.gradle.kts of the app'
            yield Finding(name, Outcome.FAIL, f"it is compressed {where}, and its wrapper refuses it", remedy)
        else:
            yield Finding(name, Outcome.SKIPPED, f"it is compressed {where}, and none of posekit's")


def _config(app: App) -> BundleConfig | None:
    """How APKs are made of an app bundle; None for what is none, or where it cannot be read."""
    found = [one for one in app.files if one.name == "BundleConfig.pb"] if app.kind == "aab" else []
    try:
        return bundle_config(found[0].content()) if found else None
    except ValueError:
        return None


def _is_pack(app: App, module: str) -> bool:
    """Whether a module of an app bundle holds assets alone, which its manifest says."""
    manifests = [one for one in app.files if one.name == f"{module}/manifest/AndroidManifest.xml"]
    return any(b"asset-pack" in one.content() for one in manifests)


def gpu(app: App) -> Iterator[Finding]:
    """Whether LiteRT's GPU accelerator, an artifact of its own from 2.3 on, is in the app."""
    name, remedy = "GPU accelerator", 'implementation("com.google.ai.edge.litert:litert-gpu:2.3.0") beside litert'
    if app.kind == "android project":
        texts = [one.content().decode("utf-8", "replace") for one in app.matching("*.gradle", "*.gradle.kts", "*.toml")]
        asked = [found for text in texts for found in LITERT.findall(_without_comments(text))]
        newest = max(((int(a), int(b)) for gpu, a, b in asked if not gpu and a), default=None)
        if newest is None:
            yield Finding(name, Outcome.SKIPPED, "no build file asks for LiteRT with a version")
        elif newest >= (2, 3) and not any(gpu for gpu, _, _ in asked):
            yield Finding(name, Outcome.FAIL, "litert is asked for without litert-gpu: models run on the CPU", remedy)
        else:
            yield Finding(name, Outcome.PASS, "litert-gpu is asked for" if newest >= (2, 3) else "part of litert")
    elif app.kind in ("apk", "aab") and app.matching("libLiteRt.so", "liblitert_jni.so"):
        found = [one.name for one in app.files if GPU_LIBRARY.search(one.name)]
        if found:
            yield Finding(name, Outcome.PASS, ", ".join(found))
        else:
            yield Finding(name, Outcome.FAIL, "LiteRT is there without it: models run on the CPU", remedy)


def permissions(app: App) -> Iterator[Finding]:
    """Whether what LiteRT's manifest asks for has come into the app's."""
    if app.is_built:
        places = ("AndroidManifest.xml", "base/manifest/AndroidManifest.xml")  # the second in an AAB
        merged = [one for one in app.files if one.name in places]
    else:  # of the app and of each library, which does not have what it depends on
        merged = [one for one in app.matching("AndroidManifest.xml") if "/merged_manifest" in one.name]
    if not merged:
        why = "there is no manifest" if app.is_built else "the project was not built: there is no merged manifest"
        yield Finding("permissions", Outcome.SKIPPED, why)
        return
    asked: list[Element] = []
    for one in merged:
        try:
            asked += elements(one.content())
        except ValueError as error:
            yield Finding("permissions", Outcome.FAIL, f"{one.name} cannot be read: {error}", "build the app again")
            return
    foreign = list(dict.fromkeys(e.name for e in asked if FOREIGN.get(e.name) == e.tag and not e.is_removal))
    if set(foreign) - {SHARED}:
        tags = " ".join(f'<{FOREIGN[one]} android:name="{one}" tools:node="remove" />' for one in foreign)
        detail = f"LiteRT's manifest has added {', '.join(foreign)}"
        yield Finding("permissions", Outcome.FAIL, detail, f"unless the app needs them: {tags} in its manifest")
    else:
        yield Finding("permissions", Outcome.PASS, "none of LiteRT's own")


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*(?://|#).*$", "", text, flags=re.MULTILINE)
