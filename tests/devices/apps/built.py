"""Apps as builds leave them, made small: APK, AAB, AAR, IPA, an archive and projects of Xcode's, as a test asks."""

from __future__ import annotations

import hashlib
import io
import json
import plistlib
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONTRACT = b'{"name": "tiny"}'
HASH = hashlib.sha256(CONTRACT).hexdigest()
PAGE = 16384


def library(alignment: int = PAGE, is_64_bit: bool = True) -> bytes:
    """A shared library of one segment that is not loaded and two that are, the second aligned so."""
    if not is_64_bit:
        return b"\x7fELF\x01\x01" + bytes(90)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, 183, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    segments = [(4, 4), (1, 65536), (1, alignment)]
    return header + b"".join(struct.pack("<IIQQQQQQ", kind, 4, 0, 0, 0, 1, 1, align) for kind, align in segments)


def tflite(custom: Sequence[str] = (), contract: bytes | None = CONTRACT) -> bytes:
    """A model of an addition and of operations of those names, its contract behind it as posekit appends it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    for name in ["", *custom]:
        code = schema.OperatorCodeT()
        code.builtinCode = schema.BuiltinOperator.CUSTOM if name else schema.BuiltinOperator.ADD
        code.deprecatedBuiltinCode = code.builtinCode
        code.customCode = name or None
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), [], []
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    buffer = io.BytesIO(bytes(builder.Output()))
    if contract is not None:
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("pose.json", contract)
    return buffer.getvalue()


def binary_manifest(named: Sequence[tuple[str, str]], is_utf8: bool = True) -> bytes:
    """Binary XML of elements with a name: (tag, android:name)."""
    words = ["name", *dict.fromkeys(word for pair in named for word in pair)]
    texts = [_text(word, is_utf8) for word in words]
    offsets = [sum(map(len, texts[:at])) for at in range(len(texts))]
    body = struct.pack(f"<{len(texts)}I", *offsets) + b"".join(texts)
    body += bytes(-len(body) % 4)
    start = 28 + 4 * len(texts)
    pool = struct.pack("<HHIIIIII", 1, 28, 28 + len(body), len(words), 0, 256 if is_utf8 else 0, start, 0) + body
    resources = struct.pack("<HHII", 0x0180, 8, 12, 0x01010003)
    elements = b"".join(
        struct.pack("<HHIII", 0x0102, 16, 56, 1, 0xFFFFFFFF)
        + struct.pack("<IIHHHHHH", 0xFFFFFFFF, words.index(tag), 20, 20, 1, 0, 0, 0)
        + struct.pack("<IIIHBBI", 0xFFFFFFFF, 0, words.index(name), 8, 0, 3, words.index(name))
        for tag, name in named
    )
    whole = pool + resources + elements
    return struct.pack("<HHI", 3, 8, 8 + len(whole)) + whole


def _text(word: str, is_utf8: bool) -> bytes:
    if is_utf8:
        return bytes([len(word), len(word)]) + word.encode() + b"\0"
    return struct.pack("<H", len(word)) + word.encode("utf-16-le") + b"\0\0"


GOOD_APK: dict[str, bytes] = {
    "AndroidManifest.xml": binary_manifest([("uses-permission", "android.permission.CAMERA")]),
    "classes.dex": b"dex\n039\0" + HASH.encode() + b"\0",
    "lib/arm64-v8a/libLiteRt.so": library(),
    "lib/arm64-v8a/libLiteRtClGlAccelerator.so": library(),
    "lib/armeabi-v7a/libLiteRt.so": library(is_64_bit=False),
    "assets/tiny.tflite": b"",  # filled in by apk()
}


def apk(path: Path, changes: Mapping[str, bytes | None] = {}, compressed: Sequence[str] = ()) -> Path:
    """An APK that is well, but for the changes (None: left out) and what is compressed in it; libraries are aligned
    unless their name is among the compressed or begins with `!`."""
    files = {**GOOD_APK, "assets/tiny.tflite": tflite(), **changes}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            if data is None:
                continue
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
            if name.endswith(".so") and name != SHIFTED:
                _align(archive, info)
            archive.writestr(info, data)
    return path


def field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes, a text or a message; of at most 16383 bytes."""
    size = len(content)
    return bytes([number << 3 | 2, *([size] if size < 128 else [size & 0x7F | 0x80, size >> 7])]) + content


