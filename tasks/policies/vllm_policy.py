"""Sampling and scoring with vLLM's engine: continuous batching over everything that is asked."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from vllm import SamplingParams as EngineSampling  # type: ignore[import-not-found, unused-ignore]
from vllm.engine.arg_utils import (  # type: ignore[import-not-found, unused-ignore]
    AsyncEngineArgs,
)
from vllm.inputs.engine import tokens_input  # type: ignore[import-not-found, unused-ignore]
from vllm.sampling_params import (  # type: ignore[import-not-found, unused-ignore]
    RequestOutputKind,
)
from vllm.v1.engine.async_llm import AsyncLLM  # type: ignore[import-not-found, unused-ignore]

from tasks.errors import AdapterError, RequestError, in_one_line
from tasks.policies.adapter_config import adapter_config
from tasks.policies.background import BackgroundLoop
from tasks.policies.base import Sample, SamplingParams, policy_hash
from tasks.policies.prompt import prompt_template, read_template
from tasks.policies.rescore import Score, Written, raw_scores
from tasks.policies.vllm import EngineOptions
from tasks.policies.vllm_lora import EngineAdapters, room_for
from tasks.policies.vllm_text import ModelText
from tasks.policies.vllm_weights import resolve_model
from tasks.problems.base import Problem

_GIB = 1 << 30
_SHUTDOWN_SECONDS = 10.0
_LORA_RANK = 64


class EnginePolicy:
    """A model in vLLM's engine, a prompt template and sampling settings.

    The engine's own process tree hangs below this one. Draws are seeded one by one, but the
    engine's rounding depends on what else is in the batch: the same seed gives the same draw almost
    always, not always.

    Raises RequestError if the model or the adapter cannot be loaded.
    """

    def __init__(self, model: str, options: EngineOptions, params: SamplingParams) -> None:
        path, self._identity = resolve_model(model, options.revision)
        template = read_template(options.template) if options.template else prompt_template(params)
        self.text = ModelText(path, params, template, options.chat)
        self._params = params
        said = f"{options.dtype}{sorted(options.chat.items())}"
        self._asked = said.encode() + template.encode()
        first = options.adapter
        self._adapters = EngineAdapters(path, first)
        self._lora: Any = None
        self._policy_id = self._id()
        self._names = itertools.count()
        self._starting = Lock()
        self._loop = BackgroundLoop("vllm")
        self._engine: Any = None
        room = options.lora_rank or (_LORA_RANK if first is not None else 0)
        self._rank = room_for(room) if room else 0
        self._arguments = partial(_engine_arguments, str(path), options, params)
        self._max_len = self._start()
        if first is not None:
            try:
                self.set_adapter(first)
            except BaseException:
                self.close()
                raise

    @property
    def policy_id(self) -> str:
        return self._policy_id

    def set_adapter(self, adapter: Path | None) -> str:
        """Go on with the LoRA adapter in this directory, or without one; the new policy id, the
        same as of a policy that was loaded with it.

        The model stays loaded, unless the engine has no room for adapters yet: then it starts anew.
        Raises AdapterError, and goes on without an adapter, if it does not fit.
        """
        self._lora, self._policy_id = None, self._id()
        if adapter is None:
            return self._policy_id
        lora, identity = self._adapters.request(adapter)
        self._make_room(room_for(int(adapter_config(adapter).get("r", 1))), adapter)
        self._start()
        try:
            self._loop.run(self._engine.add_lora(lora))
        except Exception as error:  # the engine's, in classes of its own
            if self._engine.errored:
                raise
            raise AdapterError(
                f"vLLM cannot load the adapter in {str(adapter)!r}: {_cause(error)}"
            ) from error
        self._lora, self._policy_id = lora, self._id(identity)
        return self._policy_id

    def _id(self, adapter: bytes = b"") -> str:
        return policy_hash("vllm", self._identity + adapter + self._asked, self._params)

    def _make_room(self, rank: int, adapter: Path) -> None:
        if rank <= self._rank:
            return
        if self._rank:
            raise AdapterError(
                f"the adapter in {str(adapter)!r} has a rank that needs room for {rank}, and the "
                f"engine has room for {self._rank}; give lora_rank={rank} behind the policy's #"
            )
        with self._starting:
            self._rank = rank
            self._engine.shutdown(timeout=_SHUTDOWN_SECONDS)
            self._engine = None

    @property
    def context(self) -> int:
        """Tokens of prompt and completion together, at most."""
        return self._max_len

    @property
    def in_float32(self) -> bool:
        """Whether the model computes in float32."""
        return str(self._engine.vllm_config.model_config.dtype) == "torch.float32"

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        return self.text.encode_prompt(problem, more)

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order."""
        found = dict(one for batch in self.stream(problem, seeds) for one in batch)
        return [found[position] for position in range(len(seeds))]

    def stream(
        self, problem: Problem, seeds: Sequence[int]
    ) -> Iterator[Sequence[tuple[int, Sample]]]:
        """As they finish. Raises RequestError if the prompt leaves no room to answer.

        An engine that died raises its own error; the next call starts another one.
        """
        self._start()
        prompt = self.text.encode_prompt(problem)
        room = min(self._params.max_tokens, self._max_len - len(prompt))
        if room < 1:
            raise RequestError(
                f"problem {problem.problem_id}: the prompt has {len(prompt)} tokens, the engine's "
                f"context {self._max_len}; raise max_len, or take a model with a longer context"
            )
        draws = [self._generate(prompt, self._sampling(seed, room)) for seed in seeds]
        for position, output in self._loop.stream(draws):
            completion = output.outputs[0]
            reason: Literal["stop", "length"] = (
                "length" if completion.finish_reason == "length" else "stop"
            )
            tokens = list(completion.token_ids)
            # Flat: one log-probability a token, of the token itself.
            logprobs = list(completion.logprobs.logprobs)
            yield [(position, self.text.sample(problem, prompt, tokens, logprobs, reason))]

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        """Log-probabilities of completions written before (see tasks.policies.rescore).

        The engine gives those of given tokens before temperature only, so `processed` is there at
        temperature 1 alone.
        """
        prompt = self.text.encode_prompt(problem)
        cut = [self.text.tokens_of(one) for one in written]
        scores = self.score_tokens(prompt, [tokens for tokens, _ in cut])
        return [replace(one, tokens=told) for one, (_, told) in zip(scores, cut, strict=True)]

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens behind any prompt, as `score` gives them."""
        found = self.prompt_logprobs(prompt, completions)
        return raw_scores(completions, found, self._params.temperature)

    def prompt_logprobs(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Raw log-probabilities of each completion's tokens behind `prompt`, in nats."""
        self._start()
        if not self._adapters.scores:
            raise RequestError(
                "the adapter changes logits or embeddings, and vLLM leaves that out of the "
                "log-probabilities of given tokens; take transformers:PATH to score"
            )
        asked = EngineSampling(
            max_tokens=1,
            prompt_logprobs=0,
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        whole = [[*prompt, *tokens] for tokens in completions]
        longest = max((len(ids) for ids in whole), default=0)
        if longest >= self._max_len:
            raise RequestError(
                f"a prompt with its completion has {longest} tokens, the engine's context "
                f"{self._max_len}; raise max_len"
            )
        found: dict[int, list[float]] = {}
        for position, output in self._loop.stream([self._generate(ids, asked) for ids in whole]):
            at = output.prompt_logprobs
            tokens = whole[position]
            found[position] = [at[i][tokens[i]].logprob for i in range(len(prompt), len(tokens))]
        return [found[position] for position in range(len(whole))]

    def close(self) -> None:
        """End the engine and free all it held."""
        with self._starting:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown(timeout=_SHUTDOWN_SECONDS)
        self._loop.close()

    def _start(self) -> int:
        """Make sure that a live engine is there; its context length in tokens."""
        with self._starting:
            if self._engine is not None and self._engine.errored:
                self._engine.shutdown()
                self._engine = None
            if self._engine is None:
                self._engine = self._loop.run(
                    _started(self._arguments(self._rank, self._adapters.modules))
                )
            return int(self._engine.vllm_config.model_config.max_model_len)

    async def _generate(self, prompt: list[int], sampling: Any) -> Any:
        last = None
        async for output in self._engine.generate(
            tokens_input(prompt),
            sampling,
            request_id=str(next(self._names)),
            lora_request=self._lora,
        ):
            last = output
        return last

    def _sampling(self, seed: int, max_tokens: int) -> Any:
        return EngineSampling(
            temperature=self._params.temperature,
            max_tokens=max_tokens,
            seed=seed,
            logprobs=0,  # of the sampled token alone
            flat_logprobs=True,
            stop_token_ids=sorted(self.text.end_ids),
            detokenize=False,  # once, at the end, is cheaper
            output_kind=RequestOutputKind.FINAL_ONLY,
        )


def _cause(error: Exception) -> str:
    """Of the engine's errors, which hold what its worker said in quotes."""
    words = in_one_line(error)
    return words.partition("Worker failed with error '")[2].partition("', please")[0] or words


async def _started(arguments: Any) -> Any:
    # In the loop that its answers will come in.
    try:
        return AsyncLLM.from_engine_args(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RequestError(f"vLLM cannot start with {arguments.model!r}: {reason}") from error


def _engine_arguments(
    path: str, options: EngineOptions, params: SamplingParams, rank: int, modules: list[str] | None
) -> Any:
    """rank: of the adapters that room is made for, at these modules; 0 makes none."""
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    # Forking a process that has threads, Ray's among them, is a deadlock in waiting.
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    more: dict[str, Any] = {}
    if options.kv_gib is not None:
        more["kv_cache_memory_bytes"] = int(options.kv_gib * _GIB)
    if rank:
        more |= {"enable_lora": True, "max_lora_rank": rank, "max_loras": 1}
        more["lora_target_modules"] = modules
    return AsyncEngineArgs(
        model=path,
        dtype=options.dtype,
        max_model_len=options.max_len,
        tensor_parallel_size=options.tp,
        gpu_memory_utilization=options.memory,
        enforce_eager=options.eager,
        enable_prefix_caching=True,
        logprobs_mode=params.logprob_mode,
        disable_log_stats=True,
        **more,
    )
