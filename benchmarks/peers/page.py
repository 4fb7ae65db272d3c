"""docs/performance.md from the stored results: the tables between its marks, the prose around them as it is."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks.peers.kinds import LITERT_PEERS, TOOLS, Precision, Row

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
PAGE = ROOT / "docs" / "performance.md"

OURS, PEERS = TOOLS[0], TOOLS[1:]
TITLES: dict[Precision, str] = {"fp32": "fp32", "fp16": "fp16", "int8": "w8a8"}
EQUAL: dict[Precision, float] = {"fp32": 1.03, "fp16": 1.03, "int8": 1.05}  # closer is not told from one another
WRONG: dict[Precision, float] = {"fp32": 1e-2, "fp16": 5e-2, "int8": 1.0}  # an error from which a file is no answer
NONE = "–"


class Network:
    """The stored rows of a network, by tool and precision."""

    def __init__(self, name: str, told: Mapping[str, Any], rate: float) -> None:
        self.name, self.macs, self.size_wh, self.rate = name, int(told["macs"]), told["size_wh"], rate
        self.rows = {(row.tool, row.precision): row for row in (Row(**one) for one in told["rows"])}

    def ms(self, tool: str, precision: Precision) -> float | None:
        """Of one run, None where there is none."""
        row = self.rows.get((tool, precision))
        return row.milliseconds if row is not None else None

    def least(self, tool: str, precision: Precision) -> float:
        """Milliseconds of the quickest run, of a file that was measured."""
        return float(self.rows[tool, precision].least or 0.0)

    def is_wrong(self, tool: str, precision: Precision) -> bool:
        """Whether its outputs are not the network's."""
        row = self.rows.get((tool, precision))
        return row is not None and row.error is not None and not row.error <= WRONG[precision]

    def ratio(self, tool: str, precision: Precision) -> float | None:
        """A tool's time over ours."""
        ours, theirs = self.ms(OURS, precision), self.ms(tool, precision)
        return theirs / ours if ours and theirs else None

    def fastest(self, precision: Precision, tools: Iterable[str]) -> tuple[str, float] | None:
        """Whose file is the fastest of those that are right, and its milliseconds."""
        times = [
            (ms, tool) for tool in tools if (ms := self.ms(tool, precision)) and not self.is_wrong(tool, precision)
        ]
        return (min(times)[1], min(times)[0]) if times else None

    def against_best(self, precision: Precision) -> float | None:
        """Our time over that of the fastest .tflite of a peer."""
        best, ours = self.fastest(precision, LITERT_PEERS), self.ms(OURS, precision)
        return ours / best[1] if best and ours else None

    @property
    def share(self) -> float | None:
        """Multiplications a second of our fp32 file over those of a matrix product."""
        ours = self.ms(OURS, "fp32")
        return self.macs / ours / 1e6 / self.rate if ours else None


def networks_of(stored: Mapping[str, Any]) -> list[Network]:
    """Those that were measured; one rate for all, the median of what was seen beside each."""
    told = {name: one for name, one in stored["networks"].items() if "rows" in one}
    rate = statistics.median(one["rate"] for one in told.values())
    return [Network(name, one, rate) for name, one in told.items()]


def sections(stored: Mapping[str, Any]) -> dict[str, str]:
    """The text between each pair of marks."""
    networks = networks_of(stored)
    tables = {TITLES[one]: _times(networks, one) for one in get_args(Precision)}
    return {
        "machine": _machine(stored, networks[0].rate), **tables, "errors": _errors(networks), "bytes": _bytes(networks),
        "behind": _listed(behind(networks), "Nowhere."), "missing": _listed(_missing(stored, networks), "None."),
    }  # fmt: skip


