"""An articulated figure in three dimensions: a random pose, its 17 COCO keypoints and the parts that are drawn.

Figure space: x to the right of the picture, y down, z away from the viewer, 1.0 = about the standing height.
A figure at yaw 0 faces the viewer, so its left side is at +x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.stance import SIDES, Array, Pose, Rng, random_pose, rotation

Colour = tuple[int, int, int]

NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Part:
    """The convex hull of spheres, in figure space; `shows` names the keypoints that it makes visible."""

    centres: Array  # (n, 3)
    radii: Array  # (n,)
    colour: Colour
    shows: tuple[str, ...] = ()
    bias: float = 0.0  # added to the depth when parts are sorted
    texture: str = "plain"  # plain | rungs | lengths | checks
    accent: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Figure:
    """Keypoints (17, 3) in figure space and the parts, the farthest first."""

    keypoints: Array
    parts: tuple[Part, ...]


def random_figure(rng: Rng) -> Figure:
    """A figure with random pose, build and clothes."""
    return build_figure(rng, random_pose(rng))


def build_figure(rng: Rng, pose: Pose) -> Figure:
    """The figure in that pose, with random build and clothes."""
    joints, frame = _joints(rng, pose)
    clothes = _clothes(rng)
    girth = rng.uniform(0.85, 1.25)
    parts = [*_trunk(joints, frame, clothes, girth), *_head(joints, frame, clothes)]
    for side, _ in SIDES:
        parts += _limbs(joints, clothes, girth, side)
    turn = rotation(*pose.root)
    turned = [Part(p.centres @ turn.T, p.radii, p.colour, p.shows, p.bias, p.texture, p.accent) for p in parts]
    turned.sort(key=lambda part: -(part.centres[:, 2].mean() + part.bias))
    return Figure(np.stack([joints[name] for name in NAMES]) @ turn.T, tuple(turned))


def _joints(rng: Rng, pose: Pose) -> tuple[dict[str, Array], dict[str, Array]]:
    """Joints before the root's rotation, and the frames of the chest and the head."""
    stretch = rng.uniform(0.92, 1.08, 6)
    shoulder, hip = rng.uniform(0.1, 0.132), rng.uniform(0.055, 0.075)
    chest = rotation(*pose.bend)
    head = chest @ rotation(*pose.head)
    top = chest @ np.array([0.0, -0.29 * stretch[0], 0.0])
    joints: dict[str, Array] = {"neck": top, "pelvis": np.zeros(3)}
    for (side, sign), arm, leg in zip(SIDES, pose.arms, pose.legs, strict=True):
        upper = chest @ rotation(roll=-sign * arm[1]) @ rotation(pitch=-arm[0]) @ rotation(yaw=sign * arm[2])
        lower = upper @ rotation(pitch=-arm[3])
        thigh = rotation(roll=-sign * leg[1]) @ rotation(pitch=-leg[0])
        shin = thigh @ rotation(pitch=leg[2])
        joints[f"{side}_shoulder"] = top + chest @ np.array([sign * shoulder, 0.0, 0.0])
        joints[f"{side}_elbow"] = joints[f"{side}_shoulder"] + upper @ DOWN * 0.165 * stretch[1]
        joints[f"{side}_wrist"] = joints[f"{side}_elbow"] + lower @ DOWN * 0.15 * stretch[2]
        joints[f"{side}_fingers"] = joints[f"{side}_wrist"] + lower @ DOWN * 0.045
        joints[f"{side}_hip"] = np.array([sign * hip, 0.0, 0.0])
        joints[f"{side}_knee"] = joints[f"{side}_hip"] + thigh @ DOWN * 0.245 * stretch[3]
        joints[f"{side}_ankle"] = joints[f"{side}_knee"] + shin @ DOWN * 0.24 * stretch[4]
        joints[f"{side}_toe"] = joints[f"{side}_ankle"] + shin @ np.array([sign * 0.02, 0.035, -0.09])
    size = 0.08 * stretch[5]
    joints["head"] = top + chest @ np.array([0.0, -0.135, -0.01])
    marks = {"nose": (0, 0.22, -1.05), "left_eye": (0.37, -0.05, -0.9), "left_ear": (0.92, 0.08, -0.05)}
    marks |= {"right_eye": (-0.37, -0.05, -0.9), "right_ear": (-0.92, 0.08, -0.05)}
    for name, mark in marks.items():
        joints[name] = joints["head"] + head @ np.array(mark) * size
    return joints, {"chest": chest, "head": head * size}


