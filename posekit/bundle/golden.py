"""Golden vectors: inputs and posekit's own results, for the tests of the generated modules (and of posekit itself).

Tensors are little-endian float32, pixels RGB bytes, both base64. Everything is seeded.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import documents
from posekit.bundle.golden_dense import dense_cases
from posekit.bundle.golden_following import following_cases
from posekit.bundle.golden_tracking import people_cases, tracking_cases
from posekit.bundle.golden_yuv import yuv_cases
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.decoders.decoder import DecoderSpec
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region, frame_region, region_from_box
from posekit.poses.transforms import Orientation, upright_size
from posekit.poses.warp import crop

EACH = ("visibility", "presence", "world")  # of a keypoint
SEED = 20261121
LONGER_SIDE = 40  # px; the arithmetic does not depend on the size, the file's size does
KEYPOINTS = 7
SIGMAS = (0.05,) * KEYPOINTS
TENSORS = ("tensor", "values")  # float32 in base64
CLOSE = 1e-9  # relative: other processors end other digits later
CLOSE_FLOAT32 = 1e-6

Case = dict[str, Any]


def write(folder: Path, spec: PoseSpec, *, every_orientation: bool = False) -> None:
    """Write warp.json, dense.json and the decoder's file for the input, dense results and decoder of one contract,
    people.json, following.json, tracking.json and yuv.json.

    every_orientation: all eight ways in which a picture may be stored, rather than the three that a bundle carries.
    """
    folder.mkdir()
    rng = np.random.default_rng(SEED)
    # antialiasing does nothing unless the input is smaller than the picture
    longer, shorter = (LONGER_SIDE, 8) if spec.input.sampling != "bilinear_antialias" else (LONGER_SIDE // 4, 2)
    scale = min(longer / max(spec.input.size_wh), 1.0)
    small = spec.input.model_copy(update={"size_wh": tuple(max(round(n * scale), shorter) for n in spec.input.size_wh)})
    warps = [
        case
        for variant, (size, turn, mirrored) in enumerate(
            [((37, 29), 0, False), ((29, 41), 90, True), ((40, 30), 270, False)]
        )
        for case in warp_cases(rng, str(variant), small, size, Orientation(turn, mirrored), 33.0 - 20 * variant)
    ]
    if every_orientation:
        apart = np.random.default_rng(SEED + 3)
        ways = [Orientation(turn, mirrored) for turn in (0, 90, 180, 270) for mirrored in (False, True)]
        warps += [case for way in ways for case in warp_cases(apart, f"all-{way}", small, (31, 42), way, -17.0)]
    write_cases(folder / "warp.json", warps)
    write_cases(folder / f"{spec.decoder.kind}.json", own_decoder_cases(rng, spec))
    write_cases(folder / "dense.json", dense_cases(np.random.default_rng(SEED + 6), spec.dense))
    write_cases(folder / "following.json", following_cases(SEED))
    write_cases(folder / "people.json", people_cases(SEED))
    write_cases(folder / "tracking.json", tracking_cases(SEED))
    write_cases(folder / "yuv.json", yuv_cases(SEED))


def files_of(spec: PoseSpec) -> tuple[str, ...]:
    """The golden files of a bundle by name."""
    common = ("dense", "following", "people", "tracking", "warp", "yuv")
    return (f"{spec.decoder.kind}.json", *(f"{name}.json" for name in common))


def write_cases(path: Path, cases: list[Case]) -> None:
    """Write one golden file, a case a line."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f'{{"generator":"posekit.golden","seed":{SEED},"cases":[\n{lines}\n]}}\n')


def differences(folder: Path, expected: Path, spec: PoseSpec) -> list[str]:
    """Where the golden files of two folders differ by more than the last digits that processors differ by."""
    found = []
    for name in files_of(spec):
        try:
            seen, wanted = (documents.parse((one / name).read_bytes()) for one in (folder, expected))
        except (OSError, ValueError):
            found.append(f"{folder.name}/{name} cannot be read")
            continue
        found += [f"{folder.name}/{name} at {where}" for where in _differing(seen, wanted, "")]
    return found


