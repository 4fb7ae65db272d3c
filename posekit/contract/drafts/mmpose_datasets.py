"""Which keypoints an MMPose configuration trains: its dataset's metainfo, or the dataset that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posekit.contract import skeletons
from posekit.contract.drafts.drafting import Drafting, numbers
from posekit.contract.drafts.keypoints import say_named, say_own
from posekit.contract.drafts.literals import ABSENT, Unread, at
from posekit.contract.drafts.pyconfig import read_config

# of MMPose 1.x, then those of 0.x
DATASETS = {
    "CocoDataset": "coco17", "CocoWholeBodyDataset": "coco_wholebody133", "MpiiDataset": "mpii16",
    "CrowdPoseDataset": "crowdpose14", "AicDataset": "aichallenger14", "Human36mDataset": "h36m17",
    "CocoWholeBodyHandDataset": "hand21", "OneHand10KDataset": "hand21", "FreiHandDataset": "hand21",
    "TopDownCocoDataset": "coco17", "TopDownCocoWholeBodyDataset": "coco_wholebody133",
    "TopDownMpiiDataset": "mpii16", "TopDownCrowdPoseDataset": "crowdpose14", "TopDownAicDataset": "aichallenger14",
    "TopDownH36MDataset": "h36m17", "HandCocoWholeBodyDataset": "hand21",
}  # fmt: skip
# files of configs/_base_/datasets in MMPose
FILES = {
    "coco.py": "coco17", "coco_wholebody.py": "coco_wholebody133", "mpii.py": "mpii16", "crowdpose.py": "crowdpose14",
    "aic.py": "aichallenger14", "halpe26.py": "halpe26", "h36m.py": "h36m17", "coco_wholebody_hand.py": "hand21",
}  # fmt: skip
LOADERS = ("test_dataloader", "val_dataloader", "train_dataloader")


def say_dataset(draft: Drafting, config: Mapping[str, Any], path: Path, count: Any) -> None:
    """The keypoints of the dataset that the network is tested on; count: what the head gives."""
    dataset = _dataset(config)
    kind = at(dataset, "type")
    metainfo = at(dataset, "metainfo")
    file = at(metainfo, "from_file")
    unread = next((one for one in (dataset, kind, metainfo, file) if isinstance(one, Unread)), None)
    if unread is not None:
        _ask(draft, f"the dataset is computed, {unread.where}")
    elif isinstance(file, str):
        _say_file(draft, path, file, count)
    elif isinstance(metainfo, Mapping) and "keypoint_info" in metainfo:
        say_info(draft, metainfo, f"{path.name}, its metainfo", count)
    else:
        say_type(draft, kind, count)


def say_type(draft: Drafting, kind: Any, count: Any) -> None:
    """The keypoints of a dataset of MMPose by its name."""
    name = kind.rpartition(".")[2] if isinstance(kind, str) else ""
    if name in DATASETS:
        say_named(draft, DATASETS[name], f"dataset.type = {name!r}", count)
    else:
        _ask(draft, f"which keypoints is {name} of?" if name else "no dataset is said", count)


def say_info(draft: Drafting, info: Mapping[Any, Any], source: str, count: Any) -> None:
    """The keypoints of a dataset_info: keypoint_info, skeleton_info and sigmas."""
    entries = info.get("keypoint_info")
    names = [at(one, "name") for one in entries.values()] if isinstance(entries, Mapping) else []
    order = [at(one, "id") for one in entries.values()] if isinstance(entries, Mapping) else []
    if not names or not all(isinstance(name, str) for name in names):
        _ask(draft, f"{source}: keypoint_info cannot be read", count)
        return
    if all(type(number) is int for number in order):
        names = [name for _, name in sorted(zip(order, names, strict=True))]
    if type(count) is int and count != len(names):
        _ask(draft, f"{source} has {len(names)} keypoints, but the network gives {count}", count)
        return
    entries = entries if isinstance(entries, Mapping) else {}
    pairs = [
        (at(one, "name"), at(one, "swap")) for one in entries.values() if at(one, "swap") not in ("", ABSENT, None)
    ]
    links = info.get("skeleton_info")
    edges = [at(one, "link") for one in links.values()] if isinstance(links, Mapping) else []
    sigmas = info.get("sigmas")
    say_own(
        draft, names, source, edges=[edge for edge in edges if isinstance(edge, list | tuple)],
        pairs=[pair for pair in pairs if isinstance(pair[1], str)],
        sigmas=sigmas if isinstance(sigmas, list | tuple) and numbers(sigmas, len(names)) else None,
    )  # fmt: skip


def _dataset(config: Mapping[str, Any]) -> Any:
    found = next((one for name in LOADERS if (one := at(config, name, "dataset")) is not ABSENT), ABSENT)
    if found is ABSENT and "dataset_type" in config:
        return {"type": config["dataset_type"]}
    return found


def _say_file(draft: Drafting, path: Path, name: str, count: Any) -> None:
    """`configs/_base_/datasets/coco.py`, looked for from the configuration's own folder upwards."""
    places = [folder / name for folder in path.resolve().parents] + [path.parent / Path(name).name]
    found = next((place for place in places if place.suffix == ".py" and place.is_file()), None)
    base = Path(name).name
    if found is not None:
        info = at(read_config(found)[0], "dataset_info")
        if isinstance(info, Mapping):
            say_info(draft, info, base, count)
        else:
            _ask(draft, f"{name} has no dataset_info that can be read", count)
    elif base in FILES:
        draft.note(f"{name} is not there; it is taken for the file of that name in MMPose")
        say_named(draft, FILES[base], f"metainfo from_file = {name!r}", count)
    else:
        _ask(draft, f"the metainfo {name} is not there", count)


def _ask(draft: Drafting, why: str, count: Any = None) -> None:
    names = [name for name, one in skeletons.SKELETONS.items() if type(count) is not int or len(one.keypoints) == count]
    of = f" of {count}" if type(count) is int else ""
    draft.ask("keypoints.skeleton", f"{why}: name a set, or spell out names and oks_sigmas",
              *([f"sets{of}: {', '.join(names)}"] if names else []))  # fmt: skip