@dataclass(frozen=True)
class _Clothes:
    skin: Colour
    hair: Colour
    shirt: Colour
    accent: Colour
    legs: Colour
    shoes: Colour
    texture: str
    sleeves: str  # long | short | none
    bottom: str  # trousers | shorts | skirt
    long_hair: bool
    backpack: bool


def _clothes(rng: Rng) -> _Clothes:
    tone = rng.uniform(0, 1)
    skin = np.array([240, 205, 180]) * (1 - tone) + np.array([95, 60, 42]) * tone
    hairs = [(30, 24, 22), (70, 45, 28), (120, 80, 45), (205, 170, 105), (140, 140, 140), (150, 60, 30)]
    return _Clothes(
        skin=_colour(skin + rng.normal(0, 6, 3)),
        hair=_colour(np.array(hairs[rng.integers(len(hairs))]) + rng.normal(0, 8, 3)),
        shirt=_colour(rng.integers(15, 245, 3)),
        accent=_colour(rng.integers(0, 256, 3)),
        legs=_colour(rng.integers(15, 215, 3)),
        shoes=_colour(rng.integers(10, 240, 3)),
        texture=str(rng.choice(["plain", "rungs", "lengths", "checks"], p=[0.5, 0.25, 0.15, 0.1])),
        sleeves=str(rng.choice(["long", "short", "none"], p=[0.45, 0.4, 0.15])),
        bottom=str(rng.choice(["trousers", "shorts", "skirt"], p=[0.6, 0.25, 0.15])),
        long_hair=bool(rng.random() < 0.4),
        backpack=bool(rng.random() < 0.12),
    )


def _colour(values: NDArray[np.generic]) -> Colour:
    red, green, blue = (int(v) for v in np.clip(values, 0, 255))
    return red, green, blue


def _part(points: list[Array], radii: list[float], colour: Colour, shows: str = "", bias: float = 0.0) -> Part:
    return Part(np.stack(points), np.array(radii), colour, tuple(shows.split()), bias)


def _trunk(joints: dict[str, Array], frame: dict[str, Array], clothes: _Clothes, girth: float) -> list[Part]:
    """Shirt, pelvis, neck, collar, and at times a skirt, buttons or a backpack."""
    left, right, top, chest = joints["left_shoulder"], joints["right_shoulder"], joints["neck"], frame["chest"]
    hips = [joints["left_hip"], joints["right_hip"]]
    waist = [0.25 * left * [0.8, 1, 1] + 0.75 * hips[0], 0.25 * right * [0.8, 1, 1] + 0.75 * hips[1]]
    r = 0.042 * girth
    shirt = Part(
        np.stack([left, right, *waist]), np.array([0.036, 0.036, r, r]), clothes.shirt,
        ("left_shoulder", "right_shoulder", "left_hip", "right_hip"), 0.0, clothes.texture, clothes.accent,
    )  # fmt: skip
    front = np.array([0.0, 0.0, -0.06])
    parts = [
        shirt,
        _part([*waist, *hips], [r, r, r * 1.1, r * 1.1], clothes.legs, "left_hip right_hip", 0.004),
        _part([top, joints["head"]], [0.032, 0.03], clothes.skin, "", -0.005),
        _part([top + chest @ np.array([0.0, y, -0.06]) for y in (-0.02, 0.035)], [0.026, 0.006], clothes.skin),
    ]
    if clothes.texture in ("plain", "rungs"):
        for step in (0.3, 0.5, 0.7):
            parts.append(_part([top * (1 - step) + chest @ front], [0.008], clothes.accent))
    if clothes.bottom == "skirt":
        hems = [0.25 * joints[f"{s}_hip"] + 0.75 * joints[f"{s}_knee"] for s, _ in SIDES]
        parts.append(
            _part(
                [*hips, *hems],
                [r * 1.15, r * 1.15, 0.066, 0.066],
                clothes.legs,
                "left_hip right_hip left_knee right_knee",
                -0.045,
            )
        )
    if clothes.backpack:
        corners = [top + chest @ np.array([x, y, 0.085]) for y in (0.04, 0.2) for x in (0.05, -0.05)]
        parts.append(_part(corners, [0.03] * 4, clothes.accent))
        for side, sign in SIDES:
            strap = [
                joints[f"{side}_shoulder"] * 0.8 + top * 0.2 + chest @ np.array([-sign * 0.02, y, -0.055])
                for y in (-0.02, 0.14)
            ]
            parts.append(_part(strap, [0.01, 0.01], clothes.accent, f"{side}_shoulder"))
    return parts


