"""Between the px of a heatmap: a Newton step on the logarithm of the blurred map, in the two forms that are in use.

Source: DARK, Zhang et al. 2020; its form for unbiased data, Huang et al. 2020, "UDP". Mirrored by DarkStep and UdpStep
in Kotlin and Swift.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posekit.poses import Floats

BlurEdge = Literal["zero", "mirror"]  # outside of a map there is 0, or the map mirrored about its outermost px
# OpenCV (getGaussianKernel, until 4.x) has numbers instead of a formula where the sigma is not said
SMALL_KERNELS = {3: (1, 2, 1), 5: (1, 4, 6, 4, 1), 7: (2, 7, 14, 18, 14, 7, 2)}
LOG_FLOOR = 1e-10  # dark_step takes the logarithm of blurred values, which may be 0
UDP_RANGE = (1e-3, 50.0)  # and udp_step of values within these
UDP_RIDGE = float(np.finfo(np.float32).eps)  # added to the diagonal of its Hessian


def dark_step(heatmaps: Floats, x: NDArray[Any], y: NDArray[Any], kernel: int, edge: BlurEdge) -> Floats:
    """One Newton step on the logarithm of the blurred map; none within two px of the edge.

    Only the 5 x 5 px about the peak are blurred. The published code scales the blurred map back to its old maximum;
    under the logarithm that adds a constant, which no derivative sees, so it is left out.
    """
    height, width, count = heatmaps.shape
    reach = kernel // 2 + 2
    if edge == "zero":
        padded = np.zeros((height + 2 * reach, width + 2 * reach, count))
        padded[reach:-reach, reach:-reach] = heatmaps
    else:
        padded = np.pad(heatmaps, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    span = np.arange(2 * reach + 1)
    patches = padded[y[:, None, None] + span[None, :, None], x[:, None, None] + span, np.arange(count)[:, None, None]]
    blur = _blur(kernel)
    log = np.log(np.maximum(blur @ patches @ blur.T, LOG_FLOOR))  # (K, 5, 5), the peak at [2, 2]
    dx = 0.5 * (log[:, 2, 3] - log[:, 2, 1])
    dy = 0.5 * (log[:, 3, 2] - log[:, 1, 2])
    dxx = 0.25 * (log[:, 2, 4] - 2 * log[:, 2, 2] + log[:, 2, 0])
    dyy = 0.25 * (log[:, 4, 2] - 2 * log[:, 2, 2] + log[:, 0, 2])
    dxy = 0.25 * (log[:, 3, 3] - log[:, 1, 3] - log[:, 3, 1] + log[:, 1, 1])
    det = dxx * dyy - dxy * dxy
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    # A peak has a negative definite Hessian; where blurring left none, the step would lead away from it.
    sound = inside & (det > 0) & (dxx < 0)
    safe = np.where(sound, det, 1.0)
    step = np.stack([-(dyy * dx - dxy * dy) / safe, -(dxx * dy - dxy * dx) / safe], axis=-1)
    return np.asarray(np.clip(step, -2.0, 2.0) * sound[:, None])  # the patch ends two px from the peak


@lru_cache(maxsize=4)
def _blur(kernel: int) -> Floats:
    """(5, kernel + 4): the Gaussian at each of the five px about a peak."""
    blur = np.zeros((5, kernel + 4))
    for row in range(5):
        blur[row, row : row + kernel] = gaussian_kernel(kernel)
    return blur


def udp_step(heatmaps: Floats, x: NDArray[Any], y: NDArray[Any], kernel: int, edge: BlurEdge) -> Floats:
    """One Newton step (K, 2) from the peaks (x, y) of maps (h, w, K), at the edge too, and however far it leads.

    The blurred map is scaled back to its old maximum, since small values are cut off; beyond its edge it goes on as it
    ends there.
    """
    height, width, count = heatmaps.shape
    smooth = blurred(heatmaps, kernel, edge)
    scale = heatmaps.max(axis=(0, 1)) / (smooth.max(axis=(0, 1)) + 1e-12)
    about = np.arange(-1, 2)
    rows = np.clip(y[:, None] + about, 0, height - 1)
    columns = np.clip(x[:, None] + about, 0, width - 1)
    k = np.arange(count)[:, None, None]
    log = np.log(np.clip(smooth[rows[:, :, None], columns[:, None, :], k] * scale[:, None, None], *UDP_RANGE))
    left, right, above, below, here = log[:, 1, 0], log[:, 1, 2], log[:, 0, 1], log[:, 2, 1], log[:, 1, 1]
    dx, dy = 0.5 * (right - left), 0.5 * (below - above)
    dxx = right - 2 * here + left + UDP_RIDGE
    dyy = below - 2 * here + above + UDP_RIDGE
    dxy = 0.5 * (log[:, 2, 2] - right - below + 2 * here - left - above + log[:, 0, 0])
    det = dxx * dyy - dxy * dxy
    sound = det != 0
    safe = np.where(sound, det, 1.0)
    step = np.stack([-(dyy * dx - dxy * dy), -(dxx * dy - dxy * dx)], axis=-1) / safe[:, None]
    return np.asarray(step * sound[:, None])


def blurred(maps: Floats, kernel: int, edge: BlurEdge) -> Floats:
    """Maps (h, w, K) under a Gaussian of odd width; `mirror` is what OpenCV does where nothing else is said."""
    down, across = (_weights(side, kernel, edge) for side in maps.shape[:2])
    return np.asarray(np.matmul(across, np.tensordot(down, maps, 1)))


@lru_cache(maxsize=16)
def _weights(side: int, kernel: int, edge: BlurEdge) -> Floats:
    """(side, side): a row for each px of a line, with what each px adds to it."""
    weights, period, gaussian = np.zeros((side, side)), max(2 * (side - 1), 1), gaussian_kernel(kernel)
    for row in range(side):
        for tap, weight in enumerate(gaussian):
            place = row + tap - kernel // 2
            if edge == "mirror":
                place = min(place % period, period - place % period) if side > 1 else 0
            if 0 <= place < side:
                weights[row, place] += weight
    return weights


def gaussian_kernel(size: int) -> Floats:
    """Normalised Gaussian of odd `size` with the sigma that OpenCV derives from it; of small ones its own numbers."""
    if size in SMALL_KERNELS:
        return np.array(SMALL_KERNELS[size]) / sum(SMALL_KERNELS[size])
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    positions = np.arange(size) - size // 2
    weights = np.exp(-(positions**2) / (2 * sigma * sigma))
    return np.asarray(weights / weights.sum())
