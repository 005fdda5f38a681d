"""Folders of files in a lake: put, fetched whole, and copies that leave when there are too many."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import Lake, LakeDamagedError, LakeUnusableError, folders
from storage.commit import commit
from storage.folders import (
    fetch_address,
    fetch_folder,
    file_sha256,
    folder_here,
    holds_folder,
    put_folder,
)
from storage.place import store_of
from storage.verify import verify
from tests.storage.make import run_row

CONTENT = {"deep/state": "moments", "weights": "numbers", "config": "{}"}


@pytest.fixture
def stored(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake in an object store, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Lake.open(f"{bucket}/{tmp_path.name}", create=True)


def saved(root: Path, name: str = "adapters/one", content: Mapping[str, str] = CONTENT) -> Path:
    here = folder_here(root, name)
    for file, text in content.items():
        (here / file).parent.mkdir(parents=True, exist_ok=True)
        (here / file).write_text(text)
    return here


def hashes(here: Path) -> dict[str, str]:
    return {name: file_sha256(here / name) for name in CONTENT}


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From here on this is another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))


def test_a_directorys_folder_is_where_it_is(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    assert not holds_folder(lake.root, "adapters/one")
    assert saved(lake.root) == lake.root / "adapters" / "one"
    put_folder(lake.root, "adapters/one", CONTENT)
    assert holds_folder(lake.root, "adapters/one")


def test_what_was_put_is_fetched_on_another_machine(
    stored: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = hashes(saved(stored.root))
    assert not holds_folder(stored.root, "adapters/one")
    put_folder(stored.root, "adapters/one", CONTENT)
    assert holds_folder(stored.root, "adapters/one")
    assert not holds_folder(stored.root, "adapters/on"), "a name that only begins alike"
    elsewhere(monkeypatch, tmp_path)
    here = fetch_folder(stored.root, "adapters/one", known)
    assert here.is_relative_to(tmp_path / "elsewhere")
    assert hashes(here) == known
    assert [path.name for path in here.parent.iterdir()] == ["one"]


def test_a_copy_that_was_changed_is_fetched_anew_and_a_whole_one_is_not(stored: Lake) -> None:
    here = saved(stored.root)
    known = hashes(here)
    put_folder(stored.root, "adapters/one", CONTENT)
    (here / "weights").write_text("other")
    (here / "deep" / "state").unlink()
    assert hashes(fetch_folder(stored.root, "adapters/one", known)) == known
    store_of(stored.root).rm(str(stored.root / "adapters"), recursive=True)
    assert hashes(fetch_folder(stored.root, "adapters/one", known)) == known


@pytest.mark.parametrize("name", list(CONTENT))
def test_a_damaged_and_a_missing_object_are_named_and_leave_nothing(
    stored: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    known = hashes(saved(stored.root))
    put_folder(stored.root, "adapters/one", CONTENT)
    elsewhere(monkeypatch, tmp_path)
    there = stored.root / "adapters" / "one" / name
    there.write_text("half")
    with pytest.raises(LakeDamagedError, match=f"{there} is not what was saved"):
        fetch_folder(stored.root, "adapters/one", known)
    there.unlink()
    with pytest.raises(LakeDamagedError, match=f"there is no {there}"):
        fetch_folder(stored.root, "adapters/one", known)
    assert not [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]


def test_no_room_for_a_copy_is_one_line(stored: Lake, tmp_path: Path) -> None:
    known = hashes(saved(stored.root))
    put_folder(stored.root, "adapters/one", CONTENT)
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "file").write_text("")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(LakeUnusableError, match="XDG_CACHE_HOME") as found:
            fetch_folder(stored.root, "adapters/one", known)
    assert "\n" not in str(found.value)


def test_an_address_is_fetched_as_it_is_now(stored: Lake) -> None:
    address = str(stored.root / "adapters" / "one")
    with pytest.raises(LakeDamagedError, match=f"nothing lies below {address}"):
        fetch_address(address)
    saved(stored.root)
    put_folder(stored.root, "adapters/one", CONTENT)
    first = fetch_address(address)
    assert {name: (first / name).read_text() for name in CONTENT} == CONTENT
    assert fetch_address(address) == first
    (stored.root / "adapters" / "one" / "weights").write_text("later")
    second = fetch_address(address)
    assert (second / "weights").read_text() == "later"
    assert (first / "weights").read_text() == "numbers"


def test_copies_that_were_not_used_for_longest_leave(
    stored: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_MOST_BYTES", 250)
    long_ago = time.time() - 3 * 24 * 3600
    content = {"weights": "x" * 100}
    for number in range(4):
        here = saved(stored.root, f"adapters/n{number}", content)
        os.utime(here, (long_ago + number, long_ago + number))
    draft = saved(stored.root, "adapters/.n0-killed", {"weights": ""})
    os.utime(draft, (long_ago, long_ago))
    young = saved(stored.root, "adapters/.n1-at-work", {"weights": ""})

    def left() -> set[str]:
        return {path.name for path in young.parent.iterdir()}

    put_folder(stored.root, "adapters/n1", content)  # used now
    assert left() == {"n1", "n3", ".n1-at-work"}
    for number in range(5, 9):  # none of which anybody may have done with
        saved(stored.root, f"adapters/n{number}", content)
    put_folder(stored.root, "adapters/n8", content)
    assert left() == {"n1", "n5", "n6", "n7", "n8", ".n1-at-work"}


def test_the_doctor_looks_into_checkpoints(lake: Lake) -> None:
    """In a directory and in an object store."""
    here = saved(lake.root)
    put_folder(lake.root, "adapters/one", CONTENT)
    row = {
        **{"arm": "a", "unit": "1/1", "step": 1, "checkpoint_id": "one", "parent_id": "base"},
        **{"policy": "p", "policy_id": "p", "trainer_id": "t", "path": "adapters/one"},
        **{"sha256": "", "optimizer_sha256": "", "bytes": 9, "created_at": datetime.now(UTC)},
        "files": json.dumps(hashes(here)),
    }
    made = {
        **{"arm": "a", "unit": "1/1", "step": 1, "checkpoint_id": "one", "parent_id": "base"},
        **{"objective": "a", "reward": "r", "spec": "{}", "n_items": 2, "n_tokens": 2},
        **{"seconds": 1.0, "status": "done", "made_at": datetime.now(UTC)},
    }
    commit(lake, "r", "s1", {"checkpoints": [row], "train_steps": [made]})
    assert verify(lake).damages == ()
    there = lake.root / "adapters" / "one"
    (there / "weights").write_text("half")
    (there / "deep" / "state").unlink()
    assert [line.partition(";")[0] for line in verify(lake).damages] == [
        f"{there / 'deep' / 'state'} is not there",
        f"{there / 'weights'} is not what was saved",
    ]
    for kind in ("adapt", "train"):
        lake.append("runs", [run_row("r") | {"kind": kind}], run_id="r")
        again = f"`bon {kind} --run r` makes it again"
        assert all(line.endswith(again) for line in verify(lake).damages)
