"""What the first screen says, and what it leaves unsaid where the data cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage import Lake
from tasks.report.answer import Answer, answer, enough
from tasks.report.curves import Curve, Interval
from tasks.report.data import gather
from tasks.strategies.document import Estimate
from tests.tasks.report.synthetic import APPROACHES, Approach, write_run


def told(lake: Lake, *runs: str) -> Answer:
    return answer(gather(lake, runs or ("demo",)))


def words(lake: Lake, *runs: str) -> str:
    said = told(lake, *runs)
    parts = [said.lead, *(f"{p.question} {p.answer}" for p in said.points), *said.caveats]
    return "\n".join(parts).replace("\u00a0", " ")


def curve(*means: float) -> Curve:
    return {2**i: Interval(mean, None, None) for i, mean in enumerate(means)}


def test_enough_is_where_no_further_doubling_pays() -> None:
    assert enough(curve(0.3, 0.5, 0.6, 0.61, 0.62)) == 4
    assert enough(curve(0.3, 0.5, 0.6, 0.7)) is None
    assert enough(curve(0.5, 0.5, 0.5)) == 1
    # A plateau before a rise is not enough.
    assert enough(curve(0.5, 0.51, 0.51, 0.7, 0.7)) == 8
    assert enough(curve(0.5)) is None
    assert enough({}) is None


def test_a_clear_winner_is_named_with_its_interval_and_test(demo: Lake) -> None:
    said = words(demo)
    assert "If none can be timed, surprisal picks best" in said
    assert "random-top3" not in said.split("And when three")[0]
    assert "three drawn at random and timed, the fair control" in said
    assert "Does surprisal beat a random choice? Yes." in said
    assert "paired by problem" in said


def test_few_problems_cannot_settle_it(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", problems=[5, 14, 15, 18]))
    assert "4 problems cannot settle it" in said
    assert "4 problems: too few to say how this carries over" in said
    assert "these data cannot tell from a random choice" in said


def test_nothing_drawn_judged_or_correct(tmp_path: Path) -> None:
    unjudged = write_run(tmp_path / "unjudged", evaluated=False)
    assert words(unjudged).startswith("192 draws stored, none judged yet")
    assert "192 draws of 192 without a verdict" in words(unjudged)
    wrong = [approach for approach in APPROACHES if approach.status != "correct"]
    failing = write_run(tmp_path / "failing", approaches=wrong)
    assert words(failing).startswith("None of 192 judged draws is correct")


def test_correct_but_never_faster(tmp_path: Path) -> None:
    slow = write_run(tmp_path / "lake", approaches=[Approach("naive", 1, 0.2, 0.4)])
    said = words(slow)
    assert "no kernel is surely faster than the reference on any of the 12 problems" in said
    assert "Which strategy" not in said


def test_without_log_probabilities_no_score_is_praised(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", logprobs=False))
    assert "no score applies to these problems" in said
    assert "these runs hold no log-probabilities" in said
    assert "surprisal picks" not in said


def test_one_draw_a_problem(tmp_path: Path) -> None:
    said = told(write_run(tmp_path / "lake", k=1))
    assert "there is nothing to choose among" in said.lead
    assert not said.points


def test_runs_of_unequal_depth_are_compared_where_all_take_part(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", "shallow", problems=[5, 12], k=4)
    write_run(lake.root, "deep", problems=[36, 89], k=16)
    statistics = gather(lake, ["shallow", "deep"]).statistics
    assert (statistics.deepest, statistics.most) == (4, 16)
    assert max(statistics.shared("oracle")) == 4
    assert "up to k = 4 all take part" in words(lake, "shallow", "deep")


@pytest.mark.parametrize("name", ["oracle", "random", "surprisal"])
def test_survives_a_missing_strategy(demo: Lake, name: str) -> None:
    data = gather(demo, ["demo"])
    statistics = data.statistics
    others = {key: value for key, value in statistics.strategies.items() if key != name}
    remaining = [one for one in statistics.comparisons if name not in (one.a, one.b)]
    fewer = replace(statistics, strategies=others, comparisons=remaining)
    assert answer(replace(data, statistics=fewer)).lead


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.05, 0.2, "12 problems cannot settle it"),
        (0.01, 0.2, "Yes"),
        (-0.2, -0.01, "No, random is better"),
    ],
)
def test_the_interval_decides_not_the_count_of_problems(
    demo: Lake, low: float, high: float, verdict: str
) -> None:
    """0 or 1 against a small probability is lower on most problems, even if equal on average."""
    data = gather(demo, ["demo"])
    one = data.statistics.compare("surprisal", "random")
    assert one is not None
    gap = Estimate(mean=(low + high) / 2, low=low, high=high)
    counted = {"difference": gap, "a_better": 1, "b_better": 11, "mcnemar_p_holm": 0.006}
    changed = one.model_copy(update={"fast_1": one.fast_1.model_copy(update=counted)})
    said = answer(replace(data, statistics=replace(data.statistics, comparisons=[changed])))
    point = next(p for p in said.points if p.question == "Does surprisal beat a random choice?")
    assert point.answer.startswith(verdict)


def test_completions_that_were_cut_short_are_counted_with_the_cure(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", problems=[5, 14], cut_short=3))
    assert "Cut short: 6 completions of 32 reached the limit of tokens" in said
    assert "--max-tokens" in said
    assert "Cut short" not in words(write_run(tmp_path / "other", problems=[5]))
