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
    from flows.errors import is_judge_failure, is_request_error, is_unavailable

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
        if is_unavailable(error):
            return _say(str(error), 1)
        if is_request_error(error):
            return _refuse(str(error))
        if is_judge_failure(error):
            return _say(f"the judge failed: {error}", 1)
        raise
    return status if isinstance(status, int) else 0


def _refuse(message: str) -> int:
    return _say(message, 2)


def _say(message: str, status: int) -> int:
    from flows.cli.printing import complain

    complain(message)
    return status


if __name__ == "__main__":
    main()
