"""The numbers that come with a sample are the model's own, and a draw belongs to its seed alone."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.errors import RequestError
from tasks.policies import Policy, SamplingParams, load_policy
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.continuous import Request
from tasks.problems.base import Problem

SEEDS = [11, 2**62 + 5, 13, 14, 15]
TEMPLATE = "level $level problem $problem_id $name $mode"


def policy(path: Path, **settings: Any) -> CausalLMPolicy:
    return CausalLMPolicy(
        name="test",
        path=path,
        params=SamplingParams(**{"max_tokens": 48, **settings}),
        template=TEMPLATE,
        device=torch.device("cpu"),
        batch_rows=8,
    )


def teacher_forced(path: Path, prompt: list[int], tokens: tuple[int, ...], t: float) -> list[float]:
    """Log-probability of every token, from one forward pass over the finished text."""
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    logprobs = (logits / t).log_softmax(-1)
    return logprobs[range(len(tokens)), list(tokens)].tolist()


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.8])
def test_logprobs_equal_a_teacher_forced_pass(
    tiny_model: Path, problem: Problem, temperature: float
) -> None:
    for mode, t in (("raw_logprobs", 1.0), ("processed_logprobs", temperature)):
        subject = policy(tiny_model, temperature=temperature, logprob_mode=mode)
        prompt = subject.encode_prompt(problem)
        for sample in subject.sample(problem, SEEDS):
            assert sample.logprob_mode == mode
            assert sample.n_prompt_tokens == len(prompt)
            expected = teacher_forced(tiny_model, prompt, sample.token_ids, t)
            assert sample.logprobs == pytest.approx(expected, abs=2e-4)


def test_the_two_modes_differ_on_the_same_draw(tiny_model: Path, problem: Problem) -> None:
    raw = policy(tiny_model, temperature=0.5).sample(problem, SEEDS)
    settled = policy(tiny_model, temperature=0.5, logprob_mode="processed_logprobs").sample(
        problem, SEEDS
    )
    assert [s.token_ids for s in raw] == [s.token_ids for s in settled]
    assert all(a.sum_logprob < b.sum_logprob for a, b in zip(raw, settled, strict=True))


def test_the_same_seeds_give_the_same_samples(tiny_model: Path, problem: Problem) -> None:
    first = policy(tiny_model).sample(problem, SEEDS)
    assert first == policy(tiny_model).sample(problem, SEEDS)
    assert len({sample.token_ids for sample in first}) == len(SEEDS)


@pytest.mark.usefixtures("one_thread")
def test_a_draw_does_not_depend_on_its_batch(tiny_model: Path, problem: Problem) -> None:
    """Bit for bit, alone, in another place, or behind others: batches have one shape."""
    subject = policy(tiny_model)
    together = subject.sample(problem, SEEDS)
    for index, seed in enumerate(SEEDS):
        assert subject.sample(problem, [seed]) == [together[index]]
    assert subject.sample(problem, SEEDS[::-1]) == together[::-1]
    many = subject.sample(problem, [*range(100, 110), *SEEDS])
    assert many[10:] == together


@pytest.mark.usefixtures("one_thread")
def test_problems_drawn_in_one_batch_do_not_meet(tiny_model: Path, problem: Problem) -> None:
    """Prompts of other lengths, asked for in threads: the same, bit for bit, as one by one."""
    problems = [replace(problem, name=f"7_{'Long' * i}") for i in range(4)]
    subject = policy(tiny_model)
    alone = [subject.sample(one, SEEDS) for one in problems]
    with ThreadPoolExecutor(len(problems)) as threads:
        assert list(threads.map(lambda one: subject.sample(one, SEEDS), problems)) == alone


def test_a_stream_that_is_left_frees_its_rows(tiny_model: Path, problem: Problem) -> None:
    subject = policy(tiny_model)
    expected = subject.sample(problem, [1, 2])
    stream = iter(subject.stream(problem, range(100, 200)))
    assert next(stream)
    stream.close()
    assert subject._batch is not None
    assert not any(subject._batch._drawing)
    assert not subject._batch._waiting
    assert subject.sample(problem, [1, 2]) == expected


@pytest.mark.usefixtures("one_thread")
def test_a_step_that_fails_costs_no_other_draw(
    tiny_model: Path, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two problems in one batch: the error goes to one of them, the other's draws are the same."""
    other = replace(problem, name="8_Other")
    expected = policy(tiny_model).sample(other, SEEDS)
    subject = policy(tiny_model)
    assert subject._batch is not None
    step = subject._batch._slots.step
    calls = iter(range(1000))

    def fails_once(tokens: torch.Tensor) -> torch.Tensor:
        if next(calls) == 7:
            raise MemoryError
        return step(tokens)

    monkeypatch.setattr(subject._batch._slots, "step", fails_once)
    request = Request(subject.encode_prompt(other), SEEDS, 48)
    subject._run(subject._batch.add, request)
    with pytest.raises(MemoryError):
        subject.sample(problem, SEEDS)
    found: dict[int, list[int]] = {}
    while len(found) < len(SEEDS):
        drawn = subject._run(subject._batch.advance, request)
        found |= {one.position: one.tokens for one in drawn}
    assert [tuple(found[i]) for i in range(len(SEEDS))] == [one.token_ids for one in expected]


