"""Planted contract faults are found without labels, and a network that tells nothing is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.cli.verdicts import show_check
from posekit.contract.spec import PoseSpec
from posekit.errors import ConversionError, InputError
from posekit.parity.contract import ContractCheck, QuickLook, check_network, quick_network
from posekit.parity.contract.alternatives import changed
from posekit.pipelines.check import Checked
from posekit.poses.images import Person, Photo
from posekit.sources.reference import network_input
from tests.parity.contract.planted import FAULTS, MATTERS, NAMES, displacement, rank_of_true, sample

PEOPLE = 5  # so many votes on left and right are the least that count
ROWS = [pytest.param(name, what, marks=pytest.mark.xdist_group(f"check {name}")) for name in NAMES for what in FAULTS]
SAMPLES = [pytest.param(name, marks=pytest.mark.xdist_group(f"check {name}")) for name in NAMES]
pytest.importorskip("torch")


def found(check: ContractCheck, field: str) -> Any:
    return next(field_check for field_check in check.fields if field_check.field == field)


@pytest.mark.parametrize(("name", "what"), ROWS)
def test_the_true_value_is_ranked_first(name: str, what: str) -> None:
    of, fault = sample(name), FAULTS[what]
    faulty = fault.plant(of.spec)
    check = check_network(of.network, faulty, of.photos, people=PEOPLE)
    result = found(check, fault.field)
    assert not check.has_labels
    assert rank_of_true(result.alternatives, of.spec, fault) == 0
    if displacement(of, faulty)[1] > MATTERS:
        assert [wrong.field for wrong in check.looks_wrong] == [fault.field]
    else:  # nothing else is blamed for what hardly matters
        assert [wrong.field for wrong in check.looks_wrong] in ([], [fault.field])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_right_contract_is_not_doubted(name: str) -> None:
    of = sample(name)
    told: list[str] = []
    check = check_network(of.network, of.spec, of.photos, people=PEOPLE, step=told.append)
    assert check.looks_wrong == ()
    assert len(told) == len(check.fields) - 1  # the activation needs no looks of its own
    assert found(check, "input.mean, std").verdict == "agrees"
    assert found(check, "input.alignment").verdict == "agrees"
    assert abs(found(check, "input.alignment").alternatives[0].mirror_px) < 0.5
    assert found(check, "keypoints, left and right").verdict == "agrees"
    assert check == check_network(of.network, of.spec, of.photos, people=PEOPLE)
    assert quick_network(of.network, of.spec, of.photos, lambda: 0.0) == QuickLook()


@pytest.mark.parametrize("name", SAMPLES)
def test_annotations_rank_where_they_are_given(name: str) -> None:
    of, fault = sample(name), FAULTS["mean and std missing"]
    check = check_network(of.network, fault.plant(of.spec), of.labelled, people=PEOPLE)
    result = found(check, fault.field)
    assert check.has_labels
    assert rank_of_true(result.alternatives, of.spec, fault) == 0
    assert result.verdict == "looks wrong"
    assert "OKS" in result.sentence
    assert result.alternatives[0].oks > 0.85 > result.alternatives[-1].oks


@pytest.mark.parametrize("name", SAMPLES)
def test_two_wrong_fields_are_both_found(name: str) -> None:
    of = sample(name)
    faulty = FAULTS["left and right swapped"].plant(FAULTS["mean and std missing"].plant(of.spec))
    check = check_network(of.network, faulty, of.photos, people=PEOPLE)
    assert {wrong.field for wrong in check.looks_wrong} == {"input.mean, std", "keypoints, left and right"}
    assert found(check, "input.mean, std").given == "mean 0, std 1"
    assert "corrected" in found(check, "input.color_order").sentence


@pytest.mark.xdist_group("check tinypose")
def test_a_wrong_decoder_is_found() -> None:
    of = sample("tinypose")
    check = check_network(of.network, changed(of.spec, "decoder", alignment="corners"), of.photos, people=PEOPLE)
    assert [wrong.field for wrong in check.looks_wrong] == ["decoder.alignment"]
    check = check_network(of.network, changed(of.spec, "decoder", activation="sigmoid"), of.photos, people=PEOPLE)
    assert [wrong.field for wrong in check.looks_wrong] == ["decoder.activation"]


@pytest.mark.slow
@pytest.mark.xdist_group("check tinypose")
def test_without_boxes_the_network_finds_its_people() -> None:
    of, fault = sample("tinypose"), FAULTS["divided by 255 twice"]
    bare = tuple(replace(photo, people=()) for photo in of.photos)
    check = check_network(of.network, fault.plant(of.spec), bare, people=4)
    assert "found itself" in check.looked_at
    assert [wrong.field for wrong in check.looks_wrong] == [fault.field]


@pytest.mark.parametrize("what", ["divided by 255 twice", "mean and std missing"])
@pytest.mark.xdist_group("check tinypose")
def test_the_quick_look_warns_of_what_nobody_could_miss(what: str) -> None:
    of = sample("tinypose")
    look = quick_network(of.network, FAULTS[what].plant(of.spec), of.photos, lambda: 0.0)
    warning = look.doubt or ""
    assert look.untried == ()
    assert warning.startswith("input.mean, std looks wrong")
    assert "123.675" in warning


@pytest.mark.parametrize(
    ("seconds", "most", "untried"),
    [
        pytest.param(0.01, None, (), id="fast"),
        pytest.param(0.5, 80, ("input.color_order",), id="slow"),
        pytest.param(10.0, 6, ("input.mean, std", "input.color_order"), id="slower than all the time there is"),
    ],
)
@pytest.mark.xdist_group("check tinypose")
def test_the_quick_look_ends_in_time_and_names_what_it_did_not_try(
    seconds: float, most: int | None, untried: tuple[str, ...]
) -> None:
    """By a clock that each run of the network moves on."""
    of = sample("tinypose")
    runs = 0

    def network(spec: PoseSpec, pixels: np.ndarray[Any, Any]) -> Any:
        nonlocal runs
        runs += 1
        return NETWORKS["chance"](spec, pixels)

    look = quick_network(network, of.spec, of.photos, lambda: runs * seconds)
    assert set(untried) <= set(look.untried) if untried else look.untried == ()
    assert most is None or runs <= most, runs
    assert look.is_of_one == bool(untried)


# --- a network without weights: it finds dots of three colours ---

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.float64)


def dots(spec: PoseSpec, pixels: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Where red, green and blue are, as y, x over the input; it wants RGB of 0-1."""
    seen = pixels if spec.input.color_order == "rgb" else pixels[..., ::-1]
    values = (seen - np.array(spec.input.mean)) / np.array(spec.input.std)
    rows = []
    for colour in COLOURS / 255:
        weight = np.exp(-((values - colour) ** 2).sum(axis=-1) / 0.02) + 1e-12
        y, x = (np.arange(n) + 0.5 for n in weight.shape)
        total = weight.sum()
        rows.append(
            [(weight.sum(1) * y).sum() / total / len(y), (weight.sum(0) * x).sum() / total / len(x), weight.max()]
        )
    return {"out": np.array([rows], np.float32)}


