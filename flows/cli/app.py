"""The `bon` application, and the options that commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from flows.errors import RequestError, check_names

if TYPE_CHECKING:
    from storage import Lake

app = typer.Typer(
    name="bon",
    help="Best-of-N sweeps over GPU-kernel problems: where should test-time compute go?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Command(TyperCommand):
    """A command whose texts are UTF-8, whatever its shell's arguments are: paths may be more."""

    def invoke(self, ctx: Any) -> Any:
        """As TyperCommand. Raises RequestError for a run, a policy or a query that is not UTF-8."""
        for given in ctx.params.values():
            several = given if isinstance(given, list | tuple) else [given]
            check_names(one for one in several if isinstance(one, str))
        return super().invoke(ctx)


LakeOption = Annotated[
    str | None,
    typer.Option("--lake", help="A directory or s3://…; default $BON_LAKE, then ./lake."),
]
SuiteOption = Annotated[str | None, typer.Option(help="A suite, e.g. embedded.")]
ProblemsOption = Annotated[str | None, typer.Option(help="Problem ids, e.g. 4,5,12-18.")]
SeedOption = Annotated[int | None, typer.Option(help="Of the run; each draw has its own.")]
RunOption = Annotated[
    str | None, typer.Option("--run", help="A run id; one that exists is gone on with.")
]
TemperatureOption = Annotated[float | None, typer.Option(help="Of the draws.")]
MaxTokensOption = Annotated[int | None, typer.Option(help="Per completion.")]
LogprobModeOption = Annotated[str | None, typer.Option(help="raw_logprobs or processed_logprobs.")]
DeviceOption = Annotated[str | None, typer.Option(help="Where to judge: cpu or cuda:0.")]
ModeOption = Annotated[str | None, typer.Option(help="How long to measure: fast or full.")]
ProtocolOption = Annotated[str | None, typer.Option(help="trusted or kernelbench.")]
TimeoutOption = Annotated[float | None, typer.Option(help="Seconds for one candidate.")]
BaselineOption = Annotated[
    str | None, typer.Option(help="compile: time the references under torch.compile, too.")
]
ScopeOption = Annotated[str | None, typer.Option(help="kernel: library calls are not allowed.")]
InputsOption = Annotated[
    str | None,
    typer.Option(help="cured, or as-given: parameters and inputs as problems have them."),
]
SettleOption = Annotated[
    float | None, typer.Option(help="Seconds at the end to measure unsettled kernels once more.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")
]
RunsArgument = Annotated[
    list[str] | None, typer.Argument(help="Run ids; `bon runs` lists them.", show_default=False)
]


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


def named_runs(lake: Lake, runs: list[str] | None) -> list[str]:
    """The runs on the command line. Raises RequestError with those of the lake if none is."""
    if runs:
        return runs
    known = lake.run_ids()
    listed = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
    held = f"it has {listed}" if known else "it has no runs yet: bon sweep, or bon import"
    raise RequestError(f"name the runs of lake {lake.root} to look at; {held}")
