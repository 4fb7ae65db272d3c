"""Dense heads: a mask, parts of the body, or the parts with a place on their surface, of every place of the input.

Maps are made larger by reading them between their cells, bilinearly and before any activation; then each cell of the
larger map is decided: how sure of a mask, which of the parts is the highest, and where on that part it is. Sources:
Papandreou et al. 2018, "PersonLab"; TensorFlow.js' body-pix; Guler et al. 2018, "DensePose". Mirrored by DenseReader in
Kotlin and Swift.
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
SURFACE = "_uv"  # how the names of U and V end where they are written beside the labels
CLOSE = 1e-3  # cells


def _start_or_middle(value: float) -> float:
    if value not in (0.0, 0.5):
        raise ValueError("shift must be 0 or 0.5")
    return value


class DenseSpec(MapRole):
    """One dense result: `kind` mask is one channel, how sure the network is of a person; parts is a channel a label,
    of which the highest is the cell's, the first of equal ones.

    iuv is DensePose's chart output: the output has the background's channel before those of the labels, and the highest
    of them all is the cell's, where that of the `coarse_count` channels of `coarse` is not their first, the background;
    `u` and `v` have as many channels each, 0 to 1 on the surface of the label's part.

    stride: input px from a cell to the next. shift: where in its cell its middle lies, so that cell i of the network's
    map is at (i + shift) * stride. upsampling: how often finer the result's cells are. activation: what makes a mask's
    channel 0 to 1; threshold: from there on it is on. within: the name of a mask, where it is off there is no part.
    """

    name: Word
    kind: Literal["mask", "parts", "iuv"]
    stride: Annotated[float, Field(gt=0, le=1024)]
    shift: Annotated[float, AfterValidator(_start_or_middle)] = 0.5
    upsampling: Annotated[int, Field(ge=1, le=32)] = 1
    activation: Literal["none", "sigmoid"] = "none"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    labels: Annotated[tuple[Word, ...], Field(max_length=MOST_LABELS)] = ()
    within: str = ""
    coarse: MapRole | None = None
    coarse_count: Annotated[int, Field(ge=2, le=MOST_LABELS)] = 2
    u: MapRole | None = None
    v: MapRole | None = None

    _lists = field_validator("labels", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> DenseSpec:
        if self.kind == "mask" and (self.labels or self.within):
            raise ValueError(f"{self.name} is a mask, which has no labels and lies within no other")
        if self.kind != "mask" and not self.labels:
            raise ValueError(f"{self.name} has no labels: {self.kind} needs the names of its channels")
        places = [name for name in ("coarse", "u", "v") if getattr(self, name) is not None]
        if self.kind == "iuv" and not {"u", "v"} <= set(places):
            raise ValueError(f"{self.name} is of kind 'iuv', which needs u and v")
        if self.kind != "iuv" and places:
            raise ValueError(f"{self.name} has {places[0]}, which is of kind 'iuv' alone")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"{self.name} has a label twice")
        return self

    @property
    def count(self) -> int:
        """Number of channels of its output."""
        return len(self.labels) + 1 if self.kind == "iuv" else len(self.labels) or 1

    @property
    def roles(self) -> dict[str, tuple[MapRole, int]]:
        """All that it reads, by name, with the number of channels."""
        count = len(self.labels) + 1
        more = {"coarse": (self.coarse, self.coarse_count), "u": (self.u, count), "v": (self.v, count)}
        found = {self.name: (MapRole(output=self.output, first=self.first), self.count)}
        return found | {f"{self.name}.{name}": (one, n) for name, (one, n) in more.items() if one is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """What labels 1, 2, ... are called; of a mask what it is of."""
        return self.labels or (self.name,)


def check(specs: Sequence[DenseSpec]) -> None:
    """ValueError where two have one name or share a channel, or where one lies within a mask that is not there, or
    has other cells."""
    known = {one.name: one for one in specs}
    surfaces = {f"{one.name}{SURFACE}" for one in specs if one.kind == "iuv"}
    if len(known) < len(specs) or surfaces & known.keys():
        raise ValueError("two dense results have one name")
    map_roles.check(_roles(specs))
    for one in specs:
        mask = known.get(one.within)
        if one.within and (mask is None or mask.kind != "mask"):
            raise ValueError(f"{one.name} lies within {one.within!r}, which is no mask of the contract")
        if mask is not None and (mask.stride, mask.shift, mask.upsampling) != (one.stride, one.shift, one.upsampling):
            raise ValueError(f"{one.name} and {one.within} differ in stride, shift or upsampling: expected the same")


def _roles(specs: Sequence[DenseSpec]) -> dict[str, tuple[MapRole, int]]:
    return {name: role for one in specs for name, role in one.roles.items()}


def shapes(specs: Sequence[DenseSpec]) -> dict[str, layout.ExpectedShape]:
    """Of each output that is read: any map size, as many channels as its last role needs."""
    return map_roles.shapes(_roles(specs))


def pack(values: Any, name: str, wanted: layout.ExpectedShape, specs: Sequence[DenseSpec], size_wh: Any) -> Any:
    """Maps (1, C, h, w) of output `name` as (1, h, w, C); MisfitError for other axes or another stride."""
    found = layout.maps(values, wanted, size_wh, "none")
    strides = [one.stride for one in specs if any(role.output == name for role, _ in one.roles.values())]
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
    for one in sorted(specs, key=lambda one: one.kind != "mask"):
        layout.check_one_grid(outputs, [role.output for role, _ in one.roles.values()])
        dense = _decoded(outputs, one, masks.get(one.within))
        if one.kind == "mask":
            masks[one.name] = dense
        found.append((specs.index(one), dense))
    return tuple(dense for _, dense in sorted(found, key=lambda pair: pair[0]))


def _decoded(outputs: Outputs, spec: DenseSpec, within: DenseMap | None) -> DenseMap:
    """One result; within: the mask that it lies in."""
    fine = spec.stride / spec.upsampling
    matrix = np.array([[fine, 0.0, spec.shift * fine], [0.0, fine, spec.shift * fine]])
    read = {
        name.rpartition(".")[2]: finer(outputs[role.output][..., role.first : role.first + count].astype(float), spec)
        for name, (role, count) in spec.roles.items()
    }
    raw = read[spec.name]
    if spec.kind == "mask":
        sure = sigmoid(raw[..., 0]) if spec.activation == "sigmoid" else raw[..., 0]
        return DenseMap(spec.name, sure.astype(np.float32), matrix, spec.names, spec.threshold)
    labels = raw.argmax(axis=-1) + (1 if spec.kind == "parts" else 0)
    there = np.ones(labels.shape, bool) if within is None else within.numbers > 0
    if "coarse" in read:
        there &= read["coarse"].argmax(axis=-1) > 0
    labels = np.where(there, labels, 0)
    return DenseMap(spec.name, labels.astype(np.float32), matrix, spec.names, uv=_surface(read, labels))


def _surface(read: Mapping[str, Floats], labels: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """U and V (h, w, 2) of the label of each cell, 0 to 1, 0 on the background; None without such maps."""
    if "u" not in read:
        return None
    own = [np.take_along_axis(read[name], labels[..., None], axis=-1) for name in ("u", "v")]
    values = np.clip(np.concatenate(own, axis=-1), 0.0, 1.0)
    return np.where(labels[..., None] > 0, values, 0.0).astype(np.float32)


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


def encode(
    numbers: Mapping[str, NDArray[Any]],
    specs: Sequence[DenseSpec],
    peak: float = 6.0,
    surfaces: Mapping[str, Floats] | None = None,
) -> dict[str, Floats]:
    """Outputs that hold labels (h, w) of the network's cells, by the results' names; for tests. Of a mask 0 or 1.

    surfaces: U and V (h, w, 2) of those of kind iuv.
    """
    values = {}
    for one in specs:
        labels = np.asarray(numbers[one.name])
        is_logit = one.kind != "mask" or one.activation == "sigmoid"
        channels = np.arange(one.count) + (0 if one.kind == "iuv" else 1)
        is_it = labels[..., None] == channels if one.kind != "mask" else (labels > 0)[..., None]
        values[one.name] = np.where(is_it, peak, -peak) if is_logit else is_it.astype(float)
        if one.coarse is not None:
            coarse = np.minimum(labels, one.coarse_count - 1)[..., None] == np.arange(one.coarse_count)
            values[f"{one.name}.coarse"] = np.where(coarse, peak, -peak)
        for axis, name in enumerate(("u", "v")):
            if one.kind == "iuv":
                surface = (surfaces or {})[one.name][..., axis, None]
                values[f"{one.name}.{name}"] = np.where(labels[..., None] == channels, surface, 0.5)
    return map_roles.put(values, _roles(specs))
