"""Options behind a policy's argument: `NAME:ARGUMENT#key=value,key=value`.

They are part of the policy's name, so a profile, a run's row and `--policy` say the same thing. A
field that is a dictionary takes `field.key=value`, its values as JSON where they are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import RequestError


class Options(BaseModel):
    """Base of a policy's options: each a field with a type and a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightsOptions(Options):
    """Of policies that load weights into their own process."""

    lora: str | None = None
    """Directory of a LoRA adapter in peft's format."""


O = TypeVar("O", bound=Options)  # noqa: E741


def parse_options(
    policy: str, argument: str, kind: type[O], *, what: str = "policy"
) -> tuple[str, O]:
    """(what stands before `#`, the options behind it). what: in messages.

    Raises RequestError that names the first wrong option and the known ones.
    """
    head, _, text = argument.partition("#")
    given: dict[str, str] = {}
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key or key in given:
            raise RequestError(
                f"{what} {policy}: option {item!r} is not KEY=VALUE, or comes twice; "
                f"write {policy}:...#key=value,key=value with {_known(kind)}"
            )
        given[key] = value
    try:
        return head, kind.model_validate(_nested(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            raise RequestError(
                f"{what} {policy} has no option {name!r}; it has {_known(kind)}"
            ) from None
        wrong = f"{name}={given.get(name, '')}: " if name else ""
        raise RequestError(f"{what} {policy}: {wrong}{first['msg'].lower()}") from None


def with_options(spec: str, options: Mapping[str, object]) -> str:
    """`spec` with these options added; one that it has already is replaced. None adds nothing."""
    head, _, text = spec.partition("#")
    merged = dict(item.partition("=")[::2] for item in filter(None, text.split(",")))
    merged |= {key: str(value) for key, value in options.items() if value is not None}
    return f"{head}#{','.join(f'{k}={v}' for k, v in merged.items())}" if merged else head


def _nested(given: Mapping[str, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in given.items():
        field, dot, name = key.partition(".")
        if dot:
            nested.setdefault(field, {})[name] = _plain(value)
        else:
            nested[key] = value
    return nested


def _plain(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _known(kind: type[Options]) -> str:
    return ", ".join(
        f"{name}.KEY" if field.annotation is not None and "dict" in str(field.annotation) else name
        for name, field in kind.model_fields.items()
    )