def test_an_end_token_ends_and_counts(tiny_model: Path, problem: Problem) -> None:
    samples = policy(tiny_model, max_tokens=150, temperature=3.0).sample(problem, list(range(16)))
    assert {sample.finish_reason for sample in samples} == {"stop", "length"}
    for sample in samples:
        assert len(sample.token_ids) == len(sample.logprobs)
        if sample.finish_reason == "stop":
            assert sample.token_ids[-1] == 0
            assert 0 not in sample.token_ids[:-1]
        else:
            assert 0 not in sample.token_ids
            assert len(sample.token_ids) == 150
        assert "<|end|>" not in sample.completion


def test_temperature_zero_is_greedy(tiny_model: Path, problem: Problem) -> None:
    first, second = policy(tiny_model, temperature=0.0).sample(problem, [1, 2])
    assert first == second
    subject = policy(tiny_model)
    prompt = torch.tensor([subject.encode_prompt(problem)])
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    with torch.no_grad():
        for token in first.token_ids[:8]:
            best = model(prompt).logits[0, -1].argmax()
            assert int(best) == token
            prompt = torch.cat([prompt, best.view(1, 1)], dim=1)


def test_the_context_limits_the_answer(tiny_model: Path, problem: Problem) -> None:
    sample = policy(tiny_model, max_tokens=100_000, temperature=0.0).sample(problem, [1])[0]
    assert sample.n_prompt_tokens + len(sample.token_ids) <= 256
    long = CausalLMPolicy(
        name="test",
        path=tiny_model,
        params=SamplingParams(),
        template="$source " * 9,
        device=torch.device("cpu"),
    )
    with pytest.raises(RequestError, match=r"prompt has \d+ tokens"):
        long.sample(problem, [1])


def test_the_identity_covers_weights_template_and_settings(
    tiny_model: Path, tmp_path: Path
) -> None:
    base = policy(tiny_model)
    assert base.policy_id == policy(tiny_model).policy_id
    assert base.policy_id.startswith("test-")
    assert base.policy_id != policy(tiny_model, temperature=0.9).policy_id
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    (copy / "TRAINING.json").write_text("{}")
    assert base.policy_id == policy(copy).policy_id
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert base.policy_id != policy(copy).policy_id


