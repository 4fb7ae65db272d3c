"""Run the generated Android module on this machine: image to keypoints, in its own code, on LiteRT's C library.

Only what Android and LiteRT's AAR would give is stood in for (templates/desktop/kotlin): Bitmap, assets, and the few
classes of LiteRT's Kotlin API, over a small piece of C. The module's sources and its runner are compiled as they are.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from posekit.bundle import wrapper
from posekit.bundle.wrapper import template_root
from posekit.contract.spec import FILE as CONTRACT
from posekit.contract.spec import PoseSpec, read_spec
from posekit.devices import golden_run
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit
from posekit.devices.format import RUN, StageName
from posekit.errors import ConversionError, InputError, MissingToolError, version_of
from posekit.runtimes.files import is_litter

C_API = "2.3"  # the ai-edge-litert whose C functions native/litert_jni.c declares
RUNNER = "DeviceRun*.kt"
INLINED = re.compile(r"^.*\b(?:const val|inline fun)\b.*$", re.MULTILINE)
TIMEOUT_SECONDS = 480


@dataclass(frozen=True, slots=True)
class KotlinWrapper:
    """A module compiled for this machine. package: of its classes; classes: folders, the first one wins."""

    package: str
    classes: tuple[Path, ...]
    stand_ins: Path

    def run(self, request: Path, out: Path, model: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Run the request in `request` on `model`, a .tflite or the folder of those of both stages, and write run.json
        and its tensors into `out`.

        InputError without a model; ConversionError where the JVM fails or takes too long. What the module itself
        refuses stands in run.json.
        """
        if not model.exists():
            raise InputError(f"there is no model at {model}")
        names = [f"-Dposekit.runtime=LiteRT {version_of('ai-edge-litert')}", f"-Dposekit.device={_processor()}"]
        main = f"{self.package}.DesktopMainKt"
        (out / RUN).unlink(missing_ok=True)
        done = kotlin_compiler.java(self._path, main, [request, out, model.resolve()], [*self._native, *names], timeout)
        if done.returncode or not (out / RUN).is_file():
            said = kotlin_compiler.first(done.stderr)
            raise ConversionError(f"the generated Kotlin ended with exit code {done.returncode}: {said}")

    def golden(self, vectors: Path, stage: StageName = "pose", *, timeout: float = TIMEOUT_SECONDS) -> str:
        """What the module makes of golden vectors of a stage, as JSON; ConversionError where it fails."""
        options = [f"-Dposekit.golden={vectors}", f"-Dposekit.stage={stage}"]
        done = kotlin_compiler.java(self._path, f"{self.package}.GoldenMainKt", [], options, timeout)
        if done.returncode:
            said = kotlin_compiler.first(done.stderr)
            raise ConversionError(f"the generated Kotlin ended with exit code {done.returncode}: {said}")
        return done.stdout

    def live(self, model: Path) -> list[str]:
        """The command that looks at frames with a model, a file or the folder of those of both stages, as
        devices.desktop.live talks with it."""
        return kotlin_compiler.command(self._path, f"{self.package}.LiveMainKt", [model.resolve()], self._native)

    @property
    def _path(self) -> list[Path]:
        return [*self.classes, self.stand_ins / "java", self.stand_ins / "classes" / "litert"]

    @property
    def _native(self) -> list[str]:
        return [f"-Dposekit.jni={self.stand_ins / 'litert_jni.so'}", f"-Dposekit.litert={_litert_library()}"]


def why_not() -> str:
    """Why the generated Kotlin cannot be run here, in one sentence that says how to change that; empty when it can."""
    if reason := kotlin_compiler.why_not():
        return reason
    if _c_compiler() is None:
        return "there is no C compiler: none of cc, gcc and clang is on the PATH"
    if _jni_include() is None:
        return "the JDK has no include/jni.h: install a whole JDK 17 or newer"
    if _litert_library() is None:
        return "LiteRT's C library is not installed: pip install 'posekit[litert]'"
    if not (found := version_of("ai-edge-litert")).startswith(f"{C_API}."):
        return f"ai-edge-litert is {found}, its C functions are known of {C_API}: pip install 'posekit[litert]'"
    return ""


