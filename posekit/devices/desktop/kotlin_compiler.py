"""Compile Kotlin and Java for this machine's JVM, several units in one compiler process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from posekit.bundle.wrapper import template_root
from posekit.errors import ConversionError, MissingToolError

DRIVER = "CompilerDriver.java"
FOLDER = "POSEKIT_KOTLIN"
HINT = "pip install --no-deps kotlin-jupyter-kernel==0.19.0.944, whose wheel holds a Kotlin compiler"
FLAGS = ("-no-stdlib", "-no-reflect", "-language-version", "2.1", "-api-version", "2.1", "-jvm-target", "17")
# the wheel's compiler, and what it runs on; a kotlinc's own folder has its compiler in another file
COMPILER_JARS = ("kotlin-jupyter-kernel-*-all.jar", "kotlin-compiler.jar", "kotlin-stdlib*.jar", "kotlin-reflect*.jar",
                 "kotlin-script-runtime*.jar", "kotlinx-coroutines-core*.jar", "trove4j*.jar")  # fmt: skip
RUNTIME_JARS = ("kotlin-stdlib*.jar", "kotlinx-serialization-core*.jar", "kotlinx-serialization-json*.jar",
                "annotations-*.jar")  # fmt: skip
TIMEOUT_SECONDS = 500


@dataclass(frozen=True, slots=True)
class Unit:
    """Sources compiled together into one folder of classes.

    sources: files or folders. friends: units whose internals it sees. options: more flags of the compiler.
    module: what the names of its internals are made of, by default its own name.
    """

    name: str
    sources: tuple[Path, ...]
    classpath: tuple[Path, ...] = ()
    friends: tuple[Path, ...] = ()
    options: tuple[str, ...] = ()
    module: str = ""


def why_not() -> str:
    """Why no Kotlin can be compiled and run here, in one sentence; empty when it can."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        return "there is no JDK: java and javac are not on the PATH; install a JDK 17 or newer"
    if jar_folder() is None:
        return f"there is no Kotlin compiler with kotlinx-serialization-json: {HINT}, or name its folder in ${FOLDER}"
    return ""


def jar_folder() -> Path | None:
    """The folder of the compiler's and the runtime's jars: $POSEKIT_KOTLIN, an installed wheel, a kotlinc, a
    checkout."""
    if named := os.environ.get(FOLDER):
        return Path(named) if _is_whole(Path(named)) else None
    spec = find_spec("run_kotlin_kernel")
    places = [Path(place) / "jars" for place in (spec.submodule_search_locations or ())] if spec else []
    if kotlinc := shutil.which("kotlinc"):
        places.append(Path(kotlinc).resolve().parent.parent / "lib")
    checkout = Path(__file__).resolve().parents[3]
    places.append(checkout / ".toolchain" / "kotlin" / "run_kotlin_kernel" / "jars")
    return next((place for place in places if _is_whole(place)), None)


def _is_whole(folder: Path) -> bool:
    compiler = [*folder.glob("kotlin-jupyter-kernel-*-all.jar"), *folder.glob("kotlin-compiler.jar")]
    return bool(compiler) and all(any(folder.glob(pattern)) for pattern in RUNTIME_JARS[:3])


def jars(*patterns: str) -> list[Path]:
    """Jars of the compiler's folder; MissingToolError without one."""
    if reason := why_not():
        raise MissingToolError(f"no Kotlin can be compiled here: {reason}")
    folder = jar_folder()
    assert folder is not None
    return [jar for pattern in patterns for jar in sorted(folder.glob(pattern))]


def runtime_jars() -> list[Path]:
    """What the module and its runner link against, beside the platform."""
    return jars(*RUNTIME_JARS)


