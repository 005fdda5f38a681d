"""The page as a file: whole, self-contained, and safe against what candidates contain."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from storage import Lake, RunUnknownError
from tasks.errors import RequestError
from tasks.report import build_report, gather
from tasks.report.data import SHOWN
from tasks.report.exhibits import browser
from tasks.report.exhibits.browser import shelves
from tests.tasks.report.synthetic import APPROACHES, HOSTILE, write_run
from tests.tasks.strategies.make import Row, imported


class Elements(HTMLParser):
    """Every element with its attributes, and the page's text without its scripts."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text += data


@pytest.fixture(scope="module")
def elements(page: Path) -> Elements:
    return Elements(page)


def test_asks_no_host_for_anything(elements: Elements) -> None:
    for tag, attributes in elements.found:
        assert "src" not in attributes, (tag, attributes)
        target = attributes.get("href") or "#"
        assert target.startswith(("#", "data:")), (tag, target)
    policy = next(a for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy["content"] or "")


def test_code_of_candidates_stays_text(elements: Elements, page: Path) -> None:
    assert HOSTILE in elements.text
    assert not [tag for tag, _ in elements.found if tag == "img"]
    scripts = [a for tag, a in elements.found if tag == "script"]
    assert all(a.get("type") == "application/json" or a.get("nonce") for a in scripts)
    assert HOSTILE not in page.read_text(encoding="utf-8")


