"""A bundle that contradicts itself, every hash made consistent: the check that sees it, and what is no
contradiction."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit import __version__
from posekit.bundle import CONTRACT, MANIFEST
from posekit.contract.presets import preset
from posekit.contract.spec import read_spec
from posekit.parity.gate import NO_PYCOCOTOOLS
from posekit.pipelines.consistency.claims import of_checks
from posekit.pipelines.consistency.model_file import _is_straight
from posekit.pipelines.consistency.slack import Slack
from posekit.pipelines.validate import validate
from posekit.pipelines.validate_options import ValidateOptions
from posekit.poses.input_spec import InputSpec
from tests import faults
from tests.faults import CASES, REPORT, TRACE

pytestmark = pytest.mark.xdist_group("bundle")

WRAPPER, GOLDEN, FILES = (
    "the wrapper is what posekit renders",
    "the golden vectors are those of the contract",
    "every file of the bundle is known",
)
INPUTS, KEYPOINTS = "the pictures give the recorded inputs", "the recorded outputs give the recorded keypoints"
EVIDENCE, TRACED = "the files of the evidence are its cases'", "the trace is of the first case"
LAYERS, METADATA = "the layers are stored as recipe and report say", "input, outputs and metadata are the contract's"
NORMALISATION, FACTS = (
    "mean, std and colour order are the model file's",
    "manifest and report tell the facts of the bundle",
)
FIGURES, PAGES = "the report's figures are those measured now", "the report's pages are made of its figures"


def in_file(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (path,) = folder.rglob(name)
        text = path.read_text()
        assert text.count(old) >= 1, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1))

    return change


def in_json(path: Path, change: Callable[[Any], Any], **options: Any) -> Callable[[Path], None]:
    return lambda folder: faults.edit(folder / path, change, **options)


def in_report(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return in_json(REPORT, change, sort_keys=True)


def in_case(**values: Any) -> Callable[[Path], None]:
    return in_json(CASES, lambda document: document["cases"][0].update(values))


def in_tensor(name: str, by: float, at: int = 5) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = np.fromfile(folder / "evaluation" / name, "<f4")
        values[at] += by
        values.tofile(folder / "evaluation" / name)

    return change


def in_contract(**values: Any) -> Callable[[Path], None]:
    """Fields of the contract's input, with everything that is made of the contract made anew."""

    def change(folder: Path) -> None:
        spec = read_spec(folder / CONTRACT)
        changed = spec.model_copy(update={"input": spec.input.model_copy(update=values)})
        faults.rewritten(folder, changed)

    return change


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: next(folder.rglob(name)).unlink()


def stray(where: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / where).write_text("mine")


