"""`bon judge` and `bon export` refuse in one line what they cannot do, and make no lake."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Bon

TABLE = "problem_id,sample_index,mean_logprob,correct,speedup,source\n5,0,-1,true,1.5,x = 1\n"


def refused(bon: Bon, *words: object) -> str:
    done = bon(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return str(line)


def test_what_cannot_be_judged_or_exported(bon: Bon, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for words in (("judge", "r"), ("export", "r", "--to", "csv")):
        assert "no lake at" in refused(bon, *words, "--lake", nowhere)
        assert not nowhere.exists()
    table = tmp_path / "f.csv"
    table.write_text(TABLE)
    assert bon("import", table, "--run", "r").returncode == 0
    assert "no run 'gone'" in refused(bon, "judge", "gone")
    assert "import them as another --run with --suite" in refused(bon, "judge", "r")
    assert "none of kernelbench, parquet, csv" in refused(bon, "export", "r", "--to", "xlsx")
    assert "there is no column" in refused(
        bon, "import", table, "--run", "s", "--columns", "problem_id=id"
    )
    out = tmp_path / "out.csv"
    assert bon("export", "r", "--to", "csv", "--out", out).returncode == 0
    assert "is there already" in refused(bon, "export", "r", "--to", "csv", "--out", out)
