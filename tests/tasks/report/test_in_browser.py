"""The page in headless Chromium: quiet, alone, drawn, and fitting a phone."""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (CHROMIUM and CHROMEDRIVER), reason="no chromium and chromedriver on the PATH"
    ),
]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Browser = webdriver.Chrome


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = Options()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    yield driver
    driver.quit()


def opened(browser: Browser, page: Path, *, width: int, anchor: str = "") -> list[dict[str, Any]]:
    """Open the page and wait until all is drawn; returns its events since the blank page."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.get("about:blank")
    for log in ("performance", "browser"):
        browser.get_log(log)  # type: ignore[no-untyped-call]
    browser.get(page.as_uri() + anchor)
    WebDriverWait(browser, 60).until(
        lambda driver: driver.execute_script("return document.documentElement.dataset.drawn")
    )
    entries = browser.get_log("performance")  # type: ignore[no-untyped-call]
    return [json.loads(entry["message"])["message"] for entry in entries]


@pytest.mark.parametrize("width", [1280, 390])
def test_draws_every_figure_quietly_and_alone(browser: Browser, page: Path, width: int) -> None:
    events = opened(browser, page, width=width)
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert asked[0] == page.as_uri()
    assert [url for url in asked[1:] if not url.startswith("data:")] == []

    sizes = browser.execute_script(
        "return [...document.querySelectorAll('[data-draw]')].map((place) => {"
        "  const boxes = [...place.querySelectorAll('.main-svg .trace path')]"
        "    .map((mark) => mark.getBoundingClientRect());"
        "  const extent = (low, high) => Math.max(...boxes.map((box) => box[high]))"
        "    - Math.min(...boxes.map((box) => box[low]));"
        "  return [place.id, extent('left', 'right'), extent('top', 'bottom')];"
        "})"
    )
    assert len(sizes) == 12
    for name, wide, high in sizes:
        assert 100 < wide <= width, name
        assert high > 10, name
    # The page itself never scrolls sideways; wide tables do so in their own frames.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script("return document.title").startswith("Which strategy")


def test_words_come_first_and_fast(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    painted = browser.execute_script(
        "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    assert painted < 2000
    below = browser.execute_script(
        "return document.querySelector('.lead').getBoundingClientRect().bottom"
    )
    assert below < 900


def test_a_problem_leads_to_its_candidates(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    found = browser.execute_script(
        "const link = document.querySelector('#problems td a'); link.click();"
        "return link.getAttribute('href').slice(1)"
    )
    WebDriverWait(browser, 10).until(
        lambda driver: driver.execute_script(
            "return document.getElementById(arguments[0]).open", found
        )
    )
    code = browser.execute_script(
        "return document.getElementById(arguments[0]).querySelector('.card code').innerText", found
    )
    assert "class Model" in code


def clicked(browser: Browser, x: float, y: float) -> str:
    """Move, press and let go with a hand's pauses, since Plotly takes a click for where it last saw
    the mouse; returns the page's anchor."""
    mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", {**mouse, "type": kind})
        time.sleep(0.2)
    return str(browser.execute_script("return location.hash"))


