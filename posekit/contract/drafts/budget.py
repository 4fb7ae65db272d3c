"""How much a configuration written in Python may make: lists in lists of a few lines hold more than a machine does."""

from __future__ import annotations

from dataclasses import dataclass

from posekit.errors import InputError

MOST_MADE = 1_000_000  # entries and letters that all expressions of a configuration make, compare or forget


@dataclass(slots=True)
class Budget:
    """How much a configuration's expressions may still make; name: of the file that is read."""

    name: str
    left: int = MOST_MADE

    def spend(self, count: int) -> None:
        """InputError where it is used up: a short file can make more than a machine holds."""
        self.left -= count
        if self.left < 0:
            raise InputError(
                f"{self.name} makes more than {MOST_MADE:,} values by repeating, joining or copying",
                "write its values plainly, as `Config.fromfile(...).dump(...)` does",
            )
