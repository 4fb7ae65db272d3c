"""The generated module of every kind of model, type-checked against Android's own signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posekit.bundle import wrapper
from posekit.contract.spec import PoseSpec
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit
from tests.android import tools
from tests.android.kinds import SPECS
from tests.heads import networks

HERE = Path(__file__).resolve().parent
KOTLIN_STUBS = HERE.parent / "kotlin" / "stubs"
MODULE = HERE.parents[1] / "templates" / "android" / "module"
# 11: D8 of 2022 knows no newer classes. Gradle is asked for 17
OPTIONS = ("-no-jdk", "-Werror", "-jvm-target", "11")
STRICT = (*OPTIONS, "-Xexplicit-api=strict")
MODULE_NAME = "module"
REPEATED = "argument '-jvm-target' is passed multiple times"


CORE = "top-down"  # compiled whole, with every decoder; of the others what differs from it


@dataclass
class Compiled:
    """Modules as they are shipped, and classes of what is compiled by the name of a unit: main-KIND, device-KIND."""

    work: Path
    specs: dict[str, PoseSpec] = field(default_factory=lambda: {kind: make() for kind, make in SPECS.items()})

    @property
    def classes(self) -> Path:
        return self.work / "classes"

    @property
    def libraries(self) -> tuple[Path, ...]:
        """Android, what is stood in for, and coroutines."""
        coroutines = kotlin_compiler.jars("kotlin-jupyter-kernel-*-all.jar")[0]
        return (tools.stub_jar(), self.work / "java", self.classes / "stubs", coroutines)

    def module(self, kind: str) -> Path:
        return self.work / "modules" / kind

    def main(self, kind: str) -> tuple[Path, ...]:
        """The classes of a kind's module: its own before those that all share."""
        return tuple(self.classes / f"main-{one}" for one in dict.fromkeys([kind, CORE]))

    def render(self, kind: str, target: Path, every_decoder: bool = False) -> None:
        values = wrapper.context(self.specs[kind], *networks(self.specs[kind], "tflite"))
        wrapper.render_tree(MODULE, target, self.specs[kind], values, every_decoder=every_decoder)

    def stubs(self) -> Unit:
        """The libraries that are stood in for; those in Java are compiled at once."""
        java = [KOTLIN_STUBS / "java" / "org", KOTLIN_STUBS / "java" / "androidx"]
        kotlin_compiler.javac(java, self.work / "java", [tools.stub_jar(), *kotlin_compiler.runtime_jars()])
        return Unit("stubs", (KOTLIN_STUBS / "kotlin",), self.libraries[:2], options=OPTIONS)

    def core(self) -> Unit:
        """A module with every decoder, and with its optional coroutines."""
        whole = self.work / "core"
        self.render(CORE, whole, every_decoder=True)
        sources = (whole / "src" / "main", whole / "src" / "coroutines")
        return Unit(f"main-{CORE}", sources, self.libraries, options=STRICT, module=MODULE_NAME)

    def own(self, kind: str) -> Unit:
        """The files of a kind's module that are not the core's."""
        whole, module = self.work / "core" / "src", self.module(kind) / "src"
        found = [path for name in ("main", "coroutines") for path in sorted((module / name).rglob("*.kt"))]
        own = [path for path in found if path.read_text() != (whole / path.relative_to(module)).read_text()]
        core = self.main(CORE)
        return Unit(f"main-{kind}", tuple(own), (*core, *self.libraries), core, STRICT, MODULE_NAME)

    def above(self, name: str, kind: str, sources: Sequence[Path]) -> Unit:
        """Sources that see the internals of a kind's module."""
        return Unit(name, tuple(sources), (*self.main(kind), *self.libraries), self.main(kind), OPTIONS)

    def compile(self, units: Sequence[Unit]) -> dict[str, str]:
        """What the compiler says of each unit; nothing where it is right."""
        driver = self.work / "driver"
        found = kotlin_compiler.compile_units(units, self.work, driver if driver.is_dir() else None)
        told = {name: [line for line in text.splitlines() if REPEATED not in line] for name, (_, text) in found.items()}
        said = {name: "\n".join(lines).strip() for name, lines in told.items()}
        assert {name for name, text in said.items() if text} == {name for name, (code, _) in found.items() if code}
        return said


def compile_all(work: Path) -> Compiled:
    """The modules of all kinds, in one process of the compiler."""
    compiled = Compiled(work)
    units = [compiled.stubs(), compiled.core()]
    for kind in compiled.specs:
        compiled.render(kind, compiled.module(kind))
        units += [compiled.own(kind)] if kind != CORE else []
        units.append(
            compiled.above(
                f"device-{kind}", kind, [compiled.module(kind) / "src" / name for name in ("androidTest", "deviceRun")]
            )
        )
    said = {name: text for name, text in compiled.compile(units).items() if text}
    assert not said, "\n\n".join(f"{name} does not compile:\n{text}" for name, text in said.items())
    return compiled
