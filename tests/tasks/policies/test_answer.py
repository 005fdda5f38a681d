"""Which tokens wrote the code that is judged."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.policies.answer import read_answer
from tasks.policies.base import SamplingParams
from tasks.policies.extract import find_code, token_span
from tasks.problems.base import Problem

MODULE = SamplingParams()


def read(pieces: list[str], problem: Problem, params: SamplingParams = MODULE) -> tuple[str, str]:
    """(judged source, text of the tokens that wrote the code), for a completion in `pieces`."""
    ends = [0, *accumulate(map(len, pieces))]
    answer = read_answer(
        "".join(pieces), problem, params, n_tokens=len(pieces), decoded_length=ends.__getitem__
    )
    first, last = answer.code_span or (0, 0)
    return answer.source, "".join(pieces[first:last])


def test_only_the_code_between_the_fences(problem: Problem) -> None:
    pieces = ["Here", " it is:\n", "```", "python", "\n", "x", " = 1", "\n", "```", "\nDone."]
    assert read(pieces, problem) == ("x = 1\n", "x = 1\n")


def test_a_token_across_the_border_belongs_to_the_code(problem: Problem) -> None:
    assert read(["```py\nx", " = 1\n`", "``"], problem)[1] == "```py\nx = 1\n`"


def test_bare_code_is_all_of_it(problem: Problem) -> None:
    assert read(["x = ", "1\n"], problem) == ("x = 1\n", "x = 1\n")


def test_a_thought_is_left_out(problem: Problem) -> None:
    pieces = ["<think>", "x = 0", "</think>", "\n\n", "x = 1"]
    assert read(pieces, problem) == ("x = 1", "x = 1")


def test_the_body_that_was_written_not_its_scaffold(problem: Problem) -> None:
    body = SamplingParams(mode="body", backend="torch")
    source, written = read(["```\n", "return 2 * x", " + self.bias\n", "```"], problem, body)
    assert written == "return 2 * x + self.bias\n"
    assert "class ModelNew" in source


@pytest.mark.parametrize("pieces", [["<think>", "x = 0"], [], [""]])
def test_no_code_no_tokens(problem: Problem, pieces: list[str]) -> None:
    answer = read_answer(
        "".join(pieces), problem, MODULE, n_tokens=len(pieces), decoded_length=lambda i: 0 * i
    )
    assert (answer.source, answer.code_span) == ("", None)


def test_nobody_can_tell(problem: Problem) -> None:
    answer = read_answer("x = 1", problem, MODULE, n_tokens=3, decoded_length=None)
    assert (answer.source, answer.code_span) == ("x = 1", None)


@given(st.lists(st.sampled_from(["a", "bc", "", "def", "\n"]), min_size=1), st.data())
def test_the_span_is_the_smallest_that_covers(pieces: list[str], data: st.DataObject) -> None:
    ends = [0, *accumulate(map(len, pieces))]
    start = data.draw(st.integers(0, ends[-1]))
    end = data.draw(st.integers(start, ends[-1]))
    span = token_span(start, end, len(pieces), ends.__getitem__)
    if start == end:
        assert span is None
        return
    assert span is not None
    first, last = span
    assert ends[first] <= start < ends[first + 1]
    assert ends[last - 1] < end <= ends[last]


@given(st.text(alphabet="ab`~ \n", max_size=60))
def test_the_span_holds_the_code(text: str) -> None:
    code = find_code(text)
    assert text[code.start : code.end].rstrip() == code.text.rstrip()