def build(module: Path, work: Path) -> KotlinWrapper:
    """Compile the Android module of a bundle into `work`.

    MissingToolError where something is missing on this machine; ConversionError where the module does not compile.
    """
    return build_many([module], work, golden=True)[0]


def build_many(modules: Sequence[Path], work: Path, *, golden: bool = False) -> list[KotlinWrapper]:
    """Compile several modules in one compiler process, each into a folder of its own in `work`.

    Of a module that differs from an earlier one in some files only, those files alone are compiled. golden: with what
    holds them to golden vectors, which is posekit's own code.
    """
    if reason := why_not():
        raise MissingToolError(f"the generated Kotlin cannot be run here: {reason}")
    stand_ins = _stand_ins(work)
    platform_path = (stand_ins / "java", stand_ins / "classes" / "litert")
    sources = [_sources(module, work / f"main-{number}") for number, module in enumerate(modules)]
    packages = [_package(module) for module in modules]
    units: list[Unit] = []
    wrappers: list[KotlinWrapper] = []
    for number, own in enumerate(sources):
        unit, classes = Unit(f"module-{number}", own, platform_path), work / "classes" / f"module-{number}"
        earlier = [i for i in range(number) if packages[i] == packages[number]]
        base, changed = next(((i, found) for i in earlier if (found := _changed(own, sources[i]))), (number, ()))
        below = () if base == number else wrappers[base].classes
        if changed:
            unit = Unit(unit.name, changed, (*below, *platform_path), below, module=f"module-{base}")
        units.append(unit)
        classes_of, tests = (classes, *below), work / "classes" / f"golden-{number}"
        if golden:
            units.append(
                _golden_unit(f"golden-{number}", modules[number], work / f"main-{number}", classes_of, platform_path)
            )
        places = (tests, *classes_of) if golden else classes_of
        wrappers.append(KotlinWrapper(packages[number], places, stand_ins))
    results = kotlin_compiler.compile_units(units, work, stand_ins / "driver")
    owners = [modules[int(unit.name.rpartition("-")[2])] for unit in units]
    for module, (code, messages) in zip(owners, results.values(), strict=True):
        if code:
            said = kotlin_compiler.first(messages)
            raise ConversionError(f"the module {module} does not compile: {said}", "package the model again")
    return wrappers


def _golden_unit(
    name: str, module: Path, folder: Path, classes: tuple[Path, ...], platform_path: tuple[Path, ...]
) -> Unit:
    """The readers of golden vectors, apart from the module, whose internals they see."""
    sources = [_main("GoldenMain.kt", module, folder)]
    for file, text in golden_run.readers("android", _contract(module)).items():
        sources.append(folder / file)
        sources[-1].write_text(text, encoding="utf-8")
    return Unit(name, tuple(sources), (*classes, *platform_path), classes)


def _changed(own: Sequence[Path], earlier: Sequence[Path]) -> tuple[Path, ...]:
    """The files that differ from an earlier module's; none where all must be compiled."""
    if [path.name for path in own] != [path.name for path in earlier]:
        return ()
    changed = []
    for path, old in zip(own, earlier, strict=True):
        text, old_text = path.read_text(encoding="utf-8"), old.read_text(encoding="utf-8")
        if INLINED.findall(text) != INLINED.findall(old_text):  # other files hold copies of these
            return ()
        if text != old_text:
            changed.append(path)
    return tuple(changed)


def _sources(module: Path, folder: Path) -> tuple[Path, ...]:
    """The files of the module, of its runner, and the main functions in its package."""
    place = _place(_package(module))
    runner = sorted((module / "src" / "deviceRun" / place).glob(RUNNER))
    if not runner:
        raise InputError(f"the module {module} holds no runner: {RUNNER} in src/deviceRun", "package the model again")
    folder.mkdir(parents=True, exist_ok=True)
    mains = [_main(name, module, folder) for name in ("DesktopMain.kt", "LiveMain.kt")]
    own = [*sorted((module / "src" / "main" / place).glob("*.kt")), *runner]
    return (*(path for path in own if not is_litter(Path(path.name))), *mains)


