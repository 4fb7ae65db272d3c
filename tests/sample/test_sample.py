"""The sample: its renderer, its annotations, its files, and that its networks do what is claimed of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posekit.contract.skeletons import skeleton
from posekit.contract.spec import read_spec
from posekit.sources.sample import sample_images, write_sample
from sample.figure import NAMES, build_figure
from sample.render import render_scene
from sample.stance import Pose, rotation

IMAGES, ANNOTATIONS = sample_images()
DATA = ANNOTATIONS.parent
NETWORKS = ("tinypose", "tinysimcc")
LEFT = [i for i, name in enumerate(NAMES) if name.startswith("left")]
RIGHT = [NAMES.index(NAMES[i].replace("left", "right")) for i in LEFT]


def standing(yaw: float) -> Pose:
    none = np.zeros(3)
    arms, legs = np.tile([0.0, 15.0, 0.0, 10.0], (2, 1)), np.tile([0.0, 5.0, 0.0], (2, 1))
    return Pose(arms=arms, legs=legs, root=np.array([0.0, yaw, 0.0]), bend=none, head=none)


def test_same_seed_same_scene() -> None:
    one, two, other = render_scene(7), render_scene(7), render_scene(8)
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.keypoints, two.keypoints)
    assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("seed", range(20))
def test_labels_lie_on_their_figure(seed: int) -> None:
    scene = render_scene(seed, (200, 240))
    assert scene.image.shape == (240, 200, 3)
    for index, (points, box) in enumerate(zip(scene.keypoints, scene.boxes_xyxy, strict=True)):
        x, y = points[points[:, 2] == 2, :2].T
        assert (scene.owner[y.astype(int), x.astype(int)] == index).all()
        assert ((x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])).all()
        assert (points[points[:, 2] == 0] == 0).all()


@pytest.mark.parametrize(("yaw", "sign"), [(0.0, 1.0), (180.0, -1.0)])
def test_left_is_on_the_viewers_right_only_when_facing(yaw: float, sign: float) -> None:
    points = build_figure(np.random.default_rng(0), standing(yaw)).keypoints
    assert (sign * points[LEFT, 0] > 0).all()
    assert np.allclose(points[LEFT] * [-1, 1, 1], points[RIGHT])
    assert sign * points[NAMES.index("nose"), 2] < 0  # towards the viewer


def test_rotation_keeps_lengths() -> None:
    turn = rotation(20, 130, -40)
    assert np.allclose(turn @ turn.T, np.eye(3))


def test_names_are_coco17() -> None:
    assert skeleton("coco17").keypoints == tuple(NAMES)


def test_annotations_are_coco() -> None:
    coco = pytest.importorskip("pycocotools.coco").COCO(str(ANNOTATIONS))
    assert len(coco.imgs) == 8
    assert "Synthetic" in coco.dataset["info"]["description"]
    for annotation in coco.anns.values():
        image = coco.imgs[annotation["image_id"]]
        with Image.open(IMAGES / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        points = np.array(annotation["keypoints"]).reshape(17, 3)
        x, y, w, h = annotation["bbox"]
        assert annotation["num_keypoints"] == (points[:, 2] > 0).sum()
        assert (points[:, 2] == 2).sum() >= 14
        assert 0 <= x < x + w <= image["width"]
        assert 0 <= y < y + h <= image["height"]
        assert 0 < annotation["area"] <= w * h


@pytest.mark.parametrize("name", NETWORKS)
def test_files_are_small_and_name_no_machine(name: str) -> None:
    content = (DATA / f"{name}.pt2").read_bytes()
    assert len(content) < 1_500_000
    for trace in (b"/work", b"/home/", b"/tmp/", b".venv"):
        assert trace not in content


@pytest.mark.parametrize("name", NETWORKS)
def test_spec_is_the_networks(name: str) -> None:
    spec = read_spec(DATA / f"{name}.toml")
    assert spec.name == name
    assert spec.outputs == spec.decoder.outputs


def test_write_sample(tmp_path: Path) -> None:
    written = write_sample(tmp_path / "sample")
    assert all(file.is_file() for file in written)
    names = {file.relative_to(tmp_path / "sample").as_posix() for file in written}
    assert {
        "tinypose.pt2",
        "tinysimcc.toml",
        "annotations.json",
        "walk.mp4",
        "README.txt",
        "images/scene_1.jpg",
    } <= names
    assert len(names) == 15
    facts = json.loads((DATA / "training.json").read_text())
    readme = (tmp_path / "sample" / "README.txt").read_text()
    assert all(f"{100 * facts['networks'][name]['pck']:.1f} % ({name})" in readme for name in NETWORKS)
    with pytest.raises(FileExistsError):
        write_sample(tmp_path / "sample")


def test_write_sample_writes_nothing_when_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        write_sample(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["README.txt"]


def test_writing_needs_no_torch() -> None:
    code = "import sys, posekit.sources.sample as s; s.sample_images(); assert not {'torch', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["heatmap", "simcc"])
def test_networks_find_keypoints_on_unseen_renders(network: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from sample import crops, train

    seeds = range(30_000_000, 30_000_150)  # neither trained on nor measured by train.py
    people = crops.render_people(seeds, tmp_path)
    assert len(people.scene) >= 200
    recipe = train.RECIPES[network]
    module = torch.export.load(DATA / recipe.file_name).module()
    assert train.pck(train.predict(module, recipe, people), people) >= 0.95


def test_crop_is_the_contracts(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from sample import crops

    # A picture whose red and green are x and y at pixel centres: sampling gives back the source px it looked at.
    ramp = np.stack(np.broadcast_arrays(np.arange(200)[None], np.arange(200)[:, None], 0), -1).astype(np.uint8)
    regions = crops.regions_from_boxes(np.array([[60.0, 50.0, 100.0, 146.0]]))
    assert np.allclose(regions.size_wh, [[90, 120]])  # 40x96 grows to 72x96, times 1.25
    pixels = crops.crop(ramp[None], regions)[0].numpy()
    x = 80 + (np.arange(96) + 0.5 - 48) * 90 / 96
    y = 98 + (np.arange(128) + 0.5 - 64) * 120 / 128
    assert np.abs(pixels[0] - (x - 0.5)).max() < 1e-3
    assert np.abs(pixels[1] - (y - 0.5)[:, None]).max() < 1e-3


def test_mirrored_crops_swap_left_and_right() -> None:
    pytest.importorskip("torch")
    from sample import crops

    boxes = np.array([[60.0, 50.0, 100.0, 146.0]])
    plain = crops.regions_from_boxes(boxes)
    mirrored = crops.Regions(plain.centre, plain.size_wh, plain.rotation, np.array([True]))
    points = np.random.default_rng(0).uniform([60, 50, 2], [100, 146, 2], (1, 17, 3))
    a, b = (crops.keypoints_to_input(points, regions) for regions in (plain, mirrored))
    assert np.allclose(a[:, LEFT] * [-1, 1, 1] + [96, 0, 0], b[:, RIGHT])
    assert np.allclose(crops.to_source(a[..., :2], plain), points[..., :2])
