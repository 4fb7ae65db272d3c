"""A recipe: the precision of each layer of a packaged model, written beside it so that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from posekit import documents
from posekit.contract.precisions import PRECISIONS, Precision, Rewrite
from posekit.documents import Part, sentence, tuple_of_list
from posekit.errors import InputError, said

FILE = "recipe.json"
MAX_BYTES = 1 << 24
LayerName = Annotated[str, Field(min_length=1, max_length=512)]


class Recipe(Part):
    """precision: of every layer that `layers` does not name. Layers are named as in the network (`head.weight` without
    its `.weight`), the same on every platform. budget: that it was found within, the gate of what is made with it.
    without: rewrites for speed that are left out of an Android file."""

    schema_version: Literal[1] = Field(alias="schema", default=1)
    precision: Precision
    layers: Mapping[LayerName, Precision] = Field(default_factory=dict)
    budget: Annotated[str, Field(max_length=256)] = ""
    without: tuple[Rewrite, ...] = ()

    _lists = field_validator("without", mode="before")(tuple_of_list)

    @field_validator("layers", mode="after")
    @classmethod
    def _in_order(cls, value: Mapping[str, Precision]) -> Mapping[str, Precision]:
        return dict(sorted(value.items()))

    def __hash__(self) -> int:
        return hash((self.precision, self.budget, self.without, *self.layers.items()))

    @property
    def precisions(self) -> frozenset[Precision]:
        """Every precision that is used."""
        return frozenset([self.precision, *self.layers.values()])

    @property
    def calibrates(self) -> bool:
        """Whether pictures are needed to make it."""
        return any(PRECISIONS[name].calibrates for name in self.precisions)

    @property
    def name(self) -> Precision:
        """What a file made with it is called: `auto` for a mixture, or what was found within a budget."""
        return self.precision if len(self.precisions) == 1 and not self.budget else "auto"

    def of(self, layer: str) -> Precision:
        """The precision of a layer."""
        return self.layers.get(layer, self.precision)


def uniform(precision: Precision) -> Recipe:
    """One precision for every layer."""
    return Recipe(precision=precision)


def write(recipe: Recipe, path: Path) -> None:
    """Write a recipe; layers in the order of their names."""
    data = recipe.model_dump(mode="json", by_alias=True)
    path.write_text(json.dumps(data, sort_keys=True, indent=1) + "\n")


def read(path: Path) -> Recipe:
    """Read a recipe; InputError names what is wrong with it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"the recipe {path} has more than {MAX_BYTES} bytes")
        return Recipe.model_validate(documents.parse(path.read_bytes()))
    except ValidationError as error:
        raise InputError(*sentence(error, str(path))) from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no readable recipe{said(error)}", "take recipe.json of a bundle") from error
