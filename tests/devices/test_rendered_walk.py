"""A rendered figure through the sample's network, followed from frame to frame: what the smoother is worth there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from posekit.bundle import open_bundle
from posekit.contract.skeletons import skeleton
from posekit.decoders import of
from posekit.parity.cases import cases_in, poses_of
from posekit.poses import Floats
from posekit.poses.images import Photo
from posekit.poses.live_tracking import LiveTracking
from posekit.poses.people_tracking import PeopleTracker
from posekit.poses.regions import region_from_box
from posekit.runtimes import litert
from sample import clip as sample_clip
from tests import crossing, walking

FRAMES, SIZE_WH = 60, (1000, 480)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(sample_bundle: Callable[[str, str], Path]) -> Callable[[float], tuple[Floats, Floats]]:
    """What the network sees of somebody who walks with so many heights a second, and the same smoothed."""
    bundle = open_bundle(sample_bundle("tinypose", "android"))
    spec, run = bundle.spec, litert.open_model(bundle.shipped_model_path)
    least = of(spec.decoder).tracking_score(spec.decoder, spec.input.size_wh)

    @cache
    def seen(speed: float) -> tuple[Floats, Floats]:
        start = sample_clip.figure(7, 0.6, 0.0).keypoints[:, :2] * sample_clip.HEIGHT * SIZE_WH[1] + np.array(
            SIZE_WH
        ) * (0.2, 0.52)
        (left, top), (right, bottom) = start.min(axis=0).tolist(), start.max(axis=0).tolist()
        tracking = LiveTracking(spec.keypoints.oks_sigmas, least, spec.input.size_wh, spec.input.box_padding)
        tracking.region = region_from_box((left, top, right, bottom), spec.input.size_wh, 1.2 * spec.input.box_padding)
        frames = []
        for at, picture in enumerate(sample_clip.drawn(FRAMES, SIZE_WH, speed, start=0.2)):
            assert tracking.region is not None
            (case,) = cases_in(picture, Photo(Path(), 0, regions=(tracking.region,)), spec)
            poses = poses_of(run(case.pixels), case.transform, spec)
            ids, calmed = tracking.update(poses, at / sample_clip.RATE)
            assert ids == [1]
            frames.append((poses.keypoints[0], calmed.keypoints[0]))
        raw, smooth = zip(*frames, strict=True)
        return np.stack(raw), np.stack(smooth)

    return seen


def test_the_jitter_of_a_still_figure_becomes_a_third(clip: Callable[[float], tuple[Floats, Floats]]) -> None:
    raw, smooth = (one[20:].std(axis=0).mean() for one in clip(0.0))
    assert raw > 0.3  # px: the network does shake
    assert smooth <= raw / 3


@pytest.mark.parametrize("speed", [0.3, 0.5, 0.8])
def test_a_walking_figure_lags_by_a_frame_at_most(speed: float, clip: Callable[[float], tuple[Floats, Floats]]) -> None:
    raw, smooth = clip(speed)
    way = speed * sample_clip.HEIGHT * SIZE_WH[1] * FRAMES / sample_clip.RATE
    assert np.ptp(raw.mean(axis=1)[:, 0]) > 0.8 * way  # it is followed
    assert 0 < walking.lag_frames(raw, smooth) <= 1


def test_walkers_who_cross_keep_their_ids_though_one_is_hidden_for_a_second() -> None:
    """What the network saw in the rendered clip; who comes to the wall is half hidden and seems to slow down."""
    tracker, ids = PeopleTracker(skeleton("coco17").oks_sigmas), list[tuple[int, ...]]()
    for at, poses in enumerate(crossing.recorded()):
        ids.append(tuple(tracker.update(poses, at / sample_clip.RATE)))
    assert len(ids) == crossing.FRAMES
    assert sorted(set(ids)) == [(1, 2), (2,)]
    assert 26 <= ids.count((2,)) <= 32  # frames without the one behind, at 30 a second


def test_the_recorded_clip_is_what_the_network_sees(sample_bundle: Callable[[str, str], Path]) -> None:
    bundle = open_bundle(sample_bundle("tinypose", "android"))
    places = [0, 40, 57, 70, 86, 119]
    made = crossing.record(bundle.spec, litert.open_model(bundle.shipped_model_path), places)
    for at, one in zip(places, made["frames"], strict=True):
        found = np.array(one["keypoints"])
        np.testing.assert_allclose(found, crossing.recorded()[at].keypoints, atol=0.05, err_msg=str(at))
