"""What the first screen says, and what it leaves unsaid where the data cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage import Lake
from tasks.report.answer import Answer, answer
from tasks.report.curves import Curve, Interval
from tasks.report.data import gather
from tasks.report.decisions import enough
from tests.tasks.report.synthetic import APPROACHES, Approach, write_run
from tests.tasks.strategies.make import Row, imported


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
    assert "which these data cannot tell from a random choice's" in said


def test_refused_problems_are_named_and_not_unfinished(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", refused=[28, 30]))
    assert "Refused by the judge, whatever the candidate: 28 HardSigmoid (its outputs are" in said
    assert "32 draws have no verdict and count nowhere." in said
    assert "Unfinished" not in said
    assert "of the 10 problems" in said


def test_of_many_refused_problems_three_are_named(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", refused=[4, 5, 12, 14, 15]))
    assert "12 Matmul with diagonal matrices" in said
    assert "; and 2 others, listed under “Problem by problem”. 80 draws" in said
    assert "14 Matmul" not in said


def test_where_every_problem_is_refused_that_is_the_answer(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", problems=[5, 14], refused=[5, 14])
    said = words(lake)
    assert "32 draws stored, none judged, since the judge refused every problem" in said
    assert "Unfinished" not in said


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


def test_a_problem_with_one_draw_is_named_and_the_others_answer(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", problems=[4, 5, 12, 14, 15, 28, 30])
    write_run(lake.root, "lone", problems=[36], k=1)
    said = words(lake, "demo", "lone")
    assert "of the 7 problems" in said
    assert "7 of 8 problems are compared, up to k = 16" in said
    assert "with fewer verdicts: run lone" in said
    assert "there is nothing to choose among" not in said


def test_draws_without_log_probabilities_are_counted_with_what_follows(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    rows: list[Row] = [(p, i, -float(i), True, 0.5 + i) for p in range(8) for i in range(4)]
    holed: list[Row] = [(8, i, None if i == 3 else -float(i), i < 2, 2.0) for i in range(4)]
    imported(lake, "demo", [*rows, *holed], tmp_path)
    said = words(lake)
    assert "1 draw of 36 came without log-probabilities." in said
    assert "choose at random on 1 problem of 9, where a draw lacks one" in said


def test_problems_without_a_verdict_are_named(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", problems=[5, 12])
    write_run(lake.root, "unjudged", problems=[36], evaluated=False)
    said = words(lake, "demo", "unjudged")
    assert "Without a single verdict, and in no number here: 36 RMSNorm." in said


@pytest.mark.parametrize("name", ["oracle", "random", "surprisal"])
def test_survives_a_missing_strategy(demo: Lake, name: str) -> None:
    data = gather(demo, ["demo"])
    statistics = data.statistics
    others = {key: value for key, value in statistics.strategies.items() if key != name}
    remaining = [one for one in statistics.comparisons if name not in (one.a, one.b)]
    fewer = replace(statistics, strategies=others, comparisons=remaining)
    assert answer(replace(data, statistics=fewer)).lead


@pytest.mark.parametrize(
    ("verdict", "point", "lead"),
    [
        ("open", "12 problems cannot settle it", "cannot tell from a random choice"),
        ("better", "Yes", "picks best"),
        ("worse", "No, random is better", None),
        ("noise", "Unsettled kernels could turn it round", "could turn that round"),
        ("alike", "It makes no difference to fast_1 here", None),
    ],
)
def test_every_sentence_follows_the_verdict(
    demo: Lake, verdict: str, point: str, lead: str | None
) -> None:
    data = gather(demo, ["demo"])
    changed = [
        one.model_copy(update={"verdict": verdict if one.a == "surprisal" else "open"})
        for one in data.statistics.comparisons
    ]
    said = answer(replace(data, statistics=replace(data.statistics, comparisons=changed)))
    asked = next(p for p in said.points if p.question == "Does surprisal beat a random choice?")
    assert asked.answer.startswith(point)
    for phrase in ("picks best: ", "cannot tell from a random choice", "could turn that round"):
        assert (phrase in said.lead) is (lead is not None and lead in phrase)


def test_where_only_unsettled_kernels_may_be_faster_nothing_is_concluded(tmp_path: Path) -> None:
    """A busy machine: the best kernel has 1.02x, and an interval that begins below 1."""
    noisy = [Approach("naive", 0.5, 0.2, 0.4), Approach("close", 0.5, 0.3, 0.97)]
    lake = write_run(tmp_path / "lake", approaches=noisy, headroom=0.0, busy=True)
    said = words(lake)
    assert said.startswith("Not settled: with 16 samples a problem and every correct one timed")
    assert "the speedup intervals of" in said
    assert "neither more" not in said
    assert "192 of 192 verdicts. The same sweep again, on a quiet machine" in said


def test_the_lead_gives_both_ends_of_what_is_unsettled(tmp_path: Path) -> None:
    """Sure winners on a few problems, a noisy kernel on all."""
    noisy = [Approach("fast", 0.03, 0.9, 3.0), Approach("close", 0.97, 0.3, 0.97)]
    lake = write_run(tmp_path / "lake", approaches=noisy, headroom=0.0)
    data = gather(lake, ["demo"])
    sure = data.statistics.fast_1_at_k[16].mean
    assert 0 < sure < 0.9
    assert data.statistics.fast_1_at_k_at_most[16] == 1
    said = answer(data).lead.replace("\u00a0", " ")
    assert f"on {sure * 100:.0f} % of the 12 problems" in said
    assert f", or on 100 % if all {data.sum_of('unsettled')} unsettled draws are faster" in said


def test_fast_draws_that_call_the_library_are_counted(demo: Lake, tmp_path: Path) -> None:
    assert "library-calls" not in words(demo)
    calling = [Approach("vectorised, threaded", 1, 0.5, 2.3)]
    said = words(write_run(tmp_path / "lake", approaches=calling, library=True))
    assert "fast draws (100 %) call the library for a part of the work" in said


def test_the_miniature_is_said_to_be_one(demo: Lake) -> None:
    assert "its numbers say nothing about large models" in words(demo)


def test_completions_that_were_cut_short_are_counted_with_the_cure(tmp_path: Path) -> None:
    said = words(write_run(tmp_path / "lake", problems=[5, 14], cut_short=3))
    assert "Cut short: 6 completions of 32 reached the limit of tokens" in said
    assert "--max-tokens" in said
    assert "Cut short" not in words(write_run(tmp_path / "other", problems=[5]))
