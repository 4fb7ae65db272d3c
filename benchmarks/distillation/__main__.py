"""A small network of three dimensions with a teacher and without: python -m benchmarks.distillation

Prints a row a training, and writes benchmarks/results/distillation.json.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import torch

from benchmarks.distillation import networks
from benchmarks.distillation.measuring import Plan, measured, multiply_adds

RESULT = Path(__file__).resolve().parents[1] / "results" / "distillation.json"
GOAL = 0.15  # of the error without a teacher


def main() -> None:
    """Measure, print a table, and write the result."""
    plan, start = Plan(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(plan, Path(folder))
    for row in found["rows"]:
        print(f"| {row['way']} | {row['seed']} | {row['steps']} | {row['mpjpe_mm']} |")
    print(f"lower by {found['lower_by']:.1%} ({'at least' if found['lower_by'] >= GOAL else 'less than'} {GOAL:.0%})")
    document = {
        "machine": f"{platform.machine()}, {platform.system()}, {plan.processes} processes of one thread",
        "torch": torch.__version__.split("+")[0],
        "minutes": round((time.monotonic() - start) / 60, 1),
        "plan": {field.name: getattr(plan, field.name) for field in fields(Plan)},
        "mmacs": {"small": multiply_adds(networks.SMALL), "teacher": multiply_adds(networks.LARGE)},
        **found,
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
