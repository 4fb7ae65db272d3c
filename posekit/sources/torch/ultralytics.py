"""Pose networks that the ultralytics package saved: with their numbers as they leave the head, and the contract of
them.

Their own forward makes px of what the head gives, beside scores from 0 to 1; 8 bits do not hold both. So the head is
replaced by its branches alone, and what it did after them is the decoder's. Whether that is all that it did is tried
when a file is opened: the decoder must make of the branches what the network itself gives. posekit neither imports
the package nor needs it; the pickle in a checkpoint does.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posekit import documents
from posekit.contract.drafts import Draft, ultralytics
from posekit.decoders.detections.candidates import boxes_of, cells_of, keypoints_of
from posekit.decoders.roles import CandidatesSpec
from posekit.errors import InputError, said
from posekit.poses.input_spec import InputSpec
from posekit.sources.recognise import read_entry

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "ultralytics"
TRIED_CELLS = (5, 4)  # of the coarsest level, across and down: unequal, so that x and y taken for each other are seen
TOLERANCE_PX, TOLERANCE = 1e-3, 1e-5  # and relative, for what lies far outside; float32
UNKNOWN = "this checkpoint's head is not one that posekit knows"
METADATA = "/extra/config.txt"
EXPORT = "export it with `yolo export format=torchscript`, and give that file"
# as theirs: factor and shift of keypoints in cells, by whether they come from a branch of their own (YOLO26)
KEYPOINTS = {False: (2.0, 0.0), True: (1.0, 0.5)}


def is_theirs(module: Any) -> bool:
    """Whether the class of a network is of the package."""
    return any(one.__module__.partition(".")[0] == PACKAGE for one in type(module).__mro__)


def is_needed(imports: Iterable[str]) -> bool:
    """Whether a pickle that imports those names holds something of theirs."""
    return any(name.partition(".")[0] == PACKAGE for name in imports)


def has_metadata(path: Path) -> bool:
    """Whether a TorchScript file has theirs."""
    return "task" in _metadata(path)


def of_export(path: Path) -> tuple[Draft | None, dict[str, Any]]:
    """The contract of one of their TorchScript files and its facts, as its metadata says them; none where it has no
    such metadata."""
    return ultralytics.of_metadata(path, _metadata(path))


def _metadata(path: Path) -> Mapping[str, Any]:
    with zipfile.ZipFile(path) as archive:
        name = next((name for name in archive.namelist() if name.endswith(METADATA)), "")
        if not name:
            return {}
        raw = read_entry(archive, name, path)
    try:
        found = documents.parse(raw)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def opened(module: Any, content: Mapping[Any, Any], path: Path) -> tuple[nn.Module, Draft]:
    """Their pose network with the branches of its head as outputs `boxes`, `scores` and `keypoints`, and its contract.

    module: as unpickled, float32, which is changed. content: the checkpoint, empty for a bare network. InputError for
    a network of another task, and where the head gives anything else than its branches say.
    """
    module = module.float().cpu().eval()
    for part in module.modules():  # pickled by a torch before 1.11
        if type(part).__name__ == "Upsample" and not hasattr(part, "recompute_scale_factor"):
            part.recompute_scale_factor = None
    found = _facts(module, content, path)
    head, once = module.model[-1], _is_once(module)
    image = _noise(found.strides)
    expected = _own(module, head, image, once, path)
    raw = _raw_head(head, once)
    for name in ("f", "i", "type"):  # where the network's forward looks for the head's inputs
        setattr(raw, name, getattr(head, name, None))
    module.model[-1] = raw
    factor, shift = KEYPOINTS[hasattr(head, "cv4_kpts")]
    decoder = ultralytics.raw_decoder(found, factor, shift, once)
    what = f"a {type(head).__name__} head, {'each person once' if once else 'a candidate a cell, for suppression'}"
    draft = ultralytics.draft(found, decoder, what)
    _prove(_outputs(module, image), draft, expected, path)
    return module, draft


def _facts(module: Any, content: Mapping[Any, Any], path: Path) -> ultralytics.Facts:
    head = module.model[-1]
    arguments = _arguments(module, content)
    shape = getattr(head, "kpt_shape", None)
    if shape is None or not hasattr(head, "cv4"):
        task = getattr(module, "task", None) or arguments.get("task") or type(head).__name__.lower()
        raise InputError(
            f"{path} is a network of Ultralytics for the task {task}, expected pose", ultralytics.TAKE_POSE
        )
    told = {
        "imgsz": arguments.get("imgsz"), "names": getattr(module, "names", None), "kpt_shape": _plain(shape),
        "kpt_names": getattr(module, "kpt_names", None), "date": content.get("date"),
        "license": content.get("license"),
    }  # fmt: skip
    found = ultralytics.facts(path, "the checkpoint", told, [int(stride) for stride in head.stride])
    _refuse_widths(head, found, path)
    return found


def _arguments(module: Any, content: Mapping[Any, Any]) -> Mapping[str, Any]:
    """What the training was told, which lies beside the network, and on it."""
    said = [content.get("train_args"), getattr(module, "args", None)]
    return next((one for one in said if isinstance(one, Mapping) and one), {})


def _refuse_widths(head: Any, found: ultralytics.Facts, path: Path) -> None:
    """InputError where the branches give other numbers of channels than the facts say."""
    last = head.cv4_kpts if hasattr(head, "cv4_kpts") else head.cv4
    (given,) = {_width(branch) for branch in last}
    if given != found.number_count:
        raise InputError(
            f"{path} says kpt_shape {list(found.keypoint_shape)}, that is {found.number_count} numbers of keypoints, "
            f"but its head gives {given}",
            "was the file changed after the training?",
        )
    if int(head.nc) != len(found.classes):
        raise InputError(f"{path} names {len(found.classes)} classes, but its head gives {int(head.nc)}", "")


def _width(branch: Any) -> int:
    """Channels that a branch of convolutions gives."""
    return [int(part.out_channels) for part in branch.modules() if hasattr(part, "out_channels")][-1]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value


def _is_once(module: Any) -> bool:
    """Whether the head has branches that give each person once, and the network's description does not turn them
    off."""
    described = getattr(module, "yaml", None)
    wanted = described.get("end2end", True) if isinstance(described, Mapping) else True
    return hasattr(module.model[-1], "one2one_cv2") and wanted is not False


def _raw_head(head: Any, once: bool) -> Any:
    """The branches of the head: `boxes` (1, A, 4) distances from the anchor to the sides in cells, `scores` (1, A, nc)
    from 0 to 1, `keypoints` (1, A, K * D)."""
    import torch
    from torch import nn

    prefix, bins = "one2one_" if once else "", int(head.reg_max)
    boxes, scores, keypoints = (getattr(head, f"{prefix}{name}") for name in ("cv2", "cv3", "cv4"))
    if hasattr(head, "cv4_kpts"):
        last = getattr(head, f"{prefix}cv4_kpts")
        keypoints = nn.ModuleList(nn.Sequential(*pair) for pair in zip(keypoints, last, strict=True))

    class RawPoseHead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.boxes, self.scores, self.keypoints = boxes, scores, keypoints
            self.register_buffer("distances", torch.arange(bins, dtype=torch.float32))

        def forward(self, levels: list[Any]) -> dict[str, Any]:
            sides = _rows(self.boxes, levels)
            if bins > 1:  # each distance is the mean of a distribution over 0, 1, 2 ... cells
                chances = sides.reshape(1, -1, 4, bins).softmax(-1)
                sides = (chances * self.distances).sum(-1)
            return {
                "boxes": sides,
                "scores": _rows(self.scores, levels).sigmoid(),
                "keypoints": _rows(self.keypoints, levels),
            }

    return RawPoseHead()


def _rows(branches: Any, levels: list[Any]) -> Any:
    """(1, A, C): the branches' maps, level after level, row by row."""
    import torch

    maps = [branch(level) for branch, level in zip(branches, levels, strict=True)]
    return torch.cat([one.permute(0, 2, 3, 1).flatten(1, 2) for one in maps], 1)


