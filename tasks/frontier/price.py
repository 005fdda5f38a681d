"""One price for all kinds of spending: a box of prices, and where in it an arm pays."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tasks.errors import RequestError
from tasks.frontier.costs import Costs
from tasks.frontier.stages import KINDS
from tasks.opening import read_text
from tasks.statistics.arrays import Floats

_LARGEST_BYTES = 1 << 16
_SAME = 1e-9

PRICED = {kind.removesuffix("s"): kind for kind in KINDS}
"""Names in a price file, for one of a kind: `trained_token` is of `trained_tokens`."""


@dataclass(frozen=True)
class Prices:
    """From the least to the most that one of each kind may cost, in one currency."""

    currency: str
    low: Mapping[str, float]
    high: Mapping[str, float]
    """By kind; of `KINDS` those that cost anything."""
    source: str = ""
    date: str = ""
    """Whose prices they are, and of when."""

    @property
    def middle(self) -> dict[str, float]:
        """The point of the box that the axis is drawn at: geometric where no end is 0."""
        return {
            kind: math.sqrt(low * self.high[kind]) if low else self.high[kind] / 2
            for kind, low in self.low.items()
        }

    def corners(self) -> list[dict[str, float]]:
        """Of the box. Costs are linear in prices: what holds at all corners holds inside."""
        ends = [sorted({self.low[kind], self.high[kind]}) for kind in self.low]
        return [dict(zip(self.low, point, strict=True)) for point in product(*ends)]


def default_prices() -> Prices:
    """The box that is taken where no file is named."""
    text = files("tasks.frontier").joinpath("default_prices.toml").read_text(encoding="utf-8")
    return parsed_prices(tomllib.loads(text), "the default prices")


def load_prices(path: Path) -> Prices:
    """Raises RequestError for a file that cannot be read or that holds anything but prices."""
    return parsed_prices(read_toml(path), f"price file {path}")


def read_toml(path: Path) -> dict[str, Any]:
    """A price file's fields. Raises RequestError if it cannot be read."""
    try:
        return tomllib.loads(read_text(path, _LARGEST_BYTES))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"price file {path} cannot be read: {reason}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RequestError(f"price file {path} is no valid TOML: {error}") from None


def parsed_prices(fields: Mapping[str, Any], where: str) -> Prices:
    """From a price file's fields; a table `expected` is for forecasts (flows.costs).

    Raises RequestError, naming `where`, for anything but prices.
    """
    currency = fields.get("currency", "units")
    if not isinstance(currency, str) or not currency.strip() or not currency.isprintable():
        raise RequestError(f'{where}: currency has to be a name in quotes, as in "USD"')
    low, high = {}, {}
    for name, value in fields.items():
        if name in ("currency", "source", "date", "expected"):
            continue
        if name not in PRICED:
            known = ", ".join(PRICED)
            raise RequestError(f"{where}: {name!r:.100} has no price; there are {known}")
        ends = value if isinstance(value, list) else [value, value]
        if len(ends) != 2 or not all(_is_price(end) for end in ends) or ends[0] > ends[1]:
            raise RequestError(
                f"{where}: {name} = {value!r:.100}; a price is a number from 0, or [low, high]"
            )
        low[PRICED[name]], high[PRICED[name]] = map(float, ends)
    if not any(high.values()):
        raise RequestError(f"{where}: nothing costs anything; price one of {', '.join(PRICED)}")
    return Prices(currency, low, high, *(_told(fields, one, where) for one in ("source", "date")))


def _told(fields: Mapping[str, Any], name: str, where: str) -> str:
    value = fields.get(name, "")
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or not (value.isprintable()):
        raise RequestError(f"{where}: {name} = {value!r:.100}; write it in quotes, on one line")
    return value


def _is_price(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )


def priced(costs: Costs, prices: Mapping[str, float]) -> Floats:
    """Of every budget, in the currency; (budgets,)."""
    return np.asarray(sum(price * costs[kind] for kind, price in prices.items()), np.float64)


@dataclass(frozen=True)
class Worth:
    """What an arm pays to get further than Best-of-N does with its whole budget, over what that
    budget costs; where it ends level, to get as far, over what Best-of-N needs for it.

    reached: whether it gets there at all. low, high: the ratio at the cheapest and the dearest
    corner of the box; NaN if it does not. break_even: by kind, the price at which both cost the
    same, all else in the middle of the box; only where there is one.
    """

    reached: bool
    low: float
    high: float
    break_even: Mapping[str, float]

    @property
    def wins(self) -> str:
        """`everywhere` in the box, `somewhere`, or `nowhere`."""
        if not self.reached or self.low >= 1:
            return "nowhere"
        return "everywhere" if self.high < 1 else "somewhere"


def worth(
    values: Floats, costs: Costs, base_values: Floats, base_costs: Costs, prices: Prices
) -> Worth:
    """values: means over units of an arm and of the base arm, by the same budgets; (budgets,)."""
    target = float(base_values[-1])
    further = np.flatnonzero(values > target + _SAME)
    level = np.flatnonzero(values >= target - _SAME)
    if not len(level):
        return Worth(False, float("nan"), float("nan"), {})
    at = int(further[0] if len(further) else level[0])
    base_at = -1 if len(further) else int(np.flatnonzero(base_values >= target - _SAME)[0])
    own = {kind: float(costs[kind][at]) for kind in prices.low}
    its = {kind: float(base_costs[kind][base_at]) for kind in prices.low}
    ratios = [_ratio(own, its, corner) for corner in prices.corners()]
    return Worth(True, min(ratios), max(ratios), _break_even(own, its, prices))


def _ratio(
    own: Mapping[str, float], its: Mapping[str, float], prices: Mapping[str, float]
) -> float:
    top, below = (sum(price * one[kind] for kind, price in prices.items()) for one in (own, its))
    return top / below if below else (math.inf if top else 1.0)


def _break_even(
    own: Mapping[str, float], its: Mapping[str, float], prices: Prices
) -> dict[str, float]:
    middle, found = prices.middle, {}
    more = {kind: own[kind] - its[kind] for kind in own}
    for kind, apart in more.items():
        others = sum(middle[other] * more[other] for other in more if other != kind)
        if apart and (price := -others / apart) > 0:
            found[kind] = price
    return found
