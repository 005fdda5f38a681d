"""A judge that lives in a container, so that problem files reach nothing of this process's."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from kernels_eval.closing import Closing
from kernels_eval.config import JudgeConfig
from kernels_eval.errors import HarnessError, ProblemError, RequestError
from kernels_eval.host import wire
from kernels_eval.host.answers import TIMEOUT_VARIABLE, ended
from kernels_eval.host.container import DEFENCES
from kernels_eval.host.environment import problem_environment
from kernels_eval.host.log import Log
from kernels_eval.host.shelf import KEY, NearShelf
from kernels_eval.timing.cores import choose_cores
from kernels_eval.turns import Turn
from kernels_eval.types import Verdict

_PROBLEM_TIMEOUT_S = 600.0
_START_S = 180.0
_STOP_S = 60.0
_END_S = 20.0


class JudgeEndedError(HarnessError):
    """The judge's process was killed, or does not answer any more; a later call starts another."""


class _EndedError(Exception):
    """The process that holds a problem ended; the message says how."""


class JudgeHost(Closing):
    """`Judge` for callers with secrets: the same calls, answered by a process in a container.

    What a problem file does to its process is gone with the problem; one that ends it, crashes or
    hangs costs its own verdicts. For one thread at a time.
    """

    lost = ""
    """As of `Judge`: a device that was lost is found again by the next process."""
    _entry: tuple[str, ...] = ("-m", "kernels_eval.host")

    def __init__(
        self, config: JudgeConfig | None = None, *, problem_timeout_s: float | None = None
    ) -> None:
        """`problem_timeout_s`: to load, inspect and time a problem's reference; None takes
        $BON_PROBLEM_TIMEOUT, else 600. Starts nothing. Raises RequestError.
        """
        self.config = config or JudgeConfig()
        self.defences: tuple[str, ...] = ()
        """Those in force around problem files, by name; known once it has started."""
        self._timeout_s = _problem_timeout_s() if problem_timeout_s is None else problem_timeout_s
        self._cores = os.sched_getaffinity(0)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: wire.Channel | None = None
        self._in_step = True
        self._shelf: NearShelf | None = None

    @property
    def pid(self) -> int | None:
        """The process below which all of the judge's are; None before it starts."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the judge now rather than with the first problem.

        Raises RequestError for its device or cores, HarnessError if it does not come up.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._launch()
        try:
            request = {"do": "start", "config": wire.pack_config(self.config)}
            reply = self._ask(request | {"problem_timeout_s": self._timeout_s}, _START_S)
        except wire.ChannelTimeoutError:
            self.close()
            raise HarnessError(f"the judge did not start within {_START_S:.0f} s") from None
        except wire.ChannelClosedError:
            raise HarnessError(f"the judge did not start: {self._post_mortem()}") from None
        except BaseException:
            self.close()
            raise
        self.defences = tuple(name for name in DEFENCES if name in reply["defences"])

    def prepare(self, problem_source: str) -> None:
        """Load, inspect and time a problem's reference; kept for the next call.

        Raises ProblemError, also for a problem that ends its process or takes too long, and
        HarnessError.
        """
        try:
            self._prepare(problem_source)
        except JudgeEndedError:  # from outside, perhaps; nothing but the problem runs here
            try:
                self._prepare(problem_source)
            except JudgeEndedError as error:
                raise ProblemError(
                    f"the problem file has its process killed whenever it is loaded ({error})"
                ) from None

    def _prepare(self, problem_source: str) -> None:
        self.start()
        self._shelf = NearShelf(problem_source)
        try:
            self._ask({"do": "prepare", "source": problem_source}, self._timeout_s)
        except wire.ChannelTimeoutError:
            raise ProblemError(
                f"the problem was not ready after {self._timeout_s:g} s: get_inputs or Model may "
                f"not end (${TIMEOUT_VARIABLE} allows more)"
            ) from None
        except _EndedError as error:
            raise _doing(str(error)) from None
        except wire.ChannelClosedError:
            raise _doing(self._post_mortem()) from None
        except wire.ChannelGarbageError as error:
            raise ProblemError(f"the problem file spoke in the judge's place: {error}") from None
        finally:
            self._close_out_of_step()

    def turn(self) -> Turn:
        """This judge's turn at what it times on. `evaluate_many` waits for one of its own, unless
        the caller has one and has waited already. Raises RequestError for its cores."""
        gpu = self.config.on_gpu
        cores = choose_cores(self.config.cores, gpu=gpu, allowed=self._cores).timing
        names = [f"cpu{core}" for core in cores]
        return Turn([*names, _gpu(self.config.device)] if gpu else names)

    def evaluate(self, problem_source: str, candidate_source: str) -> Verdict:
        """The verdict on one candidate. Raises ProblemError, HarnessError."""
        return next(self.evaluate_many(problem_source, [candidate_source]))[1]

    def evaluate_many(
        self, problem_source: str, candidates: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        """(index, verdict) as they finish; the judge works on while it is asked for the next one.

        Raises ProblemError, also for a problem that ends its process on the way, HarnessError, and
        JudgeEndedError if the judge is killed or falls silent.
        """
        with self.turn() as turn:
            for _ in turn.wait():
                continue
            yield from self._evaluated(problem_source, candidates)

    def _evaluated(
        self, problem_source: str, candidates: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        self.prepare(problem_source)
        try:
            request = {"do": "judge", "source": problem_source, "candidates": list(candidates)}
            self._ask(request, _STOP_S)
            while "end" not in (reply := self._ask({"do": "next"}, self._patience_s)):
                yield self._verdict(reply, len(candidates))
            if reply.get("lost"):
                self.close()
        except GeneratorExit:
            self._stop()
            raise
        except wire.ChannelTimeoutError:
            raise JudgeEndedError(f"the judge said nothing for {self._patience_s:.0f} s") from None
        except _EndedError as error:
            raise _doing(str(error)) from None
        except wire.ChannelClosedError:
            raise _doing(self._post_mortem()) from None
        except wire.ChannelGarbageError as error:
            self.close()
            raise ProblemError(f"the problem file spoke in the judge's place: {error}") from None
        finally:
            self._close_out_of_step()

    def close(self) -> None:
        """End the judge and all that it started. Safe to call twice; a later call starts anew."""
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        if channel is not None:
            channel.close()  # the monitor hears that
        if process is None:
            return
        with process:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()

    @property
    def _patience_s(self) -> float:
        """For one verdict: several candidates may come to nothing, one after the other, before."""
        return self._timeout_s + 60 * self.config.timeout_s

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self._cores)  # this thread may have been moved since
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *self._entry, str(theirs.fileno())],
                env=problem_environment(os.environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, before)
            theirs.close()
        self._channel = wire.Channel(ours)

    def _ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """One request, one reply. Raises what the judge raised, and the channel's errors."""
        if self._channel is None:
            raise wire.ChannelClosedError  # by `close`, in the middle of a batch
        self._in_step = False
        deadline = time.monotonic() + timeout_s
        self._channel.send(request)
        while KEY in (reply := self._channel.receive(deadline - time.monotonic())):
            if self._shelf is None:
                raise wire.ChannelGarbageError("a shelf is asked for before there is a problem")
            self._channel.send(self._shelf.answer(reply))
        self._in_step = True
        if "ended" in reply:
            raise _EndedError(str(reply["ended"]))
        if "error" not in reply:
            return reply
        if self.config.on_gpu:
            self.close()  # one process for all problems: what this one did to it is not kept
        raise wire.unpack_error(reply)

    def _close_out_of_step(self) -> None:
        """A judge that was asked and has not answered cannot be asked again."""
        if not self._in_step:
            self.close()

    def _verdict(self, reply: dict[str, Any], count: int) -> tuple[int, Verdict]:
        """Raises ChannelGarbageError."""
        index = reply.get("index")
        if not isinstance(index, int) or not 0 <= index < count:
            raise wire.ChannelGarbageError(f"a verdict on candidate {index!r}")
        verdict = wire.unpack_verdict(reply.get("verdict"))
        return index, replace(verdict, sandbox=(*verdict.sandbox, *self.defences))

    def _stop(self) -> None:
        """Have the judge let go of a batch that is not wanted any more, or end it."""
        with contextlib.suppress(
            wire.ChannelTimeoutError,
            wire.ChannelClosedError,
            wire.ChannelGarbageError,
            _EndedError,
            HarnessError,
            RequestError,
        ):
            self._ask({"do": "stop"}, _STOP_S)

    def _post_mortem(self) -> str:
        """How the judge's process ended, and the last line that it printed."""
        process = self._process
        if process is None:
            return "closed"
        try:
            _, raw = process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _, raw = process.communicate()
        self.close()
        return Log(raw).obituary(process.returncode)


def _doing(how: str) -> JudgeEndedError | ProblemError:
    """Whose doing it was that the process ended which holds the problem and no candidate.

    SIGKILL comes from outside: the system was short of memory, say.
    """
    killed = how.startswith("SIGKILL")
    return JudgeEndedError(f"the judge was killed ({how})") if killed else ProblemError(ended(how))


def _gpu(device: str) -> str:
    """`gpu` and the number or UUID that all processes call it by, whatever this one may see."""
    number = int(device.partition(":")[2] or 0)
    visible = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    return f"gpu{visible[number] if number < len(visible) else number}"


def _problem_timeout_s() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE)
    if not text:
        return _PROBLEM_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise RequestError(f"{TIMEOUT_VARIABLE} must be a number of seconds above 0, not {text!r}")
    return seconds


@functools.cache
def available() -> dict[str, bool]:
    """Every defence around problem files, by name, and whether this machine gives it."""
    host = JudgeHost()
    host._launch()
    try:
        found = host._ask({"do": "probe"}, _START_S)["defences"]
    except (wire.ChannelTimeoutError, wire.ChannelClosedError, HarnessError):
        found = []
    finally:
        host.close()
    return {name: name in found for name in DEFENCES}