def _main(name: str, module: Path, folder: Path) -> Path:
    """A main function in the module's package."""
    text = (_templates() / name).read_text(encoding="utf-8")
    (folder / name).write_text(wrapper.named(text, _contract(module)), encoding="utf-8")
    return folder / name


def _contract(module: Path) -> PoseSpec:
    return read_spec(module / "src" / "main" / "assets" / CONTRACT)


def _package(module: Path) -> str:
    contract = module / "src" / "main" / "assets" / CONTRACT
    package = wrapper.kotlin_package(read_spec(contract)) if contract.is_file() else ""
    if not (module / "src" / "main" / _place(package) / "PoseContract.kt").is_file():
        raise InputError(f"{module} is no Android module that posekit made", "give a bundle's own module folder")
    return package


def _place(package: str) -> Path:
    """Where the files of a package lie in a source set."""
    return Path("kotlin", *package.split("."))


def _stand_ins(work: Path) -> Path:
    """The compiled stand-ins, made once for these sources, this compiler and this JDK.

    They are kept in the user's cache, or in `work` where there is no cache to be had.
    """
    final = _cache_folder() / f"desktop-kotlin-{_fingerprint()}"
    if final.is_dir():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".desktop-kotlin-", dir=final.parent))
    except OSError:
        final = work / "stand-ins"
        work.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=work))
    try:
        _compile_stand_ins(partial)
        partial.rename(final)
    except OSError as error:
        if not final.is_dir():  # else another process was faster
            raise MissingToolError(f"the stand-ins cannot be kept in {final.parent}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _compile_stand_ins(folder: Path) -> None:
    java = folder / "java"
    kotlin_compiler.javac([_templates() / "android"], java)
    driver = kotlin_compiler.compile_driver(folder / "driver")
    unit = Unit("litert", (_templates() / "litert",), (java,))
    code, messages = kotlin_compiler.compile_units([unit], folder, driver)[unit.name]
    if code:
        raise ConversionError(f"the stand-ins do not compile: {kotlin_compiler.first(messages)}")
    compiler, include = _c_compiler(), _jni_include()
    assert compiler is not None
    assert include is not None
    flags = ["-shared", "-fPIC", "-O1", f"-I{include}", f"-I{include / kotlin_compiler.platform_include()}"]
    source = _templates() / "native" / "litert_jni.c"
    done = kotlin_compiler.run(
        [compiler, *flags, "-o", str(folder / "litert_jni.so"), str(source), "-ldl"], "the C compiler"
    )
    if done.returncode:
        raise MissingToolError(f"the C compiler does not work: {kotlin_compiler.first(done.stderr)}")


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in _templates().rglob("*") if path.is_file()):
        digest.update(path.relative_to(_templates()).as_posix().encode() + b"\0" + path.read_bytes())
    for tool in (shutil.which("javac"), _c_compiler(), *kotlin_compiler.jars(*kotlin_compiler.COMPILER_JARS)):
        real = Path(str(tool)).resolve()
        digest.update(f"{real}\0{real.stat().st_size}\0".encode())
    return digest.hexdigest()[:16]


def _templates() -> Path:
    return template_root() / "desktop" / "kotlin"


def _cache_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "posekit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posekit"


def _c_compiler() -> str | None:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def _jni_include() -> Path | None:
    javac = shutil.which("javac")
    include = Path(javac).resolve().parent.parent / "include" if javac else None
    return include if include and (include / "jni.h").is_file() else None


def _litert_library() -> Path | None:
    spec = find_spec("ai_edge_litert")
    if not version_of("ai-edge-litert"):
        return None
    places = spec.submodule_search_locations if spec else None
    found = [path for place in places or () for path in sorted(Path(place).glob("libLiteRt.*"))]
    return found[0] if found else None


def _processor() -> str:
    """The processor as it names itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown"
