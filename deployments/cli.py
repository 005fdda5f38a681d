"""The entry point `bon`: the flows' commands and `serve`, and how errors become exit statuses."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from flows.cli import app
from flows.cli.printing import complain, say, shield_terminal
from flows.errors import is_request_error


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to start a Prefect server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 4200,
) -> None:
    """Register all deployments and run what is asked of them, until interrupted.

    Against the Prefect API of PREFECT_API_URL; without it, against a server started here.
    """
    from deployments.serve import serve_catalogue, serving_api

    with serving_api(host, port) as address:
        say(f"Prefect API: {address}  (export PREFECT_API_URL={address})", err=True)
        serve_catalogue()


def main() -> None:
    """0 done; 1 finished, but something of ours failed; 2 the request was wrong."""
    shield_terminal()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """One command line. Wrong requests are one line on stderr, without a traceback."""
    try:
        status = app(arguments, standalone_mode=False, prog_name="bon")
    except TyperException as error:
        return _refuse(error.format_message())
    except KeyboardInterrupt:  # typer's own handling covers the commands
        return 130
    except BrokenPipeError:
        # The reader of our stdout has seen enough (`bon sql ... | head`).
        sys.stderr.close()
        return 0
    except Exception as error:
        if is_request_error(error):
            return _refuse(str(error))
        raise
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    complain(message)
    return 2


if __name__ == "__main__":
    main()
