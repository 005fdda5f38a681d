"""What is not sound in a lake is named; nothing of it is silently missing or wrong."""

from __future__ import annotations

import io
import logging
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import Lake, LakeDamagedError, LakeUnusableError, QueryError, evaluated, sampled
from storage import lake as lake_module
from storage.commit import commit, discard_uncommitted
from storage.layout import run_directory, table_directory
from storage.ledger import judged
from storage.verify import verify
from tests.permissions import permissions_count
from tests.storage.make import candidate_row, evaluation_row, small_run
from tests.storage.test_commit import TIMING

QUERY = "SELECT run_id, count(*) AS n, sum(speedup) AS s FROM results GROUP BY ALL ORDER BY ALL"
SMALL = {"n": 8, "s": 7.0}


@pytest.fixture
def house(tmp_path: Path) -> Lake:
    """A lake in a directory with two equal runs."""
    lake = Lake.open(tmp_path / "lake", create=True)
    small_run(lake, "r1")
    small_run(lake, "r2")
    return lake


@pytest.fixture(autouse=True)
def _no_warning_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "_warned", set())


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "storage")
    return lambda: [record.getMessage() for record in caplog.records]


def part(lake: Lake, table: str, run_id: str = "r1") -> Path:
    return lake.parts(table, run_id)[0]


def flip(path: Path, byte: int) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(bytes(content))


def refused(ask: Callable[[], object], *says: str) -> None:
    with pytest.raises(LakeDamagedError) as error:
        ask()
    text = str(error.value)
    assert "\n" not in text
    for wanted in says:
        assert wanted in text


def asks(lake: Lake, run_id: str = "r1") -> Iterator[Callable[[], object]]:
    """Every way to ask for a run's results."""
    yield lambda: lake.sql(QUERY, [run_id])
    yield lambda: lake.results([run_id])
    yield lambda: lake.sql(f"SELECT * FROM results WHERE run_id = '{run_id}'")
    yield lambda: lake.sql("SELECT * FROM results WHERE run_id = $run", None, {"run": run_id})
    yield lambda: lake.connect([run_id])


@pytest.mark.parametrize("table", ["evaluations", "candidates"])
def test_a_runs_directory_that_cannot_be_read_is_an_error(
    house: Lake, table: str, warnings: Callable[[], list[str]]
) -> None:
    directory = run_directory(house.root, table, "r1")
    directory.chmod(0)
    with permissions_count():
        for ask in asks(house):
            refused(ask, str(directory), "mend its permissions")
        refused(lambda: judged(house, "r1", "h1"), str(directory))
        assert house.sql(QUERY).to_pylist() == [{"run_id": "r2"} | SMALL]
        assert house.results(["r2"]).num_rows == 8
        assert house.run_ids() == ["r1", "r2"]
        (damage,) = verify(house).damages
    assert str(directory) in damage
    assert [str(directory) in line and "'r1'" in line for line in warnings()] == [True]


@pytest.mark.parametrize("level", ["table", "schema"])
def test_a_tables_directory_that_cannot_be_read_is_an_error_for_all(
    house: Lake, level: str
) -> None:
    schema = table_directory(house.root, "evaluations")
    directory = schema if level == "schema" else schema.parent
    directory.chmod(0)
    with permissions_count():
        for run_ids in (None, ["r2"]):
            refused(lambda runs=run_ids: house.sql(QUERY, runs), str(directory))
        refused(lambda: evaluated(house, "r1", "h1"), str(directory))
        refused(house.run_ids, str(directory))
        assert len(house.sql("SELECT * FROM candidates")) == 16
    directory.chmod(0o755)
    assert house.sql(QUERY).num_rows == 2


def test_a_directory_on_a_disk_that_is_gone_is_an_error(house: Lake, tmp_path: Path) -> None:
    directory = run_directory(house.root, "evaluations", "r1")
    shutil.move(directory, tmp_path / "disk")
    directory.symlink_to(tmp_path / "disk")
    assert house.results(["r1"]).num_rows == 8
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    for ask in asks(house):
        refused(ask, str(directory), "links to what is not there")
    refused(lambda: evaluated(house, "r1", "h1"), str(directory))


