# SPDX-License-Identifier: Apache-2.0
"""Frames of cameras that give Y, U and V, as pictures."""

from __future__ import annotations

from ._posekit.poses.yuv import YuvColors, to_rgb

__all__ = ["YuvColors", "to_rgb"]
