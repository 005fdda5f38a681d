"""What an adaptation would cost is said before anything is asked of anybody."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.adapt_request import AdaptRequest
from flows.costs import Costs, Expected, costs_of, load_costs
from flows.costs.forecast import Forecast, forecast
from flows.doctor import prognosis
from flows.errors import RequestError
from flows.request import profile_request
from tasks.errors import RequestError as TaskRequestError
from tests.conftest import Bon

PRICES = 'currency = "EUR"\ncompletion_token = 2\ngpu_second = [1, 3]\n'


def paper(**adapt: Any) -> AdaptRequest:
    own = profile_request("adapt-paper", AdaptRequest).model_dump()
    return AdaptRequest.model_validate(own | {"adapt": own["adapt"] | adapt})


def costs(**expected: float) -> Costs:
    found = costs_of("adapt-paper")
    assert found is not None
    return replace(found, expected={name: Expected(one, "x") for name, one in expected.items()})


def amounts(found: Forecast) -> dict[str, float]:
    return {one.what: one.amount for one in found.amounts}


def told(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_paper_is_five_tasks_of_32_draws() -> None:
    request = paper()
    assert request.adapt.paid * len(request.selected()) == 160
    assert request.k * len(request.selected()) == 960  # of one arm, as its author counts
    assert request.last_step(5) == 5
    assert {"paper", "sdpo", "sdpo-prompt"} == set(request.adapt.arms)


def test_every_kind_is_counted_once() -> None:
    """100 tokens a completion, prompts as long as they are; 160 draws in a round."""
    known = costs(completion_tokens=100, bytes_per_token=1, judge_seconds=2, parameters=1000)
    found = amounts(forecast(paper(steps=2, tail=2, confirm=1, arms=["paper", "sdpo"]), known))
    draws = 5 * (32 + 2 + 1) * (3 + 2 * 2)
    learned = 5 * 32 * 2
    prompt = found["prompt tokens"] / draws
    assert found["rollouts"] == draws
    assert found["completion tokens"] == 100 * draws
    assert found["teacher tokens"] == 100 * learned
    assert found["trained tokens"] == pytest.approx(2 * learned * (prompt + 100))
    assert found["measured tokens"] == pytest.approx((2 + 3) / 2 * 2 * learned * (prompt + 100))
    assert found["tokens read to score"] > learned * prompt  # the teacher is told more
    assert found["verdicts"] == draws + 2 * 8 + 5 * 3
    assert found["GPU seconds of the judge"] == 2 * found["verdicts"]
    read = sum(one for what, one in found.items() if "tokens" in what and "trained" not in what)
    assert found["FLOPs"] == pytest.approx(1000 * (2 * read + 4 * found["trained tokens"]))


def test_an_objective_that_asks_the_base_model_has_it_read() -> None:
    known = costs(completion_tokens=100, bytes_per_token=1)
    bare = amounts(forecast(paper(arms=["centred"]), known))
    penalised = amounts(forecast(paper(arms=["centred+kl:0.1"]), known))
    assert bare["tokens read to score"] == 0
    assert penalised["tokens read to score"] == pytest.approx(bare["trained tokens"])


def test_what_nobody_expects_is_taken_at_its_most() -> None:
    found = forecast(paper(), costs())
    most = amounts(found)
    assert most["completion tokens"] == 1024 * most["rollouts"]
    assert most["GPU seconds of the judge"] == 120 * most["verdicts"]
    assert "FLOPs" not in most
    assert {"at most 1024 a draw (max_tokens)"} <= {one.basis for one in found.amounts}


def test_money_is_by_the_file_and_what_has_no_price_is_named(tmp_path: Path) -> None:
    mine = load_costs(told(tmp_path / "mine.toml", PRICES))
    found = forecast(paper(), mine)
    spent = amounts(found)
    assert found.currency == "EUR"
    assert found.total == (
        pytest.approx(2 * spent["completion tokens"] + spent["GPU seconds of the judge"]),
        pytest.approx(2 * spent["completion tokens"] + 3 * spent["GPU seconds of the judge"]),
    )
    assert {one.priced_as for one in found.unpriced} == {
        *("prompt_token", "prefill_token", "teacher_token", "trained_token"),
    }
    assert [one.priced_as for one in forecast(paper(), costs()).unpriced] == ["gpu_second"]


def test_no_network_and_no_key_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.delenv("TINKER_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refused)
    found = prognosis("adapt-paper")
    assert found.missing
    assert found.cost is not None
    low, high = found.cost.total
    assert 0 < low <= high
    assert found.cost.source.startswith("https://")
    assert found.cost.date
    assert prognosis("adapt-demo").cost is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("[expected.luck]\nvalue = 1\nsource = ''\n", "[expected.NAME]"),
        ("[expected.parameters]\nvalue = 0\nsource = ''\n", "[expected.NAME]"),
        ("[expected.parameters]\nvalue = 9\n", "[expected.NAME]"),
        ("expected = 4\n", "[expected.NAME]"),
        ("date = 4\n", "date = 4; write it in quotes"),
        ("tokens = 4\n", "'tokens' has no price"),
    ],
)
def test_a_file_that_says_something_else_is_one_line(tmp_path: Path, more: str, says: str) -> None:
    path = told(tmp_path / "mine.toml", PRICES + more)
    with pytest.raises((RequestError, TaskRequestError)) as found:
        load_costs(path)
    assert says in str(found.value)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)


def test_the_command_prints_it(bon: Bon, tmp_path: Path) -> None:
    answer = bon("doctor", "--profile", "adapt-paper", "--json")
    assert answer.returncode == 0, answer.stderr
    cost = json.loads(answer.stdout)["profiles"]["adapt-paper"]["cost"]
    assert cost["unpriced"] == ["gpu_second"]
    assert cost["total"]["low"] == pytest.approx(
        sum(one["cost"]["low"] for one in cost["amounts"] if one["cost"])
    )
    prices = told(tmp_path / "mine.toml", PRICES)
    said = bon("doctor", "--profile", "adapt-paper", "--price", str(prices)).stdout
    (line,) = [one for one in said.splitlines() if one.startswith("adapt-paper: ")]
    assert "EUR in all, without prompt_token (prompt tokens)" in line
    assert bon("doctor", "--price", str(tmp_path / "none.toml")).returncode == 2
