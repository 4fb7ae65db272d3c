"""Other tools' configurations: which tool's a file is, told by its content, and its draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from posekit.contract.drafts import Draft, deeplabcut, hrnet, huggingface, mmpose, sleap, spec_file
from posekit.contract.drafts.files import read_json, read_yaml
from posekit.errors import InputError

Reader = tuple[Callable[[Mapping[Any, Any]], bool], Callable[[Mapping[Any, Any], Path], Draft]]
# each tells its own by what the file holds
READERS: tuple[Reader, ...] = (
    (mmpose.is_dumped, mmpose.of_dump),
    (hrnet.is_theirs, hrnet.read),
    (huggingface.is_theirs, huggingface.read),
    (deeplabcut.is_theirs, deeplabcut.read),
    (sleap.is_theirs, sleap.read),
)
KNOWN = (
    "known are MMPose's configurations (.py), HRNet's YAML, config.json of Hugging Face's ViTPose, DeepLabCut's "
    "config.yaml, pose_cfg.yaml and pytorch_config.yaml, and SLEAP's training_config"
)
PARSERS = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml}
# of a folder, what is looked for in it
IN_FOLDER = (
    "config.json", "preprocessor_config.json", "pytorch_config.yaml", "pose_cfg.yaml", "training_config.json",
    "training_config.yaml", "config.yaml",
)  # fmt: skip


def read(path: Path) -> Draft:
    """The draft of a configuration, or of a folder that holds one; InputError where it is none that is known."""
    if not path.exists():
        raise InputError(f"there is no file {path}", "check the path of --from")
    if path.is_dir():
        path = _in_folder(path)
    if path.suffix == spec_file.SUFFIX:
        return spec_file.read(path)
    if mmpose.is_theirs(path):
        return mmpose.read(path)
    parser = PARSERS.get(path.suffix.lower())
    if parser is None:
        raise InputError(f"{path} is no configuration that posekit reads", KNOWN)
    content = parser(path)
    if isinstance(content, Mapping):
        for is_theirs, reader in READERS:
            if is_theirs(content):
                return reader(content, path)
    held = f"{path} holds {', '.join(map(str, list(content)[:6]))}" if isinstance(content, Mapping) else f"{path}"
    raise InputError(f"{held}, which is no configuration that posekit knows", KNOWN)


def _in_folder(folder: Path) -> Path:
    found = [folder / name for name in IN_FOLDER if (folder / name).is_file()] or sorted(folder.glob("*.py"))
    if len(found) > 1 and found[0].suffix == ".py":
        raise InputError(f"the folder {folder} holds {len(found)} files of Python", "name the one: --from FILE")
    if not found:
        raise InputError(f"the folder {folder} holds no configuration that posekit reads", KNOWN)
    return found[0]
