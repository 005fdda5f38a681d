"""Options that stand for something longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.problems import suite_part
from flows.cli.sweep import narrowed, parse_ids
from flows.errors import RequestError


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("4,5,12", [4, 5, 12]),
        (" 4 , 5,", [4, 5]),
        ("1-3,9", [1, 2, 3, 9]),
        ("7-7", [7]),
        ("", []),
    ],
)
def test_ids_and_ranges(text: str, ids: list[int]) -> None:
    assert parse_ids(text) == ids


@pytest.mark.parametrize("text", ["five", "5-", "-5", "1-2-3", "4;5", "1.5", "9-7"])
def test_no_ids(text: str) -> None:
    with pytest.raises(RequestError, match="as in 4,5,12"):
        parse_ids(text)


def test_level_and_split_go_into_the_suite() -> None:
    assert suite_part("kernelbench:/x", "1, 2", "eval42") == "kernelbench:/x#level=1+2,split=eval42"
    assert suite_part("kernelbench:/x#level=1", None, None) == "kernelbench:/x#level=1"


def test_without_a_suite_the_profiles_is_narrowed(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('suite = "dir:/mine"\n')
    assert narrowed(None, None, None, "1", None) == "embedded#level=1"
    assert narrowed(None, str(own), "run", None, "train7") == "dir:/mine#split=train7"
    assert narrowed(None, None, None, None, None) is None
    with pytest.raises(RequestError, match="--suite or --profile"):
        narrowed(None, None, "run", "1", None)
