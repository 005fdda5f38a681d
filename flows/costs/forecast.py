"""What an adaptation would cost, from its request alone: no model, no server, no judge is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flows.adapt_request import AdaptRequest
from flows.costs import Costs
from tasks.adapt.anchors import LEAST, SHARE
from tasks.adapt.feedback import longest_telling
from tasks.adapt.objectives import Objective, parse_objective
from tasks.frontier.flops import READ, TRAINED
from tasks.policies.parameters import parameters_of
from tasks.policies.prompt import prompt_template, read_template, render
from tasks.problems import Problem

MEASURED = "measured tokens"


@dataclass(frozen=True)
class Amount:
    """Of one kind of spending. basis: how it was reckoned. price: of one, from the least to the
    most; None where it has none."""

    what: str
    amount: float
    basis: str
    priced_as: str = ""
    """The name in a price file; empty for what only describes."""
    price: tuple[float, float] | None = None

    @property
    def money(self) -> tuple[float, float] | None:
        """From the least to the most; None without a price."""
        return self.price and (self.amount * self.price[0], self.amount * self.price[1])


@dataclass(frozen=True)
class Forecast:
    """source, date: of the prices."""

    currency: str
    source: str
    date: str
    amounts: tuple[Amount, ...]

    @property
    def total(self) -> tuple[float, float]:
        """Of all that has a price, from the least to the most."""
        priced = [one.money for one in self.amounts if one.money is not None]
        return sum(low for low, _ in priced), sum(high for _, high in priced)

    @property
    def unpriced(self) -> list[Amount]:
        """What somebody has to pay for, and has no price."""
        return [one for one in self.amounts if one.priced_as and one.amount and one.price is None]


def forecast(request: AdaptRequest, costs: Costs) -> Forecast:
    """All that its arms would spend, with what is expected, or else the most that it can be."""
    adapt, problems = request.adapt, request.selected()
    last = request.last_step(len(problems))
    arms = [parse_objective(name) for name in adapt.arms]
    rounds = last + 1 + last * len(arms)
    each = adapt.group + adapt.tail + adapt.confirm
    draws = len(problems) * each * rounds
    learned = len(problems) * adapt.group * last
    """Draws that an arm learns from."""
    prompt, prompt_basis = _prompt(request, problems, costs)
    completion, completion_basis = _expected(
        costs, "completion_tokens", request.sampling.max_tokens, "a draw", "max_tokens"
    )
    taught = [one for one in arms if one.teacher]
    scoring = sum(_read_for(one, prompt, completion, costs) for one in arms)
    found = [
        _Count(
            "rollouts",
            "rollout",
            draws,
            f"{len(problems)} problems x {each} draws x ({last + 1} stages of the base arm + "
            f"{last} steps of {len(arms)} arms)",
        ),
        _verdicts(request, problems, draws, last, len(arms)),
        _Count("prompt tokens", "prompt_token", draws * prompt, prompt_basis),
        _Count("completion tokens", "completion_token", draws * completion, completion_basis),
        _Count(
            "tokens read to score", "prefill_token", learned * scoring, "prompts of teachers, +kl"
        ),
        _Count(
            "teacher tokens",
            "teacher_token",
            learned * len(taught) * completion,
            f"at most all draws that {len(taught)} arms learn from",
        ),
        _Count(
            "trained tokens",
            "trained_token",
            learned * len(arms) * (prompt + completion),
            f"{learned} draws of each arm, with their prompts",
        ),
    ]
    if adapt.trainer.startswith("tinker") and last:
        passes = 2 + 3 * (last - 1)
        tokens = passes * learned / last * len(arms) * (prompt + completion)
        basis = "forward passes that measure a step: before and after it, and of the base model"
        found.append(_Count(MEASURED, "trained_token", tokens, basis))
    found.append(_judging(request, costs, found[1].amount))
    priced = [_with_price(one, costs) for one in found]
    return Forecast(
        costs.prices.currency,
        costs.prices.source,
        costs.prices.date,
        (*priced, *_operations(request, costs, {one.what: one.amount for one in found})),
    )


@dataclass(frozen=True)
class _Count:
    what: str
    priced_as: str
    amount: float
    basis: str


def _with_price(one: _Count, costs: Costs) -> Amount:
    prices = costs.prices
    kinds = [f"{one.priced_as}s"]
    if one.priced_as == "gpu_second":
        kinds.append("judge_seconds")
    price = next(((prices.low[k], prices.high[k]) for k in kinds if k in prices.low), None)
    free = one.priced_as in ("rollout", "evaluation") and price is None
    return Amount(one.what, one.amount, one.basis, "" if free else one.priced_as, price)


def _expected(costs: Costs, name: str, most: float, of: str, most_is: str) -> tuple[float, str]:
    known = costs.expected.get(name)
    if known is None:
        return most, f"at most {most:g} {of} ({most_is})"
    return known.value, f"{known.value:g} {of} ({known.source})"


def _prompt(request: AdaptRequest, problems: Sequence[Problem], costs: Costs) -> tuple[float, str]:
    """Tokens of a prompt, the mean over problems. The chat template's own are not among them."""
    params = request.sampling.params()
    own = request.policy.startswith("embedded")
    template = read_template("embedded") if own else prompt_template(params)
    texts = [
        render(
            template,
            params,
            level=one.level,
            problem_id=one.problem_id,
            name=one.name,
            source=one.source,
        )
        for one in problems
    ]
    size = sum(len(text.encode()) for text in texts) / len(texts)
    known = costs.expected.get("bytes_per_token")
    if known is None:
        return size, f"at most {size:.0f} a draw (a token has a byte or more)"
    tokens = size / known.value
    return (
        tokens,
        f"{tokens:.0f} a draw: {size:.0f} bytes, {known.value:g} a token ({known.source})",
    )


