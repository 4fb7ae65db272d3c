"""The published keypoint sets: their order, pairs and sigmas, and what makes a skeleton invalid."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from posekit.contract.skeletons import SKELETONS, Skeleton, edge_indices, flip_indices, lower_camel, skeleton

EVERY = sorted(SKELETONS)

COUNTS = {
    "aichallenger14": 14,
    "blazepose33": 33,
    "box2": 2,
    "coco17": 17,
    "coco_wholebody133": 133,
    "crowdpose14": 14,
    "h36m17": 17,
    "halpe26": 26,
    "hand21": 21,
    "mpii16": 16,
    "openpose18": 18,
}

COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
    *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)

# What the publishers say stands at an index.
PUBLISHED_ORDER = {
    "coco17": {0: "nose", 1: "left_eye", 4: "right_ear", 9: "left_wrist", 16: "right_ankle"},
    "coco_wholebody133": {
        **{0: "nose", 16: "right_ankle", 17: "left_big_toe", 19: "left_heel", 20: "right_big_toe"},
        **{22: "right_heel", 23: "face_0", 31: "face_8", 90: "face_67", 91: "left_hand_root"},
        **{92: "left_thumb1", 96: "left_forefinger1", 111: "left_pinky_finger4"},
        **{112: "right_hand_root", 132: "right_pinky_finger4"},
    },
    "halpe26": {
        **{16: "right_ankle", 17: "head", 18: "neck", 19: "hip", 20: "left_big_toe"},
        **{21: "right_big_toe", 22: "left_small_toe", 24: "left_heel", 25: "right_heel"},
    },
    "crowdpose14": {
        **{0: "left_shoulder", 1: "right_shoulder", 2: "left_elbow", 5: "right_wrist"},
        **{6: "left_hip", 8: "left_knee", 11: "right_ankle", 12: "top_head", 13: "neck"},
    },
    "mpii16": {
        **{0: "right_ankle", 1: "right_knee", 2: "right_hip", 3: "left_hip", 5: "left_ankle"},
        **{6: "pelvis", 7: "thorax", 8: "upper_neck", 9: "head_top", 10: "right_wrist"},
        **{12: "right_shoulder", 13: "left_shoulder", 15: "left_wrist"},
    },
    "aichallenger14": {
        **{0: "right_shoulder", 1: "right_elbow", 2: "right_wrist", 3: "left_shoulder"},
        **{6: "right_hip", 8: "right_ankle", 9: "left_hip", 12: "head_top", 13: "neck"},
    },
    "blazepose33": {
        **{0: "nose", 1: "left_eye_inner", 4: "right_eye_inner", 7: "left_ear", 9: "left_mouth"},
        **{11: "left_shoulder", 15: "left_wrist", 17: "left_pinky", 19: "left_index"},
        **{21: "left_thumb", 23: "left_hip", 27: "left_ankle", 29: "left_heel"},
        **{31: "left_foot_index", 32: "right_foot_index"},
    },
    "box2": {0: "top_left", 1: "bottom_right"},
    "h36m17": {
        **{0: "root", 1: "right_hip", 3: "right_foot", 4: "left_hip", 6: "left_foot", 7: "spine"},
        **{8: "thorax", 9: "neck_base", 10: "head", 11: "left_shoulder", 14: "right_shoulder"},
    },
    "hand21": {
        **{0: "wrist", 1: "thumb1", 4: "thumb4", 5: "forefinger1", 9: "middle_finger1"},
        **{13: "ring_finger1", 17: "pinky_finger1", 20: "pinky_finger4"},
    },
    "openpose18": {
        **{0: "nose", 1: "neck", 2: "right_shoulder", 4: "right_wrist", 5: "left_shoulder", 7: "left_wrist"},
        **{8: "right_hip", 10: "right_ankle", 11: "left_hip", 13: "left_ankle", 14: "right_eye", 17: "left_ear"},
    },
}

# Face points of the 68-point scheme that swap, and some that stay where they are.
FACE_SWAPS = [(0, 16), (7, 9), (17, 26), (21, 22), (31, 35), (36, 45), (39, 42), (40, 47)]
FACE_SWAPS += [(41, 46), (48, 54), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
FACE_SWAPS += [(8, 8), (27, 27), (30, 30), (33, 33), (51, 51), (57, 57), (62, 62), (66, 66)]

TOY = Skeleton(
    name="toy",
    keypoints=("nose", "left_eye", "right_eye"),
    edges=(("nose", "left_eye"), ("nose", "right_eye")),
    flip_pairs=(("left_eye", "right_eye"),),
    oks_sigmas=(0.026, 0.025, 0.025),
    source="This test.",
)


def test_the_tables_cover_the_whole_registry() -> None:
    assert set(SKELETONS) == set(COUNTS) == set(PUBLISHED_ORDER)


@pytest.mark.parametrize("name", EVERY)
def test_entry_is_found_by_its_own_name_and_says_its_source(name: str) -> None:
    found = skeleton(name)
    assert found is SKELETONS[name]
    assert found.name == name
    assert len(found.keypoints) == len(found.oks_sigmas) == COUNTS[name]
    assert found.source.endswith(".")
    assert " ".join(found.source.split()) == found.source


@pytest.mark.parametrize("name", EVERY)
def test_order_is_the_published_one(name: str) -> None:
    keypoints = skeleton(name).keypoints
    expected = PUBLISHED_ORDER[name]
    assert {k: keypoints[k] for k in expected} == expected


def test_sets_that_extend_coco_begin_with_it() -> None:
    coco = skeleton("coco17")
    assert coco.oks_sigmas == COCO_SIGMAS
    for name in ("coco_wholebody133", "halpe26"):
        assert skeleton(name).keypoints[:17] == coco.keypoints
        assert skeleton(name).oks_sigmas[:17] == COCO_SIGMAS


def test_coco_sigmas_are_those_of_pycocotools() -> None:
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    theirs = cocoeval.Params(iouType="keypoints").kpt_oks_sigmas
    assert skeleton("coco17").oks_sigmas == pytest.approx(tuple(theirs), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "start", "sigmas"),
    [
        ("coco_wholebody133", 17, (0.068, 0.066, 0.066, 0.092, 0.094, 0.094, 0.042)),
        ("coco_wholebody133", 31, (0.020, 0.023)),
        ("coco_wholebody133", 58, (0.010, 0.017)),
        ("coco_wholebody133", 70, (0.034, 0.008)),
        ("coco_wholebody133", 90, (0.008, 0.029, 0.022, 0.035, 0.037, 0.047)),
        ("coco_wholebody133", 111, (0.031, 0.029)),
        ("halpe26", 17, (0.08, 0.08, 0.08, 0.089, 0.089, 0.089, 0.089, 0.089, 0.089)),
        ("crowdpose14", 0, (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107)),
        ("crowdpose14", 8, (0.087, 0.087, 0.089, 0.089, 0.079, 0.079)),
        ("aichallenger14", 0, (0.01388152, 0.01515228, 0.01057665)),
        ("aichallenger14", 6, (0.03909642, 0.03686941, 0.01981803)),
        ("aichallenger14", 12, (0.01291456, 0.01236173)),
        ("hand21", 0, (0.029, 0.022, 0.035, 0.037, 0.047, 0.026)),
    ],
)
def test_sigmas_are_the_published_ones(name: str, start: int, sigmas: tuple[float, ...]) -> None:
    assert skeleton(name).oks_sigmas[start : start + len(sigmas)] == sigmas


def test_openposes_sigmas_are_those_of_coco_and_its_necks_those_of_the_shoulders() -> None:
    coco = dict(zip(skeleton("coco17").keypoints, COCO_SIGMAS, strict=True)) | {"neck": 0.079}
    found = skeleton("openpose18")
    assert found.oks_sigmas == tuple(coco[keypoint] for keypoint in found.keypoints)
    assert set(found.keypoints) == set(coco)


@pytest.mark.parametrize("name", ["mpii16", "blazepose33", "h36m17"])
def test_sets_without_sigmas_take_those_of_coco_and_say_so(name: str) -> None:
    coco = dict(zip(skeleton("coco17").keypoints, COCO_SIGMAS, strict=True))
    found = skeleton(name)
    for keypoint, sigma in zip(found.keypoints, found.oks_sigmas, strict=True):
        assert sigma == coco.get(keypoint, sigma)
        assert sigma in COCO_SIGMAS
    assert "sigmas" in found.source
    assert "COCO's of the same joint" in found.source


@pytest.mark.parametrize("name", sorted(set(COUNTS) - {"coco_wholebody133", "aichallenger14"}))
def test_left_and_right_have_the_same_sigma(name: str) -> None:
    # The two exceptions publish different sigmas for the sides.
    found = skeleton(name)
    assert [found.oks_sigmas[k] for k in flip_indices(found)] == list(found.oks_sigmas)


@pytest.mark.parametrize("name", EVERY)
def test_flip_indices_swap_left_and_right(name: str) -> None:
    found = skeleton(name)
    flip = flip_indices(found)
    assert sorted(flip) == list(range(COUNTS[name]))
    assert [flip[k] for k in flip] == list(range(COUNTS[name]))
    for keypoint, partner in zip(found.keypoints, (found.keypoints[k] for k in flip), strict=True):
        if keypoint.startswith("left_"):
            assert partner == "right_" + keypoint.removeprefix("left_")
        elif keypoint.startswith("right_"):
            assert partner == "left_" + keypoint.removeprefix("right_")
        elif not keypoint.startswith("face_"):
            assert partner == keypoint


@pytest.mark.parametrize(("right", "left"), FACE_SWAPS)
def test_face_points_swap_as_published(right: int, left: int) -> None:
    flip = flip_indices(skeleton("coco_wholebody133"))
    assert flip[23 + right] == 23 + left


def test_face_pairs_put_the_left_of_the_person_first() -> None:
    found = skeleton("coco_wholebody133")
    pairs = [pair for pair in found.flip_pairs if pair[0].startswith("face_")]
    assert len(pairs) == 29
    assert {("face_16", "face_0"), ("face_45", "face_36"), ("face_55", "face_59")} <= set(pairs)


@pytest.mark.parametrize("name", EVERY)
def test_edges_reach_every_keypoint_and_are_mirrored(name: str) -> None:
    found = skeleton(name)
    edges = edge_indices(found)
    assert [(found.keypoints[a], found.keypoints[b]) for a, b in edges] == list(found.edges)
    assert {k for edge in edges for k in edge} == set(range(COUNTS[name]))
    flip = flip_indices(found)
    mirrored = {frozenset((flip[a], flip[b])) for a, b in edges}
    assert mirrored == {frozenset(edge) for edge in edges}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        *((name, 1) for name in EVERY if name not in ("blazepose33", "coco_wholebody133")),
        ("blazepose33", 3),  # eyes and ears, mouth, body
        ("coco_wholebody133", 10),  # body with hands; jaw, brows, nose, nostrils, eyes, two lips
    ],
)
def test_edges_connect_the_body(name: str, parts: int) -> None:
    part_of = list(range(COUNTS[name]))
    for a, b in edge_indices(skeleton(name)):
        part_of = [part_of[a] if part == part_of[b] else part for part in part_of]
    assert len(set(part_of)) == parts


@pytest.mark.parametrize("name", EVERY)
def test_names_become_enum_cases(name: str) -> None:
    cases = [lower_camel(keypoint) for keypoint in skeleton(name).keypoints]
    assert len(set(cases)) == len(cases)
    assert all(case.isidentifier() and case[0].islower() and "_" not in case for case in cases)


def test_lower_camel() -> None:
    assert lower_camel("left_wrist") == "leftWrist"
    assert lower_camel("nose") == "nose"
    assert lower_camel("left_middle_finger1") == "leftMiddleFinger1"
    assert lower_camel("face_67") == "face67"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("coco", "coco17"), ("COCO17", "coco17"), ("halpe", "halpe26"), ("wholebody", "wholebody133")],
)
def test_unknown_name_lists_the_known_ones_and_guesses(asked: str, meant: str) -> None:
    with pytest.raises(ValueError, match="expected one of") as raised:
        skeleton(asked)
    message = str(raised.value)
    assert f'"{asked}"' in message
    assert all(name in message for name in SKELETONS)
    assert message.endswith(f'{meant}"?')


@pytest.mark.parametrize("asked", ["17", "133", ""])
def test_a_count_is_no_name_and_gets_no_guess(asked: str) -> None:
    with pytest.raises(ValueError, match="expected one of") as raised:
        skeleton(asked)
    assert "did you mean" not in str(raised.value)


def test_registry_refuses_what_it_does_not_have() -> None:
    assert "nope" not in SKELETONS
    with pytest.raises(KeyError):
        SKELETONS["nope"]
    with pytest.raises(TypeError):
        SKELETONS["toy"] = TOY  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": (), "oks_sigmas": ()}, "keypoints are empty"),
        ({"keypoints": ("nose", "nose", "left_eye")}, '"nose" is listed twice'),
        ({"keypoints": ("nose", "Left_Eye", "right_eye")}, '"Left_Eye" is not a snake_case name'),
        ({"keypoints": ("nose", "2nd_eye", "right_eye")}, '"2nd_eye" is not a snake_case name'),
        ({"keypoints": ("nose", "left-eye", "right_eye")}, '"left-eye" is not a snake_case name'),
        ({"keypoints": ("nose", "left__eye", "right_eye")}, '"left__eye" is not a snake_case name'),
        ({"keypoints": ("nose", "_eye", "right_eye")}, '"_eye" is not a snake_case name'),
        ({"keypoints": ("nose", "", "right_eye")}, '"" is not a snake_case name'),
        ({"keypoints": ("nose", "œil", "right_eye")}, '"œil" is not a snake_case name'),
        ({"keypoints": ("eye_1", "eye1", "nose")}, '"eye_1" and "eye1" would both be eye1'),
        ({"edges": (("nose", "left_ear"),)}, 'names "left_ear", expected one of the keypoints'),
        ({"edges": (("nose", "nose"),)}, "joins a keypoint to itself"),
        ({"edges": (("nose", "left_eye"), ("left_eye", "nose"))}, "is listed twice"),
        ({"flip_pairs": (("left_ear", "right_ear"),)}, 'names "left_ear", expected one of'),
        ({"flip_pairs": (("left_eye", "left_eye"),)}, '"left_eye" a second time'),
        ({"flip_pairs": (("left_eye", "right_eye"), ("nose", "left_eye"))}, "a second time"),
        ({"flip_pairs": (("right_eye", "left_eye"),)}, "expected (left_x, right_x)"),
        ({"flip_pairs": (("left_eye", "nose"),)}, "expected (left_x, right_x)"),
        ({"flip_pairs": (("nose", "right_eye"),)}, "expected (left_x, right_x)"),
        ({"flip_pairs": ()}, 'flip_pairs lack ("left_eye", "right_eye")'),
        ({"oks_sigmas": (0.026, 0.025)}, "oks_sigmas has 2 values, expected 3"),
        ({"oks_sigmas": (0.026, 0.025, 0.0)}, 'sigma of "right_eye" is 0.0, expected a positive'),
        ({"oks_sigmas": (-0.026, 0.025, 0.025)}, 'sigma of "nose" is -0.026, expected a positive'),
        ({"oks_sigmas": (math.nan, 0.025, 0.025)}, 'sigma of "nose" is nan'),
        ({"oks_sigmas": (math.inf, 0.025, 0.025)}, 'sigma of "nose" is inf'),
    ],
)
def test_broken_skeleton_is_refused(change: dict[str, tuple[object, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=r'^skeleton "toy": ') as raised:
        replace(TOY, **change)  # type: ignore[arg-type]
    assert message in str(raised.value)


def test_unsided_names_may_pair_and_one_sided_names_may_stand_alone() -> None:
    toy = replace(
        TOY,
        keypoints=("face_0", "face_1", "left_eye"),
        edges=(),
        flip_pairs=(("face_1", "face_0"),),
    )
    assert flip_indices(toy) == (1, 0, 2)
    assert edge_indices(toy) == ()


def test_importing_pulls_in_nothing_heavy() -> None:
    code = (
        "import sys, importlib.util as u\n"
        "spec = u.spec_from_file_location('skeletons', sys.argv[1])\n"
        "module = u.module_from_spec(spec)\n"
        "sys.modules['skeletons'] = module\n"
        "spec.loader.exec_module(module)\n"
        "print({'numpy', 'tomllib', 'difflib', 'pydantic'} & set(sys.modules))\n"
    )
    path = sys.modules["posekit.contract.skeletons"].__file__
    assert path is not None
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr
