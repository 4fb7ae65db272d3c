"""What other tools' configurations make of a contract: every field, and every field that they do not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posekit.contract.drafts import Draft, Said, configs, drafting, merged
from posekit.contract.drafts.pyconfig import read_config
from posekit.errors import InputError

DATA = Path(__file__).parent / "data"
CLIMBING = ["head", "left_hand", "right_hand", "left_foot", "right_foot"]
CLIMBING_SIGMAS = [0.026, 0.062, 0.062, 0.089, 0.089]
IMAGENET = {"input.mean": [123.675, 116.28, 103.53], "input.std": [58.395, 57.12, 57.375]}
RGB = {"input.color_order": "rgb", **IMAGENET}
CROP = {"kind": "top_down", "input.resize": "affine_crop", "input.box_padding": 1.25, "input.pad_value": 0,
        "input.sampling": "bilinear"}  # fmt: skip
MAPS = {"decoder.kind": "heatmap", "decoder.activation": "none"}
STRIDE = {"input.alignment": "index", **MAPS, "decoder.alignment": "stride"}
UDP = {"input.alignment": "corners", **MAPS, "decoder.alignment": "corners",
       "decoder.refinement": "dark_udp"}  # fmt: skip
LOCREF = {"decoder.kind": "offset_map", "decoder.heat.step": 1, "decoder.x.first": 0, "decoder.x.step": 2,
          "decoder.y.first": 1, "decoder.y.step": 2, "decoder.unit": "input_px", "decoder.factor": 7.2801,
          "decoder.alignment": "stride", "decoder.shift": 0.5}  # fmt: skip
MIRROR = {"decoder.blur_kernel": 11, "decoder.blur_edge": "mirror"}
SIMCC = {"decoder.kind": "simcc", "decoder.split_ratio": 2.0, "decoder.score_reduction": "min",
         "decoder.refinement": "none", "decoder.activation": "none"}  # fmt: skip
CLIMBERS = {"keypoints.names": CLIMBING, "keypoints.edges": [["head", "left_hand"], ["head", "right_hand"]],
            "keypoints.flip_pairs": [["left_hand", "right_hand"], ["left_foot", "right_foot"]],
            "keypoints.oks_sigmas": CLIMBING_SIGMAS}  # fmt: skip
TALL, SQUARE = {"input.size_wh": [192, 256]}, {"input.size_wh": [256, 256]}
COCO, MPII = {"keypoints.skeleton": "coco17"}, {"keypoints.skeleton": "mpii16"}
HRNET = "mmpose/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py"
W32 = "hrnet/w32_256x192_adam_lr1e-3.yaml"
LITE = "mmpose/old/litehrnet_18_coco_256x192.py"
MICE = "mice/dlc-models-pytorch/iteration-0/miceMay1-trainset95shuffle1/train/pytorch_config.yaml"
OPEN_FIELD = "openfield/dlc-models/iteration-0/openfieldOct30-trainset95shuffle1/train/pose_cfg.yaml"

# file: (what it says, what it leaves open)
EXPECTED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "mmpose/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py": (
        {**CROP, **RGB, **TALL, **STRIDE, "decoder.refinement": "quarter", "decoder.border": "each", **COCO},
        set(),
    ),
    "mmpose/td-hm_hrnet-w32_udp-8xb64-210e_climbing-256x192.py": (
        {
            **CROP,
            **RGB,
            **TALL,
            **UDP,
            "decoder.blur_kernel": 13,
            **CLIMBERS,
            "input.color_order": "bgr",
            "input.box_padding": 1.1,
        },
        set(),
    ),
    "mmpose/rtmpose-m_8xb256-420e_coco-256x192.py": (
        {**CROP, **RGB, **TALL, "input.alignment": "index", **SIMCC, **COCO},
        set(),
    ),
    "mmpose/lazy_rtmpose_climbing.py": (
        {
            **CROP,
            **RGB,
            **TALL,
            "input.alignment": "index",
            **SIMCC,
            **CLIMBERS,
            "input.mean": [127.5] * 3,
            "input.std": [127.5] * 3,
        },
        set(),
    ),
    "mmpose/td-reg_res50_rle-8xb64-210e_mpii-256x256.py": (
        {
            **CROP,
            **RGB,
            **SQUARE,
            "input.alignment": "index",
            "decoder.kind": "regression",
            "decoder.fields": ["x", "y", "skip", "skip"],
            "decoder.range": "unit",
            **MPII,
        },
        set(),
    ),
    LITE: (
        {**CROP, **RGB, **TALL, **STRIDE, "decoder.refinement": "dark", "decoder.blur_kernel": 17, **COCO},
        set(),
    ),
    "hrnet/w32_256x192_adam_lr1e-3.yaml": (
        {**CROP, **RGB, **TALL, **STRIDE, "decoder.refinement": "quarter", **COCO},
        set(),
    ),
    "hrnet/256x256_d256x3_adam_lr1e-3.yaml": (
        {**CROP, **RGB, **SQUARE, **STRIDE, **MPII, "input.color_order": "bgr"},
        {"decoder.refinement"},
    ),
    "vitpose-base": ({**CROP, **RGB, **TALL, **UDP, **MIRROR, **COCO}, set()),
    "vitpose-gym/preprocessor_config.json": (
        {
            **CROP,
            "input.size_wh": [128, 128],
            **UDP,
            **MIRROR,
            "input.color_order": "rgb",
            "input.mean": [127.5] * 3,
            "input.std": [64.0] * 3,
            "keypoints.names": [
                "head",
                "neck",
                "left_hand",
                "right_hand",
                "hip",
                "left_knee",
                "right_knee",
                "left_foot",
                "right_foot",
                "index_point",
                "handle",
            ],
            "keypoints.edges": [["head", "neck"], ["neck", "left_hand"], ["neck", "right_hand"]],
            "keypoints.flip_pairs": [
                ["left_hand", "right_hand"],
                ["left_knee", "right_knee"],
                ["left_foot", "right_foot"],
            ],
        },
        {"keypoints.oks_sigmas"},
    ),
    OPEN_FIELD: (
        {
            "input.color_order": "rgb",
            "input.mean": [0.0] * 3,
            "input.std": [1.0] * 3,
            "keypoints.names": ["snout", "leftear", "rightear", "tailbase"],
            "keypoints.edges": [["snout", "leftear"], ["snout", "rightear"], ["leftear", "tailbase"]],
            "keypoints.flip_pairs": [["leftear", "rightear"]],
            **LOCREF,
            "decoder.activation": "none",
        },
        {"keypoints.oks_sigmas"},
    ),
    MICE: (
        {
            "kind": "top_down",
            **RGB,
            **SQUARE,
            **SIMCC,
            "keypoints.names": ["nose", "left_ear", "right_ear", "spine_1", "spine_2", "tail_tip"],
            "keypoints.edges": [["nose", "left_ear"], ["nose", "right_ear"], ["spine_1", "spine_2"]],
            "keypoints.flip_pairs": [["left_ear", "right_ear"]],
        },
        {"keypoints.oks_sigmas"},
    ),
    "fly": (
        {
            "kind": "one_stage",
            "input.color_order": "gray",
            "input.mean": [0.0],
            "input.std": [255.0],
            "input.size_wh": [256, 192],
            **MAPS,
            "decoder.alignment": "stride",
            "keypoints.names": ["head", "thorax", "abdomen", "right_wing", "left_wing"],
            "keypoints.edges": [
                ["head", "thorax"],
                ["thorax", "abdomen"],
                ["thorax", "left_wing"],
                ["thorax", "right_wing"],
            ],
            "keypoints.flip_pairs": [["left_wing", "right_wing"]],
        },
        {"keypoints.oks_sigmas", "input.resize", "input.alignment", "decoder.refinement"},
    ),
    "fly-new/training_config.yaml": (
        {
            "kind": "top_down",
            "input.color_order": "rgb",
            "input.mean": [0.0] * 3,
            "input.std": [255.0] * 3,
            "input.size_wh": [160, 160],
            **MAPS,
            "decoder.alignment": "stride",
            "keypoints.names": ["head", "thorax", "left_wing", "right_wing"],
            "keypoints.edges": [["head", "thorax"], ["thorax", "left_wing"]],
            "keypoints.flip_pairs": [["left_wing", "right_wing"]],
        },
        {"keypoints.oks_sigmas", "input.resize", "input.alignment", "decoder.refinement"},
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_configuration_says(name: str) -> None:
    found = configs.read(DATA / name)
    said, gaps = EXPECTED[name]
    assert {field: one.value for field, one in found.values.items()} == said
    assert set(found.gaps) == gaps
    assert all(one.source for one in found.values.values())


@pytest.mark.parametrize("name", [HRNET, "mmpose/old/litehrnet_18_coco_256x192.py"])
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_dump_says_what_the_configuration_says(tmp_path: Path, name: str, suffix: str) -> None:
    content = drafting.plain(read_config(DATA / name)[0])
    path = tmp_path / f"dump{suffix}"
    path.write_text(json.dumps(content, default=lambda value: None))  # YAML holds JSON
    found = configs.read(path)
    assert {field: one.value for field, one in found.values.items()} == EXPECTED[name][0]


def test_a_spec_that_is_not_finished_is_a_draft_again(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_text('name = "net"\nlicense = "TODO"\n[input]\nmean = "TODO: three"\nsize_wh = [8, 8]\n')
    found = configs.read(path)
    assert {field: one.value for field, one in found.values.items()} == {"name": "net", "input.size_wh": [8, 8]}
    assert {field: gap.question for field, gap in found.gaps.items()} == {"input.mean": "three"}


@pytest.mark.parametrize(
    ("name", "texts"),
    {
        "other/rtmdet_tiny_8xb32-300e_coco.py": ("RTMDet", "detection", "TopdownPoseEstimator"),
        "other/fcn_r50.py": ("EncoderDecoder", "segmentation"),
        "other/rtmo-s_8xb32-600e_coco-640x640.py": ("BottomupPoseEstimator", "TopdownPoseEstimator"),
        "mmpose/_base_/default_runtime.py": ("no model with a type",),
    }.items(),
)
def test_another_task_is_refused_by_name(name: str, texts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        configs.read(DATA / name)
    assert all(text in error.value.message for text in texts)


def edited(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A copy of a configuration with texts replaced."""
    text = (DATA / name).read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / Path(name).name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "before", "after", "field", "value"),
    [
        (HRNET, "sigma=2)", "sigma=2, unbiased=True, blur_kernel_size=17)", "decoder.refinement", "dark"),
        (HRNET, "sigma=2)", "sigma=2, unbiased=True, blur_kernel_size=17)", "decoder.blur_kernel", 17),
        (HRNET, "        bgr_to_rgb=True", "        ", "input.color_order", "bgr"),
        (HRNET, "bgr_to_rgb", "rgb_to_bgr", "input.color_order", "rgb"),
        (HRNET, "mean=[123.675, 116.28, 103.53],", "", "input.mean", [0.0] * 3),
        (HRNET, "'CocoDataset'", "'CrowdPoseDataset'", "keypoints.skeleton", None),
        (HRNET, "out_channels=17", "out_channels=14", "keypoints.skeleton", None),
        (HRNET, "'CocoDataset'", "'ZooDataset'", "keypoints.skeleton", None),
        (HRNET, "'CocoDataset'", "'mmpose.CocoDataset'", "keypoints.skeleton", "coco17"),
        (W32, "COLOR_RGB: true", "COLOR_RGB: false", "input.color_order", "bgr"),
        (W32, "COLOR_RGB: true", "COLOR_RGB: maybe", "input.color_order", None),
        (W32, "POST_PROCESS: true", "POST_PROCESS: false", "decoder.refinement", "none"),
        (W32, "POST_PROCESS: true", "BLUR_KERNEL: 17", "decoder.refinement", "dark"),
        (W32, "USE_TARGET_WEIGHT: true", "KPD: 3.0", "input.alignment", "corners"),
        (W32, "USE_TARGET_WEIGHT: true", "KPD: 3.0", "decoder.alignment", "corners"),
        (W32, "USE_TARGET_WEIGHT: true", "KPD: 3.0", "decoder.blur_edge", "mirror"),
        (LITE, "modulate_kernel=17", "modulate_kernel=17, use_udp=True", "decoder.blur_edge", "mirror"),
        (W32, "NUM_JOINTS: 17", "NUM_JOINTS: 16", "keypoints.skeleton", None),
        (W32, "DATASET: 'coco'", "DATASET: 'crowdpose'", "keypoints.skeleton", None),
        (W32, "DATASET: 'coco'", "DATASET: 'horses'", "keypoints.skeleton", None),
        (MICE, "normalize_images: true", "normalize_images: false", "input.mean", None),
        (MICE, "colormode: RGB", "colormode: BGR", "input.color_order", "bgr"),
        (
            MICE,
            "simcc_split_ratio: 2.0",
            "simcc_split_ratio: 2.0\n        apply_softmax: true",
            "decoder.activation",
            "softmax",
        ),
        ("fly-new/training_config.yaml", "ensure_rgb: true", "ensure_rgb: false", "input.color_order", None),
        ("fly-new/training_config.yaml", "scale: 1.0", "scale: 0.5", "input.size_wh", [80, 80]),
    ],
)
def test_a_field_follows_its_setting(
    tmp_path: Path, name: str, before: str, after: str, field: str, value: Any
) -> None:
    """value: None for a gap, with what is wrong told."""
    found = configs.read(edited(tmp_path, name, (before, after)))
    if value is None:
        assert field in found.gaps
        assert field not in found.values
        assert found.gaps[field].question
    else:
        assert found.values[field].value == value


