"""torch, imported at its first use: the op files name it at their top and still cost nothing to import."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any


class _Later:
    """Stands for a module until an attribute of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    torch, F = _Later("torch"), _Later("torch.nn.functional")

__all__ = ["F", "torch"]