def in_file_of(name: str) -> Callable[[Path], Any]:
    """A new file, in a folder of its own."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir()
        (folder / name).write_text("fun more() = 1")

    return change


def everywhere(**values: str) -> Callable[[Path], Any]:
    """The same in report and, as far as it says it, in the manifest."""

    def change(folder: Path) -> None:
        in_report(lambda document: document.update(values))(folder)
        in_json(Path(MANIFEST), lambda document: document.update({k: v for k, v in values.items() if k in document}))(
            folder
        )

    return change


PASSED = {"name": "from the picture: keypoints, largest error", "outcome": "pass", "detail": "0.0000 px, at most 0.05"}
CONTRADICTIONS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "box padding in code": (in_file("TinyContract.kt", "boxPadding = 1.25", "boxPadding = 1.5"), WRAPPER),
    "region from a box": (in_file("PoseContract.kt", "HALF_PIXEL) 0.5", "HALF_PIXEL) 0.6"), WRAPPER),
    "quarter turn": (in_file("StoredImage.kt", "90", "270"), WRAPPER),
    "tracker's margin": (in_file("Tiny.kt", "margin: Double = 1.2", "margin: Double = 1.3"), WRAPPER),
    "smoother's constant": (in_file("OneEuroFilter.kt", "minCutoff: Double = 0.5", "minCutoff: Double = 2.0"), WRAPPER),
    "order of the enum": (in_file("Tiny.kt", "NOSE(0", "NOSE(1"), WRAPPER),
    "sigma": (in_file("Tiny.kt", "0.03", "0.3"), WRAPPER),
    "edge": (in_file("Tiny.kt", "NOSE to LEFT_WRIST", "NOSE to RIGHT_WRIST"), WRAPPER),
    "contract check": (in_file("ModelAsset.kt", "!=", "=="), WRAPPER),
    "Gradle": (in_file("build.gradle.kts", "minSdk", "targetSdk"), WRAPPER),
    "Android manifest": (in_file("AndroidManifest.xml", "<manifest", "<manifest package='x'"), WRAPPER),
    "read-me": (in_file("README.md", "Tiny", "Tony"), WRAPPER),
    "missing source": (removed("Warp.kt"), WRAPPER),
    "code where zip programs leave theirs": (in_file_of("module/src/main/kotlin/__MACOSX/More.kt"), WRAPPER),
    "code in a folder called as litter": (in_file_of("module/src/main/kotlin/.DS_Store/More.kt"), WRAPPER),
    "one more source": (stray("module/src/main/kotlin/posekit/tiny/More.kt"), WRAPPER),
    "golden number": (
        in_json(Path("golden/tracking.json"), lambda d: d["cases"][3]["smoothed"].__setitem__(0, 1.0)),
        GOLDEN,
    ),
    "golden case": (in_json(Path("golden/warp.json"), lambda d: d["cases"].pop()), GOLDEN),
    "stray file": (stray("notes.txt"), FILES),
    "page of a search that was none": (stray("report/search.html"), FILES),
    "stray page": (stray("report/more.html"), FILES),
    "input tensor": (in_tensor("case-000.image.f32", 2.0), INPUTS),
    "region": (in_json(CASES, lambda d: d["cases"][0]["region"]["center_xy"].__setitem__(0, 31.0)), INPUTS),
    "picture of another case": (in_case(image="001.png"), INPUTS),
    "output tensor": (in_tensor("case-001.heatmaps.f32", 9.0), KEYPOINTS),
    "keypoint": (in_json(CASES, lambda d: d["cases"][1]["poses"][0]["keypoints"][0].__setitem__(1, 3.0)), KEYPOINTS),
    "score": (in_json(CASES, lambda d: d["cases"][0]["poses"][0]["scores"].__setitem__(0, 0.99)), KEYPOINTS),
    "stray evidence": (stray("evaluation/more.f32"), EVIDENCE),
    "case's name": (in_case(name="other.png#0"), FIGURES),
    "trace's input": (in_tensor("trace.f32", 3.0, 1024 * 2 + 5), TRACED),
    "trace's case": (in_json(TRACE, lambda d: d.update(case="1.png#0")), TRACED),
    "trace's range": (in_json(TRACE, lambda d: d["steps"][1].update(highest=1.0)), TRACED),
    "trace's graph": (in_json(TRACE, lambda d: d["steps"][0].update(inputs=["mul"])), TRACED),
    "recipe": (in_json(Path("recipe.json"), lambda d: d.update(precision="w8")), LAYERS),
    "layer of the recipe": (in_json(Path("recipe.json"), lambda d: d["layers"].update(head="fp16")), LAYERS),
    "layer of the report": (in_report(lambda d: d["layers"][0].update(bits=8, stored="int8")), LAYERS),
    "layer left out": (in_report(lambda d: d["layers"].pop()), LAYERS),
    "mean": (in_contract(mean=(123.0, 117.0, 104.0)), NORMALISATION),
    "std": (in_contract(std=(58.0, 58.0, 58.0)), NORMALISATION),
    "no normalisation": (in_contract(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)), TRACED),
    "colour order": (in_contract(color_order="bgr"), NORMALISATION),
    "box padding everywhere": (in_contract(alignment="index"), INPUTS),
    "status": (in_json(Path(MANIFEST), lambda d: d.update(status="VERIFIED")), FACTS),
    "license": (in_json(Path(MANIFEST), lambda d: d.update(license="MIT")), FACTS),
    "tools": (in_json(Path(MANIFEST), lambda d: d["tools"].update(torch="1.0")), FACTS),
    "model's size": (in_report(lambda d: d["op_counts"].update(CONV_2D=1)), FACTS),
    "verdict": (in_json(Path(MANIFEST), lambda d: d.update(verdict="unverified")), FACTS),
    "pictures": (in_report(lambda d: d.update(images=7, cases=7)), FIGURES),
    "signal": (in_report(lambda d: d["total"]["tensors"][0].update(snr_db=150.0)), FIGURES),
    "a figure": (in_report(lambda d: d["total"]["keypoints"].update(score_error=0.0)), FIGURES),
    "a gate": (in_report(lambda d: d["checks"].pop()), FIGURES),
    "worst case": (in_report(lambda d: d["worst"].reverse()), FIGURES),
    "a phone's word": (everywhere(status="VERIFIED", runtime="LiteRT 2.3.0 on a phone"), FIGURES),
    "a runtime that package does not use": (in_report(lambda d: d.update(runtime="LiteRT 2.3.0, NPU")), FIGURES),
    "a wrapper that was not run": (
        in_report(lambda d: d.update(runtime=f"{d['runtime']}; Kotlin on a phone")),
        FIGURES,
    ),
    "a gate of a wrapper that was not run": (in_report(lambda d: d["checks"].append(PASSED)), FIGURES),
    "pictures of another kind": (everywhere(evaluated_on="1000 people of a known data set"), FACTS),
    "hash of the outputs": (in_case(packaged_sha256="0" * 64), FIGURES),
}


def failed(folder: Path, **wanted: Any) -> dict[str, str]:
    checks = validate(folder, ValidateOptions(**wanted)).evaluation.checks
    return {check.name: check.detail for check in checks if check.outcome == "fail"}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_contradiction_is_seen_by_its_check(what: str, bundle: Path) -> None:
    change, name = CONTRADICTIONS[what]
    change(bundle)
    faults.sealed(bundle)
    faults.paged(bundle)
    assert name in failed(bundle)


@pytest.mark.parametrize("page", ["index.html", "junit.xml"])
def test_a_page_is_made_of_the_figures(page: str, bundle: Path) -> None:
    in_file(page, "heatmaps", "heatmops")(bundle)
    faults.sealed(bundle)
    assert list(failed(bundle)) == [PAGES]


def test_a_case_that_is_missing(bundle: Path) -> None:
    in_json(CASES, lambda document: document["cases"].pop())(bundle)
    for name in ("case-001.image.f32", "case-001.heatmaps.f32", "001.png"):
        (bundle / "evaluation" / name).unlink()
    faults.sealed(bundle)
    faults.paged(bundle)
    assert "number of recorded cases is 1, expected 2" in failed(bundle)[FIGURES]


def test_an_untouched_bundle_contradicts_nothing(bundle: Path) -> None:
    checks = validate(bundle).evaluation.checks
    skipped = [check.name for check in checks if check.outcome != "pass"]
    assert skipped == ["it is the network's"]
    assert {
        WRAPPER,
        GOLDEN,
        FILES,
        INPUTS,
        KEYPOINTS,
        EVIDENCE,
        TRACED,
        LAYERS,
        METADATA,
        NORMALISATION,
        FACTS,
        FIGURES,
        PAGES,
    } <= {check.name for check in checks}


def test_what_pycocotools_alone_tells_is_not_missed_without_it() -> None:
    assert Slack(True, True).differing({"ap": 0.9, "pck": 1.0}, {"ap": None, "pck": 1.0}, "accuracy.packaged") == []
    ap = {"name": "AP against annotations", "outcome": "pass", "detail": "+0.10 points lost"}
    untold = {**ap, "outcome": "skipped", "detail": NO_PYCOCOTOOLS}
    then, now = {"checks": [ap], "steps": []}, {"checks": [untold, {**untold, "name": "AP"}]}
    assert list(of_checks(then, now, Slack(True, True), is_complete=True)) == []
    now["checks"][0]["detail"] = "1 annotated people are too few"
    assert list(of_checks(then, now, Slack(True, True), is_complete=True))


def test_checks_of_a_mac_are_not_missed_elsewhere() -> None:
    of_a_mac = {"name": "on the accelerator: keypoints, p95 error", "outcome": "pass", "detail": ""}
    tied = {"name": "near ties", "outcome": "pass", "detail": ""}
    other = {"name": "scores", "outcome": "pass", "detail": ""}
    then: dict[str, Any] = {"checks": [], "steps": []}
    now = {"checks": [of_a_mac, tied, other]}
    said = ["the report has no check 'scores'"]
    assert list(of_checks(then, now, Slack(False, True), is_complete=True)) == said
    assert list(of_checks(then, now, Slack(True, True), is_complete=True)) == [
        "the report has no check 'near ties'",
        *said,
    ]


@pytest.mark.parametrize(("mean", "std"), [(120.0, 55.5), (0.0, 1.0), (127.5, 255.0)])
def test_gray_in_float16_is_as_straight_as_its_rounding_allows(mean: float, std: float) -> None:
    """As Core ML computes it; other weights, another mean or std are none."""
    data = {"color_order": "gray", "mean": mean, "std": std, "size_wh": [40, 56], "resize": "stretch"}
    given = InputSpec.model_validate({**data, "alignment": "index"})
    spec = preset("hrnet-coco17").model_copy(update={"input": given})
    pixels = np.random.default_rng(0).uniform(64, 192, (56, 40, 3))

    def gray(of: Any, r: float, g: float, b: float, mean: float, std: float) -> Any:
        red, green, blue = (of(pixels[..., i]) for i in range(3))
        return ((of(r) * red + of(g) * green + of(b) * blue - of(mean)) / of(std))[..., None].astype(np.float64)

    def is_straight(*values: float) -> bool:
        return _is_straight(gray(np.float16, *values), gray(np.float64, 0.299, 0.587, 0.114, mean, std), spec, "fp16")

    assert is_straight(0.299, 0.587, 0.114, mean, std)
    assert not is_straight(0.114, 0.587, 0.299, mean, std)
    assert not is_straight(0.31, 0.58, 0.11, mean, std)
    assert not is_straight(0.299, 0.587, 0.114, mean + 0.05 * std + 1, std)
    assert not is_straight(0.299, 0.587, 0.114, mean, std * 1.01)


def test_edited_code_is_allowed_when_asked(bundle: Path) -> None:
    in_file("Tiny.kt", "0.03", "0.3")(bundle)
    faults.sealed(bundle)
    assert "Tiny.kt" in failed(bundle)[WRAPPER]
    assert failed(bundle, allow_edited=True) == {}


def test_code_of_another_version_is_told_apart(bundle: Path) -> None:
    in_json(Path(MANIFEST), lambda document: document.update(posekit="0.0.9"))(bundle)
    faults.sealed(bundle)
    assert failed(bundle) == {}, "whatever the version, the code is the same"
    in_file("Tiny.kt", "0.03", "0.3")(bundle)
    faults.sealed(bundle)
    assert f"made by posekit 0.0.9, this is {__version__}" in failed(bundle)[WRAPPER]


def test_foreign_code_is_not_run_without_trust(
    bundle: Path, refused: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from posekit.devices import desktop

    monkeypatch.setattr(desktop, "require", lambda platform: None)
    monkeypatch.setattr(desktop, "run_wrapper", lambda *_, **__: pytest.fail("it was run"))
    in_file("Warp.kt", "package", "/* */ package")(bundle)
    faults.sealed(bundle)
    refused(2, "validate", bundle, "--wrapper", "--allow-edited", says=("is not run", "Warp.kt", "--trust"))


def test_moved_zipped_and_unzipped(bundle: Path, tmp_path: Path) -> None:
    """Times, permission bits, and what Finder, Explorer and zip programs add are no part of a bundle."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted(bundle.rglob("*")):
            archive.write(path, path.relative_to(bundle.parent))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "there")
    moved = tmp_path / "there" / bundle.name
    for place in (moved, moved / "evaluation", moved / "module" / "src" / "main" / "assets"):
        (place / ".DS_Store").write_bytes(b"\0")
        (place / "._pose.json").write_bytes(b"\0\5\x16\7")
    (moved / "__MACOSX").mkdir()
    (moved / "__MACOSX" / "._x.kt").write_text("fun")
    (moved / "golden" / "Thumbs.db").write_bytes(b"\0")
    for path in moved.rglob("*.kt"):
        path.chmod(0o700)
        os.utime(path, (0, 0))
    assert failed(moved) == {}


