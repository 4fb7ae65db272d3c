"""The tools that an Android app is checked with, taken out of packages of PyPI: `python -m tests.android.tools`.

None of them is part of posekit. README.md has their licences.
"""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from posekit.devices.desktop import kotlin_compiler
from tests.android.stub_facts import facts

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".toolchain" / "android"
IN_MOBSF = "mobsf/StaticAnalyzer/tools"
JADX_JARS = ("jadx-core-1.4.5.jar", "jadx-plugins-api-1.4.5.jar", "asm-9.4.jar", "slf4j-api-2.0.3.jar")
R8 = FOLDER / "r8-3.3.75.jar"
APKSIGNER = FOLDER / "apksigner.jar"
AAPT2 = FOLDER / "aapt2_64"
FRAMEWORK = FOLDER / "android-framework.jar"  # Android's own resources, compiled
OF_MOBSF = {
    f"{IN_MOBSF}/apksigner.jar": APKSIGNER,
    **{f"{IN_MOBSF}/jadx/lib/{name}": FOLDER / name for name in (*JADX_JARS, R8.name)},
}
OF_APKTOOL = {"prebuilt/linux/aapt2_64": AAPT2, "brut/androlib/android-framework.jar": FRAMEWORK}
APKTOOL = f"{IN_MOBSF}/apktool_2.9.3.jar"
STUB_JAR = ("StubJar.java", "Signatures.java")
CLASSES, METHODS = 5079, 50746  # of the class list; fewer would be found missing only where somebody uses them


def why_not() -> str:
    """Why no app can be checked here, in one sentence; empty when it can."""
    if reason := kotlin_compiler.why_not():
        return reason
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "the aapt2 that is taken from the packages is for Linux on x86-64"
    return "" if (FOLDER / ".done").is_file() else "Android's tools are not here: make android-tools"


def stub_jar() -> Path:
    """The jar of Android's API, made again when what makes it has changed."""
    made_of = [*(HERE / name for name in STUB_JAR), HERE / "stub_facts.py", HERE / "requirements.txt"]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in made_of)).hexdigest()[:12]
    jar = FOLDER / f"stubs-{version}.jar"
    if not jar.is_file():
        for old in FOLDER.glob("stubs-*.jar"):
            old.unlink()
        _make_stub_jar(jar)
    return jar


def wheels_of_libraries() -> list[Path]:
    """The stubs in Python of other libraries than Android itself."""
    return sorted(set(FOLDER.glob("chaquopy_stubs_*.whl")) - set(FOLDER.glob("chaquopy_stubs_android-*.whl")))


def _make_stub_jar(jar: Path) -> None:
    (wheel,) = FOLDER.glob("chaquopy_stubs_android-*.whl")
    classpath = [FOLDER / name for name in JADX_JARS]
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        work = Path(folder)
        kotlin_compiler.javac([HERE / name for name in STUB_JAR], work / "classes", classpath)
        (work / "facts.tsv").write_text("\n".join(facts(wheel)))
        done = kotlin_compiler.java([work / "classes", *classpath], "StubJar", [work / "facts.tsv", work / jar.name])
        assert done.returncode == 0, done.stderr
        classes, _, methods = map(int, done.stdout.split())
        assert (classes, methods) == (CLASSES, METHODS)
        (work / jar.name).rename(jar)  # whole or not at all: workers may look at the same time


def install() -> None:
    """Download the packages, keep what is needed, make the jar of Android's API: about 100 MB, of which 25 stay."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        wanted = ["--require-hashes", "--requirement", str(HERE / "requirements.txt"), "--dest", folder]
        subprocess.run([*pip, *wanted], check=True)
        for stubs in Path(folder).glob("chaquopy*.whl"):
            stubs.rename(FOLDER / stubs.name)
        (mobsf,) = Path(folder).glob("mobsf*.whl")
        with zipfile.ZipFile(mobsf) as wheel:
            _extract(wheel, OF_MOBSF)
            with zipfile.ZipFile(io.BytesIO(wheel.read(APKTOOL))) as apktool:
                _extract(apktool, OF_APKTOOL)
    AAPT2.chmod(0o755)
    if not kotlin_compiler.why_not():
        stub_jar()
    (FOLDER / ".done").touch()


def _extract(archive: zipfile.ZipFile, wanted: dict[str, Path]) -> None:
    for name, target in wanted.items():
        target.write_bytes(archive.read(name))


if __name__ == "__main__":
    install()
