"""The sentences say what their tests say, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.statistics import Difference, PairedDifference
from tasks.strategies.chance import change_places
from tasks.strategies.compare import Comparison
from tasks.strategies.verdict import Verdict
from tasks.strategies.words import comparison_in_words, no_mcnemar, no_wilcoxon

NOTHING = Difference(0, float("nan"), float("nan"))
OPEN = PairedDifference(0.2, -0.1, 0.5, 0.3, 0.15, 0.85, 12, 10)
CLEAR = PairedDifference(-0.3, -0.5, -0.1, 0.01, 0.995, 0.005, 12, 10)
BASE = Comparison(
    a="surprisal",
    b="random",
    k=16,
    problems=12,
    applicable=12,
    difference=OPEN,
    difference_at_most=OPEN,
    effect=0.4,
    a_better=7,
    b_better=3,
    log_ratio=PairedDifference(0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 12, 0),
    control=True,
    decided=False,
    mcnemar=NOTHING,
    wilcoxon=NOTHING,
    needed=40,
    exploratory=False,
    chance=change_places(np.zeros(12)),
    change=np.zeros(12),
    p_holm=0.3,
    p_at_most_holm=0.3,
)


def test_an_open_question_says_how_many_problems_would_settle_it() -> None:
    text = comparison_in_words(BASE)
    assert "20.0 points above that of random over 12 problems at k = 16" in text
    assert "(95 % interval −10.0 to +50.0): not settled (p = 0.3); about 40 such problems" in text
    assert text.endswith(
        "problems would settle a gap of this size in four studies of five, as few as these if it "
        "is as large as the interval allows, and no number if there is none."
    )
    far = comparison_in_words(replace(BASE, needed=4000))
    assert "about 4,000 such problems" in far
    assert "four studies of five, 640 if it is as large" in far
    assert comparison_in_words(replace(BASE, needed=9)).endswith("not settled (p = 0.3).")
    assert comparison_in_words(replace(BASE, needed=None)).endswith("not settled (p = 0.3).")
    few = replace(BASE, problems=5, difference=replace(OPEN, problems=5))
    assert comparison_in_words(few).endswith("not tested: fewer than 6 problems.")


@pytest.mark.parametrize(
    ("p", "verdict", "says"),
    [
        (0.01, Verdict.WORSE, "more than chance explains (p = 0.01)."),
        (0.2, Verdict.OPEN, "not settled (p = 0.2)"),
    ],
)
def test_the_adjusted_p_decides(p: float, verdict: Verdict, says: str) -> None:
    one = replace(BASE, difference=CLEAR, difference_at_most=CLEAR, p_holm=p, p_at_most_holm=p)
    assert one.verdict is verdict
    assert "30.0 points below" in comparison_in_words(one)
    assert says in comparison_in_words(one)


def test_what_unsettled_kernels_could_undo_is_not_settled() -> None:
    turned = replace(BASE, difference=CLEAR, p_holm=0.01)
    assert turned.verdict is Verdict.NOISE
    assert "but unsettled kernels could undo it" in comparison_in_words(turned)
    # Settled on the other side would be no agreement either.
    other = PairedDifference(0.3, 0.1, 0.5, 0.01, 0.005, 0.995, 12, 10)
    both = replace(turned, difference_at_most=other, p_at_most_holm=0.01)
    assert both.verdict is Verdict.NOISE


def test_a_choice_among_rules_is_named() -> None:
    assert "(p = 0.3 as one of 3 rules)" in comparison_in_words(replace(BASE, rules=3))


def test_why_a_test_is_not_given() -> None:
    assert "whatever the size" in (no_mcnemar(BASE) or "")
    assert "as often above 0" in (no_wilcoxon(BASE) or "")
    rivals = replace(BASE, control=False)
    assert (
        no_mcnemar(rivals) == "outcomes are chances, and McNemar's test is for outcomes of 0 and 1"
    )
    tested = replace(rivals, decided=True, mcnemar=Difference(10, 7, 0.34))
    assert no_mcnemar(tested) is None


def test_what_cannot_be_told() -> None:
    nan = float("nan")
    unknown = replace(BASE, difference=PairedDifference(nan, nan, nan, nan, nan, nan, 0, 0))
    assert "share no problem" in comparison_in_words(unknown)
    same = PairedDifference(0.0, -0.3, 0.3, 1.0, 1.0, 1.0, 12, 0)
    alike = replace(BASE, difference=same, difference_at_most=same)
    assert "is the same on every problem" in comparison_in_words(alike)
    assert replace(alike, difference_at_most=OPEN).verdict is Verdict.OPEN  # unsettled ones differ
    one = replace(BASE, problems=1, difference=PairedDifference(0.2, nan, nan, nan, nan, nan, 1, 1))
    assert "over 1 problem at" in comparison_in_words(one)
    assert "says nothing about others" in comparison_in_words(one)
