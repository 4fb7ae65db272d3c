"""The report as written: the same bytes each time, small, escaped, and true to the evaluation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from posekit.errors import InputError
from posekit.parity.evaluation import Evaluation
from tests import reports

pytestmark = pytest.mark.xdist_group("browser")  # shares the tiny bundle with the page's tests


@pytest.fixture(scope="module")
def written(
    packaged: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Evaluation, dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("reporting")
    facts = reports.facts_of(packaged, folder)
    evaluation, document = reports.write(folder / "report", packaged, facts)
    return folder / "report", evaluation, document, facts


def test_the_same_evidence_gives_the_same_bytes(written, packaged: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder, _, _, facts = written
    reports.write(tmp_path / "again", packaged, facts)
    names = {path.name for path in folder.iterdir()}
    assert names == {"index.html", "report.json", "junit.xml"}
    assert [name for name in names if (folder / name).read_bytes() != (tmp_path / "again" / name).read_bytes()] == []


def test_the_page_is_one_small_file_that_asks_nothing(written) -> None:  # type: ignore[no-untyped-def]
    text = (written[0] / "index.html").read_text()
    assert len(text) < 2_000_000
    links = re.findall(r"""(?:href|src|action|data|poster|srcset)\s*=\s*["']([^"']*)""", text)
    assert links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links)
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|https?://|//\w+\.", re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", text))


def test_names_from_outside_are_escaped(written) -> None:  # type: ignore[no-untyped-def]
    text = (written[0] / "index.html").read_text()
    assert reports.BITE not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 5


def test_the_page_says_what_was_measured(written) -> None:  # type: ignore[no-untyped-def]
    folder, evaluation, document, _ = written
    text = (folder / "index.html").read_text()
    assert not evaluation.is_good
    assert document == json.loads((folder / "report.json").read_text())
    assert (document["verdict"], document["blamed"]) == ("rejected", ["precision"])
    assert "The error comes from precision." in text
    for said in (
        "1 of 3 operations can run on the GPU by TensorFlow",
        "ARG_MAX",
        "Not run",
        "SKIPPED",
        "1.25",
        "ab" * 32,
    ):
        assert said in text
    for error in evaluation.worst:
        assert f"<strong>{error.case}</strong>" in text
    assert text.count("data:image/jpeg") == len(evaluation.worst)


def test_the_page_says_how_a_device_ran(written) -> None:  # type: ignore[no-untyped-def]
    text = (written[0] / "index.html").read_text()
    for said in ("The app is a debug ", "float16 allowed ", "failed: the driver died ", "none before, light after"):
        assert text.count(said) == 1, said
    assert re.search(r"timed runs.*>20<", text, re.DOTALL)


def centres(text: str, side: str) -> list[tuple[float, float]]:
    """The keypoints of the first picture's side."""
    (layer, *_) = re.findall(rf'<span class="side {side}">.*?</svg>', text, re.DOTALL)
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.-]+)" cy="([\d.-]+)"', layer)]


@pytest.mark.parametrize(("accelerator", "side"), [(True, "device"), (False, "wrapper")])
def test_the_pictures_show_whose_errors_the_captions_tell(
    packaged: Path, tmp_path: Path, accelerator: bool, side: str
) -> None:
    evaluation, document = reports.write_of_device(tmp_path / "report", packaged, accelerator)
    text = (tmp_path / "report" / "index.html").read_text()
    assert evaluation.worst[0].max_px == pytest.approx(14, abs=0.5)
    assert document["pictured"] == side
    assert f'<span class="tag">{side}</span>' in text
    assert f">Show the {side}</button>" in text
    before, after = centres(text, "reference"), centres(text, "packaged")
    assert len(before) == len(after) == 3
    assert all(b[0] - a[0] == pytest.approx(14, abs=0.5) for a, b in zip(before, after, strict=True))


def test_a_fault_of_the_accelerator_is_the_devices(packaged: Path, tmp_path: Path) -> None:
    reports.write_of_device(tmp_path / "report", packaged)
    text = re.sub(r"\s+", " ", (tmp_path / "report" / "index.html").read_text())
    states = dict(re.findall(r'<strong>([\w ]+)</strong> <span class="state \w+">([\w ]+)</span>', text))
    assert states == {
        "model file": "holds",
        "wrapper": "fails",
        "contract": "not run",
        "device": "fails",
        "golden vectors": "not run",
    }
    assert "measured on a device" in text
    assert "<strong>VERIFIED</strong>" not in text


def test_where_no_error_can_be_seen_one_picture_is_an_example(packaged: Path, tmp_path: Path) -> None:
    facts = {"name": "tiny", "platform": "android", "precision": "fp32"}
    evaluation, _ = reports.write(tmp_path / "report", packaged, facts, is_good=True)
    text = (tmp_path / "report" / "index.html").read_text()
    assert len(evaluation.worst) > 1
    assert text.count("data:image/jpeg") == 1
    assert "A picture, as an example" in text
    assert "worst first" not in text


def test_where_nothing_is_known_the_page_says_so(packaged: Path, tmp_path: Path) -> None:
    facts = {"name": "tiny", "platform": "android", "precision": "fp32"}
    evaluation, _ = reports.write(tmp_path / "report", packaged, facts, is_good=True)
    text = (tmp_path / "report" / "index.html").read_text()
    assert evaluation.is_good
    assert "Not measured." in text
    assert "run posekit inspect on the bundle" in text
    assert "not compared with the training code" in text


def test_facts_that_are_none_are_refused_before_anything_is_written(packaged: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="facts"):
        reports.write(tmp_path / "report", packaged, {"name": "tiny", "platform": 3, "precision": "fp32"})
    assert not (tmp_path / "report").exists()