def _read_for(objective: Objective, prompt: float, completion: float, costs: Costs) -> float:
    """Tokens of prompts that are read for one draw of an arm, and what the base model scores."""
    found = prompt + completion if objective.needs_base else 0.0
    if objective.teacher is not None:
        known = costs.expected.get("bytes_per_token")
        told = len(longest_telling(objective.teacher).encode()) / (known.value if known else 1)
        found += prompt + told + (completion if objective.teacher.solution else 0.0)
    return found


def _verdicts(
    request: AdaptRequest, problems: Sequence[Problem], draws: int, last: int, arms: int
) -> _Count:
    first = len(problems) * request.adapt.group
    anchors = max(LEAST, math.ceil(SHARE * first)) * last
    again = len(problems) * request.judge.retime * (arms + 1)
    basis = (
        f"at most one a draw (equal texts are judged once), {anchors} of anchors, {again} of "
        "winners a second time"
    )
    return _Count("verdicts", "evaluation", draws + anchors + again, basis)


def _judging(request: AdaptRequest, costs: Costs, verdicts: float) -> _Count:
    on_gpu = request.judge.config().on_gpu
    seconds, basis = _expected(
        costs, "judge_seconds", request.judge.timeout_s, "s a verdict", "the timeout"
    )
    name = "GPU seconds of the judge" if on_gpu else "seconds of the judge"
    return _Count(name, "gpu_second" if on_gpu else "judge_second", verdicts * seconds, basis)


def _operations(request: AdaptRequest, costs: Costs, amounts: dict[str, float]) -> list[Amount]:
    known = costs.expected.get("parameters")
    parameters = known.value if known else parameters_of(request.policy)
    if parameters is None:
        return []
    read = sum(
        amounts.get(name, 0.0)
        for name in (
            *("prompt tokens", "completion tokens", "tokens read to score", "teacher tokens"),
            MEASURED,
        )
    )
    total = parameters * (READ * read + TRAINED * amounts["trained tokens"])
    source = known.source if known else "counted"
    basis = f"2 N a token, 4 N a trained one; N = {parameters:.3g} ({source})"
    return [Amount("FLOPs", total, basis)]
