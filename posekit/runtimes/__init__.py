"""What runs a packaged model on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes import coreml, litert

Run = Callable[[NDArray[np.float32]], dict[str, NDArray[Any]]]


def runtime_for(platform: str, path: Path) -> tuple[Run, str] | None:
    """What runs a platform's model file on this machine, with its name; None where nothing can."""
    if platform == "android":
        return litert.open_model(path), litert.runtime_name()
    if coreml.is_available():
        return coreml.open_model(path), coreml.runtime_name()
    return None


def why_not(platform: str) -> str:
    """Why a platform's model cannot be run here."""
    return coreml.WHY_NOT if platform == "ios" else ""