def _head(joints: dict[str, Array], frame: dict[str, Array], clothes: _Clothes) -> list[Part]:
    """Skull with hair, face, ears, eyes, nose and mouth."""
    size = float(np.linalg.norm(frame["head"][:, 0]))

    def at(x: float, y: float, z: float) -> Array:
        place: Array = joints["head"] + frame["head"] @ np.array([x, y, z])
        return place

    dark = _colour(np.array(clothes.skin) * 0.82)
    parts = [
        _part([at(0, -0.12, 0.12)], [size], clothes.hair),
        _part(
            [at(0, -0.02, -0.3), at(0, 0.4, -0.28)], [0.8 * size, 0.6 * size], clothes.skin, "nose left_eye right_eye"
        ),
        _part([at(0, 0.12, -1.02), joints["nose"]], [0.08 * size, 0.15 * size], dark, "nose", -0.01),
        _part([at(-0.2, 0.62, -0.84), at(0.2, 0.62, -0.84)], [0.06 * size] * 2, (150, 50, 50), "", -0.005),
    ]
    for side, _ in SIDES:
        eye = joints[f"{side}_eye"]
        pupil = eye + (eye - joints["head"]) * 0.08
        parts.append(_part([joints[f"{side}_ear"]], [0.2 * size], dark, f"{side}_ear"))
        parts.append(_part([eye], [0.17 * size], (245, 245, 245), f"{side}_eye", -0.005))
        parts.append(_part([pupil], [0.1 * size], (25, 25, 30), f"{side}_eye", -0.008))
    if clothes.long_hair:
        parts.append(
            _part(
                [at(0, 0, 0.2), at(0.45, 1.5, 0.4), at(-0.45, 1.5, 0.4)], [size, 0.45 * size, 0.45 * size], clothes.hair
            )
        )
    return parts


def _limbs(joints: dict[str, Array], clothes: _Clothes, girth: float, side: str) -> list[Part]:
    """One arm and one leg with what they wear."""
    names = ("shoulder", "elbow", "wrist", "fingers", "hip", "knee", "ankle", "toe")
    shoulder, elbow, wrist, fingers, hip, knee, ankle, toe = (joints[f"{side}_{name}"] for name in names)
    sleeve = clothes.shirt if clothes.sleeves == "long" else clothes.skin
    texture = clothes.texture if clothes.sleeves == "long" and clothes.texture == "rungs" else "plain"
    trousers = clothes.legs if clothes.bottom == "trousers" else clothes.skin
    thick = [r * girth for r in (0.036, 0.029, 0.022, 0.056, 0.042, 0.028)]
    arm = f"{side}_shoulder {side}_elbow"
    parts = [
        Part(
            np.stack([shoulder, elbow]), np.array(thick[:2]), sleeve, tuple(arm.split()), -0.03, texture, clothes.accent
        ),
        Part(
            np.stack([elbow, wrist]),
            np.array(thick[1:3]),
            sleeve,
            (f"{side}_elbow", f"{side}_wrist"),
            -0.031,
            texture,
            clothes.accent,
        ),
        _part([wrist, fingers], [0.02, 0.02], clothes.skin, f"{side}_wrist", -0.032),
        _part([hip, knee], thick[3:5], trousers, f"{side}_hip {side}_knee"),
        _part([knee, ankle], thick[4:], trousers, f"{side}_knee {side}_ankle", -0.001),
        _part([ankle, toe], [0.026, 0.02], clothes.shoes, f"{side}_ankle", -0.002),
    ]
    if clothes.sleeves == "short":
        parts.append(
            _part(
                [shoulder, 0.4 * shoulder + 0.6 * elbow],
                [thick[0] * 1.12, thick[0] * 1.12],
                clothes.shirt,
                arm,
                -0.0305,
            )
        )
    if clothes.bottom == "shorts":
        hem = 0.3 * hip + 0.7 * knee
        parts.append(
            _part([hip, hem], [thick[3] * 1.05, thick[4] * 1.35], clothes.legs, f"{side}_hip {side}_knee", -0.0005)
        )
    return parts
