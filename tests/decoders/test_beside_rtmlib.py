"""The decoders beside those of rtmlib, on the same raw outputs: SimCC, ViTPose's UDP heatmaps, RTMO's candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

rtmlib = pytest.importorskip("rtmlib", reason="rtmlib is not installed: make setup does so")

from rtmlib.tools.pose_estimation.post_processings import get_simcc_maximum, post_dark_udp  # noqa: E402
from rtmlib.tools.pose_estimation.rtmo import RTMO  # noqa: E402

from posekit.contract.outputs import decode  # noqa: E402
from posekit.contract.presets import preset  # noqa: E402
from posekit.decoders.heatmap import encode as heatmaps_of  # noqa: E402
from posekit.decoders.simcc import encode as bins_of  # noqa: E402

RNG = np.random.default_rng(4)
POINTS = RNG.uniform(50, 140, (17, 2))
EDGES = np.stack([np.r_[np.linspace(0, 190, 9), np.full(4, 2.0), np.full(4, 189.0)],
                  np.r_[np.full(5, 1.0), np.full(4, 253.0), np.linspace(10, 240, 8)]], -1)  # fmt: skip


def test_simcc_is_rtmlibs() -> None:
    spec = preset("rtmpose-coco17")
    outputs = bins_of(POINTS, spec.decoder, spec.input.size_wh)  # type: ignore[arg-type]
    noisy = {name: (values + RNG.normal(0, 0.1, values.shape)).astype(np.float32) for name, values in outputs.items()}
    mean = spec.decoder.model_copy(update={"score_reduction": "mean"})  # MMPose takes the smaller one
    found = decode({name: values[None] for name, values in noisy.items()}, spec.decoding(mean))
    places, scores = get_simcc_maximum(noisy["simcc_x"][None], noisy["simcc_y"][None])
    np.testing.assert_allclose(found.keypoints, places / 2.0, atol=1e-6)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("where", ["middle", "edges"])
def test_udps_step_is_rtmlibs(where: str, noise: float) -> None:
    """Within 0.01 px up to the edge of the map, where rtmlib mirrors it."""
    spec = preset("vitpose-coco17")
    mirror = spec.decoding(spec.decoder.model_copy(update={"blur_edge": "mirror"}))
    points = POINTS if where == "middle" else EDGES
    maps = heatmaps_of(points, spec.decoder, spec.input.size_wh, (48, 64))["heatmaps"]  # type: ignore[arg-type]
    maps = (maps + RNG.normal(0, noise, maps.shape)).astype(np.float32)
    found, other = (decode({"heatmaps": maps[None]}, one) for one in (mirror, spec))
    flat = maps.reshape(-1, 17)
    peaks = np.stack([flat.argmax(0) % 48, flat.argmax(0) // 48], -1).astype(np.float32)
    cells = post_dark_udp(peaks[None], maps.transpose(2, 0, 1)[None].copy(), kernel=11)
    expected = np.asarray(cells)[0] * (np.array([191, 255]) / np.array([47, 63]))
    np.testing.assert_allclose(found.keypoints[0], expected, atol=0.01)
    assert (np.abs(other.keypoints[0] - expected).max() < 0.01) == (where == "middle")


def test_candidates_are_suppressed_as_rtmlib_does() -> None:
    rng, spec = np.random.default_rng(5), preset("rtmo-coco17")
    people = spec.decoder.model_dump()
    people["min_confidence"], people["nms"] = 0.7, {"kind": "iou", "definition": "inclusive", "threshold": 0.45}
    spec = spec.decoding(type(spec.decoder).model_validate(people))
    first = rng.uniform(0, 400, (2000, 2))
    boxes = np.concatenate([first, first + rng.uniform(40, 200, (2000, 2))], 1)
    detections = np.concatenate([boxes, rng.permutation(np.linspace(0, 1, 2000))[:, None]], 1).astype(np.float32)
    points = rng.uniform(0, 1, (2000, 17, 3)).astype(np.float32) * np.float32([600, 600, 1])
    rows = np.concatenate([detections, points.reshape(2000, -1)], 1)
    found = decode({"rows": rows[None]}, spec)
    nobody: Any = object()
    keypoints, scores = RTMO.postprocess(nobody, [detections[None].copy(), points[None]], 1.0, 0.45, 0.7)
    assert 10 < found.count < 600
    np.testing.assert_allclose(found.keypoints, keypoints, atol=1e-4)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
