"""What is read of a KernelBench run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import RequestError
from tasks.imports.kernel_files import read_kernel_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for level, problem, sample in ((1, 10, 0), (1, 9, 11), (1, 9, 2), (3, 1, 0)):
        name = f"level_{level}_problem_{problem}_sample_{sample}_kernel.py"
        (tmp_path / name).write_text(f"# {level} {problem} {sample}\n")
    return tmp_path


def test_candidates_in_the_order_of_their_numbers(folder: Path) -> None:
    read = read_kernel_folder(folder)
    keys = [(one.level, one.problem_id, one.sample_index) for one in read.kernels]
    assert keys == [(1, 9, 2), (1, 9, 11), (1, 10, 0), (3, 1, 0)]
    assert (read.k, read.levels, read.problem_ids) == (12, (1, 3), (1, 9, 10))


def test_the_digest_is_of_the_candidates_alone(folder: Path) -> None:
    before = read_kernel_folder(folder).digest
    (folder / "level_1_problem_9_sample_2_prompt.txt").write_text("Write a kernel.")
    assert read_kernel_folder(folder).digest == before
    (folder / "level_1_problem_9_sample_2_kernel.py").write_text("# other\n")
    assert read_kernel_folder(folder).digest != before


def test_a_file_that_is_no_text(folder: Path) -> None:
    (folder / "level_1_problem_9_sample_3_kernel.py").write_bytes(b"\xff\xfe")
    with pytest.raises(RequestError, match=r"sample_3_kernel\.py cannot be read"):
        read_kernel_folder(folder)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no directory"):
        read_kernel_folder(tmp_path / "gone")
