"""What a decoder is: one value a head, from its settings in a contract to the vectors that hold its twins to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, ValidationInfo

from posekit.decoders.layout import ExpectedShape
from posekit.decoders.mirroring import Mirror
from posekit.documents import Part, written
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec
from posekit.poses.tracking import MIN_SCORE

OutputName = Annotated[
    str, written(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a name of at most 64 letters, digits and _, no digit first")
]
Outputs = Mapping[str, NDArray[Any]]


def _odd(value: int, info: ValidationInfo) -> int:
    if value % 2 == 0:
        raise ValueError(f"{info.field_name} must be odd")
    return value


Odd = Annotated[int, AfterValidator(_odd)]  # a width that has a middle


class DecoderSpec(Part):
    """What a contract says of its decoder: `kind` names it, the other fields are its settings."""

    kind: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the decoder reads."""
        raise NotImplementedError

    @property
    def has_depth(self) -> bool:
        """Whether keypoints come with a z."""
        return False

    @property
    def has_visibility(self) -> bool:
        """Whether keypoints come with a visibility of their own."""
        return False

    @property
    def has_presence(self) -> bool:
        """Whether keypoints come with a presence of their own."""
        return False

    @property
    def has_world(self) -> bool:
        """Whether keypoints come with a place in metres."""
        return False

    @property
    def has_confidence(self) -> bool:
        """Whether the confidence of one person is the network's own rather than the mean of the scores."""
        return False

    @property
    def may_find_nobody(self) -> bool:
        """Whether there may be nobody where one person is looked for."""
        return False

    @property
    def is_of_its_keypoints(self) -> bool:
        """Whether settings name keypoints by their number, so that they hold for the contract's own K alone."""
        return False

    @property
    def gives_corners(self) -> bool:
        """Whether the keypoints are two corners of a box, which a mirror image makes two others of."""
        return False

    def check(self, keypoint_count: int) -> None:
        """ValueError where the settings cannot be with K keypoints."""

    @property
    def has_raw_scores(self) -> bool:
        """Whether the network gives scores, which an activation may still be due to."""
        return "activation" in type(self).model_fields


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Other values that fields of a decoder could plausibly have, each as a change of the spec.

    fields: by name, `keypoints.unit` for that of a part. judge: what tells them apart (parity/contract): keypoints that
    `follow` a moved picture, or that a `mirror` image turns round. is_choice: they differ in accuracy, and none is
    wrong. is_decisive: with a wrong one every keypoint is somewhere else, so that `package` looks at it too.
    """

    fields: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...]
    judge: Literal["follow", "mirror"]
    is_choice: bool = False
    is_decisive: bool = False


Shapes = Mapping[str, tuple[int, ...]]  # of a network's outputs by name, as it gives them


@dataclass(frozen=True, slots=True)
class Fit:
    """Outputs of a network that a decoder could read: what their shapes say of its settings and of K (0: nothing), and
    why they fit, in words."""

    settings: Mapping[str, Any]
    keypoint_count: int
    why: str


def in_words(name: str, shape: tuple[int, ...]) -> str:
    """`heatmaps 1 x 17 x 64 x 48`."""
    return f"{name} {' x '.join(map(str, shape))}"


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def no_alternatives(spec: Any, image: InputSpec) -> tuple[Alternatives, ...]:
    """Of a decoder whose settings cannot be mistaken for others."""
    del spec, image
    return ()


def fits_nothing(outputs: Shapes, size_wh: tuple[int, int]) -> tuple[Fit, ...]:
    """Of a decoder that no shape gives away."""
    del outputs, size_wh
    return ()


def no_thresholds(spec: Any, by: float) -> Any:
    """Of a decoder that always finds one person."""
    del by
    return spec


def all_scores(spec: Any, values: Floats) -> Floats:
    """Of a decoder whose first output holds nothing else: (n, bins) or (n, 1)."""
    del spec
    return values


def usual_score(spec: Any, size_wh: tuple[int, int]) -> float:
    """Where scores go from 0 to 1."""
    del spec, size_wh
    return MIN_SCORE


@dataclass(frozen=True, slots=True)
class Decoder:
    """A head's decoder. `spec` is any instance of its `spec` class, `image` the input of the contract, K the number of
    keypoints.

    - shapes(spec, size_wh, K): of each output that it reads the packaged shape without the batch axis, None where any
      size will do.
    - pack(values, shape, spec, size_wh): an output of the network as it is packaged; MisfitError for other axes.
    - decode(outputs, spec, image, sigmas): the instances in input px, none or more, of outputs as they are packaged,
      without the batch axis. sigmas: the K keypoints' OKS sigmas.
    - examples(spec, image, rng, K): outputs of K keypoints as training would have drawn them; golden vectors are made
      of them.
    - alternatives(spec, image): what else its settings could be.
    - fitting(outputs, size_wh): which of a network's outputs it could read, by their shapes; for who has no contract.
    - raw_scores(spec, values): the numbers of its first output that become scores before `activation`, a row a map or
      score; where its spec has_raw_scores.
    - tracking_score(spec, size_wh): from what score on a tracker counts a keypoint where the app does not say.
    - mirrored(outputs, spec, image, mirror): outputs for a mirrored picture as they would be for the picture itself, to
      be averaged with those (flip test), of numpy or of torch, with the batch axis. None where
      an average of both means nothing; outputs of several networks are averaged where it is not None.
    - unaveraged: why it is None.
    - cells: axes of an output along which a keypoint lies on the best of many cells, so that a near tie moves it.
    - several: whether it finds any number of people in a picture, each with a box and a confidence, rather than the one
      of a region.
    - compares: whether it needs the keypoints' OKS sigmas, as where it suppresses people by their keypoints.
    - partial: whether it may leave out keypoints of a person; these have score 0 (people.py).
    - looser(spec, by): where there may be several, settings under which those count too who miss a threshold by at most
      `by`, a difference of confidences or of what suppression compares.
    - candidates(spec, by): of several, settings under which every candidate is given that is at most `by` less
      confident than it should be, whoever it is like.
    - unsure: fraction of the median score below which a keypoint is no more often right than wrong.
    - has_distributions: whether each row of an output stands for probabilities of its places.
    - sources: of a decoder that is not posekit's own, the folder with its twins: for kind "two_words"
      TwoWordsDecoder.kt and TwoWordsDecoder.swift, written as those in templates/ are.
    """

    spec: type[DecoderSpec]
    shapes: Callable[[Any, tuple[int, int], int], dict[str, ExpectedShape]]
    pack: Callable[[Any, ExpectedShape, Any, tuple[int, int]], Any]
    decode: Callable[[Outputs, Any, InputSpec, Sequence[float]], Poses]
    examples: Callable[[Any, InputSpec, np.random.Generator, int], dict[str, Floats]]
    alternatives: Callable[[Any, InputSpec], tuple[Alternatives, ...]] = no_alternatives
    fitting: Callable[[Shapes, tuple[int, int]], tuple[Fit, ...]] = fits_nothing
    raw_scores: Callable[[Any, Floats], Floats] = all_scores
    tracking_score: Callable[[Any, tuple[int, int]], float] = usual_score
    mirrored: Callable[[Mapping[str, Any], Any, InputSpec, Mirror], dict[str, Any]] | None = None
    unaveraged: str = "its author says nothing of it"
    cells: tuple[int, ...] = ()
    several: bool = False
    partial: bool = False
    compares: bool = False
    looser: Callable[[Any, float], Any] = no_thresholds
    candidates: Callable[[Any, float], Any] = no_thresholds
    unsure: float = 0.0
    has_distributions: bool = False
    sources: Path | None = None

    def settings(self, spec: DecoderSpec, sigmas: Sequence[float]) -> dict[str, Any]:
        """The settings by name as the generated code takes them: those of a part are `part.name`, and what is left out
        is absent. Where it compares people it also gets the K keypoints' OKS sigmas, as `oks_sigmas`."""
        found = dict(_flat(spec.model_dump(mode="json", exclude={"kind"}, exclude_none=True), ""))
        return found | ({"oks_sigmas": list(sigmas)} if self.compares else {})

    @property
    def kind(self) -> str:
        """What contracts call it."""
        return str(get_args(self.spec.model_fields["kind"].annotation)[0])

    @property
    def activations(self) -> tuple[str, ...]:
        """What may be done to raw scores, empty where they are taken as they are."""
        field = self.spec.model_fields.get("activation")
        return tuple(get_args(field.annotation)) if field is not None else ()
