"""What only an object store can refuse, and what is to be told of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage import Lake, LakeMissingError, LakeUnusableError, RunLockedError, mirror, object_lock
from storage.duckdb_file import write_duckdb_file
from storage.place import put_new
from tests.object_store import served
from tests.storage.make import candidate_row, evaluation_row, small_run


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    return text


def test_a_prefix_without_a_lake_and_a_bucket_that_is_not_there(bucket: str) -> None:
    with pytest.raises(LakeMissingError, match=f"no lake at {bucket}/none"):
        Lake.open(f"{bucket}/none")
    for create in (False, True):
        with pytest.raises((LakeMissingError, LakeUnusableError)) as refused:
            Lake.open("s3://no-such-bucket-anywhere/lake", create=create)
        assert "s3://no-such-bucket-anywhere/lake" in one_line(refused.value)


def test_a_server_that_does_not_answer_is_one_line() -> None:
    """In another process: s3fs keeps the connections of this one."""
    script = (
        "from storage import Lake, LakeUnusableError\n"
        "try: Lake.open('s3://bucket/lake', create=True)\n"
        "except LakeUnusableError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a"}
        | {"AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("lake s3://bucket/lake cannot be reached (")
    assert "AWS_ENDPOINT_URL" in said.stdout
    assert said.stdout.count("\n") == 1


@pytest.mark.parametrize("address", ["nonsense://bucket/lake", "gs://bucket/lake"])
def test_a_protocol_that_nobody_here_speaks(address: str) -> None:
    with pytest.raises(LakeUnusableError, match=address) as refused:
        Lake.open(address)
    assert "bon-sweep[s3]" in one_line(refused.value)


def test_another_machines_lock_is_respected_and_told(bucket: str) -> None:
    lake = Lake.open(f"{bucket}/elsewhere", create=True)
    lock = lake.root / ".locks" / "r1.lock"
    assert put_new(lock, b'{"process": 7, "host": "far-away", "started": 1.0}')
    with (
        pytest.raises(RunLockedError, match="process 7 on far-away") as refused,
        lake.run_lock("r1"),
    ):
        pass
    assert str(lock) in one_line(refused.value)
    lock.unlink()
    with lake.run_lock("r1"):
        pass
    assert not lock.exists()


def test_a_lock_whose_answer_got_lost_is_held(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client asks again, and is told that there is one: its own."""
    lake = Lake.open(f"{bucket}/lost", create=True)
    monkeypatch.setattr(object_lock, "put_new", lambda *given: put_new(*given) and False)
    with lake.run_lock("r1"), pytest.raises(RunLockedError), lake.run_lock("r1"):
        pass


def test_a_bucket_may_be_a_lake_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch) as bucket:
        lake = Lake.open(bucket, create=True)
        small_run(lake)
        assert len(Lake.open(bucket).results(["r1"])) == 8


def test_a_part_is_fetched_once_and_only_for_who_asks(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(f"{bucket}/fetched", create=True)
    fetched: list[str] = []
    fetch = mirror._fetch

    def noted(store: Any, name: str, path: Path, there: dict[str, Any]) -> None:
        fetched.append(name.partition("schema=v1/")[2])
        fetch(store, name, path, there)

    def draws(run_ids: list[str] | None = None) -> int:
        fetched.clear()
        return int(lake.sql("SELECT count(*) AS n FROM candidates", run_ids)["n"][0].as_py())

    monkeypatch.setattr(mirror, "_fetch", noted)
    for run_id in ("a", "b"):
        lake.append("candidates", [candidate_row(1, 0, "x")], run_id=run_id, part="p")
    lake.append("evaluations", [evaluation_row(1, "x")], run_id="a", part="p")
    assert draws(["a"]) == 1
    assert [name for name in fetched if name.startswith("run_id")] == ["run_id=a/part-p.parquet"]
    assert draws() == 2
    assert fetched == ["run_id=b/part-p.parquet"]
    assert draws() == 2
    assert fetched == []

    gone = lake.append("candidates", [candidate_row(1, 1, "y")], run_id="a", part="q")
    assert gone is not None
    assert (draws(), fetched) == (3, ["run_id=a/part-q.parquet"])
    gone.unlink()
    assert (draws(), fetched) == (2, [])


def test_bon_sql_names_the_store_for_the_plain_shell(bucket: str) -> None:
    lake = Lake.open(f"{bucket}/shell", create=True)
    small_run(lake)
    text = write_duckdb_file(lake).read_text()
    assert "LOAD httpfs" in text
    assert f"'{bucket}/shell' || '/candidates/schema=v1/run_id=*/part-*.parquet'" in text
    assert {path.name for path in lake.root.iterdir()} >= {"bon.sql", "candidates", "runs"}


def test_an_object_put_twice_within_a_second_is_another(bucket: str) -> None:
    lake = Lake.open(f"{bucket}/twice", create=True)
    for source in ("a", "b", "c", "d"):  # equally long
        lake.append("candidates", [candidate_row(1, 0, source)], run_id="r1", part="p")
        assert lake.results(["r1"])["source_hash"].to_pylist() == [source]
        lake.parts("candidates", "r1")[0].unlink()
