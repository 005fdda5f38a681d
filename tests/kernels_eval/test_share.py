"""A device's free memory goes first to what saves most."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels_eval.devices.cpu import available_bytes
from kernels_eval.devices.share import divide

GIB = 1 << 30


@pytest.mark.parametrize(
    ("room", "workers", "sets"),
    [
        (0, 1, 1),  # there is always a candidate, and an answer to its call
        (6 + 12, 1, 1 + 2),
        (6 + 13, 2, 1),
        (6 + 13 + 18, 2, 4),
        (6 + 13 + 18 + 26, 4, 4),
        (6 + 13 + 18 + 26 + 48, 4, 12),
        (6 + 13 + 18 + 26 + 48 + 13, 5, 12),
    ],
)
def test_workers_and_answers_take_turns(room: int, workers: int, sets: int) -> None:
    shares = divide(room * GIB, each=13 * GIB, kept=6 * GIB, wanted=12, most=14, spare=0)
    assert shares.workers == workers
    assert shares.pool_bytes // (6 * GIB) == sets


@pytest.mark.parametrize("room", range(0, 300, 7))
def test_no_more_is_given_than_there_is(room: int) -> None:
    shares = divide(room * GIB, each=13 * GIB, kept=6 * GIB, wanted=12, most=14, spare=28 * GIB)
    given = 13 * GIB * (shares.workers - 1) + shares.pool_bytes
    assert given <= max(room, 6) * GIB


def test_small_answers_get_what_is_left_up_to_a_limit() -> None:
    shares = divide(100 * GIB, each=GIB, kept=1 << 20, wanted=12, most=14, spare=28 * GIB)
    assert shares.workers == 14
    assert shares.pool_bytes == 28 * GIB


def test_files_that_the_system_keeps_leave_room_for_pools(tmp_path: Path) -> None:
    """Else a machine that has read many files would draw all inputs anew for every candidate."""
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 4096 kB\nMemFree: 16 kB\nMemAvailable: 2048 kB\n")
    assert available_bytes(told) == 2 << 20
    assert available_bytes() > 0
