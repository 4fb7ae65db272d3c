"""What a draft still lacks: the fields that a contract needs and nobody says, each with its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from posekit.contract import skeletons
from posekit.contract.drafts import Draft, Gap, changed, nested
from posekit.contract.spec import PoseSpec
from posekit.decoders import DECODERS
from posekit.decoders.decoder import DecoderSpec
from posekit.documents import Part, sentence
from posekit.errors import InputError
from posekit.poses.input_spec import LETTERBOX, InputSpec

TORCHVISION = ("[123.675, 116.28, 103.53]", "[58.395, 57.12, 57.375]")
ASKED: Mapping[str, Gap] = {
    "license": Gap("SPDX identifier of the licence of the weights, such as Apache-2.0"),
    "version": Gap("your version of the model, such as 1.0.0"),
    "kind": Gap(
        "top_down or one_stage",
        ('"top_down": the network looks at the region of one person', '"one_stage": it looks at the whole picture'),
    ),
    "input.size_wh": Gap("[width, height] of the input in px"),
    "input.color_order": Gap(
        "rgb, bgr or gray",
        (
            '"rgb": Pillow, torchvision, cv2.cvtColor(..., COLOR_BGR2RGB)',
            '"bgr": cv2.imread without a conversion',
            '"gray": one channel',
        ),
    ),
    "input.mean": Gap(
        "three numbers in 0-255 units, one for gray: x = (pixel - mean) / std",
        (
            "[0, 0, 0]: pixels as they are, or divided by std alone",
            f"{TORCHVISION[0]}: torchvision's",
            "[127.5, 127.5, 127.5]: from -1 to 1",
        ),
    ),
    "input.std": Gap(
        "three numbers in 0-255 units, one for gray: x = (pixel - mean) / std",
        (
            "[1, 1, 1]: pixels as they are",
            "[255, 255, 255]: a division by 255",
            f"{TORCHVISION[1]}: torchvision's",
            "[127.5, 127.5, 127.5]: from -1 to 1",
        ),
    ),
    "input.resize": Gap(
        "affine_crop, letterbox or stretch",
        (
            '"affine_crop": a person\'s box, grown and warped: HRNet, MMPose',
            '"letterbox": one scale for both axes, padded: YOLO',
            '"stretch": both axes fill the input: MoveNet',
        ),
    ),
    "input.alignment": Gap(
        "half_pixel, index or corners",
        (
            '"half_pixel": cv2.resize, Pillow, torch interpolate',
            '"index": cv2.warpAffine to w/2: HRNet, MMPose',
            '"corners": UDP, align_corners',
        ),
    ),
    "input.box_padding": Gap("by how much training grew a person's box", ("1.25: usual",)),
}
_T = TypeVar("_T")


def completed(draft: Draft) -> Draft:
    """The draft with a gap for every field that a contract needs and nobody says."""
    gaps = {name: gap for name, gap in _missing(draft) if name not in draft.values and name not in draft.gaps}
    whole = changed(draft, {}, gaps)
    return replace(whole, values=_in_order(whole.values), gaps=_in_order(whole.gaps))


def _in_order(fields: Mapping[str, _T]) -> dict[str, _T]:
    """Fields as the spec's page has them: the model, input, decoder, keypoints."""
    tables = ["", "input", "decoder", "keypoints"]
    names = list(PoseSpec.model_fields) + list(InputSpec.model_fields)

    def place(name: str) -> tuple[int, int, int]:
        table, _, rest = name.partition(".") if "." in name else ("", "", name)
        return (
            tables.index(table) if table in tables else len(tables),
            name.count("."),
            names.index(rest) if table != "decoder" and rest in names else len(names),
        )

    return {name: fields[name] for name in sorted(fields, key=place)}


