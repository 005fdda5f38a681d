"""The `bon` application, and the options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="bon",
    help="Best-of-N sweeps over GPU-kernel problems: where should test-time compute go?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", help="A directory or s3://…; default $BON_LAKE, then ./lake."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")
]
RunsArgument = Annotated[list[str], typer.Argument(help="Run ids; `bon runs` lists them.")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from flows.cli.printing import say

        say(f"bon-sweep {version('bon-sweep')}")
        raise typer.Exit


@app.callback()
def _bon(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Print it."),
    ] = False,
) -> None:
    del version
