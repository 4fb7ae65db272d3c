# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a model file or its outputs; a wrong argument is a ValueError instead."""

from __future__ import annotations


class PoseError(RuntimeError):
    """Something is wrong with a model file, or with what the model gives."""


class ModelMissingError(PoseError):
    """The model is not in the package, nor where it was said to be."""


class ModelFileError(PoseError):
    """LiteRT does not load the model file, or cannot run it."""


class TensorShapeError(PoseError):
    """An input or output of the model is missing or has another shape than the contract says."""


class ContractMismatchError(PoseError):
    """The model was packaged with another contract than this code.

    expected_hash: SHA-256 of the contract that this code was generated from; found_hash: of the one in the model, None
    where it holds none.
    """

    def __init__(self, expected_hash: str, found_hash: str | None) -> None:
        super().__init__(
            f"the model's contract is {found_hash or 'missing'}, this code was generated for {expected_hash}; "
            "take the model and the package from the same bundle"
        )
        self.expected_hash = expected_hash
        self.found_hash = found_hash


class NonFiniteOutputError(PoseError):
    """The model gave NaN or an infinite value; no keypoint can be made of it. output: its name."""

    def __init__(self, output: str) -> None:
        super().__init__(f"output {output!r} holds a value that is not finite")
        self.output = output
