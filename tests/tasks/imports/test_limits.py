"""What is no plain file, or more than fits in memory, is refused in one line and at once."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import Lake
from tasks.errors import RequestError
from tasks.imports import import_results, limits
from tasks.imports.kernel_files import read_kernel_folder

ROOT = Path(__file__).resolve().parents[3]
ROW = {"problem_id": 1, "sample_index": 0, "mean_logprob": -1.0, "correct": False, "speedup": 0.0}
HEADER = "problem_id,sample_index,mean_logprob,correct,speedup"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def refused(lake: Lake, path: Path) -> str:
    with pytest.raises(RequestError) as answer:
        import_results(path, "r", lake)
    assert lake.run_ids() == []
    line = str(answer.value)
    assert "\n" not in line
    assert len(line) < 1000
    return line


def sparse(path: Path) -> None:
    path.write_text(f"{HEADER}\n")
    os.truncate(path, 6 << 30)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "is a FIFO"),
        (listening, "is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.symlink_to("/proc/self/pagemap"), "cannot be read"),
        (Path.mkdir, "is a directory"),
        (sparse, "has 6 GiB .*up to 1 GiB"),
        (lambda path: path.write_bytes(b"\x00" * 4096), "cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe" * 4096), "cannot be read"),
    ],
    ids=["FIFO", "socket", "device", "endless", "directory", "6 GiB", "NUL", "no UTF-8"],
)
def test_what_is_no_plain_file(
    lake: Lake,
    tmp_path: Path,
    suffix: str,
    make: Callable[[Path], object],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    path = Path(f"f.{suffix}")
    make(path)
    line = refused(lake, path)
    assert re.search(says, line), line


@pytest.mark.parametrize("name", ["level", "problem_id", "sample_index"])
@pytest.mark.parametrize("value", [-1, float(2**53), 2**63, 1e300, 0.5, float("inf")])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_indices_are_whole_numbers_from_0(
    lake: Lake, tmp_path: Path, name: str, value: float, suffix: str
) -> None:
    path = tmp_path / f"f.{suffix}"
    row = ROW | {name: value}
    if suffix == "csv":
        path.write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n")
    elif suffix == "jsonl":
        path.write_text(json.dumps(row) + "\n")
    else:
        typed = pa.uint64() if value == 2**63 else None
        columns = {key: pa.array([one], typed if key == name else None) for key, one in row.items()}
        pq.write_table(pa.table(columns), path)
    assert name in refused(lake, path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("deep.jsonl", '{"a":' * 100_000 + "1" + "}" * 100_000, "line 1 is nested too deeply"),
        ("list.jsonl", '{"problem_id":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("line.jsonl", '{"source": "' + "a" * (17 << 20) + '"}', "line 1 is longer than 16 MiB"),
        ("digits.jsonl", '{"problem_id": ' + "9" * 5000 + "}", "near line 1"),
        ("none.jsonl", "[1, 2]\n", "no JSON object"),
        ("half.jsonl", '{"source": "\\ud800", "problem_id": 1}', "column 'source'"),
        ("wide.jsonl", json.dumps({f"c{i}": 1 for i in range(2000)}), "more than 1,000"),
        ("wide.csv", HEADER + ",a" * 2000 + "\n1,0,,0,\n", "longer than a header of 1,000 names"),
        ("cell.csv", f'{HEADER},source\n1,0,,0,,"' + "a" * (40 << 20) + '"\n', "cannot be read"),
        ("name.csv", "a" * (2 << 20) + f",{HEADER}\n", "cannot be read"),
    ],
)
def test_text_that_is_out_of_proportion(
    lake: Lake, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    assert says in refused(lake, tmp_path / name)


def test_bombs_of_parquet(lake: Lake, tmp_path: Path) -> None:
    n = 300
    texts = pa.array(["z" * (4 << 20)] * n, pa.large_string())
    index = list(range(n))
    constant = {name: [value] * n for name, value in ROW.items()}
    table = pa.table(constant | {"sample_index": index, "source": texts})
    pq.write_table(table, tmp_path / "texts.parquet", compression="zstd")
    assert (tmp_path / "texts.parquet").stat().st_size < 1 << 20
    assert "of rows or more" in refused(lake, tmp_path / "texts.parquet")
    pq.write_table(table, tmp_path / "plain.parquet", compression="zstd", use_dictionary=False)
    assert "of rows or more" in refused(lake, tmp_path / "plain.parquet")
    many = 3_000_000
    rows = {name: pa.repeat(pa.scalar(value), many) for name, value in ROW.items()}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet", row_group_size=many)
    assert (tmp_path / "rows.parquet").stat().st_size < 1 << 20
    assert "has 3,000,000 rows or more" in refused(lake, tmp_path / "rows.parquet")


def test_too_many_rows_are_noticed_while_they_are_read(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROWS", 1000)
    lines = "".join(f"1,{index},,0,\n" for index in range(1001))
    (tmp_path / "f.csv").write_text(f"{HEADER}\n{lines}")
    assert "up to 1,000" in refused(lake, tmp_path / "f.csv")


def test_more_problems_than_a_run_has(lake: Lake, tmp_path: Path) -> None:
    lines = "".join(f"{problem},0,,0,\n" for problem in range(limits.PROBLEMS + 1))
    (tmp_path / "f.csv").write_text(f"{HEADER}\n{lines}")
    assert "has 200,001 problems" in refused(lake, tmp_path / "f.csv")


_PEAK = """
import sys
from pathlib import Path
from storage import Lake
from tasks.imports import import_results
import_results(Path(sys.argv[1]), "r", Lake.open(sys.argv[2], create=True))
status = Path("/proc/self/status").read_text()  # getrusage's peak includes that of the parent
print(status.partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.slow
def test_the_largest_import_stays_within_4_gb(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    source = "x = 1  # 0123456789abcdef\n" * 40
    with path.open("w") as file:
        file.write(f"{HEADER},source\n")
        for index in range(470_000):
            file.write(f'{index % 100},{index // 100},-0.5,1,2.0,"{source}# {index}"\n')
    assert path.stat().st_size > 0.9 * limits.TABLE_BYTES
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, path, tmp_path / "lake"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) * 1024 < 4e9


class TestKernels:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "kernels"
        folder.mkdir()
        (folder / "level_1_problem_1_sample_0_kernel.py").write_bytes(b"a\r\nb\x00\n")
        (tmp_path / "secret").write_text("root:x:0:0\n")
        return folder

    def refused(self, folder: Path) -> str:
        with pytest.raises(RequestError) as answer:
            read_kernel_folder(folder)
        assert "\n" not in str(answer.value)
        return str(answer.value)

    def test_what_is_read(self, folder: Path) -> None:
        (kernel,) = read_kernel_folder(folder).kernels
        assert kernel.source == "a\nb\x00\n"

    def test_no_link_leads_out_of_the_folder(self, folder: Path, tmp_path: Path) -> None:
        link = folder / "level_1_problem_1_sample_1_kernel.py"
        for target in ("../secret", tmp_path / "secret", "/etc/passwd"):
            link.symlink_to(target)
            assert "is a link out of its folder" in self.refused(folder)
            link.unlink()
        link.symlink_to("level_1_problem_1_sample_0_kernel.py")
        (tmp_path / "named").symlink_to(folder)
        assert len(read_kernel_folder(tmp_path / "named").kernels) == 2
        link.unlink()
        link.symlink_to(link.name)
        assert "cannot be read" in self.refused(folder)

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (os.mkfifo, "is a FIFO"),
            (Path.mkdir, "is a directory"),
            (
                lambda path: path.write_bytes(b"x" * ((1 << 20) + 1)),
                "(1,048,577 bytes)",
            ),
            (lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8"),
        ],
        ids=["FIFO", "directory", "large", "no UTF-8"],
    )
    def test_files_that_are_no_kernels(
        self, folder: Path, make: Callable[[Path], object], says: str
    ) -> None:
        make(folder / "level_1_problem_1_sample_1_kernel.py")
        assert says in self.refused(folder)

    @pytest.mark.parametrize(
        ("level", "problem", "sample"),
        [
            ("1", "1", "-1"),
            ("1", "-1", "1"),
            ("-1", "1", "1"),
            ("1", "1", "2000000000"),
            ("1", "9" * 150, "1"),
            ("99999999999", "1", "1"),
        ],
    )
    def test_numbers_that_no_run_has(
        self, folder: Path, level: str, problem: str, sample: str
    ) -> None:
        name = f"level_{level}_problem_{problem}_sample_{sample}_kernel.py"
        (folder / name).write_text("x\n")
        assert "is from 0 to" in self.refused(folder)

    def test_one_sample_in_two_files(self, folder: Path) -> None:
        (folder / "level_01_problem_1_sample_0_kernel.py").write_text("x\n")
        assert "second file of level 1, problem 1, sample 0" in self.refused(folder)
