"""The picture that a Core ML model takes: numbers, or an image that the model itself scales."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.drafts import Draft, Said
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError

ORDERS = {"RGB": "rgb", "BGR": "bgr", "GRAYSCALE": "gray"}
ORIGIN = "the Core ML file"
TOLERANCE = 1e-4  # of a normalised value: constants are written with six digits


@dataclass(frozen=True, slots=True)
class Picture:
    """name: of the input. shape: its sides, 0 where they are open, without a batch for an image. colour: RGB, BGR or
    GRAYSCALE of an image, empty where the model takes numbers as the contract makes them. scale, bias: what the model
    does to the pixels of an image first, one bias a channel in its own order."""

    name: str
    shape: tuple[int, ...]
    colour: str = ""
    scale: float = 1.0
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def is_channels_last(self) -> bool:
        """Whether the channels of numbers stand last."""
        return not self.colour and self.shape[-1] in (1, 3) and self.shape[-3] not in (1, 3)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height, 0 where they are open."""
        height, width = self.shape[-3:-1] if self.is_channels_last else self.shape[-2:]
        return width, height

    def check(self, spec: PoseSpec, path: Path) -> bool:
        """Whether the contract speaks of the pixels of an image, which the model then scales; else of what the model
        makes of them, or of numbers. InputError where it would be scaled twice, or has other channels."""
        if not self.colour:
            return False
        order = ORDERS[self.colour]
        mean, std = np.array(spec.input.mean), np.array(spec.input.std)
        if spec.input.color_order != order:
            raise InputError(
                f"{path} takes a {self.colour} image, but input.color_order is {spec.input.color_order!r}",
                f'set input.color_order = "{order}"',
            )
        if not mean.any() and (std == 1).all():
            return True
        ends = np.array([[0.0], [255.0]])
        if np.abs((ends - mean) / std - (ends * self.scale + np.array(self.bias[: len(mean)]))).max() < TOLERANCE:
            return False
        raise InputError(
            f"{path} scales the pixels of its image itself (x {self.scale:g}, + {self.bias}), and input.mean "
            f"{list(spec.input.mean)} and input.std {list(spec.input.std)} would scale them once more",
            "set input.mean = 0 and input.std = 1 for each channel",
        )

    def draft(self) -> Draft | None:
        """The contract of an image as `check` takes it: its own colours and size, pixels that nothing else scales."""
        if not self.colour:
            return None
        width, height = self.size_wh
        takes = f"its input {self.name} is an image in {self.colour}"
        values: dict[str, tuple[Any, str]] = {
            "color_order": (ORDERS[self.colour], takes),
            "mean": ([0] * self._channels, f"{takes}, whose pixels the model scales itself"),
            "std": ([1] * self._channels, f"{takes}, whose pixels the model scales itself"),
        }
        if min(width, height) > 0:
            values["size_wh"] = ([width, height], f"{takes} of {width} x {height} px")
        said = {f"input.{name}": Said(value, source, fixed=True) for name, (value, source) in values.items()}
        own = f"the model's own scaling of its image is x {self.scale:g}, + {list(self.bias[: self._channels])}"
        return Draft(ORIGIN, said, read=takes, notes=() if self._is_plain else (own,))

    @property
    def _channels(self) -> int:
        return 1 if self.colour == "GRAYSCALE" else 3

    @property
    def _is_plain(self) -> bool:
        return self.scale == 1 and not any(self.bias[: self._channels])

    def prepared(self, x: Any, is_raw: bool) -> Any:
        """(1, C, H, W) as the contract makes it, as the model's own operations take it; of numpy or torch."""
        if self.colour and is_raw:
            count = x.shape[1]
            channels = [x[:, index : index + 1] * self.scale + self.bias[index] for index in range(count)]
            return x if self._is_plain else _joined(channels)
        return x.permute(0, 2, 3, 1) if self.is_channels_last else x


def _joined(channels: list[Any]) -> Any:
    import torch

    return torch.cat(channels, 1)