def compile_units(units: Sequence[Unit], work: Path, driver: Path | None = None) -> dict[str, tuple[int, str]]:
    """Compile to work/classes/<name>, in order, in one process; exit code and messages of each by name.

    driver: a folder that `compile_driver` filled; made in `work` where none is given.
    """
    arguments = [_argument_file(unit, work) for unit in units]
    if driver is None:
        driver = compile_driver(work / "driver")
    path = _path([driver, *jars(*COMPILER_JARS)])
    # by default 48 MB of compiled code, which is full after a dozen units: then all is interpreted
    room = ["-Xmx1g", "-XX:ReservedCodeCacheSize=160m"]
    options = [*room, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", path]
    done = run(["java", *options, "CompilerDriver", *map(str, arguments)], "the Kotlin compiler")
    codes = [int(line.rpartition("\t")[2]) for line in done.stdout.splitlines() if "\t" in line]
    if len(codes) != len(units):
        raise ConversionError(f"the Kotlin compiler ended early: {first(done.stderr)}")
    messages = done.stderr.split("----\n")
    return {unit.name: (code, text) for unit, code, text in zip(units, codes, messages, strict=False)}


def compile_driver(target: Path) -> Path:
    """Compile what runs the compiler several times in one process."""
    source = template_root() / "desktop" / "kotlin" / DRIVER
    javac([source], target, jars(*COMPILER_JARS))
    return target


def _argument_file(unit: Unit, work: Path) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    lines = [*FLAGS, "-cp", _path([*unit.classpath, *runtime_jars()]), "-d", str(work / "classes" / unit.name)]
    lines += ["-module-name", unit.module or unit.name, *unit.options]
    lines += [f"-Xfriend-paths={','.join(map(str, unit.friends))}"] if unit.friends else []
    lines += [str(file) for source in unit.sources for file in files(source, "*.kt")]
    path = work / f"{unit.name}.args"
    path.write_text("\n".join(lines) + "\n")
    return path


def javac(sources: Sequence[Path], target: Path, classpath: Sequence[Path] = ()) -> None:
    """Compile Java sources, files or folders, into a folder; ConversionError where they do not compile."""
    found = [str(file) for source in sources for file in files(source, "*.java")]
    target.mkdir(parents=True, exist_ok=True)
    quick = ["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]
    command = ["javac", *quick, "--release", "17", "-Xlint:-options", "-cp", _path(classpath) or ".", "-d", str(target)]
    done = run([*command, *found], "javac")
    if done.returncode:
        raise ConversionError(f"Java sources do not compile: {first(done.stderr)}")


def java(
    classpath: Sequence[Path],
    main: str,
    arguments: Sequence[object] = (),
    options: Sequence[str] = (),
    timeout: float = TIMEOUT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a program that was compiled here, the Kotlin runtime on its class path."""
    return run(command(classpath, main, arguments, options), "the JVM", timeout)


def command(
    classpath: Sequence[Path], main: str, arguments: Sequence[object] = (), options: Sequence[str] = ()
) -> list[str]:
    """What runs a program that was compiled here."""
    path = _path([*classpath, *runtime_jars()])
    return ["java", "-XX:+UseSerialGC", *options, "-cp", path, main, *map(str, arguments)]


def run(command: Sequence[str], what: str, timeout: float = TIMEOUT_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a program, its output kept; ConversionError after the time, MissingToolError where it cannot be started."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{what} did not end within {timeout:g} s") from error
    except OSError as error:
        raise MissingToolError(f"{what} cannot be started: {error.strerror or error}") from error


def first(messages: str) -> str:
    """The first line of a program's messages that tells of an error, else the first that is no mere notice."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower() or "exception" in line.lower()]
    rest = [line for line in lines if not line.startswith(("INFO", "WARNING", "warning"))]
    return ([*told, *rest, "it said nothing"])[0][:300]


def files(source: Path, pattern: str) -> list[Path]:
    """The files of that pattern in a folder; of a file, the file itself."""
    return [source] if source.is_file() else sorted(source.rglob(pattern))


def _path(places: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, places))


def platform_include() -> str:
    """Name of the folder beside jni.h with this platform's part of it."""
    return {"darwin": "darwin", "win32": "win32"}.get(sys.platform, "linux")
