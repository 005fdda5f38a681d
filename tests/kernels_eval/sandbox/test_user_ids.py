"""Blocks of user ids: one holder each, free again when the holder is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval.errors import HarnessError
from kernels_eval.sandbox import user_ids
from kernels_eval.sandbox.user_ids import BLOCK, claim_user_ids, user_ids_exist

_CLAIM = """
import sys
from kernels_eval.sandbox.user_ids import claim_user_ids
ids = claim_user_ids(1)
print(ids.base, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def one_block(monkeypatch: pytest.MonkeyPatch) -> int:
    """A range with room for one block, which nobody else chooses but by a rare chance."""
    base = 0x7FFD0000
    monkeypatch.setattr(user_ids, "LOWEST", base)
    monkeypatch.setattr(user_ids, "END", base + BLOCK)
    return base


@pytest.mark.skipif(not user_ids_exist(), reason="this container maps too few user ids")
def test_two_holders_never_share_a_block() -> None:
    with claim_user_ids(BLOCK) as one, claim_user_ids(10) as other:
        assert one.base % BLOCK == other.base % BLOCK == 0
        assert one.base != other.base
        assert (one.count, other.count) == (BLOCK, 10)
    with pytest.raises(ValueError, match="at once"):
        claim_user_ids(BLOCK + 1)


def test_a_block_is_held_by_its_process_and_free_after_its_end(one_block: int) -> None:
    script = _CLAIM.replace(
        "import sys\n",
        "import sys\nfrom kernels_eval.sandbox import user_ids\n"
        f"user_ids.LOWEST, user_ids.END = {one_block}, {one_block + BLOCK}\n",
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as holder:
        assert holder.stdout is not None
        assert int(holder.stdout.readline()) == one_block
        with pytest.raises(HarnessError, match="no free block"):
            claim_user_ids(1)
        holder.kill()
        holder.wait()
        with claim_user_ids(1) as mine:
            assert mine.base == one_block


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its user id")
def test_a_block_with_a_living_process_is_left_alone(one_block: int) -> None:
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, user=one_block + 7, group=one_block + 7, extra_groups=[]
    ) as stranger:
        with pytest.raises(HarnessError, match="no free block"):
            claim_user_ids(1)
        stranger.kill()
        stranger.wait()
        claim_user_ids(1).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its user id")
def test_no_process_of_a_block_outlives_it() -> None:
    with claim_user_ids(2) as ids:
        user = ids.base + 1
        left = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, user=user, group=user, extra_groups=[]
        )
    assert left.wait(10) == -signal.SIGKILL


def test_a_container_with_few_ids_has_none_to_spare(tmp_path: Path) -> None:
    for name in ("uid_map", "gid_map"):
        (tmp_path / name).write_text("         0     100000      65536\n")
    assert not user_ids_exist(tmp_path)
    (tmp_path / "uid_map").write_text("         0          0 4294967295\n")
    assert not user_ids_exist(tmp_path)
    (tmp_path / "gid_map").write_text("         0          0 4294967295\n")
    assert user_ids_exist(tmp_path)
