"""What verdicts are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards import DEFAULT, parse_reward, reward_names
from tasks.errors import RequestError

ROWS: list[dict[str, object]] = [
    {"status": "correct", "correct": True, "fast_1": True, "speedup": 5.0, "speedup_low": 4.0},
    {"status": "correct", "correct": True, "fast_1": False, "speedup": 1.2, "speedup_low": 0.9},
    {"status": "correct", "correct": True, "fast_1": False, "speedup": 0.01, "speedup_low": 0.009},
    {"status": "rejected", "correct": False, "fast_1": False, "speedup": 900.0},
    {"status": "incorrect", "correct": False, "fast_1": False, "speedup": None},
]
FLOOR = math.log(1 / 16)


def verdicts() -> Verdicts:
    highs = [6.0, 1.5, 0.011, None, None]
    rows = [row | {"speedup_high": high} for row, high in zip(ROWS, highs, strict=True)]
    return Verdicts.of_rows(rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("speedup", [5.0, 1.2, 0.01, 0, 0]),
        ("log", [math.log(5), math.log(1.2), FLOOR, FLOOR, FLOOR]),
        ("lower", [math.log(4), math.log(0.9), FLOOR, FLOOR, FLOOR]),
        ("clip3", [3.0, 1.2, 0.01, 0, 0]),
        ("threshold:0.8", [1, 1, 0, 0, 0]),
        ("threshold:1", [1, 0, 0, 0, 0]),
        ("correct03", [5.3, 1.5, 0.31, 0, 0]),
    ],
)
def test_rewards(name: str, expected: list[float]) -> None:
    assert parse_reward(name)(verdicts()) == pytest.approx(expected)


def test_noise_is_no_reward_by_default() -> None:
    rows = [ROWS[0] | {"speedup_low": low, "speedup_high": 30.0} for low in (4.0, 0.5)]
    sure, noisy = parse_reward(DEFAULT)(Verdicts.of_rows(rows))
    assert noisy < 0 < sure


def test_our_failures_are_no_verdicts() -> None:
    with pytest.raises(ValueError, match="harness_error"):
        Verdicts.of_rows([{"status": "harness_error", "correct": False, "fast_1": False}])


@pytest.mark.parametrize("name", ["lower", "threshold:1"])
def test_without_intervals_it_is_said(name: str) -> None:
    known = verdicts()
    unknown = np.full(known.n, np.nan)
    bare = Verdicts(known.correct, known.fast_1, known.speedup, unknown, unknown)
    with pytest.raises(RequestError, match="needs the interval of every speedup"):
        parse_reward(name)(bare)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fastest", "no reward 'fastest'; known: "),
        ("threshold", "write threshold:P with a number above 0"),
        ("threshold:inf", "write threshold:P with a number above 0"),
        ("log:2", "log takes no parameter"),
    ],
)
def test_wrong_names_are_said_in_one_line(name: str, says: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_reward(name)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_all_are_listed() -> None:
    names = {"speedup", "log", "lower", "clip3", "threshold:P", "correct03"}
    assert set(reward_names()) >= names
