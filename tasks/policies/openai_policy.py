"""Sampling from a server: one request per draw, many at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.errors import RequestError
from tasks.policies.answer import read_answer
from tasks.policies.background import BackgroundLoop
from tasks.policies.base import Sample, SamplingParams, policy_hash
from tasks.policies.logprobs import usable
from tasks.policies.openai import Address, EndpointOptions
from tasks.policies.openai_answers import Answer
from tasks.policies.openai_answers import read_answer as read_document
from tasks.policies.openai_budget import TokenBudget
from tasks.policies.openai_client import BadAnswerError, EndpointClient
from tasks.policies.openai_probe import Abilities, probe
from tasks.policies.prompt import prompt_template, read_template, render
from tasks.problems.base import Problem

_TEMPLATE_TOKENS = 512
"""Room for what a chat template adds to a prompt, until a first answer says how long it is."""

_BYTES_A_TOKEN = 2
"""Of a prompt, at least, as far as the room in the context goes: code has three and more."""

_LEAST_ROOM = 64
"""Tokens of a completion, below which none is worth asking for."""


class EndpointPolicy:
    """A model behind a server, a prompt template and sampling settings.

    Its identity is the model's name, not its weights: those the server alone knows. Where it runs,
    how many requests are under way and what they may cost are no part of it.

    Raises RequestError for a server that cannot be used (see `openai_probe`).
    """

    def __init__(self, address: Address, options: EndpointOptions, params: SamplingParams) -> None:
        self._params = params
        self._options = options
        self._model = address.model
        named = options.template
        self._template = read_template(named) if named else prompt_template(params)
        self._path = "chat/completions" if options.api == "chat" else "completions"
        self._prompt_tokens: dict[str, int] = {}
        self._loop = BackgroundLoop("openai")
        try:
            self._loop.run(self._connect(address))
            self._abilities = self._loop.run(self._probe())
        except BaseException:
            self.close()
            raise
        self._policy_id = self._id()

    def _id(self, more: bytes = b"") -> str:
        options = self._options
        said = [self._model, options.api, options.effort, options.chat, self._template]
        content = json.dumps(said, sort_keys=True).encode() + more
        return policy_hash("openai", content, self._params)

    async def _connect(self, address: Address) -> None:
        # In the loop that will use them.
        key = os.environ.get(self._options.key) or None
        self._client = EndpointClient(address, self._options, key)
        self._budget = TokenBudget(self._options.budget)

    async def _probe(self) -> Abilities:
        allow = self._options.missing_logprobs == "allow"
        return await probe(
            self._client, self._path, self._model, self._params, allow_missing_logprobs=allow
        )

    @property
    def policy_id(self) -> str:
        return self._policy_id

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order."""
        found = {
            position: sample for batch in self.stream(problem, seeds) for position, sample in batch
        }
        return [found[position] for position in range(len(seeds))]

    def stream(
        self, problem: Problem, seeds: Sequence[int]
    ) -> Iterator[Sequence[tuple[int, Sample]]]:
        """As the answers come.

        Raises RequestError, PolicyUnavailableError or TokenBudgetError after handing out all that
        had finished.
        """
        prompt = self.prompt(problem)
        if self._room(prompt) < min(_LEAST_ROOM, self._params.max_tokens):
            raise RequestError(
                f"the prompt of problem {problem.problem_id} (level {problem.level}) fills the "
                f"server's context of {self._abilities.context} tokens; serve {self._model!r} with "
                "a longer one, or leave the problem out"
            )
        for position, answer in self._loop.stream([self._draw(prompt, seed) for seed in seeds]):
            yield [(position, self._sample(problem, answer))]

    def prompt(self, problem: Problem) -> str:
        """What the model is told: the user's turn, or with `api=completions` the whole prompt."""
        return render(
            self._template,
            self._params,
            level=problem.level,
            problem_id=problem.problem_id,
            name=problem.name,
            source=problem.source,
        )

    def close(self) -> None:
        """End what is under way."""
        if hasattr(self, "_client"):
            self._loop.run(self._client.close())
        self._loop.close()

    async def _draw(self, prompt: str, seed: int) -> Answer:
        most = self._most(prompt)
        await self._budget.reserve(most)
        used = 0
        try:
            answer = await self._client.ask(self._path, self._body(prompt, seed), self._read)
            used = answer.n_prompt_tokens + answer.n_tokens
            self._prompt_tokens[prompt] = answer.n_prompt_tokens
            return answer
        finally:
            await self._budget.settle(most, used)

    def _most(self, prompt: str) -> int:
        """Tokens that one request can cost: no tokenizer makes more tokens than there are bytes."""
        known = self._prompt_tokens.get(prompt)
        length = len(prompt.encode()) + _TEMPLATE_TOKENS if known is None else known
        return length + self._params.max_tokens

    def _room(self, prompt: str) -> int:
        """Tokens of a completion that the server takes behind the prompt."""
        context = self._abilities.context
        if context is None:
            return self._params.max_tokens
        length = self._prompt_tokens.get(prompt)
        if length is None:
            length = len(prompt.encode()) // _BYTES_A_TOKEN + _TEMPLATE_TOKENS
        return min(self._params.max_tokens, context - length)

    def _body(self, prompt: str, seed: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": self._room(prompt),
            "temperature": self._params.temperature,
            "top_p": 1.0,
            "seed": seed,
            **self._abilities.extras,
        }
        if self._options.api == "chat":
            body["messages"] = [{"role": "user", "content": prompt}]
            if self._options.chat:
                body["chat_template_kwargs"] = self._options.chat
        else:
            body["prompt"] = prompt
        if self._options.effort:
            body["reasoning_effort"] = self._options.effort
        if self._abilities.logprobs:
            body["logprobs"] = True if self._options.api == "chat" else 1
        return body

    def _read(self, document: Any) -> Answer:
        answer = read_document(document)
        if self._abilities.logprobs and not answer.tokens and answer.text:
            raise BadAnswerError("an answer without log-probabilities")
        return answer

    def _sample(self, problem: Problem, answer: Answer) -> Sample:
        # One that tells no usable log-probabilities is kept without; the summary counts those.
        read = read_answer(
            answer.text,
            problem,
            self._params,
            n_tokens=len(answer.tokens),
            decoded_length=answer.decoded_length(),
        )
        return Sample(
            completion=answer.text,
            source=read.source,
            code_span=read.code_span,
            token_ids=answer.token_ids,
            logprobs=usable([token.logprob for token in answer.tokens]),
            logprob_mode=self._params.logprob_mode,
            n_prompt_tokens=answer.n_prompt_tokens,
            finish_reason=answer.finish_reason,
            counted_tokens=answer.n_tokens,
        )