def test_what_commits_a_companion_must_not_be_gone(house: Lake) -> None:
    verdict = {"evaluations": [evaluation_row(1, "a")], "timings": [TIMING]}
    commit(house, "r3", "p", verdict | {"candidates": [candidate_row(1, 0, "a")]})
    directory = run_directory(house.root, "evaluations", "r3")
    shutil.rmtree(directory)
    for ask in asks(house, "r3"):
        refused(ask, str(directory), "is gone", "timings")
    refused(lambda: evaluated(house, "r3", "h1"), str(directory))
    refused(lambda: discard_uncommitted(house, "r3"), str(directory))
    assert house.parts("timings", "r3")
    assert house.sql(QUERY).num_rows == 2
    directory.mkdir()  # the mend that the message names
    assert house.results(["r3"])["status"].to_pylist() == [None]
    assert discard_uncommitted(house, "r3") == 1


def test_a_writer_killed_at_its_first_commit_leaves_nothing_that_looks_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Lake.append

    def cut(self: Lake, table: str, rows: object, *, run_id: str, part: str) -> object:
        if table == "evaluations":
            raise KeyboardInterrupt
        return whole(self, table, rows, run_id=run_id, part=part)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", cut)
        with pytest.raises(KeyboardInterrupt):
            commit(lake, "r", "p", {"evaluations": [evaluation_row(1, "a")], "timings": [TIMING]})
    assert evaluated(lake, "r", "h1") == set()
    assert discard_uncommitted(lake, "r") == 1


def test_a_lake_gone_from_under_its_writer_is_not_begun_again(house: Lake) -> None:
    with house.run_lock("r1"):
        assert len(sampled(house, "r1")) == 8
        house.root.rename(house.root.with_name("unmounted"))
        for act in (
            lambda: sampled(house, "r1"),
            lambda: evaluated(house, "r1", "h1"),
            lambda: house.append("candidates", [candidate_row(1, 9, "z")], run_id="r1"),
        ):
            with pytest.raises(LakeUnusableError, match="unmounted while run 'r1'"):
                act()
        assert not house.root.exists()
        house.root.mkdir()  # the empty directory below a mount
        with pytest.raises(LakeUnusableError, match=r"r1\.lock is gone"):
            sampled(house, "r1")
        house.root.rmdir()
        house.root.with_name("unmounted").rename(house.root)
        assert len(sampled(house, "r1")) == 8


def test_a_companions_table_that_cannot_be_read_stops_only_what_reads_it(house: Lake) -> None:
    commit(house, "r1", "p", {"evaluations": [evaluation_row(3, "a")], "timings": [TIMING]})
    table = house.root / "timings"
    table.chmod(0)
    with permissions_count():
        assert house.sql(QUERY).num_rows == 2
        refused(lambda: house.sql("SELECT * FROM timings"), str(table))


Damage = Callable[[Path], None]


def unreadable(path: Path) -> None:
    path.chmod(0)


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("elsewhere"))


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def one_bit(path: Path) -> None:
    flip(path, 100)


@pytest.mark.parametrize(
    "damage", [unreadable, dangling, a_directory, a_pipe, cut_short, emptied, one_bit]
)
def test_a_part_that_is_not_sound_stops_its_run_alone(
    house: Lake, damage: Damage, warnings: Callable[[], list[str]]
) -> None:
    path = part(house, "evaluations")
    damage(path)
    with permissions_count():
        for ask in asks(house):
            refused(ask, str(path), "out of the lake", "judges again")
        refused(lambda: evaluated(house, "r1", "h1"), str(path))
        assert house.sql(QUERY).to_pylist() == [{"run_id": "r2"} | SMALL]
        assert house.runs()["run_id"].to_pylist() == ["r2"]
        assert len(house.sql("SELECT * FROM candidates")) == 16
        assert sampled(house, "r1")
        with house.run_lock("r2"):
            assert evaluated(house, "r2", "h1")
            assert discard_uncommitted(house, "r2") == 0
        assert [str(path) in line for line in verify(house).damages] == [True]
    assert len(warnings()) == 1
    assert "run 'r1' is left out" in warnings()[0]
    shutil.rmtree(path) if path.is_dir() else path.unlink()  # moved away, as the message says
    assert len(house.results(["r1"])) == 8


