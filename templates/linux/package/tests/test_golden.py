# SPDX-License-Identifier: Apache-2.0
"""Holds the package to posekit's golden vectors: `python -m unittest discover -s tests`."""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *([] if "site-packages" in str(HERE) else [str(HERE.parent / "src")])]

import golden_cases  # noqa: E402
from template_pose.contract import CONTRACT  # noqa: E402

LIMITS = {
    "warp": {"grey": 0.01, "geometry": 1e-6},
    "yuv": {"grey": 0},
    "decoder": {"px": 0.001, "score": 1e-5, "box": 0.001, "count": 0, "unrefused_nan": 0},
    "dense": {"values": 1e-5, "uv": 1e-5, "numbers": 0, "matrix": 1e-6, "at_points": 1e-5, "count": 0},
    "tracking": {"region": 1e-6, "smoothed": 1e-6}, "people": {"ids": 0, "smoothed": 1e-6},
    "following": {"others": 0, "region": 1e-6},
}


def golden_folder() -> Path:
    """Where the vectors are: named, in the package, or beside it as in a bundle."""
    places = [Path(os.environ["POSEKIT_GOLDEN"])] if "POSEKIT_GOLDEN" in os.environ else []
    places += [HERE.parent / "golden", HERE.parent.parent / "golden"]
    return next((one for one in places if one.is_dir()), places[0])


class GoldenTest(unittest.TestCase):
    """Every suite of the golden vectors."""

    def test_the_package_gives_the_golden_vectors(self) -> None:
        found = golden_cases.suites(golden_folder(), CONTRACT)
        for suite, limits in LIMITS.items():
            self.assertGreater(found[suite]["cases"], 0)
            for key, limit in limits.items():
                with self.subTest(suite=suite, key=key):
                    self.assertLessEqual(found[suite][key], limit)


if __name__ == "__main__":
    unittest.main()
