"""Policy `openai:MODEL@URL[#OPTIONS]`: any server that speaks OpenAI's protocol.

vLLM and SGLang servers, llama.cpp, hosted ones. `URL` is what OpenAI's clients call the base URL
and ends in `/v1` almost everywhere. The key, if the server wants one, is read from an environment
variable where the policy runs, and is written nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from tasks.errors import RequestError
from tasks.policies.base import MANY_SHARDS, Needs, Policy, SamplingParams, register_policy
from tasks.policies.options import AdapterOptions, parse_options

_ADDRESS = re.compile(r"(?P<model>.+?)@(?P<url>https?://.+)")


class EndpointOptions(AdapterOptions):
    """What may follow `#`. All but `api`, `template`, `effort` and `chat` may change in a run."""

    api: Literal["chat", "completions"] = "chat"
    template: str | None = None
    """A prompt template's name instead of the mode's (see tasks.policies.prompt)."""
    effort: str | None = None
    """`reasoning_effort`, for models that think."""
    chat: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the chat template: `chat.enable_thinking=false`. vLLM and SGLang take them."""
    key: str = Field("OPENAI_API_KEY", pattern=r"^[A-Z_][A-Z0-9_]*$")
    """The environment variable that holds the key. Never the key itself."""
    concurrency: int = Field(64, ge=1)
    """Requests under way at once."""
    rpm: float | None = Field(None, gt=0)
    """Requests started per minute, at most."""
    timeout: float = Field(600.0, gt=0)
    """Seconds for one answer."""
    patience: float = Field(600.0, gt=0)
    """Seconds of failures before giving up."""
    budget: int | None = Field(None, ge=1)
    """Tokens, of prompts and completions, that may be used."""
    missing_logprobs: Literal["refuse", "allow"] = "refuse"
    base: str | None = None
    """Directory of the model that is served (or its name on the hub), for a vLLM server whose
    adapters are loaded from here: prompts are then cut into tokens here. An adapter wants it, and a
    server that can read the adapter's directory, too."""


@dataclass(frozen=True)
class Address:
    """A model and where it is served. `url` has no trailing slash and carries no password."""

    model: str
    url: str


def parse_endpoint(argument: str) -> tuple[Address, EndpointOptions]:
    """Raises RequestError for anything but MODEL@URL with known options."""
    head, hash_, text = argument.partition("#")
    inline = re.search(r"(?:^|,)key=(?![A-Z_][A-Z0-9_]*(?:,|$))", text)
    if inline:  # before any message could repeat it
        raise RequestError(
            "policy openai: key= names an environment variable, as in key=OPENAI_API_KEY; "
            "put the key itself there"
        )
    _, options = parse_options("openai", f"{hash_}{text}", EndpointOptions)
    match = _ADDRESS.fullmatch(head)
    if match is None:
        raise RequestError(
            "policy openai wants a model and its server: openai:MODEL@URL, "
            "as in openai:Qwen/Qwen3-8B@http://localhost:8000/v1"
        )
    if (options.lora or options.checkpoint) and options.base is None:
        raise RequestError(
            "policy openai: an adapter wants base= beside it, the directory of the model that is "
            "served"
        )
    parts = urlsplit(match["url"])
    if parts.username or parts.password or parts.query:
        raise RequestError(
            "policy openai: the address may carry no password and no query, since it is stored; "
            "put the key into an environment variable and name it with #key=NAME"
        )
    return Address(match["model"], match["url"].rstrip("/")), options


def _needs(argument: str) -> Needs:
    parse_endpoint(argument)
    return Needs(shards_at_once=MANY_SHARDS, max_tokens=8192)


@register_policy("openai", check=parse_endpoint, needs=_needs)
def load_openai(argument: str, params: SamplingParams) -> Policy:
    """Asks the server what it can do.

    Raises RequestError if it cannot be reached, does not serve the model, wants another key, gives
    no log-probabilities or gives them in another mode than the one asked for.
    """
    from tasks.policies.openai_policy import EndpointPolicy

    address, options = parse_endpoint(argument)
    if options.base is not None:
        from tasks.policies.openai_adapters import AdaptableEndpoint

        return AdaptableEndpoint(address, options, params)
    return EndpointPolicy(address, options, params)
