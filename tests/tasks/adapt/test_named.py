"""Checkpoints as policies, by their ids in a lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from storage.folders import file_sha256
from tasks.adapt.checkpoint import ADAPTER_FILE
from tasks.adapt.named import loadable_policy, named_policy, worn_adapter
from tasks.errors import AdapterError, RequestError
from tests.storage.make import checkpoint_row

ONE, OTHER, THIRD = "0123456789abcdef", "0123ffffffffffff", "fedcba9876543210"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two runs with three checkpoints, one of which was made in both."""
    lake = Lake.open(tmp_path / "lake", create=True)
    for run, ids in (("first", [ONE, OTHER]), ("second", [OTHER, THIRD])):
        for step, one in enumerate(ids, 1):
            folder = lake.root / "adapters" / one
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ADAPTER_FILE).write_text(one)
            row = checkpoint_row(
                one,
                step=step,
                policy=f"embedded:/weights#lora={folder}",
                sha256=file_sha256(folder / ADAPTER_FILE),
            )
            lake.append("checkpoints", [row], run_id=run, part=one)
    return lake


def test_a_checkpoint_says_its_base_and_finds_its_folder(lake: Lake) -> None:
    for written in (ONE, "01234"):
        named = named_policy(lake, f"checkpoint:{written}")
        assert named == f"embedded:/weights#checkpoint={ONE}"
    loadable = loadable_policy(lake, named)
    assert loadable == f"embedded:/weights#lora={lake.root}/adapters/{ONE}"
    assert worn_adapter(loadable) == lake.root / "adapters" / ONE
    assert named_policy(lake, f"checkpoint:{OTHER}").endswith(OTHER)


@pytest.mark.parametrize("policy", ["embedded", "embedded#lora=/x", "openai:m@http://h#key=K"])
def test_other_policies_are_what_they_are(lake: Lake, policy: str) -> None:
    assert named_policy(lake, policy) == loadable_policy(lake, policy) == policy


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("fedcba98765432ff", [f"nearest of 3: {THIRD} (run second, centred, step 2)"]),
        ("", ["3 checkpoints begin with ''", "write more"]),
        ("0123", ["2 checkpoints begin with '0123'", ONE, OTHER, "write more"]),
    ],
)
def test_an_unknown_checkpoint_is_a_line_with_the_nearest(
    lake: Lake, written: str, says: list[str]
) -> None:
    with pytest.raises(RequestError) as found:
        named_policy(lake, f"checkpoint:{written}")
    assert "\n" not in str(found.value)
    assert all(part in str(found.value) for part in says), str(found.value)


def test_a_lake_without_checkpoints_says_what_makes_them(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "empty", create=True)
    for ask in (named_policy, loadable_policy):
        spelled = "checkpoint:0" if ask is named_policy else "embedded#checkpoint=0"
        with pytest.raises(RequestError, match="none yet; `bon train` and `bon adapt`"):
            ask(lake, spelled)


def test_files_that_are_gone_or_others_are_refused(lake: Lake) -> None:
    named = named_policy(lake, f"checkpoint:{ONE}")
    file = lake.root / "adapters" / ONE / ADAPTER_FILE
    file.write_text("other")
    with pytest.raises(AdapterError, match=r"is not what was saved; .* run 'first'"):
        loadable_policy(lake, named)
    file.unlink()
    with pytest.raises(AdapterError, match="is not there"):
        loadable_policy(lake, named)
