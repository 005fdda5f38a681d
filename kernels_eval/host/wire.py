"""What crosses between a `JudgeHost` and its judge: JSON documents, each after its length.

No pickles: the other end runs a problem file. Floats keep every bit, NaN and infinities included.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from dataclasses import asdict, fields
from typing import Any

from kernels_eval.config import JudgeConfig
from kernels_eval.errors import HarnessError, OutOfRoomError, ProblemError, RequestError
from kernels_eval.types import Difference, Finding, Severity, StageSeconds, Status, Verdict

# Bound before a problem is loaded at the other end, which may replace what modules hold.
_dumps, _loads = json.dumps, json.loads
_LENGTH = struct.Struct("!I")
_MOST_BYTES = 256 << 20
_ERRORS = {
    kind.__name__: kind for kind in (HarnessError, OutOfRoomError, ProblemError, RequestError)
}


class ChannelClosedError(Exception):
    """The other end is gone."""


class ChannelTimeoutError(Exception):
    """Nothing came in time."""


class ChannelGarbageError(Exception):
    """Bytes that are no message, or a message of the wrong form."""


class Channel:
    """One end. For one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, document: dict[str, Any]) -> None:
        """Raises ChannelClosedError."""
        raw = _dumps(document, default=plain).encode()
        try:
            self._end.sendall(_LENGTH.pack(len(raw)) + raw)
        except OSError:
            raise ChannelClosedError from None

    def receive(self, timeout_s: float = math.inf) -> dict[str, Any]:
        """Raises ChannelClosedError, ChannelTimeoutError, ChannelGarbageError."""
        deadline = time.monotonic() + timeout_s
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > _MOST_BYTES:
            raise ChannelGarbageError(f"a message of {length} bytes")
        try:
            document = _loads(self._read(length, deadline))
        except (ValueError, RecursionError) as error:
            raise ChannelGarbageError(str(error)) from None
        if not isinstance(document, dict):
            raise ChannelGarbageError("a message that is no object")
        return document

    def _read(self, length: int, deadline: float) -> bytes:
        parts = bytearray()
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        while len(parts) < length:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poll.poll(None if math.isinf(left_s) else left_s * 1000 + 1):
                raise ChannelTimeoutError
            try:
                part = self._end.recv(min(length - len(parts), 1 << 20))
            except OSError:
                raise ChannelClosedError from None
            if not part:
                raise ChannelClosedError
            parts += part
        return bytes(parts)

    def close(self) -> None:
        self._end.close()


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's."""
    return value.item()


def pack_error(error: BaseException) -> dict[str, Any]:
    """The nearest of this package's own errors, by name."""
    named = next((base.__name__ for base in type(error).__mro__ if base.__name__ in _ERRORS), None)
    text = str(error) if named else f"{type(error).__name__}: {error}"
    return {"error": named or HarnessError.__name__, "text": text[:2000]}


def unpack_error(document: dict[str, Any]) -> Exception:
    return _ERRORS.get(str(document["error"]), HarnessError)(str(document.get("text")))


def pack_config(config: JudgeConfig) -> dict[str, Any]:
    return asdict(config)


def unpack_config(document: dict[str, Any]) -> JudgeConfig:
    cores = document["cores"]
    return JudgeConfig(**document | {"cores": None if cores is None else tuple(cores)})


def pack_verdict(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)


def unpack_verdict(document: Any) -> Verdict:
    """Raises ChannelGarbageError for what is no verdict."""
    try:
        known = {field.name: document[field.name] for field in fields(Verdict)}
        known |= {name: _number(known[name]) for name in _NUMBERS}
        known |= {name: tuple(map(float, known[name])) for name in _TRIALS}
        known |= {name: str(known[name]) for name in _TEXTS}
        interval = known["speedup_ci"]
        low_high = None if interval is None else (float(interval[0]), float(interval[1]))
        error, precision = known["error"], known["precision"]
        agrees = known["kernelbench_correct"]
        return Verdict(
            **known
            | {
                "status": Status(known["status"]),
                "compiled": bool(known["compiled"]),
                "speedup_ci": low_high,
                "kernelbench_correct": None if agrees is None else bool(agrees),
                "precision": None if precision is None else str(precision),
                "difference": _difference(known["difference"]),
                "findings": tuple(map(_finding, known["findings"])),
                "error": None if error is None else str(error),
                "sandbox": tuple(map(str, known["sandbox"])),
                "seconds": StageSeconds(
                    **{name: float(value) for name, value in known["seconds"].items()}
                ),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ChannelGarbageError(f"no verdict: {error!r}") from None


_NUMBERS = ("speedup", "runtime_ms", "reference_ms", "compiled_ms", "bound_ms", "error_ratio")
_TRIALS = ("candidate_trials_ms", "reference_trials_ms")
_TEXTS = ("protocol", "mode", "device", "harness_id")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _difference(document: Any) -> Difference | None:
    if document is None:
        return None
    return Difference(
        int(document["output"]),
        tuple(map(int, document["index"])),
        *(float(document[name]) for name in ("candidate", "expected", "absolute", "relative")),
    )


def _finding(document: Any) -> Finding:
    return Finding(str(document["rule"]), Severity(document["severity"]), str(document["message"]))