def message_manifest(named: Sequence[tuple[str, str]]) -> bytes:
    """An XmlNode of a manifest whose elements have a name, each with another attribute and a resource's number."""
    space, others = b"http://schemas.android.com/apk/res/android", field(1, b"x") + field(2, b"maxSdkVersion")
    inside = b""
    for tag, name in named:
        attribute = field(1, space) + field(2, b"name") + field(3, name.encode()) + b"\x28\x83\x80\x84\x08"
        inside += field(5, field(1, field(3, tag.encode()) + field(4, others) + field(4, attribute)) + b"\x1a\x00")
    return field(1, field(3, b"manifest") + inside)


BUNDLE_CONFIG = field(1, field(2, b"1.15.6")) + field(3, field(1, b"**.[pP][nN][gG]") + field(1, b"**.tflite"))


def aab(path: Path, changes: Mapping[str, bytes | None] = {}) -> Path:
    """An app bundle that is well, but for the changes; all in it is compressed, as bundles are."""
    permission = message_manifest([("uses-permission", "android.permission.CAMERA")])
    files: dict[str, bytes | None] = {"BundleConfig.pb": BUNDLE_CONFIG, "base/manifest/AndroidManifest.xml": permission}
    files |= {f"base/{name}": data for name, data in GOOD_APK.items() if name.startswith("lib/")}
    files |= {"base/dex/classes.dex": GOOD_APK["classes.dex"], "base/assets/tiny.tflite": tflite()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files | dict(changes)).items():
            if data is not None:
                archive.writestr(name, data)
    return path


SHIFTED = "lib/arm64-v8a/libShifted.so"  # a library that is not aligned within the APK


def _align(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """As zipalign -P 16 does, with an extra field before the bytes."""
    assert archive.fp is not None
    start = archive.fp.tell() + 30 + len(info.filename) + 4
    info.extra = struct.pack("<HH", 0xD935, -start % PAGE) + bytes(-start % PAGE)


def xcarchive(folder: Path, minimum: str = "16.0", needs: str = "16.0", code: str = HASH) -> Path:
    """An archive of Xcode's with one app, one compiled model and an executable."""
    app = folder / "App.xcarchive" / "Products" / "Applications" / "App.app"
    (app / "tiny.mlmodelc").mkdir(parents=True)
    (app / "Info.plist").write_bytes(plistlib.dumps({"MinimumOSVersion": minimum}, fmt=plistlib.FMT_BINARY))
    facts: list[dict[str, Any]] = [
        {"userDefinedMetadata": {"posekit.contract_sha256": HASH}, "availability": {"iOS": needs}}
    ]
    (app / "tiny.mlmodelc" / "metadata.json").write_text(json.dumps(facts))
    (app / "App").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(60) + code.encode() + b"\0")
    return folder / "App.xcarchive"


def ipa(folder: Path, **planted: str) -> Path:
    """The same app as it is given to the App Store."""
    app = xcarchive(folder, **planted) / "Products" / "Applications" / "App.app"
    with zipfile.ZipFile(folder / "App.ipa", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(app.rglob("*")):
            archive.write(path, Path("Payload") / path.relative_to(app.parent))
    return folder / "App.ipa"


def android_project(folder: Path, litert: str = "2.3.0", gpu: bool = True, code: str = HASH) -> Path:
    """A project of one module with a model, the code of its contract and what its build file asks for."""
    module = folder / "module"
    (module / "src" / "main" / "assets").mkdir(parents=True)
    (module / "src" / "main" / "assets" / "tiny.tflite").write_bytes(tflite())
    (module / "src" / "main" / "Contract.kt").write_text(f'const val HASH = "{code}"')
    lines = [f'implementation("com.google.ai.edge.litert:litert:{litert}")']
    lines.append(f'{"" if gpu else "// "}implementation("com.google.ai.edge.litert:litert-gpu:{litert}")')
    (module / "build.gradle.kts").write_text("\n".join(lines))
    (folder / "settings.gradle.kts").write_text('include(":module")')
    return folder