@pytest.mark.parametrize(
    ("name", "before", "after", "text"),
    [
        (HRNET, "'MSRAHeatmap'", "'MegviiHeatmap'", "MegviiHeatmap, which blurs the maps"),
        (HRNET, "'MSRAHeatmap'", "'AssociativeEmbedding'", "groups keypoints by tags"),
        (HRNET, "'MSRAHeatmap'", "'SomeCodec'", "codec SomeCodec"),
        (HRNET, "type='MSRAHeatmap'", "type='UDPHeatmap', heatmap_type='both'", "offsets beside each map"),
        (HRNET, "decoder=codec", "decoder=make()", "computed, line 42 of td-hm"),
        (HRNET, "type='TopdownPoseEstimator'", "type=kind()", "computed, line"),
        ("mmpose/rtmpose-m_8xb256-420e_coco-256x192.py", "use_dark=False", "use_dark=True", "use_dark"),
        (
            LITE,
            "type='TopDown'",
            "type='AssociativeEmbedding'",
            "AssociativeEmbedding",
        ),
        (
            LITE,
            "modulate_kernel=17",
            "target_type='OtherTarget'",
            "OtherTarget",
        ),
        (W32, "TARGET_TYPE: gaussian", "TARGET_TYPE: simdr", "TARGET_TYPE is 'simdr'"),
        (W32, "NAME: pose_hrnet", "NAME: pose_higher_resolution_net", "several people"),
        ("vitpose-base/config.json", '"model_type": "vitpose",', '"model_type": "detr",', "VitPoseForPoseEstimation"),
        (MICE, "type: SimCCPredictor", "type: PartAffinityPredictor", "PartAffinityPredictor"),
        ("fly-new/training_config.yaml", "centered_instance:", "bottomup_two:", "bottomup_two"),
    ],
)
def test_what_posekit_cannot_decode_is_refused_by_name(
    tmp_path: Path, name: str, before: str, after: str, text: str
) -> None:
    with pytest.raises(InputError) as error:
        configs.read(edited(tmp_path, name, (before, after)))
    assert text in error.value.message


