"""A compressed bundle against its network and its calibration pictures: the file, the ranges, and the share of the
error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posekit.parity.contract import quick
from posekit.pipelines.validate import validate
from posekit.pipelines.validate_options import ValidateOptions
from tests import faults
from tests.faults import REPORT

pytestmark = pytest.mark.xdist_group("bundle")
MADE_AGAIN, SHARES = (
    "the model file is what the network becomes",
    "conversion and precision share the error as the report says",
)
PICTURES = "the ranges of activations are those of the calibration pictures"
W8A8_ANDROID, W8_ANDROID, PAL4_IOS, W8A8_IOS = range(4)


@pytest.fixture(scope="module", autouse=True)
def converted_once() -> Any:
    with faults.converted_once():
        yield


def outcomes(folder: Path, **wanted: Any) -> dict[str, str]:
    checks = validate(folder, ValidateOptions(**wanted)).evaluation.checks
    return {check.name: check.outcome if check.outcome != "fail" else check.detail for check in checks}


@pytest.mark.parametrize("number", [W8A8_ANDROID, PAL4_IOS, W8A8_IOS])
def test_an_untouched_bundle_is_made_again_to_the_byte(number: int, small: tuple[Path, list[Path]]) -> None:
    source, bundles = small
    calibration = source.parent / "calibration" if number != PAL4_IOS else None
    seen = outcomes(bundles[number], source=source, calibration=calibration)
    assert set(seen.values()) == {"pass"}
    assert {MADE_AGAIN, SHARES} | ({PICTURES} if calibration else set()) <= set(seen)


def changed(of: Path, tmp_path: Path, change: Callable[[Any], Any], file: Path = REPORT) -> Path:
    folder = Path(shutil.copytree(of, tmp_path / of.name))
    faults.edit(folder / file, change, sort_keys=True)
    faults.sealed(folder)
    faults.paged(folder)
    return folder


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a figure of precision": (lambda d: d["steps"][2]["tensors"][0].update(max_abs=1e-4), SHARES),
    "a reason": (lambda d: d["layers"][-1].update(why="its owner asked for it"), MADE_AGAIN),
    "a note": (lambda d: d["notes"].append("measured on 100 phones"), MADE_AGAIN),
    "names of layers": (
        lambda d: [d["layers"][i].update(name=n) for i, n in ((0, "body.3"), (1, "body.0"))],
        MADE_AGAIN,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_network_alone_tells(what: str, small: tuple[Path, list[Path]], tmp_path: Path) -> None:
    source, bundles = small
    change, name = CHANGES[what]
    folder = changed(bundles[W8A8_ANDROID], tmp_path, change)
    seen = outcomes(folder, source=source)
    assert [key for key, said in seen.items() if said not in ("pass", "skipped")] == [name]


def test_ranges_of_other_pictures_are_told(small: tuple[Path, list[Path]], tmp_path: Path) -> None:
    source, bundles = small
    for seed in range(6):
        pixels = np.random.default_rng(seed + 50).integers(0, 256, (12, 9, 3), np.uint8)
        Image.fromarray(pixels).resize((60, 80), Image.Resampling.BICUBIC).save(tmp_path / f"{seed}.png")
    seen = outcomes(bundles[W8A8_ANDROID], source=source, calibration=tmp_path)
    assert seen[MADE_AGAIN] == "pass"
    assert "sha256 of the calibration pictures" in seen[PICTURES]


def test_ranges_that_the_file_was_not_made_with(small: tuple[Path, list[Path]], tmp_path: Path) -> None:
    source, bundles = small
    for number in (W8A8_ANDROID, W8A8_IOS):

        def wider(document: Any) -> None:
            document["ranges"] = {name: [low * 2, high * 2] for name, (low, high) in document["ranges"].items()}

        folder = changed(bundles[number], tmp_path, wider, Path("ranges.json"))
        assert "it is another file" in outcomes(folder, source=source)[MADE_AGAIN]


def test_a_calibrated_bundle_has_its_ranges(
    small: tuple[Path, list[Path]], tmp_path: Path, refused: Callable[..., Any]
) -> None:
    folder = Path(shutil.copytree(small[1][W8A8_ANDROID], tmp_path / "a"))
    (folder / "ranges.json").write_text('{"schema": 1, "ranges": {"a": [0]}}')
    faults.sealed(folder)
    refused(2, "validate", folder, says=("ranges.json",))
    (folder / "ranges.json").unlink()
    faults.sealed(folder)
    refused(2, "validate", folder, says=("ranges.json cannot be read",))


def test_calibration_pictures_want_a_network_and_a_calibrated_bundle(
    small: tuple[Path, list[Path]], refused: Callable[..., Any]
) -> None:
    source, bundles = small
    given = ("--calibration", source.parent / "calibration")
    refused(2, "validate", bundles[W8A8_ANDROID], *given, says=("--calibration needs --source",))
    says = ("made without calibration pictures",)
    refused(2, "validate", bundles[W8_ANDROID], "--source", source, *given, says=says)


def test_a_bundle_whose_contract_was_not_looked_at_to_the_end_is_made_again(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_posekit: Callable[..., Any]
) -> None:
    """What time left out is told in the report, and is no note of the conversion."""
    monkeypatch.setattr(sys.modules[quick.__module__], "QUICK_SECONDS", 0.0)
    source = tiny.save("exported")
    packaged = run_posekit(
        "package", source, "--platform", "android", "--spec", tiny.spec_file, "--images", tiny.images, "--out", tmp_path
    )
    assert packaged.code == 0
    assert "was tried in the time for it, and on one person alone; posekit check takes longer" in packaged.out
    (folder,) = tmp_path.glob("*-android")
    document = json.loads((folder / REPORT).read_text())
    assert "input.color_order" in document["untried"]
    assert document["untried"] in (folder / "report" / "index.html").read_text()
    assert outcomes(folder, source=source)[MADE_AGAIN] == "pass"
