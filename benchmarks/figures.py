"""Every precision of both samples on both platforms, measured anew and written into docs/figures.md: make figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from posekit.contract.precisions import PRECISIONS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "figures.md"
SAMPLES = ("tinypose", "tinysimcc")
PLATFORMS = {"android": "Android", "ios": "iOS"}
BUDGET = "oks>=0.98"


def run(*arguments: object) -> dict[str, Any]:
    """One posekit command with --json; a failed gate is a figure too."""
    program = Path(sys.executable).parent / "posekit"
    done = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout))


def measured(folder: Path) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], dict[str, Any]]]:
    """Ladders by platform and sample, and the reports of searched bundles by sample and platform."""
    run("sample", folder / "sample")
    ladders: dict[str, dict[str, Any]] = {platform: {} for platform in PLATFORMS}
    searched = {}
    given = ("--images", folder / "sample/images", "--annotations", folder / "sample/annotations.json")
    for name in SAMPLES:
        model = folder / "sample" / f"{name}.pt2"
        for one in run("ladder", model, "--platform", "all", *given)["ladders"]:
            ladders[one["platform"]][name] = one
        out = ("--precision", "auto", "--budget", BUDGET, "--out", folder)
        for one in run("package", model, "--platform", "all", *out, *given)["bundles"]:
            searched[name, one["platform"]] = one
    return ladders, searched


def table(platform: str, ladders: dict[str, Any], searched: dict[tuple[str, str], dict[str, Any]]) -> str:
    """A platform's table: a row a precision, both samples beside each other."""
    timed = not any(one["untimed"] for one in ladders.values())
    columns = ["kB", "of fp32", *(["time"] if timed else []), "OKS", "mean px", "PCK"]
    lines = [
        f"| {PLATFORMS[platform]} | "
        + " | ".join(f"{name}: {columns[0]} | " + " | ".join(columns[1:]) for name in SAMPLES)
        + " |",
        "|" + "---|" * (1 + len(columns) * len(SAMPLES)),
    ]
    rows = {name: {rung["precision"]: rung for rung in one["precisions"]} for name, one in ladders.items()}
    for precision in rows[SAMPLES[0]]:
        cells = [cell for name in SAMPLES for cell in _cells(rows[name][precision], timed)]
        lines.append(f"| `{precision}` | " + " | ".join(cells) + " |")
    found = [cell for name in SAMPLES for cell in _searched(searched[name, platform], rows[name]["fp32"], timed)]
    lines.append(f"| `auto`, {BUDGET} | " + " | ".join(found) + " |")
    return "\n".join(lines)


def _cells(rung: dict[str, Any], timed: bool) -> list[str]:
    found = rung["quality"]
    if found is None:
        return [f"{rung['status']}: {rung['failed'][0]}", *[""] * (4 + timed)]
    time = [f"{rung['time_ratio']:.2f}"] if timed else []
    mark = " (gate)" if rung["failed"] else ""
    return [
        f"{rung['size'] / 1000:.0f}",
        f"{rung['ratio']:.3f}",
        *time,
        f"{found['oks']:.4f}{mark}",
        f"{found['mean_px']:.3f}",
        f"{100 * found['pck']:.1f}",
    ]


def _searched(report: dict[str, Any], whole: dict[str, Any], timed: bool) -> list[str]:
    found, size = report["total"]["keypoints"], report["model_bytes"]
    mark = "" if report["verdict"] == "passed" else " (gate)"
    return [
        f"{size / 1000:.0f}",
        f"{size / whole['size']:.3f}",
        *([""] if timed else []),
        f"{found['oks']:.4f}{mark}",
        f"{found['mean_px']:.3f}",
        f"{100 * report['accuracy']['packaged']['pck']:.1f}",
    ]


def written(page: str, tables: dict[str, str]) -> str:
    """The page with the tables between their marks."""
    for platform, text in tables.items():
        pattern = re.compile(rf"(<!-- figures: {platform} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert len(pattern.findall(page)) == 1
        page = pattern.sub(lambda match, text=text: match[1] + text + "\n" + match[2], page)  # type: ignore[misc]
    return page


def figures(page: str, platform: str) -> dict[str, dict[str, list[str]]]:
    """The page's table of a platform: cells by precision and sample."""
    found = re.search(rf"<!-- figures: {platform} -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    assert found is not None
    rows: dict[str, dict[str, list[str]]] = {}
    for line in found[1].splitlines()[2:]:
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        half = len(cells) // len(SAMPLES)
        rows[name.split("`")[1]] = {one: cells[half * i : half * (i + 1)] for i, one in enumerate(SAMPLES)}
    return rows


def main() -> None:
    """Measure, write, and print."""
    assert set(PLATFORMS) <= {one for meaning in PRECISIONS.values() for one in meaning.platforms}
    with tempfile.TemporaryDirectory() as scratch:
        ladders, searched = measured(Path(scratch))
    tables = {platform: table(platform, ladders[platform], searched) for platform in PLATFORMS}
    PAGE.write_text(written(PAGE.read_text(), tables))
    sys.stdout.write("\n\n".join(tables.values()) + "\n")


if __name__ == "__main__":
    main()
