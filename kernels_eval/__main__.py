"""`python -m kernels_eval PROBLEM.py CANDIDATE.py ...`: the judge alone; torch is enough."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kernels_eval import command
from kernels_eval.config import JudgeConfig
from kernels_eval.errors import HarnessError, RequestError
from kernels_eval.interrupts import Interrupted, interruptible
from kernels_eval.printable import printable_line

_PROGRAM = "python -m kernels_eval"


def _complain(text: str) -> None:
    print(f"{_PROGRAM}: {printable_line(text)}", file=sys.stderr)


class _LostStdoutError(Exception):
    """Stdout takes no more. From the `OSError` that says why."""


def _write(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        # What it has not taken is dropped: Python's end would fail on it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _LostStdoutError from error


class _Parser(argparse.ArgumentParser):
    """One line on stderr for a wrong request."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message}; --help lists what it takes")
        raise SystemExit(command.EXIT_REQUEST)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 judged, 1 the judge failed, 2 the request was wrong.

    128 and the signal's number after SIGINT (130), SIGTERM (143) and SIGHUP (129).
    """
    parser = _Parser(prog=_PROGRAM, description=__doc__)
    parser.add_argument("problem", help="KernelBench-format file: Model, get_inputs, …")
    parser.add_argument(
        "candidates", nargs="+", help="files that define ModelNew, or directories of them"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--mode", default="fast", help="fast: to search; full: to publish")
    parser.add_argument("--protocol", default="trusted", help="trusted or kernelbench")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds")
    parser.add_argument(
        "--baseline", default="eager", help="compile: measure the reference under torch.compile too"
    )
    parser.add_argument(
        "--inputs",
        default="cured",
        help="cured, or as-given: parameters and inputs as the problem has them",
    )
    parser.add_argument("--scope", help="kernel: reject what only calls the library")
    parser.add_argument(
        "--json", action="store_true", help="JSON on stdout: a document, or a line each"
    )
    given = parser.parse_args(arguments)
    try:
        config = JudgeConfig(
            device=given.device,
            mode=given.mode,
            protocol=given.protocol,
            timeout_s=given.timeout,
            inputs=given.inputs,
            scope=given.scope,
            baseline=given.baseline,
        )
        with interruptible():
            return command.judge_files(
                given.problem,
                given.candidates,
                config,
                as_json=given.json,
                write=_write,
            )
    except _LostStdoutError as lost:
        if isinstance(lost.__cause__, BrokenPipeError):  # its reader has seen enough (`| head`)
            return command.EXIT_DONE
        _complain(f"cannot write to stdout: {lost.__cause__}; send the answer elsewhere")
        return command.EXIT_HARNESS
    except Interrupted as stop:
        _complain(f"ended by {stop.name}; the same command judges again, from the beginning")
        return stop.exit_status
    except RequestError as error:
        _complain(str(error))
        return command.EXIT_REQUEST
    except HarnessError as error:
        _complain(f"the judge failed: {error}")
        return command.EXIT_HARNESS


if __name__ == "__main__":
    sys.exit(main())
