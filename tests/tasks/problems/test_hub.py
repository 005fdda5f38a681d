"""KernelBench's dataset as Parquet, here and from a hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RequestError
from tasks.problems import load_suite

ROWS = [
    {"code": "# ten\n", "level": 1, "name": "10_Ten", "problem_id": 10},
    {"code": "# two\n", "level": 1, "name": "2_Two_", "problem_id": 2},
]


def dataset(directory: Path) -> Path:
    """As the hub keeps it: one file per level."""
    data = directory / "data"
    data.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), data / "level_1-00000-of-00001.parquet")
    fused = ROWS[1] | {"level": 2, "name": "2_Fused.py", "code": "# fused\n"}
    pq.write_table(pa.Table.from_pylist([fused]), data / "level_2-00000-of-00001.parquet")
    return directory


def listed(spec: str) -> list[tuple[str, int, int, str]]:
    return [(p.suite, p.level, p.problem_id, p.name) for p in load_suite(spec).problems]


def test_a_directory_and_a_file(tmp_path: Path) -> None:
    home = dataset(tmp_path / "KernelBench")
    assert listed(f"hf:{home}") == [
        ("kernelbench", 1, 2, "Two_"),
        ("kernelbench", 1, 10, "Ten"),
        ("kernelbench", 2, 2, "Fused"),
    ]
    file = home / "data" / "level_2-00000-of-00001.parquet"
    assert [row[1:] for row in listed(f"hf:{file}")] == [(2, 2, "Fused")]
    assert len(listed(f"hf:{home}#level=1")) == 2


def test_the_same_text_has_the_same_hash_as_in_a_checkout(tmp_path: Path) -> None:
    home = dataset(tmp_path / "KernelBench")
    (tmp_path / "level1").mkdir()
    (tmp_path / "level1" / "2_Two_.py").write_text("# two\n")
    ours = load_suite(f"hf:{home}").problems[0]
    assert load_suite(f"kernelbench:{tmp_path}").problems == (ours,)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("hf", "ScalingIntelligence/KernelBench"),
        ("hf:{}/gone.parquet", "gone.parquet"),
        ("hf:{}/empty", "no Parquet file"),
        ("hf:{}/other.parquet", "no column code, level"),
        ("hf:{}/text.parquet", "cannot be read"),
        ("hf:{}/twice.parquet", "two problems 2"),
        ("hf:neither nor", "OWNER/NAME"),
    ],
)
def test_what_is_refused(tmp_path: Path, spec: str, names: str) -> None:
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"name": ["x"], "problem_id": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    twice = pa.Table.from_pylist([ROWS[1], ROWS[1] | {"code": "# other\n"}])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(RequestError) as caught:
        load_suite(spec.format(tmp_path))
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)


COMMIT = "0" * 39 + "1"


@contextmanager
def hub(home: Path) -> Iterator[str]:
    """A server that speaks as much of the hub's protocol as a snapshot of a dataset takes."""
    names = [str(path.relative_to(home)) for path in sorted(home.rglob("*.parquet"))]

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            kind, content = "application/json", None
            prefix = f"/datasets/ours/KernelBench/resolve/{COMMIT}/"
            if path.startswith("/api/datasets/ours/KernelBench/tree/"):
                tree = [
                    {"type": "file", "path": n, "size": (home / n).stat().st_size, "oid": n}
                    for n in names
                ]
                content = json.dumps(tree).encode()
            elif path.startswith("/api/datasets/ours/KernelBench"):
                siblings = [{"rfilename": name} for name in names]
                document = {"id": "ours/KernelBench", "sha": COMMIT, "siblings": siblings}
                content = json.dumps(document).encode()
            elif path.startswith(prefix):
                kind, content = (
                    "application/octet-stream",
                    (home / path[len(prefix) :]).read_bytes(),
                )
            self.send_response(404 if content is None else 200)
            content = content or b""
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{len(content)}-{abs(hash(path))}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def ask(endpoint: str, spec: str, home: Path) -> subprocess.CompletedProcess[str]:
    """`bon problems SPEC` against a hub at `endpoint`; the client reads it when it is imported."""
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)}
    environment |= {"HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-m", "deployments.cli", "problems", spec, "--json"]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=120
    )


def test_a_dataset_comes_from_the_hub_and_stays(tmp_path: Path) -> None:
    home = dataset(tmp_path / "KernelBench")
    with hub(home) as endpoint:
        fetched = ask(endpoint, "hf:ours/KernelBench", tmp_path / "cache")
    assert fetched.returncode == 0, fetched.stderr
    assert [row["name"] for row in json.loads(fetched.stdout)] == ["Two_", "Ten", "Fused"]
    again = ask(endpoint, "hf:ours/KernelBench", tmp_path / "cache")
    assert again.stdout == fetched.stdout


def test_a_hub_that_lacks_it_is_one_line(tmp_path: Path) -> None:
    with hub(dataset(tmp_path / "KernelBench")) as endpoint:
        answer = ask(endpoint, "hf:ours/Nothing", tmp_path / "cache")
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert "ours/Nothing" in answer.stderr
    assert "hf:FILE.parquet" in answer.stderr
