"""Heatmaps: there and back for each refinement, the edges, and DARK against a plain reading of its paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from posekit.decoders import heatmap
from posekit.decoders.dark import gaussian_kernel
from posekit.decoders.heatmap import REFINEMENTS, HeatmapSpec, encode, input_px_per_index
from posekit.poses.input_spec import InputSpec
from tests.decoders.one import of_one

decode = of_one(heatmap.decode)

SIZE_WH = (96, 160)  # not square, and neither is the map: swapped axes are seen
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                  alignment="half_pixel")  # fmt: skip
MAP_WH = (24, 40)
COUNTS = (1, 4, 14, 17, 21, 26, 133)
ALIGNMENTS = ("stride", "corners")
BOUNDS = {"none": 0.5, "quarter": 0.3, "dark": 0.05, "dark_udp": 0.1}  # in cells of the map, away from its edges


def heatmap(refinement: str = "none", alignment: str = "stride", **more: Any) -> HeatmapSpec:
    return HeatmapSpec(kind="heatmap", output="maps", refinement=refinement, alignment=alignment, **more)


def decoded(maps: np.ndarray[Any, Any], spec: HeatmapSpec) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return decode({"maps": maps}, spec, IMAGE)


def single(values: dict[tuple[int, int], float]) -> np.ndarray[Any, Any]:
    """One map with values at some (x, y)."""
    maps = np.zeros((MAP_WH[1], MAP_WH[0], 1))
    for (x, y), value in values.items():
        maps[y, x, 0] = value
    return maps


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_what_is_drawn_is_found(refinement: str, alignment: str, count: int) -> None:
    spec = heatmap(refinement, alignment)
    cell = input_px_per_index(alignment, MAP_WH, SIZE_WH)
    points = np.random.default_rng(count).uniform(8, np.array(MAP_WH) - 9, (count, 2)) * cell
    found, scores = decoded(encode(points, spec, SIZE_WH, MAP_WH)["maps"].astype(np.float32), spec)
    assert found.shape == (count, 2)
    assert (np.abs(found - points) / cell).max() <= BOUNDS[refinement] + 1e-6
    assert (scores > 0.9).all()


def test_each_refinement_is_better_than_the_one_before() -> None:
    points = np.random.default_rng(1).uniform(40, 60, (133, 2))
    errors = []
    for refinement in ("none", "quarter", "dark"):
        spec = heatmap(refinement)
        found, _ = decoded(encode(points, spec, SIZE_WH, MAP_WH)["maps"], spec)
        errors.append(np.abs(found - points).mean())
    assert errors[0] > 1.5 * errors[1]
    assert errors[1] > 10 * errors[2]


@pytest.mark.parametrize(
    ("alignment", "expected"), [("stride", (40.0, 60.0)), ("corners", (10 * 95 / 23, 15 * 159 / 39))]
)
def test_an_index_becomes_input_px(alignment: str, expected: tuple[float, float]) -> None:
    found, scores = decoded(single({(10, 15): 0.7}), heatmap("none", alignment))
    np.testing.assert_allclose(found, [expected])
    np.testing.assert_allclose(scores, [0.7])


@pytest.mark.parametrize("corner", [(0, 0), (23, 0), (0, 39), (23, 39)])
@pytest.mark.parametrize("refinement", ["none", "quarter", "dark"])
def test_a_peak_in_a_corner_stays_there(refinement: str, corner: tuple[int, int]) -> None:
    found, scores = decoded(single({corner: 1.0}), heatmap(refinement, "corners"))
    np.testing.assert_allclose(found, [[(corner[0] > 0) * 95.0, (corner[1] > 0) * 159.0]])
    assert scores.tolist() == [1.0]


@pytest.mark.parametrize(
    ("peak", "moved"),
    [((1, 20), False), ((2, 20), True), ((22, 20), True), ((23, 20), False), ((10, 1), False), ((10, 2), True),
     ((10, 38), True), ((10, 39), False)],
)  # fmt: skip
def test_quarter_moves_as_hrnet_does_near_the_edges(peak: tuple[int, int], moved: bool) -> None:
    """A quarter towards the higher neighbour, where 1 < index < n - 1 on both axes."""
    x, y = peak
    neighbours = {(x - 1, y): 0.5, (x, y - 1): 0.5}
    found, _ = decoded(
        single({peak: 1.0} | {at: v for at, v in neighbours.items() if min(at) >= 0}), heatmap("quarter")
    )
    np.testing.assert_allclose(found / 4, [[x - 0.25 * moved, y - 0.25 * moved]])


@pytest.mark.parametrize(
    ("neighbours", "offset"),
    [({(11, 15): 0.5}, (0.25, 0)), ({(9, 15): 0.5}, (-0.25, 0)), ({(10, 16): 0.1}, (0, 0.25)),
     ({(10, 14): 0.1, (11, 15): 0.1}, (0.25, -0.25)), ({(9, 15): 0.5, (11, 15): 0.5}, (0, 0))],
)  # fmt: skip
def test_quarter_goes_to_the_higher_neighbour(neighbours: dict[Any, float], offset: tuple[float, float]) -> None:
    found, _ = decoded(single({(10, 15): 1.0} | neighbours), heatmap("quarter"))
    np.testing.assert_allclose(found / 4, [[10 + offset[0], 15 + offset[1]]])


@pytest.mark.parametrize("peak", [(1, 20), (22, 20), (10, 1), (10, 38)])
def test_dark_does_not_step_within_two_px_of_the_edge(peak: tuple[int, int]) -> None:
    spec = heatmap("dark")
    maps = encode(np.array([peak]) * 4.0 + 1.0, spec, SIZE_WH, MAP_WH)["maps"]
    found, _ = decoded(maps, spec)
    np.testing.assert_allclose(found, np.array([peak]) * 4.0)


@pytest.mark.parametrize("peak", [(2, 20), (21, 20), (10, 2), (10, 37)])
def test_dark_steps_further_in(peak: tuple[int, int]) -> None:
    spec = heatmap("dark")
    maps = encode(np.array([peak]) * 4.0 + 1.0, spec, SIZE_WH, MAP_WH)["maps"]
    found, _ = decoded(maps, spec)
    assert (found != np.array([peak]) * 4.0).any()


@pytest.mark.parametrize("refinement", ["none", "quarter"])
@pytest.mark.parametrize(("others", "first"), [([(9, 5), (4, 5)], (4, 5)), ([(2, 30), (20, 6)], (20, 6))])
def test_of_equal_peaks_the_first_in_row_order_wins(refinement: str, others: Any, first: tuple[int, int]) -> None:
    found, _ = decoded(single(dict.fromkeys(others, 1.0)), heatmap(refinement))
    np.testing.assert_allclose(found / 4, [first])


@pytest.mark.parametrize("value", [0.0, -3.0, 0.25])
@pytest.mark.parametrize("refinement", ["none", "quarter", "dark"])
def test_a_flat_map_gives_the_origin_and_its_value(refinement: str, value: float) -> None:
    found, scores = decoded(np.full((40, 24, 3), value), heatmap(refinement))
    assert (found == 0).all()
    assert (scores == value).all()


@pytest.mark.parametrize("map_wh", [(1, 1), (2, 2), (1, 5), (5, 1), (4, 4)])
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_tiny_maps_give_finite_numbers_inside_the_input(
    refinement: str, alignment: str, map_wh: tuple[int, int]
) -> None:
    maps = np.random.default_rng(3).normal(size=(map_wh[1], map_wh[0], 5))
    found, _ = decoded(maps, heatmap(refinement, alignment))
    if refinement == "dark_udp":  # however far it leads
        assert np.isfinite(found).all()
        return
    assert ((found >= 0) & (found <= SIZE_WH)).all()


@pytest.mark.parametrize("raw", [-800.0, -2.0, 0.0, 3.0, 800.0])
def test_sigmoid_is_for_the_score_alone(raw: float) -> None:
    maps = np.full((40, 24, 1), raw - 100)
    maps[15, 10] = raw
    for activation, expected in (("none", raw), ("sigmoid", 1 / (1 + np.exp(-np.longdouble(raw))))):
        found, scores = decoded(maps, heatmap("quarter", activation=activation))
        np.testing.assert_allclose(found, [[40, 60]])
        np.testing.assert_allclose(scores, [float(expected)], atol=1e-15)


# DARK, written again from the paper on whole maps: modulate, logarithm, Taylor.


PADDING: dict[str, Any] = {"zero": "constant", "mirror": "reflect"}


def blurred(image: np.ndarray[Any, Any], kernel: np.ndarray[Any, Any], edge: str) -> np.ndarray[Any, Any]:
    """Convolution of an image, one sum a pixel."""
    reach = len(kernel) // 2
    padded = np.pad(image, reach, mode=PADDING[edge])
    result = np.zeros_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            window = padded[y : y + len(kernel), x : x + len(kernel)]
            result[y, x] = kernel @ window @ kernel
    return result


def dark(image: np.ndarray[Any, Any], kernel: np.ndarray[Any, Any], edge: str = "zero") -> np.ndarray[Any, Any]:
    """Equations 7 to 10 of Zhang et al. 2020 on one map; the peak is that of the raw map, as in the published code."""
    y, x = np.unravel_index(image.argmax(), image.shape)
    modulated = blurred(image, kernel, edge)
    modulated *= image.max() / modulated.max()
    log = np.log(np.maximum(modulated, 1e-10))
    first_y, first_x = np.gradient(log)
    second = [[np.gradient(first_x, axis=1), np.gradient(first_x, axis=0)],
              [np.gradient(first_y, axis=1), np.gradient(first_y, axis=0)]]  # fmt: skip
    hessian = np.array([[part[y, x] for part in row] for row in second])
    return np.array([x, y]) - np.linalg.solve(hessian, [first_x[y, x], first_y[y, x]])


@pytest.mark.parametrize("edge", ["zero", "mirror"])
@pytest.mark.parametrize(("kernel", "sigma"), [(11, 2.0), (17, 3.0), (7, 1.5)])
def test_dark_is_the_papers(kernel: int, sigma: float, edge: str) -> None:
    spec = heatmap("dark", blur_kernel=kernel, blur_edge=edge)
    rng = np.random.default_rng(kernel)
    points = rng.uniform(5, np.array(MAP_WH) - 6, (6, 2)) * 4
    points[:2] = [[15, 18], [79, 140]]  # within half a kernel of the edge
    maps = encode(points, spec, SIZE_WH, MAP_WH, sigma)["maps"]
    maps += 0.3 * encode(points[::-1] + 9.0, spec, SIZE_WH, MAP_WH, sigma)["maps"]  # a second bump: no pure Gaussian
    maps += rng.uniform(0, 0.02, maps.shape)
    found, _ = decoded(maps, spec)
    expected = [dark(maps[..., k], gaussian_kernel(kernel), edge) for k in range(6)]
    np.testing.assert_allclose(found / 4, expected, atol=1e-9)


def test_dark_does_not_step_off_what_is_no_peak_after_the_blur() -> None:
    """Between two broad bars a lone px is the highest, but the blurred map is a saddle there."""
    maps = single({(10, 15): 1.0})
    maps[8:23, 4:7], maps[8:23, 14:17] = 0.9, 0.7
    found, _ = decoded(maps, heatmap("dark"))
    np.testing.assert_allclose(found / 4, [[10, 15]])


def test_dark_steps_two_px_at_most() -> None:
    """A lone px on the flank of a broad hill: Newton's step would go to the hill's top, 30 px away."""
    x, y = np.meshgrid(np.arange(24), np.arange(40))
    maps = (0.9 * np.exp(-((x - 40) ** 2 + (y - 20) ** 2) / (2 * 20**2)))[..., None]
    maps[20, 10] = 1.0
    assert dark(maps[..., 0], gaussian_kernel(11))[0] > 13
    found, _ = decoded(maps, heatmap("dark"))
    np.testing.assert_allclose(found / 4, [[12, 20]], atol=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1e-2, 100.0])
def test_dark_is_the_same_whatever_the_height_of_the_maps(scale: float) -> None:
    spec = heatmap("dark")
    maps = encode(np.random.default_rng(2).uniform(40, 60, (9, 2)), spec, SIZE_WH, MAP_WH)["maps"]
    np.testing.assert_allclose(decoded(maps * scale, spec)[0], decoded(maps, spec)[0], atol=1e-6)


@pytest.mark.parametrize(("size", "sigma"), [(11, 2.0), (17, 2.9)])
def test_the_kernel_is_a_gaussian_of_opencvs_sigma(size: int, sigma: float) -> None:
    kernel = gaussian_kernel(size)
    assert kernel.sum() == pytest.approx(1)
    assert kernel[size // 2] / kernel[size // 2 + 1] == pytest.approx(np.exp(1 / (2 * sigma**2)))
    np.testing.assert_allclose(kernel, kernel[::-1])


@pytest.mark.parametrize("size", [3, 5, 7, 11, 13, 23])
def test_the_kernel_is_opencvs(size: int) -> None:
    """Of 9 OpenCV 5 has numbers of its own, and those before the formula."""
    cv2 = pytest.importorskip("cv2")
    np.testing.assert_allclose(gaussian_kernel(size), cv2.getGaussianKernel(size, 0, cv2.CV_64F)[:, 0], atol=1e-12)


# UDP's DARK, written again from its description on whole maps: blur, back to the old maximum, cut off, logarithm, step.


def udp(image: np.ndarray[Any, Any], kernel: np.ndarray[Any, Any], edge: str) -> np.ndarray[Any, Any]:
    y, x = np.unravel_index(image.argmax(), image.shape)
    modulated = blurred(image, kernel, edge)
    modulated *= image.max() / (modulated.max() + 1e-12)
    log = np.pad(np.log(np.clip(modulated, 1e-3, 50)), 1, mode="edge")[y : y + 3, x : x + 3]
    gradient = np.array([log[1, 2] - log[1, 0], log[2, 1] - log[0, 1]]) / 2
    mixed = (log[2, 2] - log[1, 2] - log[2, 1] + 2 * log[1, 1] - log[1, 0] - log[0, 1] + log[0, 0]) / 2
    hessian = np.array([[log[1, 2] - 2 * log[1, 1] + log[1, 0], mixed], [mixed, log[2, 1] - 2 * log[1, 1] + log[0, 1]]])
    return np.array([x, y]) - np.linalg.solve(hessian + np.finfo(np.float32).eps * np.eye(2), gradient)


@pytest.mark.parametrize("edge", ["zero", "mirror"])
@pytest.mark.parametrize("kernel", [11, 17])
def test_dark_of_udp_is_the_published_one_at_the_edges_too(kernel: int, edge: str) -> None:
    spec = heatmap("dark_udp", "corners", blur_kernel=kernel, blur_edge=edge)
    rng = np.random.default_rng(kernel)
    cells = np.concatenate(
        [rng.uniform(5, np.array(MAP_WH) - 6, (4, 2)), [[0.2, 0.3], [22.8, 20], [10, 38.9], [1, 37]]]
    )
    maps = encode(cells * input_px_per_index("corners", MAP_WH, SIZE_WH), spec, SIZE_WH, MAP_WH)["maps"]
    maps += 0.3 * maps[..., ::-1] + rng.uniform(0, 0.02, maps.shape)
    found, _ = decoded(maps, spec)
    expected = [udp(maps[..., k], gaussian_kernel(kernel), edge) for k in range(8)]
    np.testing.assert_allclose(found / input_px_per_index("corners", MAP_WH, SIZE_WH), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("peak", "neighbours", "both", "each"),
    [
        ((1, 20), {(2, 20): 0.5, (1, 21): 0.5}, (0, 0), (0, 0.25)),
        ((10, 39), {(11, 39): 0.5, (10, 38): 0.5}, (0, 0), (0.25, 0)),
        ((0, 0), {(1, 0): 0.5}, (0, 0), (0, 0)),
        ((10, 20), {(9, 20): 0.5, (10, 19): 0.5}, (-0.25, -0.25), (-0.25, -0.25)),
    ],
)
def test_the_border_of_the_quarter_step(peak: Any, neighbours: Any, both: Any, each: Any) -> None:
    for border, moved in (("both", both), ("each", each)):
        found, _ = decoded(single({peak: 1.0} | neighbours), heatmap("quarter", border=border))
        np.testing.assert_allclose(found / 4, [np.add(peak, moved)])
