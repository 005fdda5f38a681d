"""What may be opened as a lake, and where one may be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage import Lake, LakeError, LakeMissingError, LakeUnusableError
from tests.permissions import permissions_count
from tests.storage.make import run_row, small_run


def refused(root: str | Path, *says: str, create: bool = True) -> None:
    with pytest.raises(LakeUnusableError) as error:
        Lake.open(root, create=create)
    text = str(error.value)
    assert "\n" not in text
    assert "\0" not in text
    for wanted in says:
        assert wanted in text


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    for name in ("thesis.tex", ".bashrc", "photos", "music", "zzz"):
        (tmp_path / name).mkdir() if name == "photos" else (tmp_path / name).write_text("")
    before = sorted(path.name for path in tmp_path.iterdir())
    refused(tmp_path, "no lake", "'.bashrc', 'music', 'photos' and 2 more", "empty or a new one")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_another_programs_directory_of_the_same_name_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "runs" / "Nov30_tensorboard").mkdir(parents=True)
    refused(tmp_path, "no lake", "'runs'")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["Nov30_tensorboard"]


@pytest.mark.parametrize("name", ["lost+found", ".DS_Store", ".gitkeep", ".nfs000012", "runs"])
def test_what_file_systems_leave_is_nothing(tmp_path: Path, name: str) -> None:
    """`runs`: left empty where a lake was being made."""
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0 if name == "lost+found" else 0o755)
    with permissions_count():
        lake = Lake.open(tmp_path, create=True)
        lake.append("runs", [run_row()], run_id="r1")
        assert Lake.open(tmp_path, create=True).run_ids() == ["r1"]


def test_a_lake_keeps_what_else_was_put_there(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    (lake.root / "notes.txt").write_text("mine")
    (lake.root / "private").mkdir(mode=0)
    with permissions_count():
        assert Lake.open(lake.root, create=True).run_ids() == []


def test_a_prefix_with_other_objects_is_left_alone(bucket: str) -> None:
    lake = Lake(f"{bucket}/others")
    (lake.root / "model.safetensors").write_bytes(b"x")
    (lake.root / "logs" / "a.txt").write_bytes(b"x")
    refused(lake.root, "no lake", "'logs', 'model.safetensors'")
    refused(lake.root, "no lake", create=False)
    assert len(list(lake.root.iterdir())) == 2
    with pytest.raises(LakeMissingError):
        Lake.open(f"{bucket}/other")


@pytest.mark.parametrize("create", [False, True])
def test_below_a_file_the_file_is_named(tmp_path: Path, create: bool) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError) as error:
        Lake.open(tmp_path / "file" / "a" / "lake", create=create)
    assert create is False or f"{tmp_path / 'file'} is a file" in str(error.value)


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    (lake.root / "runs").chmod(0)
    with permissions_count():
        for create in (False, True):
            refused(lake.root, "ermission denied", create=create)
    (lake.root / "runs").chmod(0o755)
    lake.root.chmod(0)
    with permissions_count():
        for create in (False, True):
            refused(lake.root, "ermission denied", create=create)
    lake.root.chmod(0o755)


def test_one_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    small_run(lake)
    lake.root.chmod(0o555)
    with permissions_count():
        assert Lake.open(lake.root).results(["r1"]).num_rows == 8
        refused(lake.root, "ermission denied")
    lake.root.chmod(0o755)


def test_a_read_only_file_system_is_said() -> None:
    refused("/proc/self/lake", "cannot be made")
    mounted = Path("/sys/kernel")
    if os.statvfs(mounted).f_flag & os.ST_RDONLY:
        refused(mounted / "lake", "cannot be made")


@pytest.mark.parametrize("address", ["~nobody-of-that-name/lake", "a\0b", "x" * 5000])
def test_addresses_that_are_none(address: str) -> None:
    refused(address, "lake")


def test_dots_mean_what_the_system_makes_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far" / "away")
    monkeypatch.chdir(tmp_path / "near")
    lake = Lake.open("link/../lake", create=True)
    small_run(lake)
    assert lake.root == tmp_path / "far" / "lake"
    assert lake.results(["r1"]).num_rows == 8
    assert Lake.open("missing/../lake2", create=True).root == tmp_path / "near" / "lake2"
    assert not (tmp_path / "near" / "missing").exists()


@pytest.mark.parametrize(("directory", "file"), [(0o755, 0o600), (0o775, 0o660)])
def test_a_lock_is_private_unless_the_lake_is_shared(
    tmp_path: Path, directory: int, file: int
) -> None:
    before = os.umask(0o777 & ~directory)
    try:
        lake = Lake.open(tmp_path / "lake", create=True)
        with lake.run_lock("r1"):
            mode = (lake.root / ".locks" / "r1.lock").stat().st_mode
        assert mode & 0o777 == file
    finally:
        os.umask(before)