def test_a_lake_without_one_sound_run_answers_nothing(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    small_run(lake)
    one_bit(part(lake, "evaluations"))
    refused(lambda: lake.sql(QUERY), "is damaged")
    refused(lake.runs, "is damaged")


def test_a_part_of_another_run_is_named(house: Lake) -> None:
    copy = run_directory(house.root, "candidates", "r2") / part(house, "candidates").name
    shutil.copy2(part(house, "candidates"), copy)
    for ask in asks(house, "r2"):
        refused(ask, str(copy), "does not belong there", "run_id=r1")
    refused(lambda: sampled(house, "r2"), str(copy))
    assert house.sql(QUERY).to_pylist() == [{"run_id": "r1"} | SMALL]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_part_under_another_name_in_its_run_is_named(house: Lake, sealed: bool) -> None:
    path = part(house, "candidates")
    if not sealed:
        pq.write_table(pq.ParquetFile(path).read().replace_schema_metadata(None), path)
    copy = path.with_name("part-zz.parquet")
    shutil.copy2(path, copy)
    for ask in asks(house):
        refused(ask, str(copy))
    assert house.sql(QUERY).to_pylist() == [{"run_id": "r2"} | SMALL]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_part_of_another_table_is_named(house: Lake, sealed: bool) -> None:
    path = part(house, "problems")
    if not sealed:
        pq.write_table(pq.ParquetFile(path).read().replace_schema_metadata(None), path)
    copy = run_directory(house.root, "evaluations", "r1") / path.name
    shutil.copy2(path, copy)
    for ask in asks(house):
        refused(ask, str(copy))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"x": [1]}, "column 'x'"),
        ({"run_id": ["r9"]}, "column 'run_id'"),
        ({"suite": ["s"]}, "lacks the column"),
        ({"level": ["one"]}, "'level' is string"),
    ],
)
def test_a_foreign_parquet_file_is_named(
    house: Lake, columns: dict[str, list[object]], says: str
) -> None:
    path = run_directory(house.root, "candidates", "r1") / "part-mine.parquet"
    pq.write_table(pa.table(columns), path)
    for ask in asks(house):
        refused(ask, str(path), says)
    assert house.sql(QUERY).to_pylist() == [{"run_id": "r2"} | SMALL]


@pytest.mark.parametrize(
    "above", ["run_id=X", "schema=v9", "level=7/suite=other", "a/status=no", "line\nfeed"]
)
def test_a_lake_may_lie_below_directories_named_like_partitions(tmp_path: Path, above: str) -> None:
    lake = Lake.open(tmp_path / above / "lake", create=True)
    small_run(lake, "r1")
    small_run(lake, "r2")
    wanted = [{"run_id": run_id} | SMALL for run_id in ("r1", "r2")]
    assert lake.sql(QUERY).to_pylist() == wanted
    assert lake.run_ids() == ["r1", "r2"]
    assert set(lake.results(["r1"])["level"].to_pylist()) == {1}
    from storage.duckdb_file import write_duckdb_file

    with duckdb.connect() as shell:
        shell.execute(write_duckdb_file(lake).read_text())
        assert shell.sql(QUERY).to_arrow_table().to_pylist() == wanted


def test_a_cache_below_a_directory_named_like_a_partition(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "run_id=X"))
    lake = Lake.open(f"{bucket}/partition/run_id=Y", create=True)
    small_run(lake)
    assert lake.sql(QUERY).to_pylist() == [{"run_id": "r1"} | SMALL]


def test_bits_that_flip_are_noticed(lake: Lake) -> None:
    small_run(lake, "r1")
    small_run(lake, "r2")
    rng = random.Random(7)
    for table in ("runs", "problems", "candidates", "evaluations"):
        path = lake.parts(table, "r1")[0]
        whole = path.read_bytes()
        for _ in range(4):
            flip(path, rng.randrange(len(whole)))
            refused(lambda one=table: lake.sql(f"SELECT * FROM {one}", ["r1"]), path.name)
            path.write_bytes(whole)
        assert len(lake.sql(f"SELECT * FROM {table}", ["r1"]))


