"""Compile the generated Kotlin core and print its time and allocation per frame on this JVM, as JSON.

python benchmarks/wrapper/kotlin/run.py: a desktop JVM tells how variants of the code compare, not what a phone takes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "kotlin")]
import build  # noqa: E402  (the rendering and compiling that the tests use)
from tests.heads import plain_spec  # noqa: E402


def main() -> None:
    if reason := build.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        core, stubs = work / "core", work / "java"
        spec = plain_spec(build.NAME)
        build.render(build.MODULE / "src" / "main", core, spec, only_its_decoder=False)
        build.render(build.BENCHMARK, core, spec, only_its_decoder=False)
        build.javac([build.HERE / "stubs" / "java"], stubs, build.runtime_jars())
        classes = work / "classes"
        units = [
            build.unit("stubs", (build.HERE / "stubs" / "kotlin",), (stubs,)),
            build.unit("main", (core,), (stubs, classes / "stubs")),
        ]
        for code, messages in build.compile_units(units, work).values():
            if code != 0:
                sys.exit(messages)
        print(build.java([classes / "main"], "posekit.tinypose2.WrapperBenchmark"), end="")


if __name__ == "__main__":
    main()
