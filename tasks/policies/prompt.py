"""Prompts are template files: what a model is told is data, hashed into the policy's identity.

`MODE.txt` asks; `backends/BACKEND.txt` says what the backend offers; `preludes/BACKEND.py.txt` is
the code that stands above what a model writes in `body` mode. `prompt_template` joins them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from tasks.errors import RequestError
from tasks.policies.base import SamplingParams
from tasks.problems.base import Problem

TEMPLATES = Path(__file__).parent / "templates"
NO_CHAT: Mapping[str, Any] = {}


def backend_names() -> list[str]:
    """The backends that prompts exist for, sorted."""
    return sorted(path.stem for path in (TEMPLATES / "backends").glob("*.txt"))


@cache
def read_template(name: str) -> str:
    """The text of templates/NAME.txt."""
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def backend_notes(backend: str) -> str:
    """What a model must know of the backend. Raises RequestError for one without a file."""
    return _of_backend(f"backends/{backend}", backend)


def prelude(backend: str) -> str:
    """The imports above a body. Raises RequestError for a backend without a file."""
    return _of_backend(f"preludes/{backend}.py", backend)


def prompt_template(params: SamplingParams) -> str:
    """The template of a mode and a backend, ready for `render`: hash this into the policy id.

    Raises RequestError for a backend without template files.
    """
    return _joined(read_template(params.mode), params.backend)


def render(
    template: str, params: SamplingParams, *, level: int, problem_id: int, name: str, source: str
) -> str:
    """Fill a template: $level, $problem_id, $name, $source, $backend, $mode; and $backend_notes and
    $prelude, unless `prompt_template` has done that."""
    return Template(_joined(template, params.backend)).substitute(
        level=level,
        problem_id=problem_id,
        name=name,
        source=source.rstrip("\n"),
        backend=params.backend,
        mode=params.mode,
    )


def encode_prompt(
    tokenizer: Any,
    template: str,
    params: SamplingParams,
    problem: Problem,
    chat: Mapping[str, Any] = NO_CHAT,
    more: str = "",
) -> list[int]:
    """Token ids of the whole prompt, by a transformers tokenizer: a user's turn where it has a chat
    template (which is given `chat`), else the text as it is. `more` stands behind the task."""
    text = render(
        template,
        params,
        level=problem.level,
        problem_id=problem.problem_id,
        name=problem.name,
        source=problem.source,
    )
    if more:
        text = f"{text.rstrip()}\n\n{more}\n"
    if not tokenizer.chat_template:
        return list(tokenizer(text)["input_ids"])
    turn = [{"role": "user", "content": text}]
    encoded = tokenizer.apply_chat_template(
        turn, add_generation_prompt=True, return_dict=True, **chat
    )
    return list(encoded["input_ids"])


def _joined(template: str, backend: str) -> str:
    if "$backend_notes" not in template and "$prelude" not in template:
        return template
    # A dollar sign of a file's own must come through both substitutions.
    parts = {"backend_notes": backend_notes(backend), "prelude": prelude(backend).rstrip("\n")}
    doubled = {name: text.replace("$", "$$") for name, text in parts.items()}
    return Template(_keep_dollars(template)).safe_substitute(doubled)


def _keep_dollars(template: str) -> str:
    return template.replace("$$", "$$$$")


def _of_backend(name: str, backend: str) -> str:
    try:
        return read_template(name)
    except FileNotFoundError:
        known = ", ".join(backend_names())
        raise RequestError(f"no prompt for backend {backend!r}; there is one for {known}") from None
