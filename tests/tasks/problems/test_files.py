"""Directories of problem files become suites: KernelBench's checkout, and one's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasks.errors import RequestError
from tasks.problems import load_suite


def write(path: Path, text: str = "class Model: ...\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    home = tmp_path / "checkout" / "KernelBench"
    write(home / "level1" / "10_Ten.py", "# ten\n")
    write(home / "level1" / "2_Two_.py", "# two\n")
    write(home / "level2" / "2_Fused.py", "# fused\n")
    write(home / "changelog" / "v0.1", "no problem\n")
    write(home.parent / "src" / "eval.py", "no problem\n")
    return home.parent


def test_a_checkout(checkout: Path) -> None:
    suite = load_suite(f"kernelbench:{checkout}")
    listed = [(p.suite, p.level, p.problem_id, p.name) for p in suite.problems]
    assert listed == [
        ("kernelbench", 1, 2, "Two_"),
        ("kernelbench", 1, 10, "Ten"),
        ("kernelbench", 2, 2, "Fused"),
    ]
    assert suite.problems[0].problem_hash == hashlib.sha256(b"# two\n").hexdigest()[:16]
    assert load_suite(f"kernelbench:{checkout}/KernelBench").problems == suite.problems


def test_a_part_of_a_checkout(checkout: Path) -> None:
    suite = load_suite(f"kernelbench:{checkout}#level=2")
    assert [(p.level, p.problem_id) for p in suite.problems] == [(2, 2)]
    with pytest.raises(RequestError, match="no problem 10"):
        suite.select([10])


def test_a_directory_of_ones_own(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "7_Seven.py")
    write(tmp_path / "mine" / "_helper.py")
    write(tmp_path / "mine" / "README.md")
    (problem,) = load_suite(f"dir:{tmp_path}/mine").problems
    assert (problem.suite, problem.level, problem.problem_id) == ("dir:mine", 1, 7)
    write(tmp_path / "level3" / "7_Seven.py")
    assert load_suite(f"dir:{tmp_path}/level3").problems[0].level == 3


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("kernelbench", "kernelbench:PATH"),
        ("kernelbench:{}/gone", "gone"),
        ("kernelbench:{}/mine", "dir:PATH"),
        ("dir", "dir:PATH"),
        ("dir:{}/gone", "gone"),
        ("dir:{}/empty", "holds no problem file"),
        ("dir:{}/nameless", "softmax.py has no number"),
        ("dir:{}/twice", "two problems 1"),
        ("dir:{}/binary", "not UTF-8"),
    ],
)
def test_what_is_refused(tmp_path: Path, spec: str, names: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "mine" / "1_A.py")
    write(tmp_path / "nameless" / "softmax.py")
    write(tmp_path / "twice" / "1_A.py")
    write(tmp_path / "twice" / "1_B.py")
    write(tmp_path / "binary" / "1_A.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError) as caught:
        load_suite(spec.format(tmp_path))
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)