def test_is_small_and_brings_words_before_the_library(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 8_000_000
    assert text.index("Which strategy, and how many samples?") < 20_000
    assert text.index('id="candidates"') < text.index("plotly.js v")


def test_links_lead_somewhere(elements: Elements) -> None:
    anchors = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
    targets = {(a.get("href") or "")[1:] for t, a in elements.found if t == "a"}
    assert targets
    assert targets <= anchors


def test_every_figure_has_its_sql_and_its_data(elements: Elements) -> None:
    drawn = {a["data-draw"] for _, a in elements.found if "data-draw" in a}
    views = {a["data-view"] for _, a in elements.found if "data-view" in a}
    held = {a["data-figure"] for _, a in elements.found if "data-figure" in a}
    assert drawn | views == held
    assert len(drawn) == 12
    assert len(views) == 2 + 3
    # Of each exhibit, those of figures among them, and of the draws to browse.
    assert elements.text.count("SQL behind") == 17 + 1


def test_every_figure_can_be_saved_as_picture_and_table(elements: Elements) -> None:
    drawn = {a["id"] for _, a in elements.found if "data-draw" in a}
    for kind in ("png", "csv"):
        assert {a["data-of"] for _, a in elements.found if a.get("data-save") == kind} == drawn


def test_every_judged_draw_can_be_browsed_with_its_code(demo: Lake, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    held = re.search(r'<script type="application/json" id="draws">(.*?)</script>', text, re.DOTALL)
    assert held
    store = json.loads(held[1])
    rows = [row for problem in store["problems"].values() for row in problem]
    draws = demo.results(["demo"]).to_pylist()
    assert len(rows) == len(draws)
    assert all("class ModelNew" in store["sources"][row[-1]] for row in rows)
    assert len(store["sources"]) == len({draw["source_hash"] for draw in draws})
    assert sorted(row[3] for row in rows if row[3] is not None) == pytest.approx(
        sorted(draw["speedup"] for draw in draws if draw["correct"]), rel=1e-3
    )
    assert not store["several"]


def test_each_strategys_picks_lead_to_their_cards(elements: Elements) -> None:
    names = {"oracle", "surprisal", "surprisal-top3", "confidence", "confidence-top3"}
    anchors = [a["id"] for _, a in elements.found if "id" in a]
    assert len(anchors) == len(set(anchors))
    assert {f"picks-{name}" for name in (*names, "random", "random-top3")} <= set(anchors)
    cards = [a["id"] for t, a in elements.found if t == "article" and "id" in a]
    links = [a["href"] for t, a in elements.found if t == "a" and a.get("href")]
    for card in cards:
        assert f"#{card}" in links or "rejected" in elements.text


def test_published_values_stand_where_problems_compare(elements: Elements, tmp_path: Path) -> None:
    assert "arXiv 2602.07670" in elements.text
    other = write_run(tmp_path / "lake", problems=[36, 98])
    text = Elements(build_report(other, ["demo"], tmp_path / "other.html").page).text
    assert "arXiv 2602.07670" not in text


def test_printed_sql_runs(demo: Lake, page: Path) -> None:
    import html

    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r'<details class="sql">.*?<code>(.*?)</code>', text, flags=re.DOTALL)
    assert len(blocks) == 18
    for block in blocks:
        assert len(demo.sql(html.unescape(block))) > 0


def _wrong(root: Path) -> Lake:
    return write_run(root, approaches=[a for a in APPROACHES if a.status != "correct"])


PARTIAL: dict[str, Callable[[Path], Lake]] = {
    "not judged": lambda root: write_run(root, evaluated=False),
    "nothing correct": _wrong,
    "no log-probabilities": lambda root: write_run(root, logprobs=False),
    "one problem": lambda root: write_run(root, problems=[36]),
    "one draw": lambda root: write_run(root, problems=[36], k=1),
    "no tokens": lambda root: write_run(root, tokens=False),
    "no draws": lambda root: write_run(root, k=0),
}


@pytest.mark.parametrize("kind", PARTIAL)
def test_partial_runs_have_a_page(tmp_path: Path, kind: str) -> None:
    lake = PARTIAL[kind](tmp_path / "lake")
    out = build_report(lake, ["demo"], tmp_path / "new" / "page.html").page
    text = Elements(out).text
    assert "Which strategy, and how many samples?" in text
    assert not re.search(r"\b(nan|None|inf)\b", text.replace("None of", ""))


def test_runs_side_by_side(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", "monday", problems=[5, 36])
    write_run(lake.root, "tuesday", problems=[5, 36], seed=1)
    made = build_report(lake, ["monday", "tuesday", "monday"], tmp_path / "p.html")
    text = Elements(made.page).text
    assert "Runs side by side" in text
    assert "2 problems" in text
    assert "64 draws" in text
    assert "Each run at its deepest k" in text
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert page.count('data-of="plot-runs" data-view') == 4
    assert '"name":"monday"' in page


def test_refuses_what_it_cannot_do(demo: Lake, tmp_path: Path) -> None:
    with pytest.raises(RunUnknownError, match="nosuch"):
        build_report(demo, ["nosuch"], tmp_path / "page.html")
    with pytest.raises(RequestError, match="at least one run"):
        build_report(demo, [], tmp_path / "page.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot write the report"):
        build_report(demo, ["demo"], tmp_path / "file" / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_failed_write_leaves_nothing_behind(demo: Lake, tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(RequestError, match="cannot write the report"):
        build_report(demo, ["demo"], tmp_path / "page.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_claims_stand_beside_verdicts(page: Path) -> None:
    text = page.read_text("utf-8").replace("\u00a0", " ")
    assert "Claimed and judged, what does not hold first." in text
    assert "claimed something of 12 draws" in text


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Path]:
    """450 problems of 40 draws, and a page of them."""
    folder = tmp_path_factory.mktemp("crowded")
    lake = Lake.open(folder / "lake", create=True)
    rng = np.random.default_rng(0)
    rows: list[Row] = [
        (p, i, -float(rng.random()), bool(rng.random() < 0.6), float(rng.lognormal(0.3, 0.5)))
        for p in range(450)
        for i in range(40)
    ]
    rows[7 * 40 + 3] = (7, 3, -0.5, True, 90.0)  # what deserves doubt has to be shown
    imported(lake, "demo", [(p, i, s, c, v if c else None) for p, i, s, c, v in rows], folder)
    return lake, build_report(lake, ["demo"], folder / "page.html").page


def test_of_many_problems_a_fair_sample_is_shown_one_by_one(crowded: tuple[Lake, Path]) -> None:
    elements = Elements(crowded[1])
    shelves = [a["id"] for t, a in elements.found if t == "details" and a.get("class") == "shelf"]
    assert len(shelves) == SHOWN
    assert "problem-imported-1-7" in shelves
    assert "Of 450 problems 300 are shown one by one" in elements.text
    assert "of the 450 problems" in elements.text.replace("\u00a0", " ")
    test_links_lead_somewhere(elements)
    figures = re.findall(
        r'data-figure="(\w+)">(.*?)</script>', crowded[1].read_text("utf-8"), re.DOTALL
    )
    drawn = {name: json.loads(text.replace("\\u003c", "<")) for name, text in figures}
    labels = {"problems": "y", "speedups": "y", "outcomes": "y"}
    for name, axis in labels.items():
        assert max(len(trace[axis]) for trace in drawn[name]["data"]) <= SHOWN


def test_the_page_keeps_its_bound_on_draws(crowded: tuple[Lake, Path]) -> None:
    text = crowded[1].read_text(encoding="utf-8")
    held = re.search(r'<script type="application/json" id="draws">(.*?)</script>', text, re.DOTALL)
    assert held
    problems = json.loads(held[1])["problems"]
    assert len(problems) == SHOWN
    assert {len(rows) for rows in problems.values()} == {6000 // SHOWN}


def test_the_printed_sql_gives_just_what_is_shown(crowded: tuple[Lake, Path]) -> None:
    lake = crowded[0]
    data = gather(lake, ["demo"])
    for name, rows in (("picks", data.picks), ("draws", data.draws), ("status", data.statuses)):
        found = lake.sql(data.sql(name).text).to_pylist()
        assert len(found) == len(rows)
        assert {row["problem_id"] for row in found} <= {one.problem_id for one in data.shown}


def test_sources_of_picks_are_carried_as_far_as_there_is_room(
    demo: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gather(demo, ["demo"])
    picks = [card for shelf in shelves(data) for card in shelf.cards if "Picked" in card.title]
    assert all("class ModelNew" in card.source for card in picks)
    monkeypatch.setattr(browser, "MOST_SOURCES", 1000)
    short = [card for shelf in shelves(data) for card in shelf.cards if "Picked" in card.title]
    left_out = [card for card in short if card.source == browser.NOT_CARRIED]
    assert 0 < len(short) - len(left_out) < 4
    assert all("bon show" in card.command for card in left_out)
