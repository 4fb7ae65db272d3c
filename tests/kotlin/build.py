"""Render the Android module, type-check it against signature stubs, compile it for the JVM. For test_kotlin.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit, javac, runtime_jars
from tests.heads import KINDS, networks

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODULE = ROOT / "templates" / "android" / "module"
STAND_INS = ROOT / "templates" / "desktop" / "kotlin" / "android"
GOLDEN_MAIN = ROOT / "templates" / "desktop" / "kotlin" / "GoldenMain.kt"
BENCHMARKS = ROOT / "benchmarks" / "wrapper" / "kotlin"
__all__ = ["Unit", "javac", "runtime_jars"]

NAME = "tiny-pose2"

REGISTRY = """\
package posekit.template

/** Every decoder of the registry, by its kind. */
internal val DECODERS: Map<String, (DecoderSettings) -> Decoder> = mapOf(
%s)
"""

missing = kotlin_compiler.why_not


def coroutines() -> Path:
    """kotlinx.coroutines, which the compiler's own package holds; an app has it from kotlinx-coroutines-android."""
    return kotlin_compiler.jars("kotlin-jupyter-kernel-*-all.jar")[0]


def registry(target: Path, pose_spec: PoseSpec) -> None:
    """Write DECODERS for the harness: how each decoder is made of its settings."""
    rows = [f'    "{kind}" to {{ {wrapper.decoder_class(kind)}.of(it) }},\n' for kind in KINDS]
    target.mkdir(parents=True, exist_ok=True)
    (target / "Decoders.kt").write_text(wrapper.named(REGISTRY % "".join(rows), pose_spec))


def render(source: Path, target: Path, pose_spec: PoseSpec, only_its_decoder: bool) -> None:
    """Render a template tree, or copy one source file, to `target`."""
    if source.is_file():
        target.mkdir(parents=True, exist_ok=True)
        (target / source.name).write_text(wrapper.named(source.read_text(), pose_spec))
        return
    values = wrapper.context(pose_spec, *networks(pose_spec, "tflite"))
    wrapper.render_tree(source, target, pose_spec, values, every_decoder=not only_its_decoder)


def device_tests(module: Path) -> tuple[Path, ...]:
    """What the instrumented test of a module is made of."""
    return tuple(module / "src" / name for name in ("androidTest", "deviceRun"))


def unit(
    name: str,
    sources: tuple[Path, ...],
    classpath: tuple[Path, ...] = (),
    friends: tuple[Path, ...] = (),
    strict: bool = False,
) -> Unit:
    """Sources compiled together, warnings being errors. strict: the public API must be spelled out."""
    options = ("-Werror", "-Xexplicit-api=strict") if strict else ("-Werror",)
    return Unit(name, sources, classpath, friends, options)


def compile_units(units: Sequence[Unit], work: Path) -> dict[str, tuple[int, str]]:
    """Compile to work/classes/<name>, in order, in one compiler process; exit code and messages of each."""
    driver = work / "driver"
    return kotlin_compiler.compile_units(units, work, driver if driver.is_dir() else None)


def java(classpath: Sequence[Path], main: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Standard output of a program; its failure is an AssertionError with all that it said."""
    done = kotlin_compiler.java(classpath, main, arguments, options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