@pytest.fixture(scope="module")
def dotted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Photo, ...]:
    folder = tmp_path_factory.mktemp("dots")
    photos = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        image = np.full((90, 140, 3), 120, np.uint8)
        for place, colour in zip(rng.permutation(12)[:3], COLOURS, strict=True):
            y, x = 25 + 15 * (place // 4), 40 + 16 * (place % 4)
            image[y : y + 8, x : x + 8] = colour
        Image.fromarray(image).save(folder / f"{seed}.png")
        photos.append(Photo(folder / f"{seed}.png", seed))
    return tuple(photos)


def dot_spec(**values: Any) -> PoseSpec:
    given = {"fields": ["y", "x", "score"], "range": "unit", "resize": "letterbox", **values}
    return PoseSpec.model_validate({
        "schema": 1, "name": "dots", "version": "1", "license": "MIT", "kind": "one_stage", "outputs": ("out",),
        "input": {"size_wh": (64, 64), "color_order": "rgb", "mean": (0.0,) * 3, "std": (255.0,) * 3,
                  "resize": given["resize"], "alignment": "half_pixel"},
        "decoder": {"kind": "regression", "output": "out", "fields": tuple(given["fields"]), "range": given["range"]},
        "keypoints": {"names": ("red", "green", "blue"), "oks_sigmas": (0.1,) * 3},
    })  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        (dot_spec(), []),
        (dot_spec(fields=["x", "y", "score"]), ["decoder.fields"]),
        (dot_spec(range="signed_unit"), ["decoder.range"]),
        (dot_spec(range="input_px"), ["decoder.range"]),
    ],
    ids=lambda value: None if isinstance(value, list) else f"{value.decoder.range} {' '.join(value.decoder.fields)}",
)
def test_coordinates_read_wrongly(dotted: tuple[Photo, ...], spec: PoseSpec, wrong: list[str]) -> None:
    check = check_network(dots, spec, dotted)
    assert [field.field for field in check.looks_wrong] == wrong
    assert check.looked_at == "6 whole pictures"
    if wrong:
        assert found(check, wrong[0]).alternatives[0].value in ("y, x, score", "unit")


