"""posekit's own golden vectors through a wrapper's code: warp, regions, orientations, decoder, tracker, smoother,
constants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from posekit import documents
from posekit.bundle import golden, wrapper
from posekit.contract.skeletons import flip_indices, lower_camel
from posekit.contract.spec import PoseSpec, contract_hash
from posekit.contract.stages import following_rule
from posekit.decoders.dense import DenseSpec
from posekit.parity.gate import Check, Outcome
from posekit.poses.following import FollowingRule
from posekit.poses.regions import region_from_box

NAME = "the wrapper gives posekit's golden vectors"
BOX_XYXY = (10.0, 20.0, 110.0, 220.0)
CLOSE = 1e-9
# what each suite may be off by, by its key; grey levels, px, scores, and how many cases have other people or ids
LIMITS: dict[str, dict[str, float]] = {
    "warp": {"grey": 0.01, "geometry": 1e-6, "matrix": 1e-6, "region": 1e-6, "points": 1e-6, "content_mismatches": 0},
    "yuv": {"grey": 0},
    "decoder": {"px": 0.001, "score": 1e-5, "box": 0.001, "count": 0, "unrefused_nan": 0},
    "dense": {"values": 1e-5, "uv": 1e-5, "numbers": 0, "matrix": 1e-6, "at_points": 1e-5, "count": 0},
    "tracking": {"region": 1e-6, "smoothed": 1e-6}, "people": {"ids": 0, "smoothed": 1e-6},
    "following": {"others": 0, "region": 1e-6},
}  # fmt: skip
OF_SKELETON = frozenset(["names", "oks_sigmas", "flip_partners", "edges", "cases"])
TESTS = {
    "android": ("android/module/src/test/kotlin/posekit/template", "Golden*Cases.kt"),
    "ios": ("ios/package/Tests/TemplatePoseCoreTests", "*Golden.swift"),
    "linux": ("linux/package/tests", "golden_cases.py"),
}


def readers(platform: str, spec: PoseSpec) -> dict[str, str]:
    """The sources that read golden vectors, of the wrapper's own tests, as posekit renders them: text by file name."""
    folder, pattern = TESTS[platform]
    found = sorted((wrapper.template_root() / folder).glob(pattern))
    return {path.name: wrapper.named(path.read_text(encoding="utf-8"), spec) for path in found}


def judged(text: str, spec: PoseSpec) -> Check:
    """What a program said of the vectors, as a check; text: its JSON."""
    try:
        said = documents.parse(text.strip().splitlines()[-1])
        problems = [*_errors(said), *_constants(said["contract"], spec)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Check(NAME, Outcome.FAIL, "the wrapper's code gives no answer that can be read")
    if problems:
        return Check(NAME, Outcome.FAIL, "; ".join(problems[:5]))
    counts = {suite: said[suite]["cases"] for suite in LIMITS}
    return Check(NAME, Outcome.PASS, ", ".join(f"{count} of {suite}" for suite, count in counts.items()))


def _errors(said: Mapping[str, Any]) -> Iterator[str]:
    for suite, limits in LIMITS.items():
        if not said[suite]["cases"] > 0:
            yield f"no case of {suite} was run"
        for key, limit in limits.items():
            value = said[suite].get(key, 0.0)
            if not isinstance(value, int | float) or not value <= limit:
                yield f"{suite}: {key} is off by {value}, at most {limit:g}"


def _constants(said: Mapping[str, Any], spec: PoseSpec) -> Iterator[str]:
    names, given = spec.keypoints.names, spec.input
    region = region_from_box(BOX_XYXY, given.size_wh, given.box_padding)
    expected: dict[str, Any] = {
        "hash": contract_hash(spec),
        "size_wh": list(given.size_wh),
        "resize": given.resize,
        "alignment": given.alignment,
        "sampling": given.sampling,
        "anchor": given.anchor,
        "rounding": given.rounding,
        "odd_pixel": given.odd_pixel,
        "enlarge": given.enlarge,
        "pad_value": given.pad_value,
        "outside": "edge" if given.repeats_edge else "value",
        "box_padding": given.box_padding,
        "names": list(names),
        "oks_sigmas": list(spec.keypoints.oks_sigmas),
        "flip_partners": list(flip_indices(spec.keypoints.as_skeleton())),
        "edges": [[names.index(a), names.index(b)] for a, b in spec.keypoints.edges],
        "dense": [_dense_facts(one) for one in spec.dense],
        "following": [] if spec.detector is None else _following_facts(following_rule(spec)),
        "box_region": [*region.center_xy, *region.size_wh, region.rotation_degrees],
    }
    if "cases" in said:
        expected["cases"] = [lower_camel(name) for name in names]
    if spec.whole is not spec:  # the code names the keypoints of the pose network
        expected = {key: value for key, value in expected.items() if key not in OF_SKELETON}
    for key, value in expected.items():
        if not _is_near(said[key], value):
            yield f"the code's {key} is {said[key]!r}, the contract's {value!r}"


def _following_facts(rule: FollowingRule) -> list[float]:
    """What the generated constants say of whom they follow, as both languages tell it."""
    counts = [rule.min_score, rule.margin, rule.max_people, rule.detect_every, rule.min_overlap, rule.max_alike]
    for points, about_box in ((rule.points, rule.points_about_box), (rule.next_points, rule.next_points_about_box)):
        if points is not None:
            counts += [points.first, points.second, points.scale, points.shift, points.target_degrees, about_box]
            counts += [*points.with_second, *points.among]
    return [float(one) for one in counts]


def _dense_facts(one: DenseSpec) -> str:
    """What the generated constants say of a dense result, as both languages tell it."""
    return (
        f"{one.name} {one.kind} {one.output} {one.first} {one.stride:g} {one.shift:g} {one.upsampling} "
        f"{one.activation} {one.threshold:g} {one.within} {','.join(one.labels)} {one.coarse_count}"
        + "".join(f" {role.output} {role.first}" for role in (one.coarse, one.u, one.v) if role is not None)
    )


def _is_near(seen: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        is_list = isinstance(seen, list) and len(seen) == len(expected)
        return is_list and all(map(_is_near, seen, expected))
    if isinstance(expected, float):
        return isinstance(seen, int | float) and math.isclose(seen, expected, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(seen == expected)


def vectors(spec: PoseSpec, folder: Path) -> Path:
    """Write the vectors of a contract into a new folder: those of a bundle, and every orientation."""
    golden.write(folder, spec, every_orientation=True)
    return folder
