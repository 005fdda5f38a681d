"""A server whose LoRA adapters are loaded from here: vLLM's, beside a disk that both can read.

Prompts are cut into tokens here, by the base model's own tokenizer, so that what is trained is what
was drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.errors import AdapterError, RequestError
from tasks.policies.adapter_config import adapter_config
from tasks.policies.base import Sample, SamplingParams
from tasks.policies.causal_lm import fingerprint
from tasks.policies.openai import Address, EndpointOptions
from tasks.policies.openai_client import BadAnswerError
from tasks.policies.openai_policy import EndpointPolicy
from tasks.policies.rescore import Score, Written, raw_scores
from tasks.policies.vllm_text import ModelText
from tasks.policies.vllm_weights import resolve_model
from tasks.problems.base import Problem

_START_IT = (
    "start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment, --enable-lora, "
    "--max-lora-rank, and --lora-target-modules without lm_head"
)


class AdaptableEndpoint(EndpointPolicy):
    """As EndpointPolicy, and its adapter can be exchanged; one name on the server for each.

    Raises RequestError besides for a server that does not tell token ids, and AdapterError for a
    first adapter that it does not take.
    """

    in_float32 = False
    """The server does not say what it computes in."""

    def __init__(self, address: Address, options: EndpointOptions, params: SamplingParams) -> None:
        assert options.base is not None
        if options.api != "completions":
            raise RequestError(
                "policy openai: with base= the prompt is cut into tokens here, and a chat server "
                "takes none; give api=completions"
            )
        super().__init__(address, options, params)
        self._name: str | None = None
        self._folder = Path()
        self._cut: dict[str, list[int]] = {}
        try:
            if "return_token_ids" not in self._abilities.extras:
                raise RequestError(
                    f"the server of {self._model!r} is not vLLM's, and tells no token ids: its "
                    "adapters cannot be exchanged; leave base= out, or serve the model with vLLM"
                )
            base, _ = resolve_model(options.base, None)
            self._text = ModelText(base, params, self._template, options.chat)
            if (first := options.adapter) is not None:
                self.set_adapter(first)
        except BaseException:
            self.close()
            raise

    def set_adapter(self, adapter: Path | None) -> str:
        """Go on with the LoRA adapter in this directory, or without one; the new policy id, the
        same as of a policy that was loaded with it.

        Raises AdapterError, and goes on without an adapter, if the server does not take it.
        """
        self._name, self._policy_id = None, self._id()
        if adapter is None:
            return self._policy_id
        adapter_config(adapter)
        identity = fingerprint(adapter)
        name = f"sha256-{identity.hex()[:16]}"
        self._folder = adapter.absolute()
        self._load(name)
        self._name, self._policy_id = name, self._id(identity)
        return self._policy_id

    def _load(self, name: str) -> None:
        """Tell the server of the adapter, unless it knows it: after a restart it does not."""
        if name in self._served():
            return
        folder = self._folder
        told = {"lora_name": name, "lora_path": str(folder)}
        try:
            known = self._loop.run(self._client.tell("load_lora_adapter", told))
        except RequestError as error:
            raise AdapterError(f"the adapter in {str(folder)!r}: {error}") from None
        if not known:
            raise AdapterError(f"the server of {self._model!r} loads no adapters; {_START_IT}")

    def _served(self) -> set[str]:
        document: Any = self._loop.run(self._client.get("models"))
        try:
            return {str(one["id"]) for one in document["data"]}
        except (TypeError, KeyError):
            return set()

    @property
    def context(self) -> int:
        """Tokens of prompt and completion together, at most."""
        return self._abilities.context or sys.maxsize

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        return self._text.encode_prompt(problem, more)

    def stream(
        self, problem: Problem, seeds: Sequence[int]
    ) -> Iterator[Sequence[tuple[int, Sample]]]:
        """As the answers come. Raises as EndpointPolicy does, and RequestError for an answer
        without token ids."""
        if self._name is not None:
            self._load(self._name)
        self._cut[self.prompt(problem)] = self.encode_prompt(problem)
        for batch in super().stream(problem, seeds):
            for _, sample in batch:
                if sample.logprobs and not sample.token_ids:
                    raise RequestError(f"the server of {self._model!r} told no token ids")
            yield batch

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        """Log-probabilities of completions written before (see tasks.policies.rescore)."""
        cut = [self._text.tokens_of(one) for one in written]
        scores = self.score_tokens(self.encode_prompt(problem), [tokens for tokens, _ in cut])
        return [replace(one, tokens=told) for one, (_, told) in zip(scores, cut, strict=True)]

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens behind any prompt.

        The server gives those of given tokens before temperature only, so `processed` is there at
        temperature 1 alone.
        """
        if self._name is not None:
            self._load(self._name)
        asked = [self._ask_for(prompt, tokens) for tokens in completions]
        found = dict(self._loop.stream(asked))
        in_order = [found[at] for at in range(len(completions))]
        return raw_scores(completions, in_order, self._params.temperature)

    async def _ask_for(self, prompt: Sequence[int], tokens: Sequence[int]) -> tuple[float, ...]:
        whole = [*prompt, *tokens]
        body = {
            "model": self._asked_model,
            "prompt": whole,
            "max_tokens": 1,
            "temperature": 1.0,
            "prompt_logprobs": 0,
        }

        def read(document: Any) -> tuple[float, ...]:
            try:
                told = document["choices"][0]["prompt_logprobs"]
                return tuple(
                    float(told[at][str(whole[at])]["logprob"])
                    for at in range(len(prompt), len(whole))
                )
            except (LookupError, TypeError, ValueError):
                raise BadAnswerError("an answer without the prompt's log-probabilities") from None

        return await self._client.ask(self._path, body, read)

    @property
    def _asked_model(self) -> str:
        return self._name or self._model

    def _body(self, prompt: str, seed: int) -> dict[str, Any]:
        asked = {"model": self._asked_model, "prompt": self._cut[prompt]}
        return super()._body(prompt, seed) | asked

    def _id(self, adapter: bytes = b"") -> str:
        return super()._id(b"cut here" + adapter)
