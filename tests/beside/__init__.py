"""The ultralytics package beside posekit, in a folder of its own: the tests' only, and only in processes that they
start."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = "8.4.190"
ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / f"ultralytics-{VERSION}"
NEEDS = ("torch", "cv2", "yaml", "requests")  # of it, that come with posekit's own extras
# its NMS wants torchvision, whose wheels fit one build of torch each; what it needs of it is one function that it has
# itself as well
TORCHVISION = {
    "torchvision/__init__.py": "from torchvision import ops\n__version__ = '{version}'\n",
    "torchvision/ops.py": """def nms(boxes, scores, iou_threshold):
    from ultralytics.utils.nms import TorchNMS

    return TorchNMS.nms(boxes, scores, iou_threshold)
""",
    "torchvision-{version}.dist-info/METADATA": "Metadata-Version: 2.1\nName: torchvision\nVersion: {version}\n",
}


class NotHereError(Exception):
    """Why it cannot be had."""


def install() -> None:
    """Put the package into SITE, once for all runs and workers; NotHereError says why it cannot be."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise NotHereError(f"ultralytics needs {', '.join(missing)}")
    with _locked(SITE.with_suffix(".lock")):
        if (SITE / ".done").exists():
            return
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(SITE)]
        result = subprocess.run([*command, f"ultralytics=={VERSION}"], capture_output=True, text=True, timeout=300)
        if result.returncode:
            lines = result.stderr.strip().splitlines() or ["pip failed"]
            raise NotHereError(f"ultralytics cannot be installed: {lines[-1]}")
        import torch

        minor = int(torch.__version__.split(".")[1])
        for name, text in TORCHVISION.items():
            path = SITE / name.format(version=f"0.{minor + 15}.0")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(version=f"0.{minor + 15}.0"))
        (SITE / ".done").touch()


def run(script: str, folder: Path, argument: Any = None, *, with_package: bool = True) -> Any:
    """The JSON that a script of this folder writes to its standard output's last line; argument: what it gets as
    JSON."""
    environment = {**os.environ, "YOLO_CONFIG_DIR": str(SITE), "YOLO_OFFLINE": "true", "OMP_WAIT_POLICY": "PASSIVE"}
    paths = [str(ROOT), *([str(SITE)] if with_package else [])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", f"tests.beside.{script}", str(folder)]
    result = subprocess.run(
        command, input=json.dumps(argument), env=environment, capture_output=True, text=True, timeout=600, cwd=folder
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return json.loads(result.stdout.splitlines()[-1])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
