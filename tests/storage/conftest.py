"""The lake's tests run in a directory and in an object store, where the two may differ."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from storage import Lake
from tests.object_store import served

_numbers = count()


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, served(patch) as address:
        yield address


@pytest.fixture(params=["directory", "object store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "directory":
        return Lake.open(tmp_path / "lake", create=True)
    bucket: str = request.getfixturevalue("bucket")
    return Lake.open(f"{bucket}/lake{next(_numbers)}", create=True)
