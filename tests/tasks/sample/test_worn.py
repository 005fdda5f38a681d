"""One model, many adapters: nobody draws under another's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

import pytest

from tasks.errors import AdapterError, RequestError
from tasks.policies.base import Sample, SamplingParams, load_policy
from tasks.policies.rescore import Score
from tasks.problems import Problem
from tasks.sample.worn import Worn

ONE, OTHER, BROKEN = Path("one"), Path("other"), Path("broken")


class _Model:
    """Says which adapter it wears, and refuses one."""

    def __init__(self) -> None:
        self.policy_id = "bare"
        self.put_on: list[Path | None] = []

    def set_adapter(self, adapter: Path | None) -> str:
        self.put_on.append(adapter)
        self.policy_id = "bare"
        if adapter == BROKEN:
            raise AdapterError("it does not fit")
        self.policy_id = "bare" if adapter is None else adapter.name
        return self.policy_id

    def encode_prompt(self, problem: Problem) -> list[int]:
        raise NotImplementedError

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        raise NotImplementedError

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        raise NotImplementedError


def test_another_adapter_waits_until_the_draws_under_way_have_ended() -> None:
    worn = Worn("model", _Model())
    seen: list[str] = []
    waiting, done = Event(), Event()

    def other() -> None:
        waiting.set()
        with worn.wearing(OTHER) as policy:
            seen.append(policy.policy_id)
        done.set()

    with worn.wearing(ONE) as policy:
        thread = Thread(target=other)
        thread.start()
        waiting.wait(10)
        with worn.wearing(ONE) as again:  # the same one is shared
            seen.append(again.policy_id)
        assert not done.wait(0.05)
        assert policy.policy_id == "one"
    thread.join(10)
    assert seen == ["one", "other"]


def test_an_adapter_is_put_on_once() -> None:
    model = _Model()
    worn = Worn("model", model)
    for adapter in (None, ONE, ONE, None, None, OTHER):
        with worn.wearing(adapter):
            pass
    assert model.put_on == [ONE, None, OTHER]


def test_a_refused_adapter_leaves_the_bare_model() -> None:
    worn = Worn("model", _Model())
    with worn.wearing(ONE):
        pass
    with pytest.raises(AdapterError), worn.wearing(BROKEN):
        pass
    with worn.wearing(None) as policy:
        assert policy.policy_id == "bare"
    with worn.wearing(ONE) as policy:
        assert policy.policy_id == "one"


def test_without_another_adapter_a_policy_wears_its_own() -> None:
    model = _Model()
    worn = Worn("model#lora=one", model)
    for adapter in (None, ONE, OTHER, None):
        with worn.wearing(adapter):
            pass
    assert model.put_on == [OTHER, ONE]
    with pytest.raises(AdapterError), worn.wearing(BROKEN):
        pass
    with worn.wearing(None) as policy:
        assert policy.policy_id == "one"


def test_a_policy_without_adapters_draws_without() -> None:
    worn = Worn("instant", load_policy("instant", SamplingParams()))
    with worn.wearing(None) as policy:
        assert policy.policy_id.startswith("instant-")
    with (
        pytest.raises(RequestError, match="'instant' does not exchange adapters"),
        worn.wearing(ONE),
    ):
        pass
