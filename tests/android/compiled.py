"""The demo app around the module of every kind of model, type-checked against Android's own signatures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posekit.bundle import Bundle, demo_app, wrapper
from posekit.contract.spec import PoseSpec, canonical_json
from posekit.devices.desktop import kotlin_compiler
from posekit.devices.desktop.kotlin_compiler import Unit
from tests.android import apk, dex, manifest, tools
from tests.android.kinds import SPECS, package_of
from tests.devices.apps import built
from tests.heads import networks

HERE = Path(__file__).resolve().parent
KOTLIN_STUBS = HERE.parent / "kotlin" / "stubs"
MODULE = HERE.parents[1] / "templates" / "android" / "module"
# 11: D8 of 2022 knows no newer classes. Gradle is asked for 17
OPTIONS = ("-no-jdk", "-Werror", "-jvm-target", "11")
STRICT = (*OPTIONS, "-Xexplicit-api=strict")
MODULE_NAME = "module"
REPEATED = "argument '-jvm-target' is passed multiple times"
CORE = "top-down"  # compiled whole, with every decoder; of others of its package what differs from it
NAMESPACE, APPLICATION = "posekit.demo.app", "com.example.poses"
PARTS = ("main", "deviceRun", "coroutines")  # the module's, with all that an app may want of it


@dataclass
class Compiled:
    """Apps as `posekit demo` writes them, and their classes by the name of a unit: main-KIND, app-KIND."""

    work: Path
    specs: dict[str, PoseSpec] = field(default_factory=lambda: {kind: make() for kind, make in SPECS.items()})

    @property
    def classes(self) -> Path:
        return self.work / "classes"

    @property
    def libraries(self) -> tuple[Path, ...]:
        """Android, what is stood in for, and coroutines."""
        coroutines = kotlin_compiler.jars("kotlin-jupyter-kernel-*-all.jar")[0]
        stand_ins = (self.work / "java", self.classes / "litert", self.classes / "androidx")
        return (tools.stub_jar(), *stand_ins, coroutines)

    def project(self, kind: str) -> Path:
        """The app's folder."""
        return self.work / "apps" / kind

    def module(self, kind: str) -> Path:
        return self.project(kind) / demo_app.LAYOUTS["android"].wrapper

    def main(self, kind: str) -> tuple[Path, ...]:
        """The classes of a kind's module: its own before those that all of its package share."""
        return tuple(self.classes / f"main-{one}" for one in layers(kind))

    def write(self, kind: str) -> None:
        """The app around a bundle that holds a module and small models."""
        spec, folder = self.specs[kind], self.work / "bundles" / kind
        stages = networks(spec, "tflite")
        assets = wrapper.render("android", spec, stages[0], folder / "module", *stages[1:])
        for one in stages:
            (assets / one.model_file).write_bytes(built.tflite(contract=canonical_json(spec)))
        (folder / "golden").mkdir()
        bundle = Bundle(folder, {"platform": "android", "precision": "fp32"}, spec)
        demo_app.write_app([bundle], APPLICATION, self.project(kind))

    def stand_ins(self) -> list[Unit]:
        """The libraries that are stood in for; those in Java are compiled at once."""
        java = [KOTLIN_STUBS / "java" / "org", KOTLIN_STUBS / "java" / "androidx" / "test", HERE / "stubs" / "java"]
        kotlin_compiler.javac(java, self.work / "java", [tools.stub_jar(), *kotlin_compiler.runtime_jars()])
        folders = {"litert": KOTLIN_STUBS / "kotlin", "androidx": HERE / "stubs" / "kotlin"}
        return [Unit(name, (folder,), self.libraries[:2], options=OPTIONS) for name, folder in folders.items()]

    def core(self) -> Unit:
        """A module with every decoder."""
        spec = self.specs[CORE]
        values = wrapper.context(spec, *networks(spec, "tflite"))
        wrapper.render_tree(MODULE, self.work / "core", spec, values, every_decoder=True)
        sources = tuple(self.work / "core" / "src" / part for part in PARTS)
        return Unit(f"main-{CORE}", sources, self.libraries, options=STRICT, module=MODULE_NAME)

    def own(self, kind: str) -> Unit:
        """The files of a kind's module that are not the core's, and those that name one of them; all, where its package
        is another."""
        whole, module = self.work / "core" / "src", self.module(kind) / "src"
        found = [path for part in PARTS for path in sorted((module / part).rglob("*.kt"))]
        if CORE not in layers(kind):
            return Unit(f"main-{kind}", tuple(found), self.libraries, options=STRICT, module=MODULE_NAME)
        own = [path for path in found if path.read_text() != (whole / path.relative_to(module)).read_text()]
        core = self.main(CORE)
        return Unit(f"main-{kind}", naming(own, found), (*core, *self.libraries), core, STRICT, MODULE_NAME)

    def app(self, kind: str) -> Unit:
        """The app itself, which sees nothing internal of the module; of other kinds than the core's the files that name
        what differs in the module."""
        found = sorted((self.project(kind) / "app" / "src" / "main" / "kotlin").rglob("*.kt"))
        classpath, classes = (self.work / "R", *self.main(kind), *self.libraries), self.classes / f"app-{CORE}"
        if layers(kind) == (kind,):
            return Unit(f"app-{kind}", tuple(found), classpath, options=OPTIONS, module="app")
        differing = naming(self.own(kind).sources, found)
        return Unit(f"app-{kind}", differing, (classes, *classpath), (classes,), OPTIONS, "app")

    def examples(self, kind: str) -> Unit:
        """The Kotlin of the module's README, a package each."""
        readme, folder = (self.module(kind) / "README.md").read_text(), self.work / "examples" / kind
        folder.mkdir(parents=True)
        for number, text in enumerate(re.findall(r"^```kotlin\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)):
            (folder / f"{number}.kt").write_text(f"package example{number}\n\n{text}")
        return Unit(f"examples-{kind}", (folder,), (*self.main(kind), *self.libraries), options=OPTIONS)

    def instrumented(self) -> Unit:
        """The module's instrumented test, which sees its internals."""
        source, main = self.module(CORE) / "src" / "androidTest", self.main(CORE)
        return Unit("instrumented", (source,), (*main, *self.libraries), main, OPTIONS)

    def link(self, kind: str) -> apk.Linked:
        """The app's resources, its manifest and its assets."""
        project, module = self.project(kind), self.module(kind)
        main, work = project / "app" / "src" / "main", self.work / "linked" / kind
        text = (main / "AndroidManifest.xml").read_text()
        merged = manifest.merged(text, APPLICATION, NAMESPACE, manifest.levels(project))
        assets = [main / "assets", module / "src" / "main" / "assets"]
        return apk.link(merged, NAMESPACE, apk.compile_resources([main / "res"], work), assets, work)

    def shipped(self, kind: str) -> Path:
        """A jar of a kind's module alone, as it would be in an app."""
        whole, own = (folder / "src" / "main" for folder in (self.work / "core", self.module(kind)))
        unused = {path.name for path in whole.rglob("*.kt")} - {path.name for path in own.rglob("*.kt")}
        return self._jar(kind, self.main(kind), unused)

    def program(self, kind: str) -> tuple[Path, ...]:
        """Jars of the app and its module."""
        apps = [self.classes / f"app-{one}" for one in layers(kind)]
        return (self._jar(f"app-{kind}", [*apps, self.work / "R"]), self.shipped(kind))

    def litert(self) -> Path:
        """A jar of what stands in for LiteRT's classes in Kotlin."""
        return self._jar("litert", [self.classes / "litert"])

    def androidx(self) -> Path:
        """A jar of what stands in for AndroidX. In an app R8 would find that all of it throws, and leave nothing."""
        return self._jar("androidx", [self.classes / "androidx", self.work / "java"])

    def _jar(self, name: str, folders: Sequence[Path], without: Iterable[str] = ()) -> Path:
        target = self.work / f"{name}.jar"
        return target if target.is_file() else dex.jar(target, folders, without)

    def compile(self, units: Sequence[Unit]) -> dict[str, str]:
        """What the compiler says of each unit; nothing where it is right."""
        driver = self.work / "driver"
        found = kotlin_compiler.compile_units(units, self.work, driver if driver.is_dir() else None)
        said = {}
        for name, (code, text) in found.items():
            said[name] = "\n".join(line for line in text.splitlines() if line and REPEATED not in line)
            assert bool(said[name]) == (code != 0), f"{name} ended with {code}: {said[name]}"
        return said


def layers(kind: str) -> tuple[str, ...]:
    """The kinds whose classes make up a kind's module and app: the kind itself, and the core where it has its
    package."""
    same = package_of(kind) == package_of(CORE)
    return tuple(dict.fromkeys([kind, CORE])) if same else (kind,)


def naming(own: Sequence[Path], found: Sequence[Path]) -> tuple[Path, ...]:
    """Of the files found those that are one of `own`, or name its class."""
    names = re.compile(rf"\b(?:{'|'.join(sorted(path.stem for path in own))})\b")
    return tuple(path for path in found if path in own or names.search(path.read_text()))


def compile_all(work: Path) -> Compiled:
    """The apps of all kinds, in one process of the compiler."""
    compiled = Compiled(work)
    units = [*compiled.stand_ins(), compiled.core()]
    for kind in compiled.specs:
        compiled.write(kind)
        units += [compiled.own(kind)] if kind != CORE else []
        units += [compiled.app(kind), compiled.examples(kind)]
    kotlin_compiler.javac([compiled.link(CORE).java], work / "R")
    units.append(compiled.instrumented())
    said = {name: text for name, text in compiled.compile(units).items() if text}
    assert not said, "\n\n".join(f"{name} does not compile:\n{text}" for name, text in said.items())
    return compiled