COMBINED = {"kind": "offset_map", "unit": "cells", "alignment": "corners", "activation": "none"}
HEATMAP_PREDICTOR = ("type: SimCCPredictor\n        simcc_split_ratio: 2.0",
                     "type: HeatmapPredictor\n        location_refinement: true\n        locref_std: 5.5")  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (
            HRNET,
            ("type='MSRAHeatmap'", "type='UDPHeatmap', heatmap_type='combined'"),
            {**COMBINED, "factor": 3.5, "blur_kernel": 23, "offset_blur_kernel": 1},
        ),
        (
            LITE,
            ("modulate_kernel=17", "modulate_kernel=17, use_udp=True, target_type='CombinedTarget'"),
            {**COMBINED, "factor": 3.5, "blur_kernel": 35, "offset_blur_kernel": 17},
        ),
        (
            W32,
            ("TARGET_TYPE: gaussian", "TARGET_TYPE: offset"),
            {**COMBINED, "factor": 4.0, "blur_kernel": 15, "offset_blur_kernel": 7},
        ),
        (
            MICE,
            HEATMAP_PREDICTOR,
            {"kind": "offset_map", "unit": "input_px", "factor": 5.5, "shift": 0.5, "activation": "sigmoid"},
        ),
    ],
)
def test_offsets_beside_each_map_are_read_as_each_code_does(
    tmp_path: Path, name: str, change: tuple[str, str], expected: dict[str, Any]
) -> None:
    """UDP's combined maps are heat, x and y in turn; DeepLabCut's have a tensor of pairs of their own."""
    found = configs.read(edited(tmp_path, name, change))
    decoder = "decoder."
    said = {name.removeprefix(decoder): one.value for name, one in found.values.items() if name.startswith(decoder)}
    assert {field: said[field] for field in expected} == expected
    first, step = (0, 2) if name == MICE else (1, 3)
    assert [said[f"{axis}.first"] for axis in "xy"] == [first, first + 1]
    assert [said[f"{axis}.step"] for axis in "xy"] == [step] * 2
    assert not any(field.startswith("decoder.") for field in found.gaps)


