"""Which of a network's outputs the decoder of a draft reads; without a decoder, which decoders their shapes fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posekit.contract import skeletons
from posekit.contract.drafts import Draft, Gap, Said, changed
from posekit.contract.drafts.completing import which_keypoints
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders import DECODERS
from posekit.decoders.decoder import Fit, Shapes, fits_nothing
from posekit.errors import InputError

PROBE = "read_by_nobody"


def fitted(draft: Draft, outputs: Shapes | None) -> Draft:
    """The draft with the outputs that its decoder reads, or where it has none with those whose shapes fit.

    outputs: as the network gave them, None where it was not run. InputError where none fits the decoder.
    """
    kind, size_wh = draft.values.get("decoder.kind"), draft.values.get("input.size_wh")
    if kind is not None and kind.value not in DECODERS:
        return draft
    if outputs is None or size_wh is None or (kind is not None and DECODERS[kind.value].fitting is fits_nothing):
        return _unseen(draft, str(kind.value)) if kind is not None else draft
    size = (size_wh.value[0], size_wh.value[1])
    if kind is None:
        every = {name: one.fitting(outputs, size) for name, one in DECODERS.items()}
        lines = [f'"{name}": {fit.why}' for name, fits in every.items() for fit in fits]
        lines = lines or [f"no decoder fits {_listed(outputs)}"]
        asked = draft.gaps.get(
            "decoder.kind", Gap(" or ".join(name for name, fits in every.items() if fits) or "none fits")
        )
        return changed(draft, {}, {"decoder.kind": Gap(asked.question, (*asked.choices, *lines))})
    if any(name in draft.values for name in ("decoder.output", "decoder.output_x", "decoder.boxes.outputs")):
        return draft
    return _read_by(draft, str(kind.value), DECODERS[kind.value].fitting(outputs, size), outputs)


def probe(size_wh: tuple[int, int], color_order: str, outputs: Sequence[str] = (), std: float = 255.0) -> PoseSpec:
    """A contract to run a network once with, whose outputs are all given as they are, under these names if any."""
    one = [0.0] * (1 if color_order == "gray" else 3)
    return parse_spec(
        {
            "schema": 1, "name": "probe", "version": "0", "license": "none", "kind": "one_stage",
            "outputs": list(outputs),
            "input": {"size_wh": list(size_wh), "color_order": color_order, "mean": one, "std": [std] * len(one),
                      "resize": "stretch", "alignment": "half_pixel"},
            "decoder": {"kind": "regression", "output": PROBE, "fields": ["x", "y"], "range": "unit"},
            "keypoints": {"names": ["one"], "oks_sigmas": [0.1]},
        },
        "the probe",
    )  # fmt: skip


def is_probe(spec: PoseSpec) -> bool:
    """Whether nobody says what the contract says: it is a probe."""
    return getattr(spec.decoder, "output", None) == PROBE


def _unseen(draft: Draft, kind: str) -> Draft:
    """Names for the outputs of a network that was not run: those of the decoder's own fields, in their order."""
    names = [name for name, field in DECODERS[kind].spec.model_fields.items() if name.startswith("output")]
    if any(f"decoder.{name}" in draft.values for name in names) or not names:
        return draft
    source = "the network was not run: as many outputs as the decoder reads, in its order"
    values = {f"decoder.{name}": Said(name, source, assumed=True) for name in names}
    return changed(draft, {"outputs": Said(names, source, assumed=True), **values}, {})


def _read_by(draft: Draft, kind: str, fits: tuple[Fit, ...], outputs: Shapes) -> Draft:
    """The draft with what the shapes say of its decoder's settings."""
    count = _count(draft)
    fits = tuple(fit for fit in fits if count in (0, fit.keypoint_count) or fit.keypoint_count == 0)
    fits = tuple(fit for fit in fits if all(_agrees(draft, name, value) for name, value in fit.settings.items()))
    if not fits:
        of = f" of {count} keypoints" if count else ""
        raise InputError(
            f"decoder {kind}{of} fits none of the network's outputs: {_listed(outputs)}",
            'is the configuration of this model? A map more than there are keypoints: --set decoder.background="last"',
        )
    settings = fits[0].settings
    shared = {name: value for name, value in settings.items() if all(fit.settings.get(name) == value for fit in fits)}
    values = {
        f"decoder.{name}": Said(value, fits[0].why)
        for name, value in shared.items()
        if f"decoder.{name}" not in draft.values
    }
    lines = tuple(f"{fit.settings[name]!r}: {fit.why}" for name in settings if name not in shared for fit in fits)
    gaps = {f"decoder.{name}": Gap(" or ".join(dict.fromkeys(str(fit.settings[name]) for fit in fits)), lines)
            for name in settings if name not in shared}  # fmt: skip
    counts = {fit.keypoint_count for fit in fits}
    found = changed(draft, values, gaps)
    if count == 0 and len(counts) == 1 and (seen := counts.pop()):
        gap = which_keypoints(changed(draft, {"keypoints.count": Said(seen, "")}, {}))
        if not {"keypoints.names", "keypoints.skeleton"} & set(draft.values):
            found = changed(found, {}, {"keypoints.skeleton": draft.gaps.get("keypoints.skeleton", gap)})
    return found


def _agrees(draft: Draft, name: str, value: Any) -> bool:
    said = draft.values.get(f"decoder.{name}")
    is_of_choice = isinstance(value, float) or name.endswith((".first", ".step"))  # no name of an output
    return said is None or said.value == value or not is_of_choice


def _count(draft: Draft) -> int:
    """K, with a background's map; 0 where it is not said."""
    names, skeleton = draft.values.get("keypoints.names"), draft.values.get("keypoints.skeleton")
    count = 0
    if names is not None:
        count = len(names.value)
    elif skeleton is not None and skeleton.value in skeletons.SKELETONS:
        count = len(skeletons.skeleton(skeleton.value).keypoints)
    background = draft.values.get("decoder.background")
    return count + (1 if count and background is not None and background.value != "none" else 0)


def _listed(outputs: Shapes) -> str:
    return ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in outputs.items())