def written(page: str, stored: Mapping[str, Any]) -> str:
    """The page with its sections made anew; AssertionError where it lacks a pair of marks."""
    for name, text in sections(stored).items():
        pattern = re.compile(rf"(<!-- peers: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert len(pattern.findall(page)) == 1, name
        page = pattern.sub(lambda match, text=text: match[1] + text + "\n" + match[2], page)  # type: ignore[misc]
    return page


def behind(networks: Sequence[Network]) -> list[str]:
    """A sentence for every network and precision at which somebody is ahead of us, or our 8 bits do not pay."""
    found = []
    for precision in get_args(Precision):
        for one in networks:
            for what, tools in (("", LITERT_PEERS), (" (another runtime)", ("onnxruntime",))):
                best, ours = one.fastest(precision, tools), one.ms(OURS, precision)
                if best and ours and ours > EQUAL[precision] * best[1]:
                    least = one.least(best[0], precision) / one.least(OURS, precision)
                    times = f"{best[1] / ours:.2f} of our time ({least:.2f} by the quickest runs)"
                    found.append(f"{TITLES[precision]} of {one.name}: {best[0]}{what} takes {times}")
    for one in networks:
        if (ratio := _of_fp32(one, "int8")) is not None and ratio > EQUAL["int8"]:
            least = one.least(OURS, "int8") / one.least(OURS, "fp32")
            found.append(
                f"w8a8 of {one.name} takes {ratio:.2f} of our own fp32's time ({least:.2f} by the quickest runs)"
            )
    return found


def _times(networks: Sequence[Network], precision: Precision) -> str:
    tools = [tool for tool in PEERS if any((tool, precision) in one.rows for one in networks)]
    is_whole = precision == "fp32"
    first = ["network", *(["input", "GMAC"] if is_whole else []), "posekit, ms"]
    own = ["of the product's rate"] if is_whole else ["of our fp32"]
    lines = [first + own + tools + ["posekit : fastest .tflite"]]
    for one in networks:
        facts = [f"{one.size_wh[0]}x{one.size_wh[1]}", f"{one.macs / 1e9:.2f}"] if is_whole else []
        mine = one.share if is_whole else _of_fp32(one, precision)
        others = [_cell(one.ratio(tool, precision), one.is_wrong(tool, precision)) for tool in tools]
        time = _cell(one.ms(OURS, precision), one.is_wrong(OURS, precision))
        lines.append([one.name, *facts, time, _cell(mine), *others, _cell(one.against_best(precision))])
    middle = [[one.share if is_whole else _of_fp32(one, precision) for one in networks]]
    middle += [[one.ratio(tool, precision) for one in networks] for tool in tools]
    middle += [[one.against_best(precision) for one in networks]]
    lines.append(["**median**", *([""] * (len(first) - 1)), *(_cell(_median(column)) for column in middle)])
    return _table(lines)


def _errors(networks: Sequence[Network]) -> str:
    files = [(tool, precision) for precision in get_args(Precision) for tool in TOOLS if tool != "torch"]
    files = [file for file in files if any(file in one.rows and one.rows[file].error is not None for one in networks)]
    lines = [["network", *(f"{tool} {TITLES[precision]}" for tool, precision in files)]]
    for one in networks:
        errors = [one.rows[file].error if file in one.rows else None for file in files]
        lines.append(
            [
                one.name,
                *(NONE if error is None else f"{error:.0e}" if error < 0.01 else f"{error:.2f}" for error in errors),
            ]
        )
    return _table(lines)


def _bytes(networks: Sequence[Network]) -> str:
    files = [(tool, precision) for precision in get_args(Precision) for tool in TOOLS if tool != "torch"]
    files = [file for file in files if any(file in one.rows for one in networks)]
    lines = [["network", *(f"{tool} {TITLES[precision]}" for tool, precision in files)]]
    for one in networks:
        sizes = [one.rows[file].bytes if file in one.rows else 0 for file in files]
        lines.append([one.name, *(f"{size / 1e6:.2f}" if size else NONE for size in sizes)])
    return _table(lines)


def _machine(stored: Mapping[str, Any], rate: float) -> str:
    days = sorted({one["when"] for one in stored["networks"].values() if "when" in one})
    codes = sorted({one["code"] for one in stored["networks"].values() if "code" in one})
    held = ", ".join(f"{name} {version}" for name, version in stored["versions"].items())
    return "\n".join([
        f"- Machine: {stored['machine']}; one thread",
        f"- Versions: {held}; every `.tflite` runs in that ai-edge-litert",
        f"- Measured: {days[0] if len(days) == 1 else f'{days[0]} to {days[-1]}'}, by `make peers`; posekit's code: "
        f"{', '.join(codes)}",
        f"- Matrix product of this machine, 1024 x 1024 float32 in numpy, one thread: {rate:.0f} G multiply-adds a "
        "second",
    ])  # fmt: skip


def _missing(stored: Mapping[str, Any], networks: Sequence[Network]) -> list[str]:
    found = [f"SKIPPED {name}: {one['skipped']}" for name, one in stored["networks"].items() if "skipped" in one]
    for one in networks:
        for row in one.rows.values():
            if row.failed:
                found.append(f"{one.name}, {row.tool} {TITLES[row.precision]}: {row.failed}")
            elif row.note:
                found.append(f"{one.name}, {row.tool} {TITLES[row.precision]}: {row.note}")
    return found


def _of_fp32(one: Network, precision: Precision) -> float | None:
    ours, whole = one.ms(OURS, precision), one.ms(OURS, "fp32")
    return ours / whole if ours and whole else None


def _median(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def _cell(value: float | None, is_wrong: bool = False) -> str:
    return NONE if value is None else f"{value:.2f}{' (wrong)' if is_wrong else ''}"


def _listed(sentences: Sequence[str], none: str) -> str:
    return "\n".join(f"- {one}" for one in sentences) if sentences else none


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest])
