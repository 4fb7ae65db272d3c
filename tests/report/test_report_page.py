"""The report's page in a real browser: it fits a phone, asks nothing of anybody, flickers, and can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests import reports
from tests.browser import Browser, browser, program

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(program() is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]
SIZES = [(390, 844), (1280, 900), (320, 568)]
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
OPENED = "document.querySelectorAll('details').forEach(one => one.open = true)"
CUT = (
    "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).map(one => "
    "one.textContent)"
)
# figures and a name as wide as they come
WIDE = """for (const row of document.querySelectorAll('.narrow tbody tr')) {
  row.querySelector('th').lastChild.data = 'right shoulder';
  row.querySelectorAll('td.figure').forEach(one => { one.textContent = '< 0.001'; });
  row.querySelectorAll('.word').forEach(one => { one.textContent = '-123.456,'; });
}"""
# words of everyday length that stand on two lines
BROKEN = """(() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (['SCRIPT', 'STYLE'].includes(node.parentElement.tagName)) continue;
    for (const word of node.data.matchAll(/\\b[A-Za-z]{2,16}\\b/g)) {
      const range = document.createRange();
      range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
      const tops = [...range.getClientRects()].filter(box => box.width > 0).map(box => Math.round(box.top));
      if (new Set(tops).size > 1) found.push(word[0]);
    }
  }
  return found;
})()"""
# the lowest contrast of text against what is behind it, by WCAG's formula, and the text
CONTRAST = """(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = one => { for (; one; one = one.parentElement) {
    const found = parts(getComputedStyle(one).backgroundColor); if (found.length < 4 || found[3] > .5) return found; }
    return [255, 255, 255]; };
  let worst = [99, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || ['SCRIPT', 'STYLE'].includes(one.tagName) || one.closest('svg')) continue;
    if (!one.getClientRects().length) continue;
    const [a, b] = [light(parts(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
})()"""


@pytest.fixture(scope="module")
def page(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    reports.write(folder / "report", packaged, reports.facts_of(packaged, folder))
    return folder / "report" / "index.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(str(program()), tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_overflows_and_nothing_is_fetched(
    page: Path, tab: Browser, width: int, height: int, tmp_path: Path
) -> None:
    tab.show(page, width, height)
    assert tab.value("innerWidth") == width  # a phone widens its window to what overflows
    assert tab.value(OVERFLOW) <= 0
    tab.value(OPENED)
    assert tab.value(OVERFLOW) <= 0
    asked = [one["request"]["url"] for one in tab.told("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:image/jpeg;base64,")] == [page.as_uri()]
    assert tab.told("Log.entryAdded") == []
    assert tab.told("Runtime.exceptionThrown") == []
    tab.picture(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.width == width
        assert picture.height >= height
        assert len(picture.convert("RGB").resize((64, 64)).getcolors(4096) or ()) > 50


@pytest.mark.parametrize("width", [390, 961, 1280])
def test_nothing_is_cut_and_no_word_is_broken(page: Path, tab: Browser, width: int) -> None:
    tab.show(page, width, 844)
    tab.value(OPENED)
    tab.value(WIDE)
    assert tab.value(CUT) == []
    assert tab.value(BROKEN) == []


def test_the_checks_of_cut_tables_and_broken_words_can_fail(page: Path, tab: Browser, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    squeezed = (
        ".narrow { width: 200% } #contract th { min-width: 0; width: 3rem; overflow-wrap: anywhere } "
        "#contract td { min-width: 60rem }"
    )
    planted.write_text(page.read_text().replace("</style>", squeezed + "</style>"))
    tab.show(planted, 1280, 844)
    assert tab.value(CUT)
    assert "normalisation" in tab.value(BROKEN)


def test_what_is_pressed_has_the_size_of_a_finger(page: Path, tab: Browser) -> None:
    tab.show(page, 390, 844)
    small = "o => { const box = o.getBoundingClientRect(); return box.height < 44 || box.width < 44; }"
    pressed = "[...document.querySelectorAll('a, summary, button')]"
    assert tab.value(f"{pressed}.length") > 8
    assert tab.value(f"{pressed}.filter({small}).map(o => o.textContent)") == []


def test_the_figures_numbers_lie_within_their_joints(page: Path, tab: Browser) -> None:
    tab.show(page, 1280, 900)
    numbers = """[...document.querySelectorAll('.joints svg text')].map(text => {
      const [a, b] = [text, text.previousElementSibling].map(one => one.getBoundingClientRect());
      const isLevel = Math.abs(a.top + a.bottom - b.top - b.bottom) < 8;
      return [text.textContent, a.left >= b.left && a.right <= b.right && isLevel]; })"""
    found = tab.value(numbers)
    listed = tab.value("document.querySelectorAll('.worst li').length")
    assert listed >= 1
    assert sorted(found) == [[str(number), True] for number in range(1, listed + 1)]


def test_the_checks_of_overflow_and_requests_can_fail(page: Path, tab: Browser, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    text = page.read_text()
    planted.write_text(
        text.replace("</main>", '<img src="http://127.0.0.1:9/x.png"><p style="width:2000px">wide</p></main>')
    )
    tab.show(planted, 390, 844)
    assert tab.value(OVERFLOW) > 0
    blocked = [one["entry"]["text"] for one in tab.told("Log.entryAdded")]
    assert any("Content Security Policy" in one for one in blocked)


def test_names_from_outside_stay_text(page: Path, tab: Browser) -> None:
    tab.show(page, 390, 844)
    assert tab.value("document.querySelectorAll('img, [onerror]').length") == 0
    assert tab.value("document.scripts.length") == 1
    assert tab.told("Page.javascriptDialogOpening") == []
    seen = tab.value("document.body.textContent")
    assert seen.count(reports.BITE) >= 5
    assert "49" not in tab.value("document.querySelector('#speed').textContent")


def visible(tab: Browser, side: str) -> bool:
    return bool(tab.value(f"getComputedStyle(document.querySelector('.flick .{side}')).visibility === 'visible'"))


def press(tab: Browser, kind: str, key: str) -> None:
    tab.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")


def test_a_held_key_shows_the_other_side(page: Path, tab: Browser) -> None:
    tab.show(page, 1280, 900)
    assert (visible(tab, "reference"), visible(tab, "packaged")) == (True, False)
    press(tab, "keyDown", "f")
    assert (visible(tab, "reference"), visible(tab, "packaged")) == (False, True)
    press(tab, "keyUp", "f")
    assert visible(tab, "reference")
    tab.value("document.querySelector('.flick').focus()")
    press(tab, "keyDown", " ")
    assert visible(tab, "packaged")
    assert tab.value("document.querySelector('.flick').getAttribute('aria-pressed')") == "true"
    press(tab, "keyUp", " ")
    assert visible(tab, "reference")


def test_a_press_on_a_picture_shows_the_other_side(page: Path, tab: Browser) -> None:
    tab.show(page, 390, 844)
    x, y = tab.value("""(() => { const one = document.querySelector('.flick'); one.scrollIntoView({block: 'center'});
        const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()""")
    mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
    tab.call("Input.dispatchMouseEvent", type="mousePressed", **mouse)
    assert visible(tab, "packaged")
    tab.call("Input.dispatchMouseEvent", type="mouseReleased", **mouse)
    assert visible(tab, "reference")


def test_the_buttons_work_and_motion_is_only_where_it_is_wanted(page: Path, tab: Browser) -> None:
    tab.show(page, 390, 844)
    tab.value("document.getElementById('all').click()")
    assert visible(tab, "packaged")
    tab.value("document.getElementById('play').click()")
    assert tab.value("document.getElementById('play').getAttribute('aria-pressed')") == "true"
    tab.value("document.getElementById('play').click()")
    assert visible(tab, "reference")
    tab.show(page, 390, 844, prefers_reduced_motion="reduce")
    assert tab.value("getComputedStyle(document.getElementById('play')).display") == "none"
    tab.value("document.getElementById('play').click()")
    assert tab.value("document.getElementById('play').getAttribute('aria-pressed')") == "false"


def test_without_scripts_both_sides_stand_beside_each_other(page: Path, tab: Browser) -> None:
    tab.show(page, 1280, 900, scripts=False)
    assert visible(tab, "reference")
    assert visible(tab, "packaged")
    left, right = tab.value("""[...document.querySelector('.flick').querySelectorAll('.side')].map(
        one => { const box = one.getBoundingClientRect(); return [box.left, box.right]; })""")
    assert left[1] <= right[0]
    assert tab.value("getComputedStyle(document.querySelector('.controls')).display") == "none"
    assert tab.value(OVERFLOW) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(page: Path, tab: Browser, scheme: str) -> None:
    """4.5 to 1 is what WCAG asks of small text."""
    tab.show(page, 1280, 900, prefers_color_scheme=scheme)
    tab.value(OPENED)
    ratio, text = tab.value(CONTRAST)
    assert ratio >= 4.5, text
    dark = tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 23)"
    assert dark == (scheme == "dark")


def test_everything_has_a_name_and_a_place_in_the_outline(page: Path, tab: Browser) -> None:
    tab.show(page, 390, 844)
    assert tab.value("document.documentElement.lang") == "en"
    assert tab.value("document.querySelectorAll('h1').length") == 1
    broken = (
        "[...document.querySelectorAll('nav a')].filter(one => "
        "!document.querySelector(one.getAttribute('href'))).length"
    )
    assert tab.value(broken) == 0
    nameless = (
        "[...document.querySelectorAll('svg')].filter(one => !one.getAttribute('aria-label') && "
        "!one.getAttribute('aria-hidden')).length"
    )
    assert tab.value(nameless) == 0
    twice = "(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(one => one.id))"
    assert tab.value(twice) == 0
