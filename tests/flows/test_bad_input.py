"""A wrong request is one clear line on stderr, exit status 2, nothing on stdout, nothing lost."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.prefect_server import free_port
from storage import Lake
from tests.conftest import Bon
from tests.storage.make import run_row


def refused(bon: Bon, *arguments: str | Path) -> str:
    """The one line that refuses `arguments`."""
    answer = bon(*arguments)
    assert answer.returncode == 2, (arguments, answer.stdout, answer.stderr)
    assert answer.stdout == ""
    lines = answer.stderr.strip().splitlines()
    assert len(lines) == 1, answer.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("sweep", "--problems", "5,999"), ["999", "30"]),
        (("sweep", "--problems", "five"), ["five", "4,5,12"]),
        (("sweep", "--suite", "nowhere"), ["nowhere", "embedded"]),
        (("sweep", "--suite", "embedded:huge"), ["huge", "kernelbench"]),
        (("sweep", "--policy", "oracle-of-delphi"), ["oracle-of-delphi", "embedded"]),
        (("sweep", "--profile", "daydream"), ["daydream", "demo"]),
        (("sweep", "-k", "0"), ["k", "1"]),
        (("sweep", "-k", "1000000000"), ["k", "100000"]),
        (("sweep", "--seed", "99999999999999999999"), ["seed", "99999999999999999999"]),
        (("sweep", "--timeout", "inf"), ["timeout_s", "inf"]),
        (("sweep", "--timeout", "nan"), ["timeout_s", "nan"]),
        (("sweep", "--temperature", "inf"), ["temperature", "inf"]),
        (("sweep", "--problems", "1-99999999999"), ["1-99999999999", "10,000"]),
        (("sweep", "--problems", "9" * 5000), ["999", "4,5,12"]),
        (("strategies", "r", "--k", "9" * 20), ["999", "100000"]),
        (("strategies", "r", "--k", "²"), ["²", "1,2,4,8"]),
        (("sweep", "-k", "-3"), ["k", "1"]),
        (("sweep", "-k", "many"), ["-k", "integer"]),
        (("sweep", "--run", "../escape"), ["../escape"]),
        (("sweep", "--temperature", "-1"), ["temperature", "-1"]),
        (("sweep", "--device", "abacus"), ["abacus", "cpu"]),
        (("sweep", "--backend", "fortran"), ["fortran", "cpp"]),
        (("sweep", "--suite", "embedded#level=9"), ["level 9", "1"]),
        (("sweep", "--split", "half"), ["half", "eval42"]),
        (("sweep", "--problems", "5-"), ["5-", "4,5,12"]),
        (("sweep", "--policy", "imported"), ["bon import"]),
        (("strategies", "no-such-run"), ["no-such-run"]),
        (("problems", "nowhere"), ["nowhere", "embedded"]),
        (("problems", "kernelbench:/nowhere"), ["/nowhere", "level1"]),
        (("import", "/etc", "--run", "mine"), ["/etc", "level_L_problem_P"]),
        (("sql", "SELEC 1"), ["SELEC"]),
        (("sql", "SELECT 1", "--json", "--csv"), ["--json", "--csv"]),
        (("sql", "SELECT 1; SELECT 2", "--json"), ["2 statements", "one at a time"]),
        (("sql", "SELECT 1; SELECT 2; ", "--write"), ["2 statements", "one at a time"]),
        (("frobnicate",), ["frobnicate"]),
        (("sweep", "--frobnicate"), ["--frobnicate"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_one_line_that_names_the_input(
    bon: Bon, tmp_path: Path, arguments: tuple[str, ...], names: list[str]
) -> None:
    (tmp_path / "lake" / "runs" / "schema=v1").mkdir(parents=True)
    line = refused(bon, *arguments)
    for name in names:
        assert name in line


PLACE = Path("not", "there", "lake")


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "--suite", "nowhere"),
        ("sweep", "--profile", "daydream"),
        ("sweep", "--run", "../escape"),
        ("sweep", "--run", "mine", "--problems", "999"),
        ("sweep", "--policy", "imported:0123"),
        ("sweep", "--policy", "oracle-of-delphi"),
        ("import", "gone.csv", "--run", "mine"),
        ("import", "bad.csv", "--run", "mine"),
        ("import", "twice.csv", "--run", "mine"),
        ("import", "good.csv", "--run", "../mine"),
        ("import", "good.csv", "--run", "mine", "--suite", "embedded"),
        ("import", "kernels", "--run", "mine"),
        ("import", "kernels", "--run", "mine", "--suite", "nowhere"),
        ("import", "kernels", "--run", "mine", "--suite", "embedded"),
        ("rescore", "mine", "--policy", "embedded"),
        ("report", "mine"),
        ("report",),
        ("strategies", "mine"),
        ("strategies",),
        ("show", "mine", "1", "0"),
        ("sql", "SELECT 1"),
        ("runs",),
        ("doctor", "--lake", str(PLACE)),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("there", [False, True], ids=["no directory", "an empty one"])
def test_a_refused_command_makes_no_lake(
    bon: Bon,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    there: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BON_LAKE", str(PLACE))
    header = "problem_id,sample_index,mean_logprob,correct,speedup\n"
    Path("bad.csv").write_text(header + "1,0,-1,perhaps,2\n")
    Path("twice.csv").write_text(header + "1,0,-1,true,2\n" * 2)
    Path("good.csv").write_text(header + "1,0,-1,true,2\n")
    Path("kernels").mkdir()
    Path("kernels", "level_1_problem_1_sample_0_kernel.py").write_text("class ModelNew: pass\n")
    if there:
        PLACE.mkdir(parents=True)
        if arguments[0] in ("runs", "sql"):
            pytest.skip("an empty directory is a lake without runs")
    before = sorted(tmp_path.rglob("*"))
    bon("sweep", "--suite", "nowhere")  # which is no lake for the command after it, either
    answer = bon(*arguments)
    if arguments[0] != "doctor" or not there:
        assert answer.returncode == 2
        assert len(answer.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_api_or_a_ray_that_is_not_there_makes_no_lake(
    bon: Bon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BON_LAKE", str(tmp_path / "not" / "there"))
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert "RAY_ADDRESS" in refused(bon, "sweep")
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    assert "PREFECT_API_URL" in refused(bon, "sweep")
    assert not list(tmp_path.iterdir())


def test_a_lake_that_cannot_be_made_is_said_before_anything_else(bon: Bon, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "lake", tmp_path / "file" / "further" / "lake"):
        line = refused(bon, "sweep", "--lake", place)
        assert f"{tmp_path / 'file'} is a file" in line


@pytest.mark.parametrize("command", ["report", "strategies"])
def test_runs_that_are_not_named(bon: Bon, tmp_path: Path, command: str) -> None:
    assert "no lake" in refused(bon, command)
    Lake.open(tmp_path / "lake", create=True)
    assert "no runs yet" in refused(bon, command)
    for run_id in ("mine", "yours"):
        Lake(tmp_path / "lake").append("runs", [run_row(run_id)], run_id=run_id)
    assert "it has mine, yours" in refused(bon, command)


def test_a_run_that_is_not_there_begins_no_demo(bon: Bon, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.append("runs", [run_row("mine")], run_id="mine")
    line = refused(bon, "sweep", "--run", "mime", "--lake", lake.root)
    assert "'mime'" in line
    assert "mine" in line
    assert "--profile demo" in line


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("k = 'many'", ["k = 'many'"]),
        ("k = '8'", ["k = '8'", "a whole number, without quotes"]),
        ("k = true", ["k = true", "a whole number"]),
        ("k = 8.0", ["k = 8.0", "a whole number"]),
        ("seed = '1'", ["seed = '1'", "a whole number"]),
        ("problems = '1,2'", ["problems = '1,2'", "a list of whole numbers, as in [1, 2]"]),
        ("problems = 5", ["problems = 5", "a list of whole numbers"]),
        ("problems = [1, 2.0]", ["problems[1] = 2.0", "a whole number"]),
        ("problems = ['5']", ["problems[0] = '5'", "a whole number"]),
        ("policy = 3\n", ["policy = 3", "text, in quotes"]),
        ("[sampling]\ntemperature = '1'", ["sampling.temperature = '1'", "a number"]),
        ("[sampling]\ntemperature = true", ["sampling.temperature = true", "a number"]),
        ("[sampling]\nmax_tokens = 64.0", ["sampling.max_tokens = 64.0", "a whole number"]),
        ("[judge]\ntimeout_s = '20'", ["judge.timeout_s = '20'", "a number"]),
        ("[judge]\nretime = true", ["judge.retime = true", "a whole number"]),
        ("[limits]\ntoken_budget = '9'", ["limits.token_budget = '9'", "a whole number"]),
        ("[limits]\nallow_missing_logprobs = 1", ["logprobs = 1", "true or false"]),
        ("sampling = 3", ["sampling = 3", "[sampling]", "temperature, max_tokens"]),
        ("judge = ['cpu']", ["[judge]", "device, mode, protocol"]),
        ("[judge]\ndevcie = 'cpu'", ["judge.devcie", "device, mode, protocol"]),
        ("[limits]\nbudget = 1", ["limits.budget", "token_budget, concurrency"]),
        ("problem = [4]", ["problem: there is no such setting", "suite, problems"]),
    ],
)
def test_a_profile_is_answered_with_its_valid_keys(
    bon: Bon, tmp_path: Path, text: str, named: list[str]
) -> None:
    profile = tmp_path / "mine.toml"
    least = "suite = 'embedded'\n" + "policy = 'embedded'\n" * ("policy = " not in text)
    least += "k = 1\n" * ("k = " not in text)
    profile.write_text(least + text)
    line = refused(bon, "sweep", "--profile", profile, "--lake", tmp_path / "lake")
    assert all(word in line for word in named), line


def test_without_a_command_there_is_help(bon: Bon) -> None:
    answer = bon()
    assert answer.returncode == 2
    assert "Usage: bon" in answer.stdout
    assert answer.stderr == ""
    assert bon("--version").stdout == f"bon-sweep {version('bon-sweep')}\n"


def test_no_lake(bon: Bon, tmp_path: Path) -> None:
    assert str(tmp_path / "lake") in refused(bon, "runs")


def test_a_lake_that_is_a_file(bon: Bon, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a lake")
    assert "file" in refused(bon, "sweep", "--lake", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "not a lake"


def test_a_lake_of_a_newer_schema(bon: Bon, tmp_path: Path) -> None:
    (tmp_path / "lake" / "candidates" / "schema=v9" / "run_id=x").mkdir(parents=True)
    for command in (("runs",), ("sweep",), ("sql", "SELECT 1")):
        line = refused(bon, *command)
        assert "v9" in line
        assert "newer" in line


def test_a_problem_without_model(bon: Bon, tmp_path: Path) -> None:
    problem, candidate = tmp_path / "problem.py", tmp_path / "candidate.py"
    problem.write_text("def get_inputs(): return []\ndef get_init_inputs(): return []\n")
    candidate.write_text("class ModelNew: pass\n")
    line = refused(bon, "eval", problem, candidate)
    assert "problem.py" in line
    assert "Model" in line


def test_files_that_are_not_there(bon: Bon, tmp_path: Path) -> None:
    assert "gone.py" in refused(bon, "eval", tmp_path / "gone.py", tmp_path / "gone.py")
    assert "gone.csv" in refused(bon, "import", tmp_path / "gone.csv", "--run", "mine")


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "1e300"])
def test_timeouts_that_are_none(bon: Bon, seconds: str) -> None:
    assert "timeout must be" in refused(bon, "eval", "p.py", "c.py", "--timeout", seconds)


def test_a_candidate_that_is_no_plain_file(bon: Bon, tmp_path: Path) -> None:
    good = Path("tests/kernels_eval/honest/relu_torch.py").resolve()
    problem = Path("tests/kernels_eval/problems/relu.py").resolve()
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "endless.py").symlink_to("/dev/zero")
    (tmp_path / "large.py").write_text("")
    os.truncate(tmp_path / "large.py", 6 << 30)
    for name in ("fifo.py", "endless.py", "large.py"):
        assert name in refused(bon, "eval", tmp_path / name, good)
    for name in ("fifo.py", "endless.py"):
        assert name in refused(bon, "eval", good, tmp_path / name)
    answer = bon("eval", problem, tmp_path / "large.py")  # a verdict on that file alone
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("compile_error")
    assert "more than 1,048,576 bytes" in answer.stdout


def test_a_prefect_api_that_is_not_there(bon: Bon, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", address)
    line = refused(bon, "sweep")
    assert f"PREFECT_API_URL={address}" in line


def test_a_process_ends_with_status_2(bon_process: Bon) -> None:
    line = refused(bon_process, "sweep", "-k", "0")
    assert line.startswith("bon: ")


def test_what_is_no_plain_file_is_never_waited_for(bon: Bon, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    (tmp_path / "problems").mkdir()
    os.mkfifo(tmp_path / "problems" / "1_Fifo.py")
    suite = f"dir:{tmp_path / 'problems'}"
    assert "is a FIFO" in refused(bon, "sweep", "--profile", tmp_path / "fifo.toml")
    assert "is a device" in refused(bon, "sweep", "--profile", tmp_path / "endless.toml")
    assert "is a FIFO" in refused(bon, "sweep", "--suite", suite)
    assert "is a FIFO" in refused(bon, "problems", suite)


def test_answers_of_every_type_are_shown(bon: Bon, tmp_path: Path) -> None:
    (tmp_path / "lake" / "runs" / "schema=v1").mkdir(parents=True)
    query = (
        "SELECT '\\xff'::BLOB AS blob, 1.5::DECIMAL AS number, DATE '2020-01-01' AS day, "
        "INTERVAL 1 DAY AS span, 'inf'::DOUBLE AS endless, {'a': 1} AS record, [1, NULL] AS list, "
        "MAP {'k': 1} AS map, NULL AS nothing, 1::HUGEINT AS huge, '101'::BIT AS bits"
    )
    for form in ((), ("--json",), ("--csv",)):
        answer = bon("sql", query, *form)
        assert (answer.returncode, answer.stderr) == (0, "")
    (row,) = json.loads(bon("sql", query, "--json").stdout)
    assert (row["day"], row["endless"], row["list"]) == ("2020-01-01", None, [1, None])
    two = bon("sql", "SELECT 11 AS a, 22 AS a").stdout
    assert "11" in two
    assert "22" in two


COMMANDS = [
    ("runs",),
    ("sql", "SELECT 1"),
    ("sql", "SELECT 1", "--json"),
    ("show", "r", "1", "0"),
    ("show", "r", "1", "0", "--json"),
    ("strategies", "r"),
    ("strategies", "r", "--ledger", "--json"),
    ("report", "r"),
    ("report", "r", "--json"),
    ("rescore", "r", "--policy", "instant"),
    ("doctor",),
    ("sweep", "--run", "r"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_directory_that_is_no_lake(bon: Bon, tmp_path: Path, command: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    line = refused(bon, *command, "--lake", home)
    assert str(home) in line
    assert [path.name for path in home.iterdir()] == ["thesis.tex"]


def test_an_import_into_a_directory_that_is_no_lake(bon: Bon, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    (home / "f.csv").write_text("problem_id,sample_index,mean_logprob,correct,speedup\n1,0,,0,\n")
    assert str(home) in refused(bon, "import", home / "f.csv", "--run", "r", "--lake", home)
    assert sorted(path.name for path in home.iterdir()) == ["f.csv", "thesis.tex"]


class TestSqlOnlyReads:
    @pytest.fixture(autouse=True)
    def _lake(self, tmp_path: Path) -> None:
        (tmp_path / "lake" / "runs" / "schema=v1").mkdir(parents=True)

    @pytest.mark.parametrize(
        "query",
        [
            "COPY (SELECT 1) TO '{}/out.csv'",
            "ATTACH '{}/other.db'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SELECT * FROM read_text('/etc/passwd')",
            "SELECT * FROM '{}/secret.csv'",
            "SELECT * FROM read_csv('{}/lake/../secret.csv')",
            "SELECT * FROM glob('/etc/*')",
            "EXPORT DATABASE '{}/out'",
            "SET enable_external_access = true",
            "CREATE TABLE x AS SELECT 1",
            "DROP VIEW results",
            "PRAGMA database_list",
            "SELECT 1; COPY (SELECT 1) TO '{}/out.csv'",
            "EXPLAIN ANALYZE COPY (SELECT 1) TO '{}/out.csv'",
        ],
    )
    @pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)], ids=["table", "json", "csv"])
    def test_without_write(
        self, bon: Bon, tmp_path: Path, query: str, form: tuple[str, ...]
    ) -> None:
        (tmp_path / "secret.csv").write_text("a\n1\n")
        before = sorted(tmp_path.rglob("*"))
        assert "--write" in refused(bon, "sql", query.format(tmp_path), *form)
        assert sorted(tmp_path.rglob("*")) == before

    def test_with_write(self, bon: Bon, tmp_path: Path) -> None:
        out = tmp_path / "out.csv"
        assert bon("sql", "--write", f"COPY (SELECT 42 AS a) TO '{out}'").returncode == 0
        assert out.read_text() == "a\n42\n"
        answer = bon("sql", "--write", f"SELECT a FROM '{out}'", "--json")
        assert '"a": 42' in answer.stdout
