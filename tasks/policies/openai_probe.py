"""What a server can do, found out before anything is drawn, with requests of one token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.errors import RequestError
from tasks.policies.base import LogprobMode, SamplingParams
from tasks.policies.logprobs import wrong_logprob
from tasks.policies.openai_answers import Answer, read_answer
from tasks.policies.openai_client import EndpointClient

_PROMPT = "Write one line of Python."
_TOP = 5

_EXTRAS: dict[str, dict[str, Any]] = {
    # These servers fill gaps from the model's own defaults (top-k, penalties), which would bend the
    # distribution behind our back; and they can tell token ids.
    "vllm": {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "return_token_ids": True},
    "sglang": {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
}


@dataclass(frozen=True)
class Abilities:
    """logprobs: whether it gives any. extras: fields that this kind of server takes besides.
    context: the longest prompt and completion together, in tokens; None if it does not say."""

    logprobs: bool
    extras: Mapping[str, Any] = field(default_factory=dict)
    context: int | None = None


async def probe(
    client: EndpointClient,
    path: str,
    model: str,
    params: SamplingParams,
    *,
    allow_missing_logprobs: bool,
) -> Abilities:
    """Raises RequestError: nobody answers, the model is not served, no log-probabilities (unless
    allowed), or those of another mode than the one asked for."""
    kind, context = await _kind(client, model)
    extras = _EXTRAS.get(kind, {})
    try:
        answer = await _ask(client, path, model, extras, temperature=1.0)
    except RequestError as error:
        if not allow_missing_logprobs or "logprobs" not in str(error):
            raise
        return Abilities(logprobs=False, extras=extras, context=context)
    why = _without_logprobs(answer)
    if why:
        if allow_missing_logprobs:
            return Abilities(logprobs=False, extras=extras, context=context)
        raise RequestError(
            f"the server gives {why} for {model!r}, so there is no surprisal; "
            "take a server that gives them, or accept it with --allow-missing-logprobs"
        )
    mode = await _mode(client, path, model, extras, answer)
    if params.temperature not in (0.0, 1.0) and mode not in (None, params.logprob_mode):
        raise RequestError(
            f"the server gives {mode}, and {params.logprob_mode} are asked for; start it with "
            f"--logprobs-mode {params.logprob_mode} (vLLM), or set sampling.logprob_mode = {mode}"
        )
    return Abilities(logprobs=True, extras=extras, context=context)


def _without_logprobs(answer: Answer) -> str | None:
    """What it gives instead of log-probabilities; None if it gives them."""
    if not answer.tokens:
        return "no log-probabilities"
    value = answer.tokens[0].logprob
    wrong = wrong_logprob(value)
    return f"no log-probabilities ({value:g} {wrong})" if wrong else None


async def _kind(client: EndpointClient, model: str) -> tuple[str, int | None]:
    """(who made the server, the model's context), by what it says of its models; empty and None
    where it does not say."""
    document = await client.get("models")
    try:
        served = {one["id"]: one for one in document["data"]}  # type: ignore[index]
    except (TypeError, KeyError, AttributeError):
        return "", None
    if served and model not in served:
        listed = ", ".join(sorted(served)[:10]) + (" …" if len(served) > 10 else "")
        raise RequestError(f"the server does not serve {model!r}; it has {listed}")
    said = served.get(model, {})
    context = said.get("max_model_len")
    return str(said.get("owned_by", "")), context if isinstance(context, int) else None


async def _ask(
    client: EndpointClient,
    path: str,
    model: str,
    extras: Mapping[str, Any],
    *,
    temperature: float,
) -> Answer:
    chat = path.startswith("chat")
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": 1,
        "temperature": temperature,
        "seed": 1,
        **extras,
    }
    if chat:
        body |= {"messages": [{"role": "user", "content": _PROMPT}]}
        body |= {"logprobs": True, "top_logprobs": _TOP}
    else:
        body |= {"prompt": _PROMPT, "logprobs": _TOP}
    return await client.ask(path, body, read_answer)


async def _mode(
    client: EndpointClient, path: str, model: str, extras: Mapping[str, Any], at_one: Answer
) -> LogprobMode | None:
    """Before or after temperature: the first token's alternatives at T = 1 and at T = 2 tell.

    None if they cannot: a server without alternatives, or a first token that is all but certain.
    """
    at_two = await _ask(client, path, model, extras, temperature=2.0)
    if not at_two.tokens or not at_one.tokens:
        return None
    one, two = at_one.tokens[0].top, at_two.tokens[0].top
    shared = sorted(one.keys() & two.keys(), key=lambda token: one[token])
    if len(shared) < 2:
        return None
    # Normalisation cancels in differences: processed ones are half as far apart at T = 2.
    apart_one = one[shared[-1]] - one[shared[0]]
    apart_two = two[shared[-1]] - two[shared[0]]
    if apart_one < 0.1:
        return None
    return "processed_logprobs" if apart_two < 0.75 * apart_one else "raw_logprobs"
