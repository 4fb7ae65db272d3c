"""posekit beside its peers, measured and written into docs/performance.md.

    python -m benchmarks.peers [--full] [--only NAME ...]

Installs the peers in build/peers (once), makes every tool's files of every network (kept there), and measures them.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers import cases, environment, ours, page
from benchmarks.peers.files import bytes_of, files_of
from benchmarks.peers.kinds import Made
from benchmarks.peers.measure import OPENING

SECONDS, SECONDS_FULL = 15.0, 100.0  # CPU seconds of rounds a network
LIBRARIES = (
    "ai-edge-litert",
    "ai-edge-quantizer",
    "litert-torch",
    "numpy",
    "onnx2tf",
    "onnxruntime",
    "tensorflow",
    "torch",
    "ultralytics",
)
STARTED = time.perf_counter()


def step(sentence: str) -> None:
    """Tell what is done now."""
    print(f"{time.perf_counter() - STARTED:6.0f} s  {sentence}", file=sys.stderr, flush=True)


def measured(name: str, seconds: float) -> dict[str, Any]:
    """Everything that is told of a network, or why it is not here."""
    try:
        case = cases.case(name)
    except FileNotFoundError as error:
        return {"skipped": str(error)}
    folder, found = files_of(case, step)
    step(f"measure {name}")
    files = [
        {"tool": one.tool, "precision": one.precision, "path": str(at / one.file), "bytes": bytes_of(at / one.file),
         "is_same": one.tool != "Ultralytics", "note": one.note}
        for at, one in found if one.file
    ]  # fmt: skip
    answer = answered(name, folder, files, seconds)
    none = [_failed(one.as_json()) for _, one in found if not one.file]
    answer["rows"] += none
    size_wh = list(case.spec.input.size_wh)
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "code": ours.key(),
        "size_wh": size_wh,
        "macs": case.macs,
        **answer,
    }


def answered(name: str, folder: Path, files: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What the measuring process tells; a file that ends it is left out and said to."""
    asked, ended = folder / "asked.json", []
    while True:
        asked.write_text(json.dumps({"name": name, "folder": str(folder), "seconds": seconds, "files": files}))
        failed = environment.run("measure", asked, log=folder / "measure.log", seconds=seconds * 10 + 1200)
        if not failed:
            answer = json.loads((folder / "answer.json").read_text())
            return {**answer, "rows": answer["rows"] + ended}
        last = [
            line.split()[1] for line in (folder / "measure.log").read_text().splitlines() if line.startswith(OPENING)
        ]
        if not last or last[-1] == "none":
            raise SystemExit(f"measuring {name} failed: {failed}; see {folder / 'measure.log'}")
        one = files.pop(int(last[-1]))
        ended.append(_failed({**one, "failed": f"its file ends the process that runs it: {failed}"}))


def _failed(made: dict[str, Any]) -> dict[str, Any]:
    """The row of a file that was not measured."""
    told = Made(made["tool"], made["precision"], failed=made["failed"], note=made["note"]).as_json()
    del told["file"]
    return {**told, "milliseconds": None, "least": None, "runs": 0, "error": None, "bytes": 0}


def machine() -> str:
    """This machine, in words."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    fields = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    wide = [word for word in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if word in named.get("flags", "").split()]
    model = f"{named.get('model name', 'unknown processor')}, model {named.get('model', '?')}"
    return f"{platform.system()} {platform.machine()}, {model} ({', '.join(wide)})"


def versions() -> dict[str, str]:
    """What the peers' environment holds."""
    there = environment.HOME / "venv" / "lib"
    found = {}
    for name in LIBRARIES:
        folders = sorted(there.glob(f"python*/site-packages/{name.replace('-', '_')}-*.dist-info"))
        found[name] = folders[0].name.removesuffix(".dist-info").split("-", 1)[1] if folders else "none"
    return found


def main() -> None:
    """Measure what is asked, keep the numbers, and write the page."""
    told = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="posekit beside its peers")
    told.add_argument("--full", action="store_true", help="measure each network four times as long")
    told.add_argument(
        "--only", nargs="+", choices=cases.NAMES, default=cases.NAMES, metavar="NAME", help=", ".join(cases.NAMES)
    )
    wanted = told.parse_args()
    environment.install()
    stored = json.loads(page.RESULTS.read_text()) if page.RESULTS.is_file() else {"networks": {}}
    here = {"machine": machine(), "versions": versions()}
    networks = stored["networks"] if all(stored.get(key) == value for key, value in here.items()) else {}
    for name in wanted.only:
        networks[name] = measured(name, SECONDS_FULL if wanted.full else SECONDS)
        ordered = {one: networks[one] for one in cases.NAMES if one in networks}
        page.RESULTS.write_text(json.dumps({**here, "networks": ordered}, indent=1) + "\n")
        page.PAGE.write_text(page.written(page.PAGE.read_text(), {**here, "networks": ordered}))
    step(f"wrote {page.PAGE.name}")


if __name__ == "__main__":
    main()