def test_a_damaged_copy_of_a_sound_object_is_fetched_again(bucket: str) -> None:
    home = Path(os.environ["XDG_CACHE_HOME"])
    of_others = set(home.rglob("part-*.parquet"))
    lake = Lake.open(f"{bucket}/copies", create=True)
    small_run(lake)
    assert lake.results(["r1"]).num_rows == 8
    copies = set(home.rglob("part-*.parquet")) - of_others
    assert copies
    for path in copies:
        before = path.stat()
        one_bit(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lake.results(["r1"])["speedup"].to_pylist()[:4] == [1.5, 1.5, 0.5, None]


def test_a_store_that_cannot_list_is_no_empty_one(bucket: str) -> None:
    assert Lake(f"{bucket}/nothing-here").run_ids() == []
    gone = Lake("s3://no-such-bucket-at-all/lake")
    refused(lambda: evaluated(gone, "r1", "h1"), "cannot be listed")
    refused(lambda: gone.sql(QUERY), "cannot be listed")
    refused(gone.run_ids, "cannot be listed")


def test_other_readers_read_sealed_parts_and_their_page_checksums(house: Lake) -> None:
    path = part(house, "candidates")
    assert pq.read_table(path, partitioning=None, page_checksum_verification=True).num_rows == 4
    assert len(duckdb.sql(f"FROM '{path}'").fetchall()) == 4
    content = bytearray(path.read_bytes())
    content[pq.read_metadata(path).row_group(0).column(4).data_page_offset + 40] ^= 1
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(io.BytesIO(bytes(content)), page_checksum_verification=True)


def test_a_query_reads_a_part_once(house: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage import sound

    read: list[str] = []
    whole = sound.read_seal

    def spy(file: io.BufferedReader, place: object) -> object:
        read.append(str(place))
        return whole(file, place)

    monkeypatch.setattr(sound, "read_seal", spy)
    for _ in range(2):
        house.sql("SELECT count(*) FROM candidates", ["r1"])
    assert read == sorted(set(read))
    assert [one.split("/")[:3:2] for one in read] == [["candidates", "run_id=r1"]] * 2
    assert sampled(house, "r1")
    assert len(read) == 2


def test_a_damaged_file_of_views_is_named(house: Lake) -> None:
    from storage.duckdb_file import write_duckdb_file

    path = write_duckdb_file(house)
    assert verify(house).sound
    text = path.read_text()
    path.write_text(text.replace("latest", "iatest", 1))
    (damage,) = verify(house).damages
    assert str(path) in damage
    path.write_bytes(b"\xff" + text.encode())
    assert not verify(house).sound


def test_a_broken_query_stays_a_query_error(house: Lake) -> None:
    with pytest.raises(QueryError):
        house.sql("SELECT nope FROM results")


def test_a_listing_that_a_store_refuses_is_no_empty_one(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the credentials may read objects, but not list them."""
    import s3fs

    lake = Lake.open(f"{bucket}/unlisted", create=True)
    small_run(lake)

    call = s3fs.S3FileSystem._call_s3

    async def without_listing(self: object, method: str, *args: object, **named: object) -> object:
        if method == "list_objects_v2":
            raise PermissionError(13, "Access Denied")
        return await call(self, method, *args, **named)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", without_listing)
    for ask in (
        lambda: lake.sql(QUERY),
        lambda: lake.results(["r1"]),
        lambda: sampled(lake, "r1"),
        lambda: discard_uncommitted(lake, "r1"),
        lambda: lake.parts("runs", "r1"),
        lake.run_ids,
    ):
        refused(ask, "cannot be listed (Access Denied)")
    for create in (False, True):
        with pytest.raises(LakeUnusableError, match="Access Denied"):
            Lake.open(lake.root, create=create)


@pytest.mark.parametrize("place", ["candidates", "candidates/schema=v1", "runs/schema=v1/old/r1"])
def test_a_part_in_no_runs_directory_is_listed(house: Lake, place: str) -> None:
    stray = house.root / place / "part-x.parquet"
    stray.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(part(house, "candidates"), stray)
    (damage,) = verify(house).damages
    assert damage.startswith(str(stray))
    assert house.sql(QUERY).num_rows == 2