def _noise(strides: tuple[int, ...]) -> Any:
    """A picture (1, 3, H, W) from 0 to 1."""
    import torch

    across, down = (cells * max(strides) for cells in TRIED_CELLS)
    return torch.from_numpy(np.random.default_rng(0).random((1, 3, down, across), np.float32))


def _own(module: Any, head: Any, image: Any, once: bool, path: Path) -> NDArray[np.float32]:
    """What the network itself gives for the picture: (4 + nc + K * D, A), or (n, 6 + K * D) of each person once."""
    import torch

    if hasattr(head, "one2one_cv2"):
        with contextlib.suppress(AttributeError):  # newer versions are told which branch to use, before each run
            head.end2end = once
    try:
        with torch.inference_mode():
            result = module(image)
    except Exception as error:
        raise InputError(
            f"the installed {PACKAGE} cannot run the network of {path}{said(error)}",
            f"save it anew with that version, or {EXPORT}",
        ) from error
    while isinstance(result, list | tuple) and result:
        result = result[0]
    if not isinstance(result, torch.Tensor) or result.ndim != 3:
        raise InputError(f"{UNKNOWN}: {path} gives no table of candidates", EXPORT)
    return result[0].numpy()


def _outputs(module: Any, image: Any) -> dict[str, NDArray[np.float64]]:
    """The raw outputs (A, C) for the picture."""
    import torch

    with torch.inference_mode():
        found = module(image)
    return {name: values[0].double().numpy() for name, values in found.items()}


