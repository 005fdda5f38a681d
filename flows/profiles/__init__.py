"""Profiles: readable TOML files beside this one, or a path to your own."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from flows.errors import RequestError
from tasks.opening import read_text

_LARGEST_BYTES = 1 << 20


def profile_names() -> list[str]:
    """The built-in profiles, sorted."""
    entries = files(__package__).iterdir()
    return sorted(e.name.removesuffix(".toml") for e in entries if e.name.endswith(".toml"))


def profile_command(fields: dict[str, Any]) -> str:
    """Which command a profile is of: `train` or `adapt` where it says how to, else `sweep`."""
    return next((one for one in ("train", "adapt") if one in fields), "sweep")


def profiles_of(command: str) -> list[str]:
    """The built-in profiles of one command, sorted."""
    return [one for one in profile_names() if profile_command(load_profile(one)) == command]


def load_profile(name: str) -> dict[str, Any]:
    """The settings of a built-in profile, or of the TOML file that `name` is a path to.

    Raises RequestError for an unknown name, an unreadable file or bad TOML.
    """
    try:
        if name.endswith(".toml"):
            text = read_text(Path(name), _LARGEST_BYTES)
        elif name in profile_names():
            text = files(__package__).joinpath(f"{name}.toml").read_text("utf-8")
        else:
            known = ", ".join(profile_names())
            raise RequestError(f"no profile {name!r}; known: {known}, or a path to a .toml file")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"profile {name!r} cannot be read: {reason}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RequestError(f"profile {name!r} is no valid TOML: {error}") from None