def test_a_chat_template_is_used_where_there_is_one(
    tiny_model: Path, tmp_path: Path, problem: Problem
) -> None:
    copy = tmp_path / "chat"
    shutil.copytree(tiny_model, copy)
    (copy / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    subject = policy(copy)
    text = subject._tokenizer.decode(subject.encode_prompt(problem))
    assert text == "<user>level 1 problem 7 7_Double module<assistant>"


def test_registered_policy_writes_modules_and_bodies(tiny_model: Path, problem: Problem) -> None:
    spec = f"transformers:{tiny_model}"
    small = Problem("tests", 1, 7, "7_Double", "class Model:\n    def forward(self): return 1\n")
    loaded: Policy = load_policy(spec, SamplingParams(max_tokens=4, mode="body"))
    sample = loaded._finish(small, 3, [5, 6, 0], [-1.0, -2.0, -0.5])  # type: ignore[attr-defined]
    assert "class ModelNew" in sample.source
    assert sample.completion not in {"", sample.source}
    with pytest.raises(RequestError, match="context"):
        loaded.sample(problem, [1])


def test_the_code_has_log_probabilities_of_its_own(tiny_model: Path, problem: Problem) -> None:
    subject = policy(tiny_model)
    text = "Here:\n```python\nx = 1\n```\nThat is all."
    tokens = [*subject._tokenizer(text, add_special_tokens=False)["input_ids"], 0]
    logprobs = [-float(i) for i in range(len(tokens))]
    sample = subject._finish(problem, 3, tokens, logprobs)
    assert (sample.completion, sample.source) == (text, "x = 1\n")
    assert sample.code_span is not None
    first, last = sample.code_span
    written = subject._tokenizer.decode(tokens[first:last])
    assert "x = 1\n" in written
    assert "```" not in written.replace("\n```", "")
    assert sample.code_logprobs == tuple(logprobs[first:last])
    # Bare code is all tokens but the end token.
    bare = subject._finish(problem, 3, [*tokens[first:last], 0], logprobs[first : last + 1])
    assert bare.code_span == (0, last - first)
    assert len(bare.token_ids) == last - first + 1


def test_harmony_channels_stay_in_the_text(
    tiny_model: Path, tmp_path: Path, problem: Problem
) -> None:
    # `<|end|>` ends completions of the tiny model, as it does not in gpt-oss.
    marks = ["<|channel|>", "<|message|>", "<|start|>"]
    copy = tmp_path / "harmony"
    shutil.copytree(tiny_model, copy)
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tokenizer.save_pretrained(copy)
    subject = policy(copy)
    text = (
        "<|channel|>analysis<|message|>class ModelNew: sketch"
        "<|start|>assistant<|channel|>final<|message|>x = 1\n"
    )
    tokens = [*subject._tokenizer(text, add_special_tokens=False)["input_ids"], 0]
    sample = subject._finish(problem, 3, tokens, [-1.0] * len(tokens))
    assert (sample.completion, sample.source) == (text, "x = 1\n")
    assert sample.code_span is not None
    assert subject._tokenizer.decode(tokens[slice(*sample.code_span)]) == "x = 1\n"


def test_a_thought_that_the_chat_template_opened(
    tiny_model: Path, tmp_path: Path, problem: Problem
) -> None:
    copy = tmp_path / "thinker"
    shutil.copytree(tiny_model, copy)
    (copy / "chat_template.jinja").write_text("{{ messages[0].content }}<think>\n")
    samples = policy(copy).sample(problem, SEEDS)
    assert all("</think>" not in sample.completion for sample in samples)
    assert {(sample.source, sample.code_span) for sample in samples} == {("", None)}


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("transformers", {}, "transformers:PATH"),
        ("transformers:/nowhere", {}, "config.json"),
        ("embedded:/nowhere", {}, "config.json"),
        ("instant:none", {}, "whole number"),
        ("no-such-policy", {}, "known: "),
        ("embedded", {"temperature": -1.0}, "temperature"),
        ("embedded", {"max_tokens": 0}, "max_tokens"),
    ],
)
def test_wrong_requests_are_one_line(spec: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        load_policy(spec, SamplingParams(**settings))
    assert "\n" not in str(caught.value)


def test_broken_weights_are_a_request_error(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "broken"
    shutil.copytree(tiny_model, copy)
    (copy / "model.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(RequestError, match="cannot load the model"):
        policy(copy)