def check_values(draft: Draft, where: str) -> None:
    """InputError where a value that is said is none that a contract can have; what is missing is no error here."""
    try:
        PoseSpec.model_validate(nested({name: said.value for name, said in draft.values.items()}))
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["type"] not in ("missing", "union_tag_not_found")]
        if any(_is_said(one["loc"], draft) for one in wrong):
            raise InputError(*sentence(error, where)) from error


def defaults_left(draft: Draft, section: str) -> dict[str, Any]:
    """Fields of a table that nobody says and that have a default, by name."""
    part = {"input": InputSpec, "decoder": _decoder_class(draft)}.get(section)
    fields = {} if part is None else part.model_fields
    resize = draft.values.get("input.resize")
    unneeded = set() if resize is not None and resize.value == "letterbox" else set(LETTERBOX)
    unneeded |= {"box_padding"}  # of an affine crop, which always says it
    spoken = {name.split(".")[1] for name in (*draft.values, *draft.gaps) if name.startswith(f"{section}.")}
    return {
        name: field.default for name, field in fields.items()
        if not field.is_required() and name not in spoken | unneeded and isinstance(field.default, str | int | float)
    }  # fmt: skip


def _decoder_class(draft: Draft) -> type[DecoderSpec] | None:
    kind = draft.values.get("decoder.kind")
    return DECODERS[kind.value].spec if kind is not None and kind.value in DECODERS else None


def _missing(draft: Draft) -> Iterator[tuple[str, Gap]]:
    for name in ("license", "version", "kind"):
        yield name, ASKED[name]
    for name, field in InputSpec.model_fields.items():
        if field.is_required():
            yield f"input.{name}", ASKED[f"input.{name}"]
    resize = draft.values.get("input.resize")
    if resize is not None and resize.value == "affine_crop":
        yield "input.box_padding", ASKED["input.box_padding"]
    part = _decoder_class(draft)
    if part is None:
        yield "decoder.kind", Gap("which decoder: " + ", ".join(DECODERS))
    else:
        yield from _missing_of(part, "decoder", draft)
    spoken = {"keypoints.skeleton", "keypoints.names"} & {*draft.values, *draft.gaps}
    if not spoken:
        yield "keypoints.skeleton", which_keypoints(draft)


def _missing_of(part: type[Part], before: str, draft: Draft) -> Iterator[tuple[str, Gap]]:
    for name, field in part.model_fields.items():
        dotted = f"{before}.{name}"
        if not field.is_required() or (name == "kind" and before == "decoder"):
            continue
        inner = field.annotation if isinstance(field.annotation, type) and issubclass(field.annotation, Part) else None
        if inner is not None:
            yield from _missing_of(inner, dotted, draft)
        else:
            yield dotted, _gap_of(name, field)


def _gap_of(name: str, field: FieldInfo) -> Gap:
    options = _options(field.annotation)
    if options and get_origin(field.annotation) is Literal:
        return Gap(", ".join(options[:-1]) + f" or {options[-1]}" if len(options) > 1 else options[0])
    return Gap(f"a list of {', '.join(options)}" if options else f"{name}: see docs/spec.md")


def _options(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    return [option for inner in get_args(annotation) for option in _options(inner)]


def which_keypoints(draft: Draft) -> Gap:
    count = draft.values.get("keypoints.count")
    sets = {name: len(one.keypoints) for name, one in skeletons.SKELETONS.items()}
    fitting = [name for name, size in sets.items() if count is None or size == count.value]
    of = "" if count is None else f" of {count.value} keypoints"
    return Gap(
        f"the name of a set{of}, or instead of this line names and oks_sigmas of your own",
        tuple(
            [f"sets{of}: {', '.join(fitting)}"] if fitting else [f"no named set has {count and count.value} keypoints"]
        ),
    )


def _is_said(place: tuple[int | str, ...], draft: Draft) -> bool:
    """Whether an error is about a field that is said, rather than one that a gap stands for."""
    name = ".".join(str(one) for one in place if isinstance(one, str))
    return any(field == name or field.startswith(f"{name}.") or name.startswith(f"{field}.") for field in draft.values)
