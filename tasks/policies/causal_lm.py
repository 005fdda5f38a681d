"""Sampling from a causal language model as `transformers` loads it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from tasks.errors import RequestError
from tasks.policies.adapters import Adapters, base_name
from tasks.policies.answer import read_answer
from tasks.policies.base import Sample, SamplingParams, policy_hash
from tasks.policies.continuous import ContinuousBatch, Drawn, Request
from tasks.policies.logprobs import usable
from tasks.policies.prompt import encode_prompt
from tasks.policies.reasoning import HARMONY, opens_thought
from tasks.policies.rescore import Score, Written, tokens_of
from tasks.policies.slots import slots_fit
from tasks.policies.whole_batch import draw_whole_batch
from tasks.problems.base import Problem

T = TypeVar("T")

_IDENTITY_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model", ".jinja"}
_NOT_IDENTITY = {"TRAINING.json"}
_TAIL = 16  # tokens of the prompt's end, enough to hold the mark that opens a thought


def best_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def fingerprint(path: Path) -> bytes:
    """SHA-256 over the names and bytes of the files that decide what a model says."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in _IDENTITY_SUFFIXES and file.name not in _NOT_IDENTITY:
            digest.update(file.name.encode() + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.digest()


class CausalLMPolicy:
    """A local model, a prompt template and sampling settings.

    May be used from several threads. On a CPU, what they ask for is drawn in one batch, and a draw
    does not depend on what else is in it (see slots.py). On a GPU, where attention row by row would
    be a launch a row, and for models that cannot be sampled so, whole batches come one after the
    other (see whole_batch.py).

    name: prefix of the policy id.
    path: directory with config.json, weights and tokenizer.
    template: prompt template (see prompt.py); goes into a user turn where the tokenizer has a chat
        template, else is the prompt itself.
    batch_rows: rows of every batch; None takes 16 on a CPU, 64 on a GPU.
    adapter: directory of a LoRA adapter in peft's format; `set_adapter` exchanges it.

    Raises RequestError if `path` holds no loadable model, or `adapter` none that fits it.
    """

    def __init__(
        self,
        *,
        name: str,
        path: Path,
        params: SamplingParams,
        template: str,
        device: torch.device,
        batch_rows: int | None = None,
        adapter: Path | None = None,
    ) -> None:
        if params.temperature < 0:
            raise RequestError(f"temperature must be 0 or more, not {params.temperature:g}")
        if params.max_tokens < 1:
            raise RequestError(f"max_tokens must be 1 or more, not {params.max_tokens}")
        if not (path / "config.json").is_file():
            raise RequestError(f"no model in {str(path)!r}: give a directory with a config.json")
        self._params = params
        self._template = template
        self._device = device
        self._batch_rows = batch_rows or (16 if device.type == "cpu" else 64)
        # A CPU has no fast half precision everywhere; a GPU runs the model as it was saved.
        dtype = torch.float32 if device.type == "cpu" else "auto"
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                path, local_files_only=True, dtype=dtype
            )
        except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(f"cannot load the model in {str(path)!r}: {reason}") from error
        base = fingerprint(path)
        self._name = name
        self._content = base + str(model.dtype).encode() + template.encode()
        self._model = model.to(device).eval()
        self._end_ids = _end_ids(self._model, self._tokenizer)
        self._skip_special = HARMONY not in self._tokenizer.get_vocab()
        # Replaces the model's own generation defaults (top-k, penalties): they would change the
        # distribution behind our back.
        self._model.generation_config = GenerationConfig(
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=sorted(self._end_ids),
            pad_token_id=_pad_id(self._tokenizer, self._end_ids),
        )
        self._policy_id = policy_hash(name, self._content, params)
        self._batch = (
            ContinuousBatch(self._model, self._batch_rows, params, self._end_ids)
            if device.type == "cpu" and slots_fit(self._model)
            else None
        )
        # The model runs in one thread, whoever asks: another would have OpenMP threads of its own.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._adapters = Adapters(self._model, base_name(base))
        if adapter is not None:
            self.set_adapter(adapter)

    @property
    def policy_id(self) -> str:
        return self._policy_id

    def set_adapter(self, adapter: Path | None) -> str:
        """Go on with the LoRA adapter in this directory, or without one; the new policy id, the
        same as of a policy that was loaded with it.

        The model stays loaded. Raises AdapterError, and goes on without an adapter, if it does not
        fit; RuntimeError while draws are under way.
        """
        return self._run(self._set_adapter, adapter)

    def _set_adapter(self, adapter: Path | None) -> str:
        if self._batch is not None and self._batch.busy:
            raise RuntimeError("an adapter was exchanged while draws were under way")
        self._policy_id = policy_hash(self._name, self._content, self._params)
        if adapter is None:
            self._adapters.take_off()
            return self._policy_id
        self._adapters.put_on(adapter)
        content = self._content + fingerprint(adapter)
        self._policy_id = policy_hash(self._name, content, self._params)
        return self._policy_id

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order.

        Raises RequestError if the prompt leaves the model no room to answer, or if `body` mode
        meets a reference that cannot be scaffolded.
        """
        found = dict(one for batch in self.stream(problem, seeds) for one in batch)
        return [found[position] for position in range(len(seeds))]

    def stream(
        self, problem: Problem, seeds: Sequence[int]
    ) -> Iterator[Sequence[tuple[int, Sample]]]:
        """As they finish, not in order. Raises as `sample` does."""
        prompt = self.encode_prompt(problem)
        room = self._room(problem, len(prompt))
        thinking = opens_thought(self._decode(prompt[-_TAIL:]))
        for drawn in self._drawn(prompt, seeds, room):
            yield [
                (
                    one.position,
                    self._finish(problem, len(prompt), one.tokens, one.logprobs, thinking=thinking),
                )
                for one in drawn
            ]

    def _drawn(
        self, prompt: list[int], seeds: Sequence[int], room: int
    ) -> Iterator[Sequence[Drawn]]:
        if self._batch is None:
            yield from self._whole_batches(prompt, seeds, room)
            return
        request = Request(prompt, seeds, room)
        self._run(self._batch.add, request)
        left = len(seeds)
        try:
            while left:
                finished = self._run(self._batch.advance, request)
                left -= len(finished)
                if finished:
                    yield finished
        finally:
            self._run(self._batch.drop, request)

    def _whole_batches(
        self, prompt: list[int], seeds: Sequence[int], room: int
    ) -> Iterator[Sequence[Drawn]]:
        for start in range(0, len(seeds), self._batch_rows):
            drawn = self._run(
                draw_whole_batch,
                self._model,
                prompt,
                seeds[start : start + self._batch_rows],
                rows=self._batch_rows,
                room=room,
                params=self._params,
            )
            yield [replace(one, position=start + one.position) for one in drawn]

    def _run(self, function: Callable[..., T], *args: Any, **more: Any) -> T:
        return self._thread.submit(function, *args, **more).result()

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        """Log-probabilities of completions written before (see tasks.policies.rescore).

        One pass a completion over prompt and completion together.
        """
        return self._run(self._score, problem, written)

    @torch.inference_mode()
    def _score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        prompt = self.encode_prompt(problem)
        scores: list[Score] = []
        for one in written:
            tokens, origin = tokens_of(
                one,
                decode=self._decode,
                encode=lambda text: self._tokenizer(text, add_special_tokens=False)["input_ids"],
                end_ids=self._end_ids,
            )
            if self._room(problem, len(prompt)) and len(tokens) > self.context - len(prompt):
                raise RequestError(
                    f"problem {problem.problem_id}: a completion of {len(tokens)} tokens does not "
                    f"fit behind its prompt of {len(prompt)}; take a model with a longer context"
                )
            raw, processed = self._score_tokens(prompt, tokens)
            scores.append(Score(tuple(tokens), raw, processed, origin))
        return scores

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens behind any prompt, as `score` gives them."""
        return self._run(self._score_all, prompt, completions)

    @torch.inference_mode()
    def _score_all(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        longest = len(prompt) + max(map(len, completions), default=0)
        if longest > self.context:
            raise RequestError(
                f"prompt and completion of {longest} tokens do not fit the model's context of "
                f"{self.context}; take a model with a longer context"
            )
        return [
            Score(tuple(one), *self._score_tokens(prompt, one), "stored") for one in completions
        ]

    def _score_tokens(
        self, prompt: Sequence[int], tokens: Sequence[int]
    ) -> tuple[tuple[float, ...], tuple[float, ...] | None]:
        """(raw, processed); see Score."""
        ids = torch.tensor([[*prompt, *tokens]], device=self._device)
        # Only the rows that predict a token of the completion: a row has a whole vocabulary.
        logits = self._model(ids, logits_to_keep=len(tokens) + 1).logits[0, :-1].float()
        picks = torch.tensor(tokens, device=self._device)[:, None]
        raw = _of_picks(logits, picks)
        t = self._params.temperature
        return raw, None if t == 0 else raw if t == 1 else _of_picks(logits / t, picks)

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        return encode_prompt(self._tokenizer, self._template, self._params, problem, more=more)

    @property
    def context(self) -> int:
        """Tokens of prompt and completion together, at most."""
        return getattr(self._model.config, "max_position_embeddings", None) or sys.maxsize

    @property
    def in_float32(self) -> bool:
        """Whether the model computes in float32."""
        return bool(self._model.dtype is torch.float32)

    def _room(self, problem: Problem, n_prompt: int) -> int:
        context = self.context
        if n_prompt >= context:
            raise RequestError(
                f"problem {problem.problem_id}: the prompt has {n_prompt} tokens, the model's "
                f"context {context}; take a model with a longer context"
            )
        return min(self._params.max_tokens, context - n_prompt)

    def _finish(
        self,
        problem: Problem,
        n_prompt: int,
        row: list[int],
        logprobs: list[float],
        *,
        thinking: bool = False,
    ) -> Sample:
        end = next((i for i, token in enumerate(row) if token in self._end_ids), None)
        length = len(row) if end is None else end + 1
        reason: Literal["stop", "length"] = "length" if end is None else "stop"
        written = row[:end]
        text = self._decode(written)
        answer = read_answer(
            text,
            problem,
            self._params,
            n_tokens=len(written),
            decoded_length=lambda count: len(self._decode(written[:count])),
            thinking=thinking,
        )
        return Sample(
            completion=text,
            source=answer.source,
            code_span=answer.code_span,
            token_ids=tuple(row[:length]),
            logprobs=usable(logprobs[:length]),
            logprob_mode=self._params.logprob_mode,
            n_prompt_tokens=n_prompt,
            finish_reason=reason,
        )

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            list(tokens),
            skip_special_tokens=self._skip_special,
            clean_up_tokenization_spaces=False,
        )
        return text


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    declared: int | list[int] | None = model.generation_config.eos_token_id
    if declared is None:
        declared = tokenizer.eos_token_id
    if declared is None:
        return frozenset()
    return frozenset([declared] if isinstance(declared, int) else declared)


def _of_picks(logits: torch.Tensor, picks: torch.Tensor) -> tuple[float, ...]:
    """Log-probability of each row's pick. logits: (tokens, vocabulary); picks: (tokens, 1)."""
    chosen = logits.gather(1, picks) - logits.logsumexp(dim=-1, keepdim=True)
    return tuple(chosen.squeeze(1).tolist())


def _pad_id(tokenizer: Any, end_ids: frozenset[int]) -> int:
    declared: int | None = tokenizer.pad_token_id
    return min(end_ids, default=0) if declared is None else declared