@pytest.mark.parametrize("number", ["1e300", "1e-300", "1e999", "-1e8", "0.0", '"1"', "null"])
@pytest.mark.parametrize("key", ["center_xy", "size_wh", "box_xyxy", "area_px", "shape"])
def test_numbers_of_a_case_are_bounded(key: str, number: str, bundle: Path, refused: Callable[..., Any]) -> None:
    document = json.loads((bundle / CASES).read_text())
    case = document["cases"][0]
    case["person"] = {"box_xyxy": [0.0, 0.0, 9.0, 9.0], "area_px": 81.0, "keypoints": None}
    parent = {"center_xy": case["region"], "size_wh": case["region"], "shape": case["input"]}.get(key, case["person"])
    parent[key] = ["@", *parent[key][1:]] if isinstance(parent[key], list) else "@"
    (bundle / CASES).write_text(json.dumps(document).replace('"@"', number))
    faults.sealed_manifest(bundle)
    if (number == "0.0" and key in ("center_xy", "box_xyxy", "area_px")) or (key, number) in (
        ("area_px", "1e-300"),
        ("center_xy", "1e-300"),
        ("box_xyxy", "1e-300"),
    ):
        assert failed(bundle)
    else:
        refused(2, "validate", bundle, says=("cases.json",))


def test_a_box_without_extent_is_refused(bundle: Path, refused: Callable[..., Any]) -> None:
    in_case(person={"box_xyxy": [5.0, 5.0, 5.0, 9.0], "area_px": 1.0, "keypoints": None})(bundle)
    faults.sealed(bundle)
    refused(2, "validate", bundle, says=("cases.json", "has an extent"))


