"""`bon doctor`: what this machine can run, and what is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import JsonOption, app
from flows.cli.printing import print_json, print_rich, say

if TYPE_CHECKING:
    from flows.costs.forecast import Forecast
    from storage.verify import Report


_COUNTED = 1e12
"""Beyond it nobody counts digits."""


@app.command()
def doctor(
    profile: Annotated[
        list[str] | None, typer.Option(help="Look at these profiles only, or at a .toml file.")
    ] = None,
    price: Annotated[
        Path | None,
        typer.Option("--price", help="Prices (.toml) for what an adaptation's profile would cost."),
    ] = None,
    lake: Annotated[
        str | None,
        typer.Option(help="Look into every file of this lake only; $BON_LAKE is looked into, too."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """What this machine can run, and what is missing. Exit status 1 if a lake is not sound."""
    if lake is not None:
        _look_into(lake, json)
        return
    from flows.doctor import backends, machine, prognosis
    from flows.profiles import profile_names

    outlook = [prognosis(name, price) for name in profile or profile_names()]
    here, lacks = machine(), backends()
    found = _users_lake()
    if json:
        profiles = {
            one.profile: _verdict(one.missing)
            | _priced(one.cost)
            | ({} if one.gpus is None else {"gpus": one.gpus})
            for one in outlook
        }
        candidates = {name: _verdict(missing) for name, missing in lacks.items()}
        stored = {} if found is None else {"lake": _counted(found)}
        print_json(here | {"backends": candidates, "profiles": profiles} | stored)
    else:
        _print("this machine", [(name, str(value)) for name, value in here.items()])
        _print("candidates in", [(name, _words(missing)) for name, missing in lacks.items()])
        words = [(one.profile, _words(one.missing), one.gpus) for one in outlook]
        _print("profiles", [(name, "\n".join(filter(None, said))) for name, *said in words])
        for one in outlook:
            if one.cost is not None:
                _print_cost(one.profile, one.cost)
        if found is not None:
            _tell_of(found)
    if found is not None and not found.sound:
        raise typer.Exit(1)


def _users_lake() -> Report | None:
    """What is in the lake of $BON_LAKE; None if that names none, or one that is not there yet."""
    from storage import Lake, LakeMissingError
    from storage.verify import verify

    if not (place := os.environ.get("BON_LAKE")):
        return None
    try:
        return verify(Lake.open(place))
    except LakeMissingError:
        return None


def _look_into(lake: str, json: bool) -> None:
    """Check every part of a lake; exit status 1 if one is not sound."""
    from storage import Lake
    from storage.verify import verify

    found = verify(Lake.open(lake))
    if json:
        print_json(_counted(found))
    else:
        _tell_of(found)
    if not found.sound:
        raise typer.Exit(1)


def _counted(found: Report) -> dict[str, Any]:
    counts = {"checked": found.checked, "unchecked": found.unchecked}
    return counts | {"damages": list(found.damages)}


def _tell_of(found: Report) -> None:
    say(f"{found.checked} parts are as they were written")
    if found.unchecked:
        say(f"{found.unchecked} parts of an earlier release carry no checksum")
    for line in found.damages:
        say(line, err=True)


def _verdict(missing: tuple[str, ...]) -> dict[str, Any]:
    return {"runs": not missing, "missing": list(missing)}


def _priced(cost: Forecast | None) -> dict[str, Any]:
    if cost is None:
        return {}
    low, high = cost.total
    amounts = [
        {
            "what": one.what,
            "amount": one.amount,
            "basis": one.basis,
            "price": one.priced_as or None,
            "cost": one.money and {"low": one.money[0], "high": one.money[1]},
        }
        for one in cost.amounts
    ]
    told = {"currency": cost.currency, "source": cost.source, "date": cost.date}
    ends = {"total": {"low": low, "high": high}}
    unpriced = {"unpriced": [one.priced_as for one in cost.unpriced]}
    return {"cost": told | {"amounts": amounts} | ends | unpriced}


def _print_cost(profile: str, cost: Forecast) -> None:
    from rich.table import Table

    table = Table(title=f"what {profile} would cost", title_justify="left")
    for name in ("", "how much", cost.currency, "reckoned as"):
        table.add_column(name, justify="right" if name in ("how much", cost.currency) else "left")
    for one in cost.amounts:
        count = f"{one.amount:.3g}" if one.amount >= _COUNTED else f"{one.amount:,.0f}"
        table.add_row(one.what, count, "–" if one.money is None else _money(one.money), one.basis)
    print_rich(table)
    line = f"{profile}: {_money(cost.total)} {cost.currency} in all"
    if cost.unpriced:
        lacks = ", ".join(f"{one.priced_as} ({one.what})" for one in cost.unpriced)
        line += f", without {lacks}: give prices with --price FILE"
    said = ", ".join(filter(None, (cost.source, cost.date)))
    print_rich(line + (f"; prices: {said}" if said else ""))


def _money(ends: tuple[float, float]) -> str:
    low, high = (f"{end:,.2f}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _words(missing: tuple[str, ...]) -> str:
    return "can run" if not missing else "\n".join(f"missing: {one}" for one in missing)


def _print(title: str, rows: list[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(title, "", title_justify="left")
    for name, value in rows:
        table.add_row(name, value)
    print_rich(table)
