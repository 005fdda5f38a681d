"""The sentences say what their tests say, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.statistics import Difference
from tasks.strategies.compare import Comparison
from tasks.strategies.words import comparison_in_words

NOTHING = Difference(0, float("nan"), float("nan"))
BASE = Comparison(
    a="surprisal",
    b="random",
    k=16,
    problems=12,
    applicable=12,
    difference=np.array([0.2, -0.1, 0.5]),
    difference_at_most=np.array([0.2, -0.1, 0.5]),
    effect=0.4,
    a_better=7,
    b_better=3,
    discordant=Difference(10, 7, 0.34),
    discordant_holm=0.68,
    log_ratio=np.array([0.0, 0.0, 0.0]),
    wilcoxon=NOTHING,
    wilcoxon_holm=float("nan"),
    test="sign",
    problems_needed=40,
    exploratory=False,
)


def test_an_interval_around_0_settles_nothing() -> None:
    text = comparison_in_words(BASE)
    assert "20.0 points above that of random over 12 problems at k = 16" in text
    assert "(95 % interval −10.0 to +50.0): not settled; about 40 such problems" in text
    assert "nearly do" in comparison_in_words(replace(BASE, problems_needed=9))
    assert comparison_in_words(replace(BASE, problems_needed=None)).endswith("not settled.")


@pytest.mark.parametrize(("holm", "settled"), [(0.01, True), (0.2, False)])
def test_mcnemar_has_to_agree_with_an_interval_beside_0(holm: float, *, settled: bool) -> None:
    clear = np.array([-0.3, -0.5, -0.1])
    text = comparison_in_words(
        replace(BASE, difference=clear, discordant_holm=holm, test="mcnemar")
    )
    assert "30.0 points below" in text
    assert ("more than chance explains" in text) is settled
    assert ("does not settle it" in text) is not settled
    assert f"Holm p = {holm}" in text


def test_the_sign_test_stands_beside_the_interval_and_does_not_overrule_it() -> None:
    text = comparison_in_words(replace(BASE, difference=np.array([0.3, 0.1, 0.5])))
    assert "taken alone, more than chance explains; the sign test" in text
    assert text.endswith("has p = 0.68.")
    bare = replace(BASE, difference=np.array([0.3, 0.1, 0.5]), discordant_holm=float("nan"))
    assert comparison_in_words(bare).endswith("the interval leaves out 0.")


def test_what_cannot_be_told() -> None:
    unknown = replace(BASE, difference=np.full(3, np.nan))
    assert "share no problem" in comparison_in_words(unknown)
    alike = replace(BASE, a_better=0, b_better=0)
    assert "pick alike" in comparison_in_words(alike)
    one = replace(BASE, difference=np.array([0.2, np.nan, np.nan]), problems=1)
    assert "over 1 problem at" in comparison_in_words(one)
    assert "says nothing about others" in comparison_in_words(one)