def test_the_network_tells_what_nothing_else_can(bundle: Path, tiny: Any, tmp_path: Path) -> None:
    """Weights changed, and all figures measured anew on them: the bundle agrees with itself, and not with its
    network."""
    source = shutil.copyfile(tiny.save("exported"), tmp_path / "tiny.pt2")
    shutil.copyfile(tiny.spec_file, tmp_path / "tiny.toml")
    seeds = (
        seed
        for seed in range(200)
        if faults.and_figures(faults.weights)(shutil.copytree(bundle, tmp_path / f"try-{seed}"), faults.Random(seed))
    )
    changed = tmp_path / f"try-{next(seeds)}"
    faults.sealed(changed)
    faults.paged(changed)
    assert failed(changed) == {}
    assert list(failed(changed, source=source)) == ["the model file is what the network becomes"]


def test_an_untouched_bundle_is_of_its_network(bundle: Path, tiny: Any, tmp_path: Path) -> None:
    source = shutil.copyfile(tiny.save("exported"), tmp_path / "tiny.pt2")
    checks = validate(bundle, ValidateOptions(source=source, spec=str(tiny.spec_file))).evaluation.checks
    assert all(check.outcome == "pass" for check in checks)
    other = tmp_path / "other.toml"
    other.write_text(tiny.spec.replace("box_padding = 1.25", "box_padding = 1.2"))
    found = failed(bundle, source=source, spec=str(other))
    assert found == {"the contract is the one given": "pose.json differs from the spec in input"}


def test_another_network_is_not_the_bundles(bundle: Path, tiny: Any, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(2)
    with (tmp_path / "other.pt2").open("wb") as file:
        torch.export.save(torch.export.export(tiny.code.Tiny().eval(), (torch.rand(1, 3, 48, 32),)), file)
    said = failed(bundle, source=tmp_path / "other.pt2")["the reference is the network's"]
    assert "SHA-256 of the network's file" in said
    assert "relative RMS error" in said


@pytest.mark.parametrize(
    ("where", "is_seen"),
    [
        ("total.keypoints.max_px", False),
        ("total.drift.max_px", True),
        ("total.drift.p95_px", True),
        ("total.drift.ties", False),
    ],
)
def test_another_processors_near_ties_are_no_lie_and_what_is_beyond_them_is_compared(where: str, is_seen: bool) -> None:
    assert bool(Slack(False, True).differing(0.0, 3.2, where)) is is_seen
    assert Slack(True, True).differing(0.0, 3.2, where)
