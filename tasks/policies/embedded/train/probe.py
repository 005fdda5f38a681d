"""What a trained model is worth: samples every problem of the embedded suite and judges them.

    python -m tasks.policies.embedded.train.probe [--weights DIR] [-k 16] [--judge]
        [--backend triton]

One line per problem: how many samples parse as Python, are distinct, are judged correct and beat
the reference, how long they are, and how far their surprisal spreads. The last line sums up.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kernels_eval import JudgeConfig, Status
from kernels_eval.judge import Judge
from tasks.policies import Mode, Policy, Sample, SamplingParams, load_policy, sample_seed
from tasks.problems import Problem, load_suite

APPLICABLE_STD = 0.15
"""Nats per token: least within-problem spread of mean_logprob at which the paper selects by it."""


@dataclass(frozen=True)
class ProblemProbe:
    """The samples of one problem. `verdicts` maps a source to (status, fast_1); empty unjudged."""

    problem: Problem
    samples: tuple[Sample, ...]
    seconds: float
    verdicts: dict[str, tuple[Status, bool]]

    @property
    def parsed(self) -> int:
        return sum(parses(sample.source) for sample in self.samples)

    @property
    def statuses(self) -> Counter[str]:
        return Counter(
            self.verdicts[s.source][0].value for s in self.samples if s.source in self.verdicts
        )

    @property
    def distinct_correct(self) -> int:
        return sum(status is Status.CORRECT for status, _ in self.verdicts.values())

    @property
    def fast(self) -> int:
        return sum(self.verdicts.get(s.source, (None, False))[1] for s in self.samples)

    @property
    def logprob_std(self) -> float:
        """Sample standard deviation of mean_logprob, nats per token."""
        return statistics.stdev(s.mean_logprob or 0.0 for s in self.samples)

    def line(self) -> str:
        lengths = [len(s.token_ids) for s in self.samples]
        return (
            f"{self.problem.problem_id:4d} parsed {self.parsed:3d}/{len(self.samples)}"
            f"  distinct {len({s.source for s in self.samples}):3d}"
            f"  distinct correct {self.distinct_correct:3d}  fast {self.fast:3d}"
            f"  tokens {statistics.mean(lengths):4.0f} (most {max(lengths)})"
            f"  logprob {statistics.mean(s.mean_logprob or 0 for s in self.samples):.3f}"
            f" ± {self.logprob_std:.3f}  {self.seconds:.1f} s  {dict(self.statuses)}"
        )


def parses(source: str) -> bool:
    """Whether a source is Python at all."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def probe(
    policy: Policy, problems: Sequence[Problem], k: int, seed: int, judge: Judge | None
) -> list[ProblemProbe]:
    """Sample k per problem and, with a judge, evaluate every distinct source."""
    found = []
    for problem in problems:
        started = time.monotonic()
        samples = policy.sample(problem, [sample_seed(seed, problem, i) for i in range(k)])
        seconds = time.monotonic() - started
        verdicts: dict[str, tuple[Status, bool]] = {}
        if judge is not None:
            sources = list(dict.fromkeys(sample.source for sample in samples))
            for index, verdict in judge.evaluate_many(problem.source, sources):
                verdicts[sources[index]] = (verdict.status, verdict.fast_1)
        found.append(ProblemProbe(problem, tuple(samples), seconds, verdicts))
        print(found[-1].line(), flush=True)
    return found


def summary(probes: Sequence[ProblemProbe]) -> str:
    """One line over all problems."""
    samples = sum(len(one.samples) for one in probes)
    statuses = sum((one.statuses for one in probes), Counter[str]())
    applicable = sum(one.logprob_std >= APPLICABLE_STD for one in probes)
    return (
        f"{len(probes)} problems, {samples} samples, {sum(o.seconds for o in probes):.1f} s of "
        f"sampling; parsed {sum(o.parsed for o in probes) / samples:.1%}; "
        f"{dict(statuses)}; distinct correct per problem "
        f"{statistics.mean(o.distinct_correct for o in probes):.1f}; "
        f"spread applicable on {applicable}/{len(probes)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--weights", default="", help="directory; the repository's own if left out")
    parser.add_argument("-k", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=["module", "body"], default="module")
    parser.add_argument("--backend", choices=["cpp", "triton"], default="cpp")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--problems", help="ids, comma-separated; all if left out")
    parser.add_argument("--judge", action="store_true", help="evaluate cpp, on the CPU, fast mode")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    mode: Mode = arguments.mode
    params = SamplingParams(temperature=arguments.temperature, mode=mode, backend=arguments.backend)
    policy = load_policy(f"embedded:{arguments.weights}", params)
    ids = [int(one) for one in arguments.problems.split(",")] if arguments.problems else None
    problems = load_suite("embedded").select(ids)
    if arguments.judge:
        with Judge(JudgeConfig(timeout_s=20.0)) as judge:
            probes = probe(policy, problems, arguments.k, arguments.seed, judge)
    else:
        probes = probe(policy, problems, arguments.k, arguments.seed, None)
    print(summary(probes))


if __name__ == "__main__":
    main()
