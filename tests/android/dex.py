"""Classes of the JVM to Android's: D8 and R8, several runs in one process."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from posekit.devices.desktop import kotlin_compiler
from tests.android import tools

HERE = Path(__file__).resolve().parent
LEVEL = 24  # minSdk
# annotations of the compilers' own are in no app; what lifecycle-viewmodel brings rules for, since it makes models by
# their class
RULES = """\
-dontwarn org.jetbrains.annotations.**
-dontwarn java.lang.invoke.**
-keepclassmembers,allowobfuscation class * extends androidx.lifecycle.AndroidViewModel {
    <init>(android.app.Application);
}
"""


@dataclass(frozen=True)
class Dexed:
    """One run. program: jars that become Android's. classpath: jars that these lean on. rules: files of rules to shrink
    by, R8's alone: without any D8 is run."""

    name: str
    program: tuple[Path, ...]
    classpath: tuple[Path, ...] = ()
    rules: tuple[Path, ...] = ()

    def arguments(self, output: Path) -> list[str]:
        lines = ["--release", "--min-api", str(LEVEL), "--lib", str(tools.stub_jar()), "--output", str(output)]
        for option, files in (("--classpath", self.classpath), ("--pg-conf", self.rules)):
            lines += [word for file in files for word in (option, str(file))]
        return [*lines, *map(str, self.program)]


def run(wanted: Sequence[Dexed], work: Path) -> tuple[dict[str, Path], str]:
    """classes.dex of each by its name, and what D8 and R8 said."""
    driver = work / "driver"
    if not driver.is_dir():
        kotlin_compiler.javac([HERE / "DexDriver.java"], driver, [tools.R8])
    files, found = [], {}
    for one in wanted:
        output = work / one.name
        output.mkdir(parents=True)
        files.append(work / f"{one.name}.{'r8' if one.rules else 'd8'}")
        files[-1].write_text("\n".join(one.arguments(output)) + "\n")
        found[one.name] = output / "classes.dex"
    options = [
        "-Xmx1g",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        os.pathsep.join(map(str, [driver, tools.R8])),
    ]
    done = kotlin_compiler.run(["java", *options, "DexDriver", *map(str, files)], "D8")
    assert done.returncode == 0, done.stdout + done.stderr
    return found, done.stderr


def jar(target: Path, folders: Sequence[Path], without: Iterable[str] = ()) -> Path:
    """The classes of folders, where two have the same the first one's; not those of the source files `without`."""
    left_out = [name.encode() for name in without]
    known: set[str] = set()
    with zipfile.ZipFile(target, "w") as archive:
        for folder in folders:
            for path in sorted(folder.rglob("*.class")):
                name, data = path.relative_to(folder).as_posix(), path.read_bytes()
                if name not in known and not any(source in data for source in left_out):
                    known.add(name)
                    archive.writestr(name, data)
    return target


def types(dex: Path) -> set[str]:
    """The names of classes that a .dex holds, as `posekit/tiny/Pose`."""
    data = dex.read_bytes()

    def number(at: int) -> int:
        return int.from_bytes(data[at : at + 4], "little")

    def text(index: int) -> str:
        at = number(number(60) + 4 * index) + 1  # behind its length, of one byte where the name is short
        while data[at - 1] & 0x80:
            at += 1
        return data[at : data.index(0, at)].decode("utf-8", "replace")

    classes, places = number(96), number(100)
    of_types = number(68)
    return {text(number(of_types + 4 * number(places + 32 * one)))[1:-1] for one in range(classes)}
