"""Dense heads: a mask, or parts of the body, of every place of the input.

Maps are made larger by reading them between their cells, bilinearly and before any activation; then each cell of the
larger map is decided: how sure of a mask, which of the parts is the highest. Source: Papandreou et al. 2018,
"PersonLab"; TensorFlow.js' body-pix. Mirrored by DenseReader in Kotlin and Swift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, field_validator, model_validator

from posekit.decoders import layout, map_roles
from posekit.decoders.activation import sigmoid
from posekit.decoders.decoder import Outputs
from posekit.decoders.map_roles import MapRole
from posekit.documents import tuple_of_list, written
from posekit.poses import Floats
from posekit.poses.dense import DenseMap

Word = Annotated[
    str, Field(max_length=48), written(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "words of lower case letters, joined by _")
]
MOST_LABELS = 255
CLOSE = 1e-3  # cells


def _start_or_middle(value: float) -> float:
    if value not in (0.0, 0.5):
        raise ValueError("shift must be 0 or 0.5")
    return value


class DenseSpec(MapRole):
    """One dense result: `kind` mask is one channel, how sure the network is of a person; parts is a channel a label,
    of which the highest is the cell's, the first of equal ones.

    stride: input px from a cell to the next. shift: where in its cell its middle lies, so that cell i of the network's
    map is at (i + shift) * stride. upsampling: how often finer the result's cells are. activation: what makes a mask's
    channel 0 to 1; threshold: from there on it is on. within: the name of a mask, where it is off there is no part.
    """

    name: Word
    kind: Literal["mask", "parts"]
    stride: Annotated[float, Field(gt=0, le=1024)]
    shift: Annotated[float, AfterValidator(_start_or_middle)] = 0.5
    upsampling: Annotated[int, Field(ge=1, le=32)] = 1
    activation: Literal["none", "sigmoid"] = "none"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    labels: Annotated[tuple[Word, ...], Field(max_length=MOST_LABELS)] = ()
    within: str = ""

    _lists = field_validator("labels", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> DenseSpec:
        if self.kind == "mask" and (self.labels or self.within):
            raise ValueError(f"{self.name} is a mask, which has no labels and lies within no other")
        if self.kind == "parts" and not self.labels:
            raise ValueError(f"{self.name} has no labels: parts need the names of their channels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"{self.name} has a label twice")
        return self

    @property
    def count(self) -> int:
        """Number of channels."""
        return len(self.labels) or 1

    @property
    def names(self) -> tuple[str, ...]:
        """What labels 1, 2, ... are called; of a mask what it is of."""
        return self.labels or (self.name,)


def check(specs: Sequence[DenseSpec]) -> None:
    """ValueError where two have one name or share a channel, or where one lies within a mask that is not there, or
    has other cells."""
    known = {one.name: one for one in specs}
    if len(known) < len(specs):
        raise ValueError("two dense results have one name")
    map_roles.check(_roles(specs))
    for one in specs:
        mask = known.get(one.within)
        if one.within and (mask is None or mask.kind != "mask"):
            raise ValueError(f"{one.name} lies within {one.within!r}, which is no mask of the contract")
        if mask is not None and (mask.stride, mask.shift, mask.upsampling) != (one.stride, one.shift, one.upsampling):
            raise ValueError(f"{one.name} and {one.within} differ in stride, shift or upsampling: expected the same")


def _roles(specs: Sequence[DenseSpec]) -> dict[str, tuple[MapRole, int]]:
    return {one.name: (one, one.count) for one in specs}


def shapes(specs: Sequence[DenseSpec]) -> dict[str, layout.ExpectedShape]:
    """Of each output that is read: any map size, as many channels as its last role needs."""
    return map_roles.shapes(_roles(specs))


def pack(values: Any, name: str, wanted: layout.ExpectedShape, specs: Sequence[DenseSpec], size_wh: Any) -> Any:
    """Maps (1, C, h, w) of output `name` as (1, h, w, C); MisfitError for other axes or another stride."""
    found = layout.maps(values, wanted, size_wh, "none")
    strides = [one.stride for one in specs if one.output == name]
    for side, cells in zip(size_wh, (found.shape[2], found.shape[1]), strict=True):
        for stride in strides:
            fitting = side / stride
            if not (fitting - CLOSE <= cells <= fitting + 1 + CLOSE):
                raise layout.MisfitError(
                    f"1 x {wanted[-1]} x {' x '.join(f'{one / stride:g}' for one in reversed(size_wh))}",
                    f"the stride of the dense result is {stride:g} px: is that the network's?",
                )
    return found


def decode(outputs: Outputs, specs: Sequence[DenseSpec]) -> tuple[DenseMap, ...]:
    """The dense results over the input, input px, of outputs (h, w, C) without the batch axis."""
    masks: dict[str, DenseMap] = {}
    found = []
    for one in sorted(specs, key=lambda one: one.kind):  # masks before parts
        raw = finer(outputs[one.output][..., one.first : one.first + one.count].astype(np.float64), one)
        fine = one.stride / one.upsampling
        matrix = np.array([[fine, 0.0, one.shift * fine], [0.0, fine, one.shift * fine]])
        if one.kind == "mask":
            sure = sigmoid(raw[..., 0]) if one.activation == "sigmoid" else raw[..., 0]
            masks[one.name] = dense = DenseMap(one.name, sure.astype(np.float32), matrix, one.names, one.threshold)
        else:
            best = (raw.argmax(axis=-1) + 1).astype(np.float32)
            within = masks[one.within].numbers if one.within else np.ones_like(best)
            dense = DenseMap(one.name, np.where(within > 0, best, np.float32(0)), matrix, one.names)
        found.append((specs.index(one), dense))
    return tuple(dense for _, dense in sorted(found, key=lambda pair: pair[0]))


def finer(maps: Floats, spec: DenseSpec) -> Floats:
    """Maps (h, w, C) read between their cells at those of the result: fine cell j lies at (j + shift) / upsampling -
    shift cells, none beyond the outermost."""
    if spec.upsampling == 1:
        return maps
    left, right, across = _between(maps.shape[1], spec)
    wide = maps[:, left] * (1 - across[:, None]) + maps[:, right] * across[:, None]
    above, below, down = _between(maps.shape[0], spec)
    return wide[above] * (1 - down[:, None, None]) + wide[below] * down[:, None, None]


def _between(cells: int, spec: DenseSpec) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Of each fine cell the two cells about it, and how far it is from the first to the second."""
    fine = cells * spec.upsampling if spec.shift else (cells - 1) * spec.upsampling + 1
    at = np.clip((np.arange(fine) + spec.shift) / spec.upsampling - spec.shift, 0.0, cells - 1)
    first = np.floor(at).astype(np.intp)
    return first, np.minimum(first + 1, cells - 1), at - first


def encode(numbers: Mapping[str, NDArray[Any]], specs: Sequence[DenseSpec], peak: float = 6.0) -> dict[str, Floats]:
    """Outputs that hold labels (h, w) of the network's cells, by the results' names; for tests. Of a mask 0 or 1."""
    values = {}
    for one in specs:
        labels = np.asarray(numbers[one.name])
        wanted = np.arange(1, one.count + 1)
        is_it = labels[..., None] == wanted if one.kind == "parts" else (labels > 0)[..., None]
        low, high = (-peak, peak) if one.kind == "parts" or one.activation == "sigmoid" else (0.0, 1.0)
        values[one.name] = np.where(is_it, high, low)
    return map_roles.put(values, _roles(specs))
