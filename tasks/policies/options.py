"""Options behind a policy's argument: `NAME:ARGUMENT#key=value,key=value`.

They are part of the policy's name, so a profile, a run's row and `--policy` say the same thing. A
field that is a dictionary takes `field.key=value`, its values as JSON where they are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import RequestError


class Options(BaseModel):
    """Base of a policy's options: each a field with a type and a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdapterOptions(Options):
    """Of policies that may wear an adapter."""

    lora: str | None = None
    """Directory of a LoRA adapter in peft's format, or its address in an object store."""
    checkpoint: str | None = None
    """A checkpoint's id in the lake of a run, which knows its directory (tasks.adapt.named)."""

    @property
    def adapter(self) -> Path | None:
        """The directory of the adapter, None without one.

        Raises RequestError for a checkpoint by its id: no lake is known here.
        """
        if self.checkpoint is not None:
            raise RequestError(
                f"checkpoint={self.checkpoint} names an adapter in the lake of a run; elsewhere "
                "name its directory, with lora=DIR"
            )
        if self.lora is None:
            return None
        # Storage waits until an adapter is wanted: this file is read with every request.
        from tasks.policies.adapter_folder import adapter_folder

        return adapter_folder(self.lora)


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
    merged = options_of(spec)
    merged |= {key: str(value) for key, value in options.items() if value is not None}
    return _spelled(spec, merged)


def without_options(spec: str, *keys: str) -> str:
    """`spec` without these options; one that it lacks is no matter."""
    return _spelled(spec, {key: one for key, one in options_of(spec).items() if key not in keys})


def options_of(spec: str) -> dict[str, str]:
    """The options behind a policy's name, unchecked."""
    text = spec.partition("#")[2]
    return dict(item.partition("=")[::2] for item in filter(None, text.split(",")))


def _spelled(spec: str, options: Mapping[str, str]) -> str:
    head = spec.partition("#")[0]
    return f"{head}#{','.join(f'{k}={v}' for k, v in options.items())}" if options else head


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
