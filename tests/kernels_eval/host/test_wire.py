"""What crosses the channel arrives as it was; what should not cross is refused."""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from kernels_eval import (
    Finding,
    HarnessError,
    JudgeConfig,
    ProblemError,
    RequestError,
    Severity,
    StageSeconds,
    Status,
    Verdict,
)
from kernels_eval.errors import OutOfRoomError
from kernels_eval.host import wire

_VERDICT = Verdict(
    status=Status.CORRECT,
    protocol="trusted",
    mode="fast",
    device="cpu",
    harness_id="h10-0",
    compiled=True,
    speedup=1 / 3,
    speedup_ci=(0.1 + 0.2, math.inf),
    runtime_ms=5e-324,
    reference_ms=1.7976931348623157e308,
    candidate_trials_ms=(0.1, 1e-9),
    reference_trials_ms=(0.30000000000000004, -0.0),
    bound_ms=2**-1074,
    error_ratio=-math.inf,
    findings=(Finding("busy-machine", Severity.INFO, "Größe \x1b[31m “x” \ud800"),),
    error="two\nlines",
    sandbox=("limits", "landlock"),
    seconds=StageSeconds(0.1, 0.2, 0.3, 0.4, 1.0),
)


@pytest.fixture
def ends() -> Iterator[tuple[wire.Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = wire.Channel(ours)
        yield channel, theirs
        channel.close()


def _there_and_back(verdict: Verdict) -> Verdict:
    document = json.loads(json.dumps(wire.pack_verdict(verdict), default=wire.plain))
    return wire.unpack_verdict(document)


def test_a_verdict_keeps_every_bit() -> None:
    assert _there_and_back(_VERDICT) == _VERDICT
    bare = Verdict(Status.TIMEOUT, "trusted", "full", "cuda:0", "h")
    assert _there_and_back(bare) == bare


def test_not_a_number_stays_one() -> None:
    found = _there_and_back(replace(_VERDICT, error_ratio=math.nan))
    assert found.error_ratio is not None
    assert math.isnan(found.error_ratio)


def test_numbers_of_numpy_become_plain() -> None:
    verdict = replace(_VERDICT, speedup=np.float32(1.5), compiled=np.bool_(True))  # type: ignore[arg-type]
    found = _there_and_back(verdict)
    assert type(found.speedup) is float
    assert found.compiled is True


@pytest.mark.parametrize(
    "change",
    [
        {"status": "perfect"},
        {"speedup": "fast"},
        {"speedup_ci": [1.0]},
        {"candidate_trials_ms": 3},
        {"findings": [{"rule": "x"}]},
        {"seconds": {"compile": 1.0, "other": 2.0}},
        {"error": None, "sandbox": None},
    ],
)
def test_what_is_no_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(wire.ChannelGarbageError, match="no verdict"):
        wire.unpack_verdict(wire.pack_verdict(_VERDICT) | change)
    for nothing in (None, [], "verdict", {}):
        with pytest.raises(wire.ChannelGarbageError):
            wire.unpack_verdict(nothing)


@pytest.mark.parametrize("kind", [ProblemError, OutOfRoomError, RequestError, HarnessError])
def test_errors_keep_their_kind(kind: type[Exception]) -> None:
    found = wire.unpack_error(wire.pack_error(kind("what is wrong")))
    assert type(found) is kind
    assert str(found) == "what is wrong"


def test_other_errors_are_ours() -> None:
    found = wire.unpack_error(wire.pack_error(ZeroDivisionError("by zero")))
    assert type(found) is HarnessError
    assert str(found) == "ZeroDivisionError: by zero"
    assert type(wire.unpack_error({"error": "SystemExit", "text": "x"})) is HarnessError


def test_settings_arrive() -> None:
    for config in (JudgeConfig(), JudgeConfig(cores=(1, 3), mode="full", scope="kernel")):
        document = json.loads(json.dumps(wire.pack_config(config)))
        assert wire.unpack_config(document) == config


def test_a_closed_channel_is_told_from_a_silent_one(
    ends: tuple[wire.Channel, socket.socket],
) -> None:
    channel, other = ends
    with pytest.raises(wire.ChannelTimeoutError):
        channel.receive(0.01)
    other.sendall(struct.pack("!I", 10) + b"{")  # the rest never comes
    with pytest.raises(wire.ChannelTimeoutError):
        channel.receive(0.01)
    other.close()
    with pytest.raises(wire.ChannelClosedError):
        channel.receive(1.0)
    with pytest.raises(wire.ChannelClosedError):
        channel.send({"do": "next"})


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack("!I", 2**32 - 1),
        struct.pack("!I", 4) + b"\xff\xfe\xfd\xfc",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 200_000) + b"[" * 200_000,
    ],
)
def test_garbage_is_refused(ends: tuple[wire.Channel, socket.socket], raw: bytes) -> None:
    channel, other = ends
    other.sendall(raw)
    with pytest.raises(wire.ChannelGarbageError):
        channel.receive(5.0)
