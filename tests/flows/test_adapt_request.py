"""An adaptation's request: what it takes, what it refuses in one line, and how it goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.adapt_engines import holding_of
from flows.adapt_request import AdaptRequest
from flows.errors import RequestError, is_request_error
from flows.profiles import profiles_of
from flows.request import SweepRequest, profile_request, resolve, stored_request
from storage import Lake
from tasks.adapt.trainers.tinker import TinkerSettings
from tasks.adapt.turns import Holding
from tasks.policies.embedded import WEIGHTS
from tests.conftest import Bon


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def record(lake: Lake, run_id: str, request: SweepRequest) -> None:
    row = {
        "created_at": datetime.now(UTC),
        "kind": request.command,
        "suite": request.suite,
        "k": request.k,
        "harness_id": request.harness_id,
        "config": request.model_dump_json(),
        "versions": "{}",
    }
    lake.append("runs", [row], run_id=run_id)


def asked(lake: Lake, run: str | None = None, **adapt: Any) -> AdaptRequest:
    return resolve(lake, run, {"adapt": adapt}, AdaptRequest)[1]


@pytest.mark.parametrize("name", profiles_of("adapt"))
def test_every_profile_is_a_whole_request(
    lake: Lake, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = profile_request(name, AdaptRequest)
    own.check()  # on any machine, as `bon doctor` does
    # It may be for a GPU, and there need not be one here.
    monkeypatch.setattr(AdaptRequest, "check_machine", lambda _: None)
    assert resolve(lake, None, {"profile": name}, AdaptRequest)[1] == own


def test_the_demo_is_the_demo(lake: Lake) -> None:
    run_id, request = resolve(lake, None, {}, AdaptRequest)
    assert run_id.startswith("adapt-demo-")
    assert request.problems == (12, 14, 89, 98)
    assert request.adapt.arms == ("centred", "entropic-noise", "placebo")
    assert (request.adapt.group, request.adapt.steps, request.k) == (8, 3, 32)
    assert (request.adapt.rank, request.adapt.alpha, request.adapt.step_size) == (8, 8, "lr:0.005")
    assert request.sampling.temperature == 1


def test_a_server_decides_on_alpha(lake: Lake) -> None:
    """What is recorded is what it does."""
    through = asked(lake, trainer="tinker:http://x#model=tiny")
    assert through.adapt.alpha == 32
    settings = through.trainer_settings(1)
    assert isinstance(settings, TinkerSettings)
    assert (settings.rank, settings.in_float32, settings.on_cpu) == (8, False, True)
    again = AdaptRequest.model_validate_json(through.model_dump_json())
    assert again == through


def test_the_base_arm_is_there_whether_named_or_not(lake: Lake) -> None:
    assert asked(lake, arms=["base", "grpo"]).adapt.arms == ("grpo",)


@pytest.mark.parametrize(
    ("adapt", "names"),
    [
        ({"arms": ["centered"]}, ["centered", "centred"]),
        ({"arms": ["max@8"]}, ["max@8", "9 draws", "not 8"]),
        ({"arms": ["base"]}, ["--arms", "centred"]),
        ({"arms": ["grpo", "grpo"]}, ["twice"]),
        ({"arms": ["sdpo:past"]}, ["sdpo:past", "live, base, ema"]),
        ({"arms": ["placebo:sdpo"]}, ["placebo:sdpo", "self-distillation"]),
        ({"reward": "gold"}, ["gold", "lower"]),
        ({"step_size": "huge"}, ["huge", "lr:X"]),
        ({"mismatch": "hope"}, ["hope", "token_tis"]),
        ({"trainer": "tinker:x"}, ["tinker:x", "tinker:http://HOST:PORT"]),
        ({"trainer": "tinker:http://x", "step_size": "kl:0.01"}, ["kl:0.01", "lr:X"]),
        ({"trainer": "tinker:http://x", "alpha": 16}, ["alpha 16", "32", "leave alpha out"]),
        ({"trainer": "local:cuda"}, ["local:cuda", "no GPU"]),
        ({"trainer": "local:tpu"}, ["local:tpu", "local:cuda"]),
        ({"unit": "world"}, ["unit", "world", "problem"]),
        ({"steps": 0}, ["steps", "0"]),
        ({"steps": 100}, ["steps", "100", "99"]),
        ({"group": 0}, ["group", "0"]),
        ({"group": 10_001}, ["group", "10000"]),
        ({"budget": 63}, ["63", "32", "64"]),
        ({"epochs": 3}, ["epochs", "steps"]),
    ],
)
def test_wrong_settings_are_one_line(lake: Lake, adapt: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(Exception) as found:  # noqa: PT011  (two rooms' errors)
        asked(lake, **adapt)
    assert is_request_error(found.value)
    line = str(found.value)
    assert "\n" not in line
    assert all(name in line for name in names), line


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"policy": "vllm:some/model"}, ["vllm:some/model", "embedded"]),
        ({"policy": "embedded#lora=/x"}, ["no adapter in '/x'"]),
        ({"policy": "checkpoint:0123"}, ["checkpoint '0123'", "none yet"]),
        ({"policy": "embedded#checkpoint=0123"}, ["checkpoint '0123'", "none yet"]),
        (
            {"policy": "embedded#lora=/x", "adapt": {"trainer": "tinker:http://x"}},
            ["lora=/x", "none can be uploaded", "--trainer local"],
        ),
        ({"policy": "openai:m@http://localhost:1/v1"}, ["base=PATH", "api=completions"]),
        ({"policy": f"openai:m@http://h/v1#base={WEIGHTS},lora=/x"}, ["no adapter in '/x'"]),
        (
            {
                "policy": f"openai:m@http://h/v1#base={WEIGHTS}",
                "sampling": {"temperature": 0.7, "logprob_mode": "processed_logprobs"},
            },
            ["temperature 0.7", "vLLM", "--temperature 1"],
        ),
        ({"sampling": {"temperature": 0.0}}, ["temperature 0"]),
        ({"sampling": {"temperature": 0.7}}, ["0.7", "processed_logprobs"]),
        (
            {
                "sampling": {"temperature": 0.7, "logprob_mode": "processed_logprobs"},
                "adapt": {"trainer": "tinker:http://x"},
            },
            ["0.7", "--temperature 1"],
        ),
        ({"judge": {"protocol": "kernelbench"}}, ["interval", "trusted"]),
        ({"problems": [12], "adapt": {"unit": "batch"}}, ["batch", "two problems"]),
        ({"profile": "demo"}, ["demo", "bon sweep", "adapt-demo"]),
    ],
)
def test_what_does_not_go_together_is_one_line(
    lake: Lake, options: dict[str, Any], names: list[str]
) -> None:
    with pytest.raises(Exception) as found:  # noqa: PT011
        resolve(lake, None, options, AdaptRequest)
    assert is_request_error(found.value)
    line = str(found.value)
    assert "\n" not in line
    assert all(name in line for name in names), line


def test_a_model_is_sampled_on_a_gpu_of_this_machine_and_on_no_other(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on(gpus: int, policy: str) -> AdaptRequest:
        monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
        return resolve(lake, None, {"policy": policy}, AdaptRequest)[1]

    assert holding_of(on(0, "transformers:/model"), 0) == Holding()
    assert holding_of(on(1, "transformers:/model"), 1) == Holding(policy=1, there=1)
    assert holding_of(on(2, "vllm:some/model#tp=2"), 2) == Holding(policy=2, there=2)
    with pytest.raises(RequestError, match=r"tp=2' wants 2 GPU\(s\), and torch finds 1"):
        on(1, "vllm:some/model#tp=2")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert on(1, "embedded")
    with pytest.raises(RequestError, match="adapters lie on this machine; unset RAY_ADDRESS"):
        on(1, "transformers:/model")


def test_without_intervals_there_are_rewards_and_objectives_that_do(lake: Lake) -> None:
    judge = {"protocol": "kernelbench"}
    fitting = {"reward": "log", "arms": ["centred", "placebo"]}
    resolve(lake, None, {"judge": judge, "adapt": fitting}, AdaptRequest)
    with pytest.raises(Exception, match="entropic-noise"):
        resolve(lake, None, {"judge": judge, "adapt": {"reward": "log"}}, AdaptRequest)


def test_another_temperature_wants_the_probabilities_that_were_drawn_from(lake: Lake) -> None:
    sampling = {"temperature": 0.7, "logprob_mode": "processed_logprobs"}
    _, request = resolve(lake, None, {"sampling": sampling}, AdaptRequest)
    assert request.method().spec.temperature == 0.7


@pytest.mark.parametrize(("budget", "last"), [(64, 1), (95, 1), (96, 2), (10_000, 3)])
def test_a_budget_is_kept_in_whole_rounds(lake: Lake, budget: int, last: int) -> None:
    assert asked(lake, budget=budget).last_step(4) == last  # a round: 8 draws of 4 problems


def test_steps_grow_and_nothing_else_changes(lake: Lake) -> None:
    first = asked(lake, steps=2)
    record(lake, "mine", first)
    assert stored_request(lake, "mine", AdaptRequest) == first
    assert asked(lake, "mine") == first
    longer = asked(lake, "mine", steps=5)
    assert (longer.adapt.steps, longer.k) == (5, 8 * 6)
    record(lake, "mine", longer)
    assert asked(lake, "mine", steps=1).adapt.steps == 5
    for change in ({"arms": ["grpo"]}, {"group": 4}, {"reward": "log"}, {"step_size": "lr:1"}):
        with pytest.raises(RequestError, match=f"adapt.{next(iter(change))}"):
            asked(lake, "mine", **change)
    with pytest.raises(RequestError, match="problems"):
        resolve(lake, "mine", {"problems": [12, 14]}, AdaptRequest)


def test_a_tail_is_paid_for_and_what_confirms_is_not(lake: Lake) -> None:
    more = asked(lake, tail=8, confirm=100, budget=128)
    assert more.last_step(4) == 1  # a round: 8 + 8 draws of 4 problems
    assert more.k == (8 + 8) * 4
    assert more.method().draws == {"round": 8, "tail": 8, "confirm": 100}
    with pytest.raises(RequestError, match="8 and 8 of a tail of each of 4 problems"):
        asked(lake, tail=8, budget=127)


def test_what_confirms_grows_and_a_tail_does_not(lake: Lake) -> None:
    record(lake, "mine", asked(lake, tail=2, confirm=4))
    assert asked(lake, "mine", confirm=9).adapt.confirm == 9
    assert asked(lake, "mine", confirm=1).adapt.confirm == 4
    with pytest.raises(RequestError, match=r"adapt\.tail"):
        asked(lake, "mine", tail=4)


def test_sweeps_and_adaptations_keep_to_their_own_runs(lake: Lake) -> None:
    record(lake, "mine", asked(lake))
    record(lake, "theirs", resolve(lake, None, {})[1])
    with pytest.raises(RequestError, match="bon adapt"):
        resolve(lake, "mine", {})
    with pytest.raises(RequestError, match="bon sweep"):
        resolve(lake, "theirs", {}, AdaptRequest)
    with pytest.raises(RequestError, match="bon adapt"):
        resolve(lake, None, {"profile": "adapt-demo"})


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--tail", "-4"), ["tail", "-4"]),
        (("--confirm", "10001"), ["confirm", "10001"]),
        (("--arms", "centred,,placebo"), ["centred,,placebo", "commas"]),
        (("--arms", "max@8", "-g", "8"), ["max@8", "-g"]),
        (("--unit", "batch", "--problems", "12"), ["--unit batch", "two problems"]),
        (("--run", "nobody"), ["nobody", "adapt-demo"]),
    ],
)
def test_the_command_refuses_in_one_line(
    bon: Bon, arguments: tuple[str, ...], names: list[str]
) -> None:
    answer = bon("adapt", *arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.strip().splitlines()
    assert all(name in line for name in names), line


def test_the_commands_settings_come_back_from_its_row(lake: Lake) -> None:
    request = asked(lake, arms=["max@4+kl:0.1"], budget=200)
    again = AdaptRequest.model_validate(json.loads(request.model_dump_json()))
    assert again == request