def _prove(raw: Mapping[str, NDArray[np.float64]], draft: Draft, expected: NDArray[np.float32], path: Path) -> None:
    """InputError unless the decoder makes of the raw outputs what the network itself gave."""
    table = draft.table["decoder"]
    spec = CandidatesSpec.model_validate({**table, "scores": {**table["scores"], "person": 0}})
    across, down = (cells * max(spec.strides) for cells in TRIED_CELLS)
    image = InputSpec.model_validate({**draft.table["input"], "size_wh": (across, down)})
    count = len(raw["scores"])
    cells, strides, _ = cells_of(np.arange(count), spec.strides, image)
    boxes = boxes_of(raw["boxes"], spec.boxes, cells, strides, image)
    assert spec.keypoints is not None
    keypoints, visible = keypoints_of(raw["keypoints"], spec.keypoints, cells, strides, image)
    numbers = keypoints if visible is None else np.concatenate([keypoints, visible[..., None]], axis=-1)
    decoded = np.concatenate([boxes, raw["scores"], numbers.reshape(count, -1)], axis=1)
    seen, own = _paired(decoded, expected.astype(np.float64), spec, path)
    scores = slice(4, 4 + spec.scores.count)
    for name, part in {"boxes": slice(0, 4), "scores": scores, "keypoints": slice(scores.stop, None)}.items():
        if not np.allclose(seen[:, part], own[:, part], rtol=TOLERANCE, atol=TOLERANCE_PX, equal_nan=True):
            worst = np.abs(seen[:, part] - own[:, part]).max()
            raise InputError(f"{UNKNOWN}: {name} of {path} are off by up to {worst:.3g} from the network's own", EXPORT)


def _paired(
    decoded: NDArray[np.float64], own: NDArray[np.float64], spec: CandidatesSpec, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Candidates as decoded and as the network gives them, both (n, 4 + nc + K * D) with boxes x1, y1, x2, y2.

    Of the network's own table of people each row is held against the candidate with the nearest box; of scores it says
    that of its own class alone.
    """
    count, classes = len(decoded), spec.scores.count
    if spec.nms.kind != "none":
        if own.shape != decoded.shape[::-1]:
            raise InputError(f"{UNKNOWN}: {path} gives a table of {own.shape}, expected {decoded.shape[::-1]}", EXPORT)
        own = own.T
        centre, sides = own[:, :2], own[:, 2:4]
        return decoded, np.concatenate([centre - sides / 2, centre + sides / 2, own[:, 4:]], axis=1)
    width = decoded.shape[1] - classes + 2
    if own.shape[1] != width or not 1 <= len(own) <= count * classes:
        raise InputError(f"{UNKNOWN}: {path} gives a table of {own.shape}, expected rows of {width}", EXPORT)
    paired = decoded[[np.abs(decoded[:, :4] - row).max(axis=1).argmin() for row in own[:, :4]]]
    given = np.concatenate([own[:, :4], paired[:, 4 : 4 + classes], own[:, 6:]], axis=1)
    given[np.arange(len(own)), 4 + own[:, 5].astype(int) % classes] = own[:, 4]
    return paired, given
