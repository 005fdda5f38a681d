"""What profiles would cost: prices and expectations in TOML files beside this one, named after the
profile, or in a file of one's own."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from flows.errors import RequestError
from tasks.frontier.price import Prices, load_prices, parsed_prices, read_toml

KNOWN = ("completion_tokens", "bytes_per_token", "judge_seconds", "parameters")
"""What can be expected: tokens of a completion, bytes of a prompt's token, seconds that a verdict
holds the judge's device, parameters that work for one token."""


@dataclass(frozen=True)
class Expected:
    """source: who says so."""

    value: float
    source: str


@dataclass(frozen=True)
class Costs:
    """prices: by kind of spending. expected: by name, of `KNOWN` those that somebody knows."""

    prices: Prices
    expected: Mapping[str, Expected]


def costs_of(profile: str) -> Costs | None:
    """What is known of a built-in profile; None where nothing is."""
    place = files(__package__).joinpath(f"{profile}.toml")
    if "/" in profile or not place.is_file():
        return None
    fields = tomllib.loads(place.read_text("utf-8"))
    where = f"the costs of {profile}"
    return Costs(parsed_prices(fields, where), _expected(fields.get("expected", {}), where))


def load_costs(path: Path) -> Costs:
    """From a price file, which may have a table `expected`. Raises RequestError."""
    where = f"price file {path}"
    return Costs(load_prices(path), _expected(read_toml(path).get("expected", {}), where))


def _expected(table: object, where: str) -> dict[str, Expected]:
    wrong = RequestError(
        f'{where}: write [expected.NAME] with value = 978 and source = "who says so"; the names '
        f"are {', '.join(KNOWN)}"
    )
    if not isinstance(table, dict) or not set(table) <= set(KNOWN):
        raise wrong
    found = {}
    for name, fields in table.items():
        if not isinstance(fields, dict) or set(fields) != {"value", "source"}:
            raise wrong
        if not _is_amount(fields["value"]) or not isinstance(fields["source"], str):
            raise wrong
        found[name] = Expected(float(fields["value"]), fields["source"])
    return found


def _is_amount(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )
