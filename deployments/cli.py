"""The entry point `bon`: how commands end, and how errors become exit statuses."""

from __future__ import annotations

import sys

from flows import ending


def main() -> None:
    """0 done; 1 finished, but something of ours failed; 2 the request was wrong.

    130, 143 and 129 for SIGINT, SIGTERM and SIGHUP.
    """
    with ending.armed():  # before the imports that take time
        from flows.cli.printing import shield_terminal

        shield_terminal()
        status = run(sys.argv[1:])
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """One command line. Wrong requests are one line on stderr, without a traceback."""
    from typer.exceptions import TyperException

    from deployments.commands import app
    from flows.cli.app import Command
    from flows.cli.printing import flush, lost_stdout
    from flows.errors import RequestError, check_names, in_a_line

    for command in app.registered_commands:  # all of them, whichever file they are in
        command.cls = Command
    try:
        status = app(arguments, standalone_mode=False, prog_name="bon")
        flush()
    except TyperException as error:
        said = error.format_message()
        return _say(said, 2) if said else 2  # without a command, the help has been printed
    except KeyboardInterrupt:  # typer's own handling covers the commands
        return 130
    except BrokenPipeError:
        # The reader of our stdout has seen enough (`bon sql ... | head`).
        sys.stderr.close()
        return 0
    except Exception as error:
        if isinstance(error, OSError) and (not arguments or "--help" in arguments):
            # Typer prints the help by itself.
            error = lost_stdout(error)
        answer = in_a_line(error)
        if answer is not None:
            return _say(*answer)
        if "surrogates not allowed" in str(error):
            try:
                check_names(arguments)
            except RequestError as refusal:
                return _say(str(refusal), 2)
        raise
    return status if isinstance(status, int) else 0


def _say(message: str, status: int) -> int:
    from flows.cli.printing import complain

    complain(message)
    return status


if __name__ == "__main__":
    main()
