"""From classes, resources and assets to a signed APK, without Gradle."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.android import tools

PAGE = 16384
ALIGNMENT = 0xD935  # the extra field by which zipalign aligns: the multiple, then zeros
STORED = (".tflite", ".arsc", ".so")


@dataclass(frozen=True)
class Linked:
    """What aapt2 made. apk: resources, manifest and assets. java: R of each package. rules: what R8 must keep."""

    apk: Path
    java: Path
    rules: Path


def compile_resources(folders: Sequence[Path], work: Path) -> list[Path]:
    """Compiled resources, an archive of each folder res/."""
    work.mkdir(parents=True, exist_ok=True)
    found = []
    for number, folder in enumerate(folders):
        found.append(work / f"resources-{number}.zip")
        aapt2("compile", "--dir", folder, "-o", found[-1])
    return found


def link(manifest: str, namespace: str, resources: Sequence[Path], assets: Sequence[Path], work: Path) -> Linked:
    """The app's resources against Android's; R of `namespace`. resources: the app's last, which wins."""
    linked = Linked(work / "linked.apk", work / "java", work / "resources.pro")
    (work / "AndroidManifest.xml").write_text(manifest)
    words: list[object] = ["link", "-I", tools.FRAMEWORK, "--manifest", work / "AndroidManifest.xml", "-0", "tflite"]
    words += [word for folder in assets for word in ("-A", folder)]
    words += ["--java", linked.java, "--custom-package", namespace, "--proguard", linked.rules, "--auto-add-overlay"]
    words += ["--version-code", "1", "--version-name", "1", "-o", linked.apk]
    aapt2(*words, *(word for archive in resources for word in ("-R", archive)))
    return linked


def aapt2(*words: object) -> str:
    return _run([tools.AAPT2, *words])


def pack(linked: Path, files: Mapping[str, bytes], target: Path) -> Path:
    """An aligned APK: what aapt2 linked, and files such as classes.dex."""
    with zipfile.ZipFile(linked) as source, zipfile.ZipFile(target, "w") as archive:
        contents = {info.filename: source.read(info) for info in source.infolist()} | dict(files)
        stored = {info.filename for info in source.infolist() if info.compress_type == zipfile.ZIP_STORED}
        for name, data in contents.items():
            info = zipfile.ZipInfo(name, (1981, 1, 1, 1, 1, 2))
            is_stored = name in stored or name.endswith(STORED)
            info.compress_type = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
            if is_stored:
                _align(archive, info, PAGE if name.endswith(".so") else 4)
            archive.writestr(info, data)
    return target


def _align(archive: zipfile.ZipFile, info: zipfile.ZipInfo, multiple: int) -> None:
    assert archive.fp is not None
    start = archive.fp.tell() + 30 + len(info.filename.encode()) + 6
    info.extra = struct.pack("<HHH", ALIGNMENT, 2 + -start % multiple, multiple) + bytes(-start % multiple)


def unaligned(apk: Path) -> list[str]:
    """Names of stored files that do not begin where they may be read in place."""
    found = []
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as raw:
        for info in archive.infolist():
            raw.seek(info.header_offset + 26)
            named, extra = struct.unpack("<HH", raw.read(4))
            start = info.header_offset + 30 + named + extra
            multiple = PAGE if info.filename.endswith(".so") else 4
            if info.compress_type == zipfile.ZIP_STORED and start % multiple:
                found.append(info.filename)
    return found


def make_key(folder: Path) -> Path:
    """A key for nothing but these tests."""
    key = folder / "key.p12"
    words = ["keytool", "-genkeypair", "-keystore", key, "-storetype", "PKCS12", "-storepass", "throwaway"]
    _run([*words, "-alias", "key", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "2", "-dname", "CN=a test"])
    return key


def sign(apk: Path, key: Path) -> str:
    """Sign in place by schemes 2 and 3; what the verifier says of it."""
    signed = apk.with_suffix(".signed")
    schemes = ["--v1-signing-enabled", "false", "--v2-signing-enabled", "true", "--v3-signing-enabled", "true"]
    java = ["java", "-jar", tools.APKSIGNER]
    _run([*java, "sign", "--ks", key, "--ks-pass", "pass:throwaway", *schemes, "--out", signed, apk])
    shutil.move(signed, apk)
    return _run([*java, "verify", "--verbose", apk])


def _run(words: Sequence[object]) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{Path(str(words[0])).name}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