def test_keypoints_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    swapped = """dict(keypoint_info={5: dict(name='tail', id=1, swap=''), 3: dict(name='nose', id=0, swap='')},
        skeleton_info={}, sigmas=[0.1, 0.2])"""
    path = edited(
        tmp_path, HRNET, ("data_root=data_root,", f"metainfo={swapped},"), ("out_channels=17", "out_channels=2")
    )
    found = configs.read(path)
    assert found.values["keypoints.names"].value == ["nose", "tail"]
    assert found.values["keypoints.oks_sigmas"].value == [0.1, 0.2]


def test_another_model_of_hugging_face_is_refused_by_its_class(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "detr", "architectures": ["DetrForObjectDetection"]}')
    with pytest.raises(InputError, match="DetrForObjectDetection, expected ViTPose"):
        configs.read(tmp_path)


def test_without_a_preprocessor_its_fields_are_gaps(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((DATA / "vitpose-base/config.json").read_bytes())
    found = configs.read(tmp_path)
    assert {"input.color_order", "input.mean", "input.std"} == set(found.gaps)
    assert found.values["input.size_wh"].value == [192, 256]  # the backbone's image_size has its height first


def test_two_sizes_that_contradict_each_other_are_a_gap(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((DATA / "vitpose-base/config.json").read_bytes())
    (tmp_path / "preprocessor_config.json").write_bytes((DATA / "vitpose-gym/preprocessor_config.json").read_bytes())
    found = configs.read(tmp_path)
    assert "input.size_wh" in found.gaps
    assert all(size in found.gaps["input.size_wh"].question for size in ("[192, 256]", "[128, 128]"))


def test_a_configuration_counts_before_the_file_and_contradictions_are_told() -> None:
    config = Draft(
        "a.py", {"input.size_wh": Said([192, 256], "codec"), "keypoints.skeleton": Said("coco17", "dataset")}
    )
    own = Draft(
        "the export",
        {"input.size_wh": Said([256, 256], "imgsz"), "license": Said("MIT", "license"),
         "keypoints.names": Said(["a"], "kpt_names"), "keypoints.oks_sigmas": Said([1.0], "")},
    )  # fmt: skip
    found = merged(config, own)
    assert {name: said.value for name, said in found.values.items()} == {
        "input.size_wh": [192, 256], "license": "MIT", "keypoints.skeleton": "coco17",
    }  # fmt: skip
    assert found.values["license"].source == "the export: license"
    (note,) = found.notes
    assert all(text in note for text in ("input.size_wh", "a.py says [192, 256]", "the export says [256, 256]"))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n" + "".join(
            f"c{n}: &c{n} [{', '.join([f'*{p}'] * 9)}]\n" for n, p in enumerate(["b", *(f"c{k}" for k in range(9))])
        ), "more than 200,000 values"),
        ("a.yaml", "a: &a " + "x" * 20000 + "\nb: [" + "*a, " * 1000 + "]", "more than 200,000 values"),
        ("a.yaml", "a: &a [*a]\n", "in themselves"),
        ("a.yaml", "[" * 500_000, "too deep"),
        ("a.yaml", "- " * 200_000, "too deep"),
        ("a.yaml", "? " * 200_000, "too deep"),
        ("a.yaml", "a: {b: " * 100_000, "too deep"),
        ("a.yaml", "a: " + "[" * 100 + "]" * 100, "too deep"),
        ("a.yaml", "MODEL: !!python/object/apply:os.system ['touch {here}/WRITTEN']\n", "tag that is no plain value"),
        ("a.yaml", "MODEL: !!python/name:os.system\n", "tag that is no plain value"),
        ("a.yaml", "a: 'b\n", "no valid YAML, line"),
        ("a.yaml", "- 1\n- 2\n", "no configuration that posekit knows"),
        ("a.yaml", "", "no configuration that posekit knows"),
        ("a.yaml", "nc: 80\nnames: [a]\n", "holds nc, names"),
        ("a.yaml", "#" * (1 << 20) + "\n", "at most 1,048,576"),
        ("a.json", "[" * 100000, "no valid JSON"),
        ("a.json", "{", "no valid JSON"),
        ("a.json", '{"images": [], "annotations": []}', "holds images, annotations"),
        ("a.py", "(" * 5000, "no valid Python"),
        ("a.py", "model = dict(", "no valid Python, line 1"),
        ("a.py", "a\0b", "no valid Python"),
        ("a.py", "x = 1\n" * 200_000, "at most 1,048,576"),
        ("a.py", "exec('model = 1')\nmodel = dict(type='TopdownPoseEstimator')", "uses exec"),
        ("a.txt", "hello", "no configuration that posekit reads"),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_hostile_and_damaged_files(tmp_path: Path, name: str, text: str, told: str) -> None:
    path = tmp_path / name
    path.write_text(text.replace("{here}", str(tmp_path)))
    with pytest.raises(InputError, match=told) as error:
        configs.read(path)
    assert "Error" not in error.value.message
    assert not (tmp_path / "WRITTEN").exists()


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="no text in UTF-8"):
        configs.read(path)
