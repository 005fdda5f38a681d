"""The endpoint policy against a real server process, with faults injected between the answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tasks.errors import PolicyUnavailableError, RequestError, TasksError, TokenBudgetError
from tasks.policies import Policy, Sample, SamplingParams, load_policy, stream_samples
from tasks.problems import Problem, load_suite
from tests.tasks.policies.served import Served, serve

PARAMS = SamplingParams(max_tokens=16)
SEEDS = [11, 2**62 + 5, 13, 14, 15, 16]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    yield from serve()


@pytest.fixture
def silent(server: Served) -> Iterator[Served]:
    """Gives no log-probabilities, and wants a key."""
    with server.being(logprobs=False, key="sk-secret-word"):
        yield server


@pytest.fixture(scope="module")
def problem_() -> Problem:
    return load_suite("embedded").problems[0]


@pytest.fixture(scope="module")
def expected(problem_: Problem) -> list[Sample]:
    """The same seeds drawn in this process."""
    return load_policy("embedded", PARAMS).sample(problem_, SEEDS)


def until_it_raises(
    policy: Policy, problem: Problem
) -> tuple[list[tuple[int, Sample]], Exception | None]:
    """What `stream` hands out, and what it raises behind that."""
    finished: list[tuple[int, Sample]] = []
    try:
        for batch in stream_samples(policy, problem, SEEDS):
            finished += batch
    except TasksError as error:
        return finished, error
    return finished, None


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_it_draws_what_the_model_draws(
    server: Served, problem_: Problem, expected: list[Sample], api: str
) -> None:
    policy = load_policy(server.spec(api=api), PARAMS)
    drawn = policy.sample(problem_, SEEDS)
    for one, other in zip(drawn, expected, strict=True):
        assert one.completion == other.completion
        assert one.source == other.source
        assert one.code_span == other.code_span
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert (one.n_tokens, one.finish_reason) == (other.n_tokens, other.finish_reason)
        assert one.n_prompt_tokens == other.n_prompt_tokens
        assert one.token_ids == ()  # this server does not tell them


def test_faults_cost_no_answer_and_none_is_asked_twice(
    server: Served, problem_: Problem, expected: list[Sample]
) -> None:
    policy = load_policy(server.spec(timeout=6), PARAMS)
    before = server.counts()
    faults = ("429", "500", "malformed", "truncate", "empty", "503", "stall")
    server.faults(*faults)
    drawn = policy.sample(problem_, SEEDS)
    assert [one.completion for one in drawn] == [one.completion for one in expected]
    after = server.counts()
    assert after["answered"] - before["answered"] == len(SEEDS)
    assert after["asked"] - before["asked"] == len(SEEDS) + len(faults)


def test_a_server_that_dies_is_waited_for(
    server: Served, problem_: Problem, expected: list[Sample]
) -> None:
    policy = load_policy(server.spec(), PARAMS)
    server.faults("", "", "die")
    revive = threading.Thread(target=lambda: (server.process.join(), server.start()))
    revive.start()
    drawn = policy.sample(problem_, SEEDS)
    revive.join()
    assert [one.completion for one in drawn] == [one.completion for one in expected]


def test_what_had_finished_is_handed_out_when_patience_ends(
    server: Served, problem_: Problem, expected: list[Sample]
) -> None:
    policy = load_policy(server.spec(concurrency=1, patience=1), PARAMS)
    server.faults("", "", *["500"] * 50)
    finished, error = until_it_raises(policy, problem_)
    assert isinstance(error, PolicyUnavailableError)
    assert "status 500" in str(error)
    server.faults()
    assert len(finished) == 2
    assert all(expected[at].completion == one.completion for at, one in finished)


def test_a_budget_is_never_overdrawn(server: Served, problem_: Problem) -> None:
    whole = load_policy(server.spec(), PARAMS).sample(problem_, SEEDS)
    each = [one.n_prompt_tokens + one.n_tokens for one in whole]
    # The first request may not know how long the prompt is, so leave it room.
    budget = sum(each[:4]) + len(problem_.source) + 600
    policy = load_policy(server.spec(budget=budget), PARAMS)
    drawn: list[Sample] = []
    for _ in range(30):
        finished, error = until_it_raises(policy, problem_)
        drawn += [one for _, one in finished]
        if error is not None:
            break
    assert isinstance(error, TokenBudgetError)
    assert len(drawn) >= 4
    assert sum(one.n_prompt_tokens + one.n_tokens for one in drawn) <= budget


def test_a_server_without_logprobs_is_refused_or_allowed(
    silent: Served, problem_: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BON_TEST_KEY", "sk-secret-word")
    spec = silent.spec(key="BON_TEST_KEY")
    with pytest.raises(RequestError, match=r"no log-probabilities.*--allow-missing-logprobs"):
        load_policy(spec, PARAMS)
    policy = load_policy(f"{spec},missing_logprobs=allow", PARAMS)
    (sample,) = policy.sample(problem_, [11])
    assert sample.completion
    assert sample.n_tokens > 0
    assert (sample.logprobs, sample.sum_logprob, sample.mean_logprob) == ((), None, None)
    assert sample.code_logprobs is None


@pytest.mark.parametrize("key", [None, "sk-mistaken-word"])
def test_a_refused_key_is_said_without_the_key(
    silent: Served, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.delenv("BON_TEST_KEY", raising=False)
    if key:
        monkeypatch.setenv("BON_TEST_KEY", key)
    with pytest.raises(RequestError, match="BON_TEST_KEY") as caught:
        load_policy(silent.spec(key="BON_TEST_KEY"), PARAMS)
    assert "sk-" not in str(caught.value)


def test_another_logprob_mode_is_found_out(server: Served) -> None:
    with server.being(processed=True) as served:
        hot = SamplingParams(max_tokens=8, temperature=0.5)
        with pytest.raises(RequestError, match="gives processed_logprobs"):
            load_policy(served.spec(), hot)
        settled = SamplingParams(max_tokens=8, temperature=0.5, logprob_mode="processed_logprobs")
        assert load_policy(served.spec(), settled).policy_id.startswith("openai-")


def test_raw_logprobs_pass_at_any_temperature(server: Served) -> None:
    hot = SamplingParams(max_tokens=8, temperature=0.5)
    assert load_policy(server.spec(), hot).policy_id.startswith("openai-")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("openai:model", "MODEL@URL"),
        ("openai:m@http://u:p@host/v1", "no password"),
        ("openai:m@http://host/v1#key=sk-abc", "environment variable"),
        ("openai:m@http://host/v1#speed=9", "no option 'speed'.*concurrency"),
        ("openai:m@http://host/v1#concurrency=none", "concurrency=none"),
        ("openai:m@http://host/v1#concurrency", "KEY=VALUE"),
        ("openai:m@http://127.0.0.1:9/v1", "cannot use the server at 127.0.0.1:9"),
    ],
)
def test_wrong_requests_are_one_line(spec: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        load_policy(spec, PARAMS)
    assert "\n" not in str(caught.value)
    assert "sk-abc" not in str(caught.value)


def test_an_unknown_model_names_the_served(server: Served) -> None:
    with pytest.raises(RequestError, match="does not serve 'other'; it has embedded"):
        load_policy(f"openai:other@{server.root}/v1", PARAMS)


def test_identity_is_model_and_settings_and_not_the_address(server: Served) -> None:
    one = load_policy(server.spec(), PARAMS)
    assert one.policy_id == load_policy(server.spec(rpm=600), PARAMS).policy_id
    assert one.policy_id != load_policy(server.spec(api="chat"), PARAMS).policy_id


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("wrong", [0.5, -9999.0, -1e30, float("nan"), float("-inf"), None])
def test_what_is_no_logprob_is_kept_as_missing(
    server: Served, problem_: Problem, api: str, wrong: float | None
) -> None:
    policy = load_policy(server.spec(api=api), PARAMS)
    with server.being(last_logprob=[wrong]):
        sample, *_ = policy.sample(problem_, SEEDS[:2])
        assert sample.completion
        assert (sample.logprobs, sample.mean_logprob, sample.code_logprobs) == ((), None, None)
    whole, *_ = policy.sample(problem_, SEEDS[:1])
    assert whole.mean_logprob is not None


@pytest.mark.parametrize("wrong", [0.5, -9999.0, float("nan")])
def test_a_server_that_gives_no_logprobs_in_their_place_is_refused(
    server: Served, problem_: Problem, wrong: float
) -> None:
    with server.being(last_logprob=[wrong]):
        with pytest.raises(RequestError, match=r"gives no log-probabilities \("):
            load_policy(server.spec(), PARAMS)
        policy = load_policy(server.spec(missing_logprobs="allow"), PARAMS)
        assert policy.sample(problem_, SEEDS[:1])[0].logprobs == ()


def test_a_prompt_and_its_answer_fit_the_context(server: Served, problem_: Problem) -> None:
    with server.being(context=100):
        policy = load_policy(server.spec(), SamplingParams(max_tokens=8192))
        with pytest.raises(RequestError, match=r"problem \d+ .* fills the server's context of 100"):
            policy.sample(problem_, SEEDS[:1])
    with server.being(context=len(problem_.source) // 2 + 600):
        policy = load_policy(server.spec(template="embedded"), SamplingParams(max_tokens=8192))
        assert policy.sample(problem_, SEEDS[:1])[0].n_tokens > 0
