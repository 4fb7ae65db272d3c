"""Which tensors of a file that names its tensors are the outputs that a contract speaks of."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.contract.drafts.fitting import is_probe
from posekit.contract.outputs import expected_shapes
from posekit.errors import InputError
from posekit.progress import LOG

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

MOST_LISTED = 12


def chosen(
    spec: PoseSpec, own: Mapping[str, Sequence[int]], inside: Collection[str], path: Path, *, has_order: bool = True
) -> dict[str, str]:
    """Tensors of the file by the name that the contract gives them, in its order.

    own: the file's own outputs with their shapes, 0 for an open size; inside: every tensor that could be one;
    has_order: whether the file says which of its own is the first. Taken are `file_outputs`, else the tensors that are
    called as `outputs` says, or as the decoder does without it; else the file's own in the order of `outputs`, where
    none has a name of it. What of the file's outputs is left out is logged. InputError lists the candidates.
    """
    names = spec.outputs or spec.outputs_read
    if spec.file_outputs:
        found = dict(zip(names, spec.file_outputs, strict=True))
    elif all(name in inside for name in names):
        found = {name: name for name in names}
    elif len(names) == len(own) and (len(own) == 1 or _may_be_in_order(spec, own, has_order or is_probe(spec))):
        return dict(zip(names, own, strict=True))
    else:
        raise InputError(
            f"the contract names {len(names)} outputs ({', '.join(names)}), but {path} gives {len(own)}: {listed(own)}",
            "say which tensor of the file is which, in the order of `outputs`: file_outputs = "
            f"[{', '.join(repr(name) for name in list(own)[: len(names)])}]".replace("'", '"'),
        )
    for name in found.values():
        if name not in inside:
            raise _unknown(name, own, inside, path)
    left = [name for name in own if name not in found.values()]
    if left:
        LOG.info("%s", f"outputs of {path.name} that are left out: {', '.join(left[:MOST_LISTED])}")
    return found


def _may_be_in_order(spec: PoseSpec, own: Collection[str], has_order: bool) -> bool:
    """Whether outputs of other names are those of the contract in its order: where both say an order. A file that
    has some of the names has the others at other places."""
    return has_order and bool(spec.outputs) and not any(name in own for name in spec.outputs)


def numbered(names: Collection[str]) -> list[str] | None:
    """Names of one stem in the order of their numbers, as Identity, Identity_1 or output_0, output_1, output_10; None
    where names say no order."""
    parts = {name: re.fullmatch(r"(.*?)(?:[_:](\d+))?", name, re.DOTALL) for name in names}
    stems = {part[1] for part in parts.values() if part}
    numbers = {name: int(part[2] or 0) for name, part in parts.items() if part}
    if len(stems) > 1 or len(set(numbers.values())) < len(names):
        return None
    return sorted(names, key=numbers.__getitem__)


def arranged(outputs: Mapping[str, Any], spec: PoseSpec | None, channels_last: bool) -> dict[str, Any]:
    """Outputs by name, maps (1, h, w, K) turned to (1, K, h, w), which PyTorch's networks give and decoders expect.

    outputs: of numpy or torch. channels_last: how a map is read that could be either.
    """
    if spec is None:
        return dict(outputs)

    def turned(name: str, values: Any) -> Any:
        if not is_turned(name, values.shape, spec, channels_last):
            return values
        return values.permute(0, 3, 1, 2) if hasattr(values, "permute") else values.transpose(0, 3, 1, 2)

    return {name: turned(name, values) for name, values in outputs.items()}


def is_turned(name: str, shape: Sequence[int], spec: PoseSpec, channels_last: bool) -> bool:
    """Whether an output is maps whose channels stand last: by their number, with a background or without one; where a
    side is as many, by the input's proportions; where those fit both ways, as the input's channels, which is told."""
    wanted = expected_shapes(spec).get(name, ())
    if len(shape) != 4 or len(wanted) != 3:
        return False
    count, (width, height) = wanted[-1] or 0, spec.input.size_wh
    first, last = (int(shape[axis]) in (count, count + 1) for axis in (1, 3))
    if not (first and last):
        return last
    in_first, in_last = (int(w) * height == int(h) * width for h, w in (shape[2:4], shape[1:3]))
    if in_first != in_last:
        return in_last
    sides = " x ".join(map(str, shape))
    LOG.warning("%s", f"output {name!r} of {sides} may have its channels first or last: taken as the input's are")
    return channels_last


def listed(own: Mapping[str, Sequence[int]]) -> str:
    """Outputs with their shapes."""
    some = [
        f"{name} ({' x '.join(str(side or 'any') for side in shape)})" if any(shape) else name
        for name, shape in own.items()
    ]
    return ", ".join(some[:MOST_LISTED]) + (f" and {len(some) - MOST_LISTED} more" if len(some) > MOST_LISTED else "")


def _unknown(name: str, own: Mapping[str, Sequence[int]], inside: Collection[str], path: Path) -> InputError:
    close = difflib.get_close_matches(name, inside, 3)
    hint = f"is it {' or '.join(map(repr, close))}? " if close else ""
    return InputError(f"{path} has no tensor {name!r}", f"{hint}Its outputs are {listed(own)}")
