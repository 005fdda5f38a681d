"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from tasks.report import formats
from tasks.report.formats import DASH


@pytest.mark.parametrize("form", [formats.percent, formats.times, formats.seconds])
@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_is_missing_is_a_dash(form: object, missing: float | None) -> None:
    assert callable(form)
    assert form(missing) == DASH


def test_numbers() -> None:
    plain = {
        formats.percent(0.625): "62 %",
        formats.percent(0.004): "0.4 %",
        formats.percent(0.0): "0 %",
        formats.times(1.237): "1.24×",
        formats.times(123.4): "123×",
        formats.seconds(0.421): "0.42 s",
        formats.seconds(600): "10 min",
        formats.milliseconds(0.01234): "0.0123 ms",
        formats.points(-0.07): "−7 points",
        formats.span(0.5, 0.92): "50–92 %",
        formats.span(1.1, 1.41, "times"): "1.10–1.41×",
    }
    for shown, expected in plain.items():
        assert shown.replace("\u00a0", " ") == expected


def test_an_interval_without_ends_or_width_is_not_shown() -> None:
    assert formats.span(None, 0.9) == formats.span(0.2, math.nan) == formats.span(1.0, 1.0) == ""


def test_words() -> None:
    assert formats.plural(1, "problem") == "1 problem"
    assert formats.plural(0, "draw") == "0 draws"
    assert formats.listed(["a", "b", "c"]) == "a, b and c"
    assert formats.count(17280) == "17\u2009280"