def _differing(seen: Any, wanted: Any, where: str) -> list[str]:
    if type(seen) is not type(wanted) and not (_is_number(seen) and _is_number(wanted)):
        return [where or "its root"]
    if isinstance(wanted, dict) and seen.keys() == wanted.keys():
        return [at for key in wanted for at in _differing(seen[key], wanted[key], f"{where}.{key}".lstrip("."))]
    if isinstance(wanted, list) and len(seen) == len(wanted):
        return [
            at for i, (a, b) in enumerate(zip(seen, wanted, strict=True)) for at in _differing(a, b, f"{where}[{i}]")
        ]
    if isinstance(wanted, str) and where.rpartition(".")[2] in TENSORS and len(seen) == len(wanted):
        with contextlib.suppress(ValueError):
            one, other = (np.frombuffer(base64.b64decode(text, validate=True), "<f4") for text in (seen, wanted))
            return [] if np.allclose(one, other, CLOSE_FLOAT32, CLOSE_FLOAT32) else [where]
    if _is_number(wanted):
        return [] if abs(seen - wanted) <= CLOSE * max(1.0, abs(wanted)) else [where]
    return [] if seen == wanted else [where or "its root"]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def warp_cases(
    rng: np.random.Generator,
    name: str,
    spec: InputSpec,
    stored_wh: tuple[int, int],
    orientation: Orientation,
    degrees: float,
) -> list[Case]:
    """The whole frame, a person's region and, where turned regions are sampled, that region turned; of noise."""
    pixels = rng.integers(0, 256, (stored_wh[1], stored_wh[0], 3), dtype=np.uint8)
    width, height = upright_size(stored_wh, orientation)
    box = (0.3 * width, -0.1 * height, 0.9 * width, 0.8 * height)
    person = region_from_box(box, spec.size_wh, spec.box_padding)
    regions = {"frame": frame_region((width, height), spec), "crop": person}
    if spec.sampling != "bilinear_antialias":
        regions["turned"] = Region(person.center_xy, person.size_wh, degrees)
    cases = []
    for kind, region in regions.items():
        tensor, transform = crop(pixels, region, spec, orientation)
        points = rng.uniform(0, 30, (3, 2))
        cases.append({
            "name": f"{spec.resize}-{spec.alignment}-{name}-{kind}",
            "input": {"size_wh": list(spec.size_wh), "resize": spec.resize, "sampling": spec.sampling,
                      "box_padding": spec.box_padding, "pad_value": spec.pad_value, "alignment": spec.alignment,
                      "outside": "edge" if spec.repeats_edge else "value",
                      "anchor": spec.anchor, "rounding": spec.rounding, "odd_pixel": spec.odd_pixel,
                      "enlarge": spec.enlarge},
            "image_size_wh": list(stored_wh), "image_rgb": _base64(pixels),
            "rotation_degrees": orientation.rotation_degrees, "mirrored": orientation.mirrored,
            "box_xyxy": list(box), "region_kind": kind,
            "region": {"center_xy": list(region.center_xy), "size_wh": list(region.size_wh),
                       "rotation_degrees": region.rotation_degrees},
            "matrix": transform.matrix.ravel().tolist(), "content_xyxy": list(transform.content_xyxy),
            "points_source": points.ravel().tolist(), "points_input": transform.to_input(points).ravel().tolist(),
            "tensor": _base64(tensor.astype("<f4")),
        })  # fmt: skip
    return cases


def decoder_case(
    name: str,
    spec: DecoderSpec,
    image: InputSpec,
    outputs: Mapping[str, NDArray[Any]],
    sigmas: Sequence[float] = SIGMAS,
) -> Case:
    """Outputs of a head (no batch axis) and the people in input px that they stand for; sigmas of its keypoints."""
    decoder = of(spec)
    arrays = {key: np.asarray(value, "<f4") for key, value in outputs.items()}
    found = decoder.decode(arrays, spec, image, sigmas)
    tensors = [{"name": key, "shape": list(value.shape), "values": _base64(value)} for key, value in arrays.items()]
    case = {
        "name": name, "kind": spec.kind, "settings": decoder.settings(spec, sigmas), "keypoint_count": len(sigmas),
        "size_wh": list(image.size_wh), "alignment": image.alignment, "outputs": tensors, "people": found.count,
        "dimensions": found.keypoints.shape[2], "keypoints": found.keypoints.ravel().tolist(),
        "scores": found.scores.ravel().tolist(),
    }  # fmt: skip
    if decoder.several or spec.has_confidence:
        case["confidences"] = _list(found.confidences)
    if decoder.several:
        case["boxes_xyxy"] = _list(found.boxes_xyxy)
    case |= {name: _list(values) for name in EACH if (values := getattr(found, name)) is not None}
    return case


def own_decoder_cases(rng: np.random.Generator, spec: PoseSpec) -> list[Case]:
    """Clean and noisy outputs for the contract's own decoder, of its own keypoints where the decoder names some."""
    decoder, cases = spec.decoder, []
    sigmas = spec.keypoints.oks_sigmas if decoder.is_of_its_keypoints else SIGMAS
    clean = of(decoder).examples(decoder, spec.input, rng, len(sigmas))
    for noise in (0.0, 0.05):
        noisy = {key: value + rng.normal(0, noise, value.shape) for key, value in clean.items()}
        cases.append(decoder_case(f"{decoder.kind}-noise-{noise}", decoder, spec.input, noisy, sigmas))
    return cases


def _list(values: NDArray[Any] | None) -> list[float] | None:
    return None if values is None else values.ravel().tolist()


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