def noise(folder: Path, count: int) -> tuple[Photo, ...]:
    rng = np.random.default_rng(3)
    for index in range(count):
        small = rng.integers(0, 256, (9, 7, 3), np.uint8)
        Image.fromarray(small).resize((90, 120), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return tuple(Photo(folder / f"{index}.png", index, (Person((20.0, 10.0, 70.0, 110.0)),)) for index in range(count))


def _maps(values: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Callable[..., Any]:
    return lambda spec, pixels: {"heatmaps": values(pixels).astype(np.float32)}


def _seen_by(delays: Callable[[int], int], keypoints: int) -> Callable[..., Any]:
    """Follows the brightest spot with its first keypoints, each late by a delay; dead where the input saturates it."""

    def network(spec: PoseSpec, pixels: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        bright = np.tanh(network_input(spec, pixels)[0, 1, ::4, ::4])
        maps = np.zeros((1, 32, 24, 17), np.float32)
        maps[0, 16, 12] = 0.5  # in the middle, which no mirror moves
        for k in range(keypoints):
            maps[0, ..., k] = np.roll(bright, delays(k), 1)
        return {"heatmaps": maps}

    return network


NETWORKS: dict[str, Callable[..., Any]] = {
    "always the same": _maps(lambda pixels: np.random.default_rng(1).random((1, 32, 24, 17))),
    "chance": _maps(lambda pixels: np.random.default_rng(int(pixels.sum()) % 2**31).random((1, 32, 24, 17))),
    "moves with the picture, but is not mirrored with it": _seen_by(lambda k: 3 + k % 3, 17),
    "three keypoints move, the others never": _seen_by(lambda k: 0, 3),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.xdist_group("check tinypose")
def test_a_network_that_knows_nobody_tells_nothing(tmp_path: Path, kind: str, count: int) -> None:
    spec, pictures = FAULTS["mean and std missing"].plant(sample("tinypose").spec), noise(tmp_path, count)
    check = check_network(NETWORKS[kind], spec, pictures)
    assert [field.sentence for field in check.looks_wrong] == []
    assert {field.verdict for field in check.fields} == {"cannot tell"}
    assert check.judged == ()
    assert quick_network(NETWORKS[kind], spec, pictures, lambda: 0.0) == QuickLook()
    assert check.as_json()["people"] == count


@pytest.mark.parametrize("boxed", [True, False])
@pytest.mark.xdist_group("check tinypose")
def test_a_network_that_gives_no_numbers_is_refused(tmp_path: Path, boxed: bool) -> None:
    pictures = noise(tmp_path, 2) if boxed else tuple(replace(p, people=()) for p in noise(tmp_path, 2))
    nothing = _maps(lambda pixels: np.full((1, 32, 24, 17), np.nan))
    with pytest.raises(ConversionError, match="not finite, whatever mean and std"):
        check_network(nothing, sample("tinypose").spec, pictures)
    assert quick_network(nothing, sample("tinypose").spec, pictures).doubt is None


@pytest.mark.xdist_group("check tinypose")
def test_nothing_judged_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, pictures = sample("tinypose").spec, tuple(replace(p, people=()) for p in noise(tmp_path, 2))
    result = Checked(check_network(NETWORKS["chance"], spec, pictures), None)
    assert (result.is_judged, result.is_good) == (False, False)
    assert result.check.looked_at == "2 whole pictures, in which the network finds nobody"
    assert result.check.people == 0
    show_check(result, spec, (), as_json=False)
    *_, last = capsys.readouterr().out.splitlines()
    assert last == f"  nothing could be judged: 0 of {len(result.check.fields)} fields"
    show_check(result, spec, (), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["is_judged"], told["is_good"], told["judged"], told["people"]) == (False, False, [], 0)


@pytest.mark.xdist_group("check tinypose")
def test_a_verdict_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    of = sample("tinypose")
    result = Checked(check_network(of.network, of.spec, of.photos, people=PEOPLE), None)
    show_check(result, of.spec, (), as_json=False)
    _, *lines, last = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines] == [field.sentence for field in result.check.fields]
    judged = len(result.check.judged)
    assert 0 < judged < len(lines)
    assert last == f"  nothing looks wrong; {judged} of {len(lines)} fields could be judged"


def test_random_weights_tell_nothing(tiny: Any, tmp_path: Path) -> None:
    from posekit.parity.contract import check, quick
    from posekit.pipelines.inputs import find_spec
    from posekit.sources import open_source

    spec, pictures = find_spec(tiny.save("exported"), str(tiny.spec_file)), noise(tmp_path, 3)
    source = open_source(tiny.save("exported"))
    assert check(source, spec, pictures).looks_wrong == ()
    assert quick(source, spec, pictures).doubt is None


@pytest.mark.xdist_group("check tinypose")
@pytest.mark.parametrize("what", ["divided by 255 twice", "left and right swapped"])
def test_one_picture_is_enough_for_what_is_plain_and_for_nothing_else(what: str) -> None:
    of, fault = sample("tinypose"), FAULTS[what]
    check = check_network(of.network, fault.plant(of.spec), of.photos[3:4])
    wrong = [field.field for field in check.looks_wrong]
    assert wrong == (["input.mean, std"] if what == "divided by 255 twice" else [])
    assert found(check, "keypoints, left and right").verdict == "cannot tell"


@pytest.mark.xdist_group("check tinypose")
def test_what_does_not_fit_is_said_in_one_sentence() -> None:
    of = sample("tinypose")
    with pytest.raises(InputError, match="expects"):
        check_network(_maps(lambda pixels: np.zeros((1, 4, 4, 3))), of.spec, of.photos, people=1)
