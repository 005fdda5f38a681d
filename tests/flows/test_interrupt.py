"""The line that ends an interrupted sweep names a command that does what was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.interrupt import to_go_on
from storage import Lake
from storage.layout import run_directory


@pytest.mark.parametrize(
    ("recorded", "changed", "settings"),
    [(False, False, "-k 32 "), (True, True, "-k 32 "), (True, False, "")],
)
def test_settings_are_repeated_unless_the_run_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: bool, changed: bool, settings: str
) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    if recorded:
        run_directory(lake.root, "runs", "mine").mkdir(parents=True)
    monkeypatch.setattr("sys.argv", ["bon", "sweep", "-k", "32", "--run", "mine"])
    line = to_go_on(lake, "mine", None, changed=changed)()
    assert line == f"`bon sweep {settings}--run mine` goes on where it stopped"


def test_an_adaptation_goes_on_with_its_own_command(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    run_directory(lake.root, "runs", "mine").mkdir(parents=True)
    line = to_go_on(lake, "mine", None, changed=False, command="adapt")()
    assert line == "`bon adapt --run mine` goes on where it stopped"
