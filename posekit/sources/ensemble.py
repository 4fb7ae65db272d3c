"""Several networks of one contract as one: a small JSON file that names them, and the average of what they give.

{"posekit_ensemble": 1, "members": ["a.pt", "b.onnx"], "weights": [0.7, 0.3]}: paths from the file's own folder, weights
that are made to add up to 1, equal ones where they are left out. Raw outputs are averaged, before any decoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from posekit import documents
from posekit.decoders import of
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError
from posekit.sources.recognise import Container, Form
from posekit.sources.reference import called, named_outputs, run_eagerly
from posekit.sources.source import SourceModel, open_source

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

SUFFIX = ".ensemble"
MOST_BYTES = 1 << 20


class Ensemble(Part):
    """The file: members, at least two; weights, one each and above 0."""

    posekit_ensemble: Literal[1] = 1
    members: Annotated[tuple[str, ...], Field(min_length=2, max_length=16)]
    weights: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()

    _lists = field_validator("members", "weights", mode="before")(tuple_of_list)

    @model_validator(mode="after")
    def _one_each(self) -> Ensemble:
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(
                f"there are {len(self.weights)} weights for {len(self.members)} members, expected one each"
            )
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, made to add up to 1."""
        given = self.weights or (1.0,) * len(self.members)
        return tuple(one / sum(given) for one in given)


def write_ensemble(path: Path, members: Sequence[Path], weights: Sequence[float] = ()) -> None:
    """Write the file of these networks; InputError where the weights are not one each."""
    names = [str(one.resolve()) for one in members]
    path.write_text(_checked({"members": names, "weights": list(weights)}, "--ensemble").model_dump_json())


def read_ensemble(path: Path) -> Ensemble:
    """The file's content; InputError says what is wrong with it."""
    content = path.read_bytes()
    try:
        data = documents.parse(content) if len(content) <= MOST_BYTES else None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise InputError(f"{path} is no JSON object of an ensemble", 'as {"posekit_ensemble": 1, "members": [...]}')
    return _checked(data, str(path))


def _checked(data: dict[str, Any], where: str) -> Ensemble:
    try:
        return Ensemble.model_validate(data)
    except ValidationError as error:
        raise InputError(*sentence(error, where)) from error


def first_member(path: Path) -> Path:
    """The first network of an ensemble's file; any other file is its own."""
    if path.suffix != SUFFIX:
        return path
    found = path.parent / read_ensemble(path).members[0]
    if not found.exists():
        raise InputError(f"there is no file {found}, the first member of {path}", "check the path")
    return found


def described(path: Path) -> dict[str, Any]:
    """The members and their shares."""
    content = read_ensemble(path)
    shares = {name: round(share, 6) for name, share in zip(content.members, content.shares, strict=True)}
    return {"form": str(Container.ENSEMBLE), "members": shares}


def opened(path: Path, spec: PoseSpec | None, *, arch: str = "", trust: bool = False, weights: str = "") -> SourceModel:
    """The members as one network; InputError where they have no contract, or where their outputs do not average."""
    content = read_ensemble(path)
    if spec is None:
        raise InputError(
            f"{path} is an ensemble, which is opened with the contract of its members",
            f"`posekit init {path}` drafts it from the first of them",
        )
    if of(spec.decoder).mirrored is None:
        raise InputError(
            f"{path} is an ensemble, but outputs of decoder {spec.decoder.kind!r} mean nothing averaged: "
            f"{of(spec.decoder).unaveraged}",
            "package one of its members",
        )
    members = []
    for name in content.members:
        if (path.parent / name).suffix == SUFFIX:
            raise InputError(f"{path} has the ensemble {name} as a member, expected networks", "name its members")
        members.append(open_source(path.parent / name, spec, arch=arch, trust=trust, weights=weights))
    whole = hashlib.sha256()
    for one, share in zip(members, content.shares, strict=True):
        whole.update(f"{one.sha256} {share!r}\n".encode())
    module = _module(members, content.shares, spec)
    is_eager = all(one.run is None for one in members)
    return SourceModel(
        path,
        Form.ENSEMBLE,
        whole.hexdigest(),
        module,
        facts={"members": ", ".join(f"{Path(one.path).name} ({one.form})" for one in members)},
        run=None if is_eager else partial(_run, members, content.shares, spec),
        rounding=max(one.rounding for one in members),
    )


def averaged(results: Sequence[Mapping[str, Any]], shares: Sequence[float], names: Sequence[str]) -> dict[str, Any]:
    """Outputs of the members, of numpy or torch, added up by their shares; InputError where they have not the same.

    names: of the members, for the message.
    """
    first = {name: tuple(values.shape) for name, values in results[0].items()}
    for name, result in zip(names[1:], results[1:], strict=True):
        shapes = {key: tuple(values.shape) for key, values in result.items()}
        if shapes != first:
            shown = [", ".join(f"{key} {shape}" for key, shape in one.items()) for one in (first, shapes)]
            raise InputError(
                f"the members of an ensemble give other outputs: {names[0]} {shown[0]}, {name} {shown[1]}",
                "members have one contract, and maps of one size",
            )
    total: dict[str, Any] = {}
    for result, share in zip(results, shares, strict=True):
        total = {name: values * share + total.get(name, 0) for name, values in result.items()}
    return total


def _run(members: Sequence[SourceModel], shares: Sequence[float], spec: PoseSpec, image: Any) -> dict[str, Any]:
    """Each member by its own framework."""
    results = []
    for one in members:
        found = one.run(image) if one.run is not None else run_eagerly(one.module, image)
        values = named_outputs(found, spec.outputs)
        results.append({name: np.asarray(value, np.float32) for name, value in values.items()})
    return averaged(results, shares, [one.path.name for one in members])


def _module(members: Sequence[SourceModel], shares: Sequence[float], spec: PoseSpec) -> Any:
    from torch import Tensor, nn

    names = [one.path.name for one in members]

    class Averaged(nn.Module):
        """The members side by side, and the average of their outputs by name."""

        def __init__(self) -> None:
            super().__init__()
            for number, one in enumerate(members):
                setattr(self, f"member_{number}", one.module)

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            modules = [getattr(self, f"member_{number}") for number in range(len(members))]
            return averaged([named_outputs(called(one, image), spec.outputs) for one in modules], shares, names)

    found = Averaged()
    found.training = False  # the members are in eval mode; an exported program refuses to be told again
    return found
