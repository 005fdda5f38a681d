"""Nothing that candidates, problems or files hold steers the terminal, in any command."""

from __future__ import annotations

import ast
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage import Lake
from tests.storage.make import candidate_row, evaluation_row, run_row

ROOT = Path(__file__).resolve().parents[2]

STEERS = "\x1b[2J\x1b]0;title\x07\x9b31m\x1b[8m\u202e\u2066\u200b\rover\b\x7f"
"""Clears the screen, names the window, hides and turns text, goes back in its line."""

LITERAL = ":smile: [red]not red[/red] "

HOSTILE = f"{LITERAL}{STEERS}"

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")

RUNNER = """
import sys
from deployments import cli
from flows.cli.printing import shield_terminal
shield_terminal()
exec(sys.argv[1])
"""


def in_terminal(lake: Path, code: str, *, timeout: float = 240) -> str:
    """What the process writes to a terminal that takes plain text only (no colours)."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "BON_LAKE": str(lake), "COLUMNS": "2000"}
    command = [sys.executable, "-c", RUNNER, code]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT)
    os.close(theirs)
    written = b""
    while chunk := _read(ours):
        written += chunk
    os.close(ours)
    process.wait(timeout)
    return written.decode().replace("\r\n", "\n")  # a terminal's own line ends


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def each(commands: Sequence[Sequence[object]]) -> str:
    return f"for line in {[[str(one) for one in line] for line in commands]!r}: cli.run(line)"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A run whose every text is hostile."""
    lake = Lake.open(tmp_path / "lake", create=True)
    run = run_row("r") | {"suite": HOSTILE, "policy": HOSTILE, "policy_id": HOSTILE}
    lake.append("runs", [run], run_id="r")
    place = {"suite": HOSTILE, "level": 1, "problem_id": 1}
    texts = {"name": HOSTILE, "problem_hash": "x", "source": HOSTILE}
    lake.append("problems", [place | texts], run_id="r")
    draw = place | {"source": f"def f():\n\treturn 1  # {HOSTILE}\r\n", "policy_id": HOSTILE}
    rows = [candidate_row(1, i, s) | draw for i, s in enumerate("abc")]
    lake.append("candidates", rows, run_id="r")
    wrong = {"error": f"first\n{HOSTILE}", "device": HOSTILE}
    wrong |= {"findings": [{"rule": HOSTILE, "severity": "warning", "message": HOSTILE}]}
    verdicts = [evaluation_row(1, "a"), evaluation_row(1, "b", status="incorrect")]
    verdicts.append(evaluation_row(1, "c", status="runtime_error"))
    lake.append("evaluations", [place | row | wrong | place for row in verdicts], run_id="r")
    return tmp_path / "lake"


def checked(written: str) -> str:
    assert not _FORBIDDEN.search(written), repr(written)
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in written
    assert "Traceback" not in written
    return written


def test_commands_that_show_the_lake(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(f"problem_id,{STEERS}\n1,2\n")
    problems = tmp_path / "problems" / "level1"
    problems.mkdir(parents=True)
    (problems / f"1_{HOSTILE.replace('/', '')}.py").write_text("class Model: pass\n")
    commands = [
        ("show", "r", 1, 0),
        ("show", "r", 1, 2),
        ("runs",),
        ("sql", "SELECT * FROM results"),
        ("sql", f'SELECT suite AS "{HOSTILE}", findings FROM evaluations'),
        ("sql", "SELECT * FROM results", "--csv"),
        ("sql", "SELECT findings FROM evaluations", "--csv"),
        ("strategies", "r"),
        ("report", "r"),
        ("problems", f"dir:{problems.parent}"),
        ("problems", HOSTILE),
        ("import", tmp_path / "bad.csv", "--run", "x"),
        ("import", tmp_path / STEERS, "--run", "x"),
        ("show", STEERS, 1, 1),
        ("sql", f"SELECT {STEERS}"),
        (STEERS,),
        ("runs", "--lake", tmp_path / STEERS),
    ]
    written = checked(in_terminal(lake, each(commands)))
    assert written.count(r"\x1b[2J") >= len(commands)
    assert "def f():\n\treturn 1  # :smile: [red]not red[/red]" in written.replace("        ", "\t")
    assert written.count(LITERAL.strip()) > 10


def test_json_stays_one_document_that_holds_the_text(lake: Path) -> None:
    code = "import json; cli.run(['show', 'r', '1', '0', '--json'])"
    written = checked(in_terminal(lake, code))
    (source,) = re.findall(r'"source": ("(?:[^"\\]|\\.)*")', written)
    assert ast.literal_eval(source).startswith("def f():\n\treturn 1  # :smile:")
    assert STEERS in ast.literal_eval(source)


def test_what_others_print(lake: Path) -> None:
    code = f"""
import logging, warnings
logging.basicConfig()
logging.warning("the judge failed: %s", {HOSTILE!r})
try:
    raise ValueError({HOSTILE!r})
except ValueError:
    logging.exception("it happened")
warnings.warn({HOSTILE!r})
raise ValueError({HOSTILE!r})
"""
    written = in_terminal(lake, code)
    assert not _FORBIDDEN.search(written), repr(written)
    assert written.count(r"\x1b[2J") >= 4


@pytest.mark.slow
def test_verdicts_of_the_judge(lake: Path, tmp_path: Path) -> None:
    problem = ROOT / "tests/kernels_eval/problems/relu.py"
    raising = tmp_path / f"raises {STEERS.replace('/', '')}.py"
    raising.write_text(f"raise ValueError({HOSTILE!r})\n")
    printing = tmp_path / "prints.py"
    printing.write_text(
        f"print({HOSTILE!r}, flush=True)\n"
        "import torch\n"
        "class ModelNew(torch.nn.Module):\n"
        f"    def forward(self, x): raise RuntimeError({HOSTILE!r})\n"
    )
    commands = [
        ("eval", problem, raising),
        ("eval", problem, printing),
        ("eval", problem, raising, printing),
        ("eval", problem, raising, "--json"),
        ("eval", tmp_path / STEERS, printing),
        ("eval", problem, printing, "--mode", STEERS),
    ]
    written = checked(in_terminal(lake, each(commands)))
    assert written.count(r"\x1b[2J") >= 5


_WAYS = (r"\bprint\(", r"\becho\(", r"\bConsole\(", r"sys\.stdout", r"stderr\.write")


@pytest.mark.parametrize("room", ["flows/cli", "deployments"])
def test_no_command_prints_elsewhere(room: str) -> None:
    """Only printing.py knows stdout, stderr and rich's console."""
    files = [path for path in (ROOT / room).glob("*.py") if path.name != "printing.py"]
    assert files
    for path in files:
        text = path.read_text("utf-8")
        ways = [way for way in _WAYS if re.search(way, text)]
        assert not ways, f"{path.relative_to(ROOT)} prints by itself: {ways}"
