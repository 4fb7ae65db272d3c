"""A small sample: two trained networks with their specs, synthetic pictures, and a clip."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from posekit import documents

_FILES = ("tinypose.pt2", "tinypose.toml", "tinysimcc.pt2", "tinysimcc.toml", "annotations.json", "walk.mp4")


def write_sample(folder: Path) -> list[Path]:
    """Copy the sample into `folder` and give the files written; a file that is there already is a FileExistsError."""
    source = files(__name__) / "data"
    contents = {name: (source / name).read_bytes() for name in _FILES}
    pictures = sorted((source / "images").iterdir(), key=lambda picture: picture.name)
    contents |= {
        f"images/{picture.name}": picture.read_bytes() for picture in pictures if picture.name.endswith(".jpg")
    }
    contents["README.txt"] = _readme().encode()
    for name in contents:
        if (folder / name).exists():
            raise FileExistsError(f"{folder / name} exists")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def sample_images() -> tuple[Path, Path]:
    """The packaged pictures' folder and their COCO annotations file."""
    data = Path(str(files(__name__) / "data"))
    return data / "images", data / "annotations.json"


def _readme() -> str:
    facts = documents.parse((files(__name__) / "data" / "training.json").read_text(encoding="utf-8"))
    people = facts["training_people"] + facts.get("resumed_from", {}).get("training_people", 0)
    scores = " and ".join(f"{100 * part['pck']:.1f} % ({name})" for name, part in sorted(facts["networks"].items()))
    return (
        "Two small pose networks (17 COCO keypoints) and pictures to try them on. Everything is synthetic: the "
        "pictures\n"
        "are renders, chosen so that everybody is upright and well seen, and the networks were trained on such "
        "renders only\n"
        f"({people} figures, on a {facts['machine']}), so they are of no use on photographs of people.\n"
        f"Measured on {facts['held_out_people']} held-out figures, PCK@0.1 is {scores}.\n"
    )
