"""The report of runs with arms: the first sentence, the three sections; other reports as before."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from storage import Lake
from tasks.frontier.compute import frontier
from tasks.report import build_report, report_document
from tasks.report.answer import answer
from tasks.report.build import sections
from tasks.report.data import gather
from tests.storage.make import small_run
from tests.tasks.frontier.make import speeds, write

RATES = np.full(8, 0.03)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.open(tmp_path_factory.mktemp("arms") / "lake", create=True)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        arms = {"centred": speeds(rng, RATES * 15, 2, 4), "placebo": speeds(rng, RATES, 2, 4)}
        base = speeds(rng, RATES, 3, 4)
        write(lake, base, arms, run_id=f"r{seed}", seed=seed, parameters=3_000_000)
    rng = np.random.default_rng(3)
    arms = {"grpo": speeds(rng, RATES, 2, 4)}
    write(lake, speeds(rng, RATES, 3, 4), arms, run_id="other", seed=3)
    small_run(lake, "plain")
    return lake


def test_the_first_sentence_is_the_verdict(lake: Lake) -> None:
    found = answer(gather(lake, ["r1"]))
    assert found.lead == f"{frontier(lake, ['r1']).verdict}."
    assert re.match(r"centred beats Best-of-N at 12 rollouts .*95 % interval", found.lead)
    assert found.points[0].question == "And by drawing on from the base model alone?"


def test_runs_with_arms_have_their_sections_first(lake: Lake) -> None:
    data = gather(lake, ["r1", "r2"])
    found = sections(data)
    assert [one.name for one in found[:3]] == ["frontier", "trajectory", "regime"]
    assert [view.title for view in found[0].views][:2] == [
        "success, completion tokens",
        "success, seconds of judging",
    ]
    assert found[0].first_view == "success, rollouts"
    titles = {view.title for view in found[0].views}
    assert {"success, FLOPs", "speedup, FLOPs"} <= titles
    # The other run does not know its parameters.
    bare = sections(gather(lake, ["other"]))[0]
    assert {view.title for view in bare.views} == {one for one in titles if "FLOPs" not in one}
    assert {"fast_1", "rejected as cheating", "distinct sources"} == {
        found[1].first_view,
        *(view.title for view in found[1].views),
    }
    assert all(one.figure is not None and one.tables for one in found[:3])
    names = {trace.name for trace in found[0].figure.data if trace.name}  # type: ignore[union-attr]
    assert names == {"Best-of-N", "centred", "placebo"}
    said = " ".join(found[0].after)
    assert "centred: centred beats Best-of-N" in said
    assert "Guard, anchors: no anchors" in said


def test_steps_and_regime_are_what_was_drawn(lake: Lake) -> None:
    data = gather(lake, ["r1"])
    rng = np.random.default_rng(1)
    trained, placebo = speeds(rng, RATES * 15, 2, 4) > 1, speeds(rng, RATES, 2, 4) > 1
    base = speeds(rng, RATES, 3, 4) > 1
    by_place = {(row.arm, row.step): row.fast_1 for row in data.steps}
    for step in range(3):
        assert by_place["base", step] == pytest.approx(base[:, step].mean())
    for step in (1, 2):
        assert by_place["centred", step] == pytest.approx(trained[:, step - 1].mean())
        assert by_place["placebo", step] == pytest.approx(placebo[:, step - 1].mean())
    for row in data.regime:
        own = trained if row.arm == "centred" else placebo
        at = row.problem_id - 1
        assert row.coverage == pytest.approx(base[at, 0].mean())
        assert row.benefit == pytest.approx(own[at].mean() - base[at, 1:].mean())


def test_runs_that_are_no_study_say_so(lake: Lake) -> None:
    data = gather(lake, ["r1", "other"])
    assert answer(data).lead.startswith("Runs 'r1' and 'other' differ in adapt.arms")
    assert sections(data)[0].figure is None


def test_a_report_without_arms_is_as_it_was(lake: Lake, tmp_path: Path) -> None:
    data = gather(lake, ["plain"])
    assert data.adaptation is None
    assert not {"frontier", "trajectory", "regime"} & {one.name for one in sections(data)}
    assert "frontier" not in report_document(lake, ["plain"])
    page = build_report(lake, ["plain"], tmp_path / "page.html").page.read_text()
    assert 'id="frontier"' not in page


def test_the_page_and_the_document_hold_the_comparison(lake: Lake, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    document = report_document(lake, ["r1"], page)
    assert document["frontier"]["verdict"] == frontier(lake, ["r1"]).verdict
    text = page.read_text()
    for name in ("frontier", "trajectory", "regime"):
        assert f'id="{name}"' in text
        assert f'data-figure="{name}"' in text
