# SPDX-License-Identifier: Apache-2.0
"""What posekit's own code raises."""

from __future__ import annotations


class InputError(ValueError):
    """An argument, or a tensor, is not what it should be."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)


class ConversionError(InputError):
    """A model gives what cannot be read."""
