"""The teacher is told the verdict and never the student's code, and reads the student's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from flows.errors import in_a_line
from tasks.adapt.feedback import (
    best_peer,
    error_without,
    feedback,
    teach,
    tellings,
    without_feedback,
)
from tasks.adapt.group import Group, Verdicts
from tasks.adapt.objectives import parse_objective
from tasks.errors import StepRefusedError
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.rescore import Score
from tasks.problems import Problem
from tests.tasks.adapt.conftest import Drawn, embedded

SOURCE = """import torch

class ModelNew(torch.nn.Module):
    def forward(self, x):
        values = x.secret_method()
        return values
"""
ERROR = """candidate.py:5: in forward
    5 |         values = x.secret_method()
      |                    ^
AttributeError: 'Tensor' object has no attribute 'secret_method'
"""


def row(status: str, **more: object) -> dict[str, object]:
    return {"status": status, "correct": status == "correct", "error": None, "speedup": None} | more


def test_feedback_tells_what_the_judge_said() -> None:
    told = feedback(row("runtime_error", error=ERROR), SOURCE)
    assert "was judged: runtime error." in told
    assert "no attribute 'secret_method'" in told
    assert "x.secret_method()" not in told
    assert told.endswith(without_feedback())
    fast = feedback(row("correct", speedup=0.314), SOURCE, solution="return x")
    assert "ran at 0.31 times the speed" in fast
    assert "```python\nreturn x\n```" in fast
    assert "times the speed" not in feedback(row("rejected", speedup=900.0), SOURCE)


def test_errors_do_not_quote_the_student() -> None:
    assert error_without(ERROR, SOURCE) == (
        "candidate.py:5: in forward | | ^ | "
        "AttributeError: 'Tensor' object has no attribute 'secret_method'"
    )
    assert len(error_without("word " * 200, SOURCE)) == 301
    assert error_without("", SOURCE) == ""


def test_a_peer_is_correct_fast_and_somebody_else() -> None:
    correct = np.array([True, True, True, False])
    speedup = np.where(correct, [1.0, 3.0, 2.0, np.nan], np.nan)
    verdicts = Verdicts(correct, correct, speedup, speedup, speedup)
    sources = ["a", "b", "c", "d"]
    assert [best_peer(sources, verdicts, i) for i in range(4)] == ["b", "c", "b", "b"]
    assert best_peer(["a", "b", "b", "b"], verdicts, 1) == "a"
    assert best_peer(["b", "b", "b", "d"], verdicts, 1) is None


def test_the_teacher_reads_the_students_tokens(policy: CausalLMPolicy, drawn: Drawn) -> None:
    tokens = [one.token_ids for one in drawn.samples]
    silent = teach(policy, drawn.problem, tokens, [[""]] * len(tokens))
    for found, sample in zip(silent.logprobs, drawn.samples, strict=True):
        assert found == pytest.approx(sample.logprobs, abs=1e-4)
    told = [[feedback(row("incorrect"), one.source)] for one in drawn.samples]
    taught = teach(policy, drawn.problem, tokens, told)
    longer = len(policy.encode_prompt(drawn.problem, told[0][0])) - len(drawn.prompt)
    assert longer > 10
    assert taught.prompt_tokens == silent.prompt_tokens + longer * len(tokens)
    assert taught.tokens == silent.tokens == sum(map(len, tokens))
    assert taught.shortened == 0
    group = Group(
        np.zeros(len(tokens)),
        sampled=[np.array(one.logprobs) for one in drawn.samples],
        teacher=taught.logprobs,
    )
    (advantages,) = parse_objective("sdpo-prompt").token_advantages([group])
    assert sum(float(np.abs(one).sum()) for one in advantages) > 1
    assert drawn.items()[0].tokens == tokens[0]


def test_what_does_not_fit_is_told_in_part_and_in_a_stated_order() -> None:
    correct = np.array([True, False])
    speedup = np.where(correct, 2.0, np.nan)
    verdicts = Verdicts(correct, correct, speedup, speedup, speedup)
    rows, sources = [row("correct", speedup=2.0), row("runtime_error", error=ERROR)], ["a", SOURCE]

    def told(objective: str, draw: int) -> list[str]:
        teacher = parse_objective(objective).teacher
        assert teacher is not None
        return tellings(teacher, rows, sources, verdicts, draw)

    bare = feedback(row("runtime_error"), SOURCE)
    error = feedback(rows[1], SOURCE)
    assert told("sdpo-peer", 1) == [feedback(rows[1], SOURCE, "a"), error, bare]
    assert told("sdpo:ema", 1) == [error, bare]
    assert told("sdpo-peer", 0) == [feedback(rows[0], "a")]  # nobody else is correct
    assert told("sdpo-prompt", 1) == [without_feedback()]


@dataclass
class _Narrow:
    """The policy with less room."""

    policy: CausalLMPolicy
    context: int

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        return self.policy.encode_prompt(problem, more)

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        assert len(prompt) + max(map(len, completions)) <= self.context
        return self.policy.score_tokens(prompt, completions)


def test_the_teacher_is_told_what_there_is_room_for(policy: CausalLMPolicy, drawn: Drawn) -> None:
    tokens = [drawn.samples[0].token_ids]
    told = ["a long story " * 20, "a story", "in short"]
    lengths = [len(policy.encode_prompt(drawn.problem, one)) for one in told]
    for place in (0, 1):
        narrow = _Narrow(policy, lengths[place] + len(tokens[0]))
        taught = teach(narrow, drawn.problem, tokens, [told])
        assert (taught.prompt_tokens, taught.shortened) == (lengths[place], place)
    narrow = _Narrow(policy, min(lengths) + len(tokens[0]) - 1)
    with pytest.raises(StepRefusedError, match="lower --max-tokens") as found:
        teach(narrow, drawn.problem, tokens, [told])
    assert in_a_line(found.value) == (str(found.value), 1)


def test_a_greedy_policy_is_no_teacher(drawn: Drawn) -> None:
    with pytest.raises(ValueError, match="temperature 0"):
        teach(embedded(temperature=0.0), drawn.problem, [drawn.samples[0].token_ids], [[""]])
