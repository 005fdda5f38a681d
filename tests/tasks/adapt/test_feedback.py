"""The teacher is told the verdict and never the student's code, and reads the student's tokens."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.adapt.feedback import best_peer, error_without, feedback, teach, without_feedback
from tasks.adapt.group import Group, Verdicts
from tasks.adapt.objectives import parse_objective
from tasks.policies.causal_lm import CausalLMPolicy
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
    silent = teach(policy, drawn.problem, tokens, [""] * len(tokens))
    for found, sample in zip(silent.logprobs, drawn.samples, strict=True):
        assert found == pytest.approx(sample.logprobs, abs=1e-4)
    told = [feedback(row("incorrect"), one.source) for one in drawn.samples]
    taught = teach(policy, drawn.problem, tokens, told)
    longer = len(policy.encode_prompt(drawn.problem, told[0])) - len(drawn.prompt)
    assert longer > 10
    assert taught.tokens == silent.tokens + longer * len(tokens)
    group = Group(
        np.zeros(len(tokens)),
        sampled=[np.array(one.logprobs) for one in drawn.samples],
        teacher=taught.logprobs,
    )
    (advantages,) = parse_objective("sdpo-prompt").token_advantages([group])
    assert sum(float(np.abs(one).sum()) for one in advantages) > 1
    assert drawn.items()[0].tokens == tokens[0]


def test_a_greedy_policy_is_no_teacher(drawn: Drawn) -> None:
    with pytest.raises(ValueError, match="temperature 0"):
        teach(embedded(temperature=0.0), drawn.problem, [drawn.samples[0].token_ids], [""])
