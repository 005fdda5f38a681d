"""What was compiled outlives the container, for the same problem alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels_eval.host import wire
from kernels_eval.host.shelf import KEY, NearShelf

_NAME = "a" * 64


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _put(shelf: NearShelf, files: object, name: object = _NAME) -> None:
    shelf.answer({KEY: "put", "name": name, "files": files})


def test_a_problem_finds_its_own_files_only() -> None:
    _put(NearShelf("one"), {"b" * 64: "b2JqZWN0"})
    found = NearShelf("one").answer({KEY: "get", "name": _NAME})
    assert found == {"files": {"b" * 64: "b2JqZWN0"}}
    assert NearShelf("other").answer({KEY: "get", "name": _NAME}) == {"files": {}}


@pytest.mark.parametrize("name", ["", "..", "../" + "a" * 61, "a" * 65, "A" * 64, 3, None])
def test_other_names_are_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(wire.ChannelGarbageError):
        _put(NearShelf("one"), {"x": "eA=="}, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "files",
    [
        {"../escaped": "eA=="},
        {".hidden": "eA=="},
        {"/etc/passwd": "eA=="},
        {f"{n}": "eA==" for n in range(17)},
    ],
)
def test_other_files_are_not_kept(tmp_path: Path, files: dict[str, str]) -> None:
    _put(NearShelf("one"), files)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("files", [None, 3, ["x"], {"x": 3}, {"x": "no base64: \u00e4"}])
def test_what_are_no_files_is_refused(tmp_path: Path, files: object) -> None:
    with pytest.raises(wire.ChannelGarbageError):
        _put(NearShelf("one"), files)
    assert not list(tmp_path.iterdir())
