"""Naming policies costs nothing; loading one does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks.errors import RequestError
from tasks.policies import SamplingParams, check_policy, load_policy, sample_seed
from tasks.problems.base import Problem

BUILT_IN = ("embedded", "instant", "openai:m@http://h/v1", "transformers", "vllm:m")


def test_importing_the_policies_imports_no_model_library() -> None:
    code = (
        "import sys, tasks.policies as p\n"
        f"for name in {BUILT_IN}: p.check_policy(name)\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_policy_names_the_known_ones() -> None:
    with pytest.raises(RequestError) as caught:
        check_policy("oracle")
    for spec in BUILT_IN:
        assert spec.partition(":")[0] in str(caught.value)


def test_instant_is_deterministic_and_every_draw_its_own(problem: Problem) -> None:
    policy = load_policy("instant:12", SamplingParams())
    samples = policy.sample(problem, [1, 2, 3])
    assert samples == load_policy("instant:12", SamplingParams()).sample(problem, [1, 2, 3])
    assert len({sample.source for sample in samples}) == 3
    assert all(len(s.token_ids) == len(s.logprobs) == 12 for s in samples)
    assert all(max(s.logprobs) <= 0 for s in samples)
    assert policy.policy_id != load_policy("instant", SamplingParams()).policy_id
    for sample in samples:
        compile(sample.source, "instant", "exec")


def test_a_seed_belongs_to_run_problem_and_index(problem: Problem) -> None:
    other = Problem("tests", 2, 7, "7_Double", problem.source)
    seeds = {
        sample_seed(run, one, index)
        for run in range(3)
        for one in (problem, other)
        for index in range(50)
    }
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