def test_two_clicks_lead_from_a_bar_to_a_candidate_behind_it(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    name, x, y = browser.execute_script(
        "const place = document.getElementById('plot-strategies');"
        "place.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const names = place.data[0].y; const at = names.indexOf('surprisal');"
        "const bars = [...place.querySelectorAll('.bars .point path')];"
        "const box = bars[at].getBoundingClientRect();"
        "return [names[at], box.left + box.width / 3, box.top + box.height / 2]"
    )
    WebDriverWait(browser, 10).until(lambda driver: clicked(driver, x, y))
    assert browser.execute_script("return location.hash") == f"#picks-{name}"
    card = browser.execute_script(
        "const link = document.querySelector(location.hash).closest('tr').querySelector('a');"
        "link.click(); return link.getAttribute('href').slice(1)"
    )
    WebDriverWait(browser, 10).until(
        lambda driver: driver.execute_script(
            "const card = document.getElementById(arguments[0]);"
            "return card.closest('details').open && card.querySelector('h4').innerText",
            card,
        )
    )
    shown = browser.execute_script("return document.getElementById(arguments[0]).innerText", card)
    assert name in shown
    assert "class ModelNew" in shown


def test_a_problems_draws_are_listed_sorted_and_opened(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    browser.execute_script("document.querySelector('.shelf').open = true")
    rows = "return document.querySelectorAll('.shelf [data-row]').length"
    WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(rows))
    assert browser.execute_script(rows) == 16
    speeds = browser.execute_script(
        "const shelf = document.querySelector('.shelf');"
        "[...shelf.querySelectorAll('th button')].find((b) => b.innerText === 'speedup').click();"
        "return [...shelf.querySelectorAll('[data-row]')].map((row) => row.cells[2].innerText)"
    )
    known = [float(speed) for speed in speeds if speed != "–"]
    assert known == sorted(known, reverse=True)
    assert "–" not in speeds[: len(known)]
    code = browser.execute_script(
        "const row = document.querySelector('.shelf [data-row]'); row.click();"
        "return [...row.nextSibling.querySelectorAll('pre')].map((pre) => pre.innerText)"
    )
    assert "class ModelNew" in code[0]
    assert "class Model(" in code[1]


def test_figures_switch_their_budget_and_save_themselves(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    title = "return document.getElementById('plot-price').layout.xaxis.title.text"
    assert browser.execute_script(title).startswith("evaluations")
    browser.execute_script(
        "window.saved = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { window.blob ??= blob; return make(blob); };"
        "HTMLAnchorElement.prototype.click = function () {"
        "  if (this.download) saved.push([this.download, this.href]); };"
        "[...document.querySelectorAll('#price .views button')].at(-1).click()"
    )
    WebDriverWait(browser, 10).until(
        lambda driver: driver.execute_script(title).startswith("tokens")
    )
    for kind in ("csv", "png"):
        browser.execute_script(
            "document.querySelector(`#price [data-save=${arguments[0]}]`).click()", kind
        )
    WebDriverWait(browser, 20).until(
        lambda driver: driver.execute_script("return saved.length === 2")
    )
    (table, _), (picture, data) = browser.execute_script("return saved")
    assert (table, picture) == ("price.csv", "price.png")
    assert data.startswith("data:image/png;base64,")
    assert len(data) > 10_000
    text = browser.execute_async_script("window.blob.text().then(arguments[0])")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["series"] for row in rows} >= {"oracle", "surprisal", "random"}
    along, up = list(rows[0])[1:3]
    assert along.startswith("tokens")
    assert up == "share of problems"
    for row in rows:
        assert float(row[along]) > 0
        assert float(row["low"]) <= float(row[up]) <= float(row["high"])


def test_saved_numbers_are_the_runs_own_under_whole_names(browser: Browser, page: Path) -> None:
    opened(browser, page, width=400)
    found = browser.execute_script(
        "const saved = {}; const parts = [];"
        "URL.createObjectURL = (blob) => { parts.push(blob); return 'blob:none'; };"
        "HTMLAnchorElement.prototype.click = function () {};"
        "const buttons = [...document.querySelectorAll('[data-save=csv]')];"
        "for (const button of buttons) button.click();"
        "window.parts = parts; return buttons.map((button) => button.dataset.of)"
    )
    texts = browser.execute_async_script(
        "Promise.all(parts.map((part) => part.text())).then(arguments[0])"
    )
    assert len(texts) == len(found) > 5
    for text in texts:
        assert "paper" not in text
        assert "…" not in text
        header, *rows = csv.reader(text.splitlines())
        assert header[0] == "series"
        assert not {"x", "y", ""} & set(header)
        assert rows
    assert "12 Matmul with diagonal matrices" in "".join(texts)


def test_a_link_lands_on_its_heading(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    for name in ("problems", "speedups", "method"):
        browser.execute_script(
            "document.documentElement.style.scrollBehavior = 'auto';"
            "document.querySelector(`nav a[href='#${arguments[0]}']`).click()",
            name,
        )
        heading = f"return document.querySelector('#{name} h2').getBoundingClientRect().top"
        WebDriverWait(browser, 10).until(
            lambda driver, heading=heading: 0 <= driver.execute_script(heading) < 450
        )


def test_draws_are_found_by_words_and_verdict(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    browser.execute_script("document.querySelector('.shelf').open = true")
    rows = "return document.querySelectorAll('.shelf [data-row]').length"
    WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(rows) == 16)
    type_in = (
        "const field = document.querySelector(`.shelf .find ${arguments[0]}`);"
        "field.value = arguments[1]; field.dispatchEvent(new Event('input'));"
        "return [...document.querySelectorAll('.shelf [data-row]')].map((row) => row.innerText)"
    )
    assert browser.execute_script(type_in, "input", "no such words anywhere") == []
    some = browser.execute_script(type_in, "input", "NAIVE LOOP")
    assert 0 < len(some) < 16
    assert len(browser.execute_script(type_in, "input", "")) == 16
    option = browser.execute_script(
        "return document.querySelector('.shelf .find option + *').value"
    )
    wrong = browser.execute_script(type_in, "select", option)
    assert all(option in row for row in wrong)
    told = browser.execute_script("return document.querySelector('.shelf .find span').innerText")
    assert told == f"{len(wrong)} of 16"


def test_every_draw_has_an_address(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    browser.execute_script("document.querySelector('.shelf').open = true")
    rows = "return document.querySelectorAll('.shelf [data-row]').length"
    WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(rows) == 16)
    places = browser.execute_script(
        "return [...document.querySelectorAll('.shelf [data-row]')].map((r) => r.dataset.address)"
    )
    assert len(set(places)) == 16
    browser.execute_script("document.querySelectorAll('.shelf [data-row]')[3].click()")
    assert browser.execute_script("return location.hash") == f"#{places[3]}"
    without_card = browser.execute_script(
        "return arguments[0].find((place) => !document.getElementById(place))", places
    )
    opened(browser, page, width=1280, anchor=f"#{without_card}")
    shown = (
        "const row = document.querySelector(`[data-address='${arguments[0]}']`);"
        "return row && row.nextSibling && row.nextSibling.innerText"
    )
    code = WebDriverWait(browser, 10).until(
        lambda driver: driver.execute_script(shown, without_card)
    )
    assert "class ModelNew" in code


def test_follows_the_dark_scheme(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    ink = "return document.querySelector('#plot-scaling .xtick text').style.fill"
    light = browser.execute_script(ink)
    dark_scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark_scheme)
    try:
        WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(ink) != light)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_legend_entry_hides_its_line(browser: Browser, page: Path) -> None:
    opened(browser, page, width=1280)
    browser.execute_script("document.querySelector('#scaling .keys button').click()")
    hidden = (
        "return document.getElementById('plot-scaling').data.filter((t) => t.visible === false)"
    )
    WebDriverWait(browser, 10).until(
        lambda driver: [trace["name"] for trace in driver.execute_script(hidden)] == ["pass@k"]
    )
