# SPDX-License-Identifier: Apache-2.0
"""What the pieces of a contract are here: values that posekit checked when it wrote them."""

from __future__ import annotations

from typing import Any, TypeVar

Own = TypeVar("Own", bound="Part")


class Part:
    """A frozen piece of a contract, whose fields are named as it is made."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(self.__dict__))))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"

    def changed(self: Own, **fields: Any) -> Own:
        """The same with other values of some fields."""
        return type(self)(**{**self.__dict__, **fields})
