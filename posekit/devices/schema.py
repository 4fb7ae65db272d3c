"""The JSON schemas of the device-run format, generated from its models: `python -m posekit.devices.schema DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from posekit.devices.format import DeviceRun, RunRequest
from posekit.documents import Part

FILES: dict[str, type[Part]] = {"run-request.schema.json": RunRequest, "device-run.schema.json": DeviceRun}


def schemas() -> dict[str, str]:
    """The text of each schema by file name."""
    return {
        name: json.dumps(model.model_json_schema(), indent=1, sort_keys=True) + "\n" for name, model in FILES.items()
    }


if __name__ == "__main__":
    for file, text in schemas().items():
        (Path(sys.argv[1]) / file).write_text(text)
