"""`bon doctor`: what this machine can run, and what is missing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.app import JsonOption, app
from flows.cli.printing import print_json, print_rich, say


@app.command()
def doctor(
    profile: Annotated[
        list[str] | None, typer.Option(help="Look at these profiles only, or at a .toml file.")
    ] = None,
    lake: Annotated[
        str | None, typer.Option(help="Look into every file of this lake instead.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """What this machine can run, and what is missing."""
    if lake is not None:
        _look_into(lake, json)
        return
    from flows.doctor import backends, machine, prognosis
    from flows.profiles import profile_names

    outlook = [prognosis(name) for name in profile or profile_names()]
    here, lacks = machine(), backends()
    if json:
        profiles = {one.profile: _verdict(one.missing) for one in outlook}
        candidates = {name: _verdict(missing) for name, missing in lacks.items()}
        print_json(here | {"backends": candidates, "profiles": profiles})
        return
    _print("this machine", [(name, str(value)) for name, value in here.items()])
    _print("candidates in", [(name, _words(missing)) for name, missing in lacks.items()])
    _print("profiles", [(one.profile, _words(one.missing)) for one in outlook])


def _look_into(lake: str, json: bool) -> None:
    """Check every part of a lake; exit status 1 if one is not sound."""
    from storage import Lake
    from storage.verify import verify

    found = verify(Lake.open(lake))
    if json:
        counts = {"checked": found.checked, "unchecked": found.unchecked}
        print_json(counts | {"damages": list(found.damages)})
    else:
        say(f"{found.checked} parts are as they were written")
        if found.unchecked:
            say(f"{found.unchecked} parts of an earlier release carry no checksum")
        for line in found.damages:
            say(line, err=True)
    if not found.sound:
        raise typer.Exit(1)


def _verdict(missing: tuple[str, ...]) -> dict[str, Any]:
    return {"runs": not missing, "missing": list(missing)}


def _words(missing: tuple[str, ...]) -> str:
    return "can run" if not missing else "\n".join(f"missing: {one}" for one in missing)


def _print(title: str, rows: list[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(title, "", title_justify="left")
    for name, value in rows:
        table.add_row(name, value)
    print_rich(table)
