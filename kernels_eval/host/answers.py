"""A judge's answers to what a `JudgeHost` asks, one request after the other."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kernels_eval.copies import ending_copies
from kernels_eval.errors import ProblemError
from kernels_eval.host import wire
from kernels_eval.types import Verdict

if TYPE_CHECKING:
    from kernels_eval.judge import Judge


class Answers:
    """Of one judge. Failures are answers, too."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._limits = _limits()
        self._verdicts: Iterator[tuple[int, Verdict]] = iter(())

    def to(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with ending_copies():
                return self._to(request)
        except SystemExit as error:
            return wire.pack_error(ProblemError(ended(f"exit status {_code(error)}")))
        except KeyboardInterrupt as error:
            return wire.pack_error(ProblemError(f"the problem file raised {type(error).__name__}"))
        except Exception as error:
            changed = [name for name, limit in _limits().items() if limit != self._limits[name]]
            if changed and not isinstance(error, ProblemError):
                error = ProblemError(
                    f"the problem file changed the limits of its process ({', '.join(changed)}), "
                    f"which the judge then lacked: {error}"
                )
            return wire.pack_error(error)

    def _to(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "prepare":
                self._judge.prepare(request["source"])
                return {"prepared": True}
            case "judge":
                self._verdicts = self._judge.evaluate_many(request["source"], request["candidates"])
                return {"begun": True}
            case "next":
                found = next(self._verdicts, None)
                if found is None:
                    return {"end": True, "lost": self._judge.lost}
                return {"index": found[0], "verdict": wire.pack_verdict(found[1])}
            case "stop":
                self._verdicts.close()  # type: ignore[attr-defined]
                return {"end": True, "lost": self._judge.lost}
            case other:
                raise ValueError(f"no request {other!r}")


def ended(how: str) -> str:
    return f"the problem file ended the process that loaded it ({how})"


def _code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def _limits() -> Mapping[str, tuple[int, int]]:
    """The process's limits by name."""
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}
