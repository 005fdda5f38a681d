"""What is said of surprisal and speed follows the verdict, and p never stands against it."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.strategies.association import Direction, associate
from tasks.strategies.words import association_in_words
from tests.tasks.strategies.make import draws

_UP = [0.5, 0.7, 1.1, 1.4, 2.0, 2.5]
_SURPRISING_LAST = [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]


@pytest.mark.parametrize("problems", [2, 3, 5])
def test_of_few_problems_nothing_is_settled(problems: int) -> None:
    found = associate([draws(_SURPRISING_LAST, _UP, number) for number in range(problems)])
    assert found.surprisal_speedup.p < 0.05
    assert found.verdict is Direction.OPEN
    said = association_in_words(found)
    assert "shows no settled rank correlation" in said
    assert "fewer than 6 problems say nothing of others" in said
    assert "p " not in said.partition(";")[0]


def test_enough_problems_settle_it_and_p_is_never_0() -> None:
    found = associate([draws(_SURPRISING_LAST, _UP, number) for number in range(8)])
    assert found.verdict is Direction.FASTER
    said = association_in_words(found)
    assert "p < 0.0001" in said
    assert "p = 0" not in said


def test_speeds_that_are_all_alike_are_named_as_that() -> None:
    found = associate([draws(_SURPRISING_LAST, [1.5] * 6, number) for number in range(8)])
    assert found.verdict is Direction.UNDEFINED
    assert association_in_words(found).startswith("Log-probabilities, or speeds, are all alike")
    none = associate([draws([-1.0] * 6, [None] * 6, number) for number in range(8)])
    assert np.isnan(none.surprisal_speedup.rho)
    assert association_in_words(none).startswith("Too few correct draws")
