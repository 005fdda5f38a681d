"""Object files that are kept: of what was compiled, for the same source, plain files only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kernels_eval.backends.extensions import wrap_compilers
from kernels_eval.backends.objects import DIRECTORY, ObjectCache, harvest, lay_out

_NAME = "0" * 64
_SOURCE = "from torch.utils import cpp_extension"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file at whose appearance the compiler stops working."""
    flag, compiler = tmp_path / "broken", tmp_path / "compiler"
    compiler.write_text(f'#!/bin/sh\n[ -e {flag} ] && exit 9\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    return flag


def _compile(script: str, home: Path, text: str) -> int:
    folder = home / "extensions"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "main.cpp"
    source.write_text(text)
    command = [script, "-DTORCH_EXTENSION_NAME=x", "-c", str(source), "-o", str(folder / "main.o")]
    done = subprocess.run(command, env={**os.environ, "HOME": str(home)}, check=False)
    return done.returncode


def test_the_next_worker_does_not_compile_again(tmp_path: Path, broken: Path) -> None:
    script = wrap_compilers(tmp_path / "compilers")["CXX"]
    first, second = tmp_path / "w1", tmp_path / "w2"
    assert _compile(script, first, "int one;") == 0
    objects = harvest(first)
    assert len(objects) == 1
    broken.touch()
    second.mkdir()
    lay_out(second, objects)
    assert _compile(script, second, "int one;") == 0
    assert (second / "extensions" / "main.o").read_bytes() in objects.values()
    assert _compile(script, second, "int other;") == 9


def test_links_devices_and_floods_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / DIRECTORY
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("of the judge's user")
    (folder / _NAME).symlink_to(secret)
    assert harvest(tmp_path) == {}
    (folder / _NAME).unlink()
    os.mkfifo(folder / _NAME)
    assert harvest(tmp_path) == {}
    (folder / _NAME).unlink()
    with (folder / _NAME).open("wb") as stream:
        stream.truncate(1 << 30)
    assert harvest(tmp_path) == {}
    (folder / _NAME).unlink()
    (folder / "../outside").write_text("x")
    (folder / "no hash").write_text("x")
    assert harvest(tmp_path) == {}
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / _NAME).write_text("x")
    assert harvest(tmp_path) == {}


def test_one_source_never_sees_another_s(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache")
    assert cache.wants(_SOURCE)
    cache.keep(_SOURCE, {_NAME: b"object"})
    assert not cache.wants(_SOURCE)
    assert cache.of(_SOURCE) == {_NAME: b"object"}
    assert cache.of(_SOURCE + " ") == {}
    assert not cache.wants("import torch")


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache")
    cache.keep(_SOURCE, {_NAME: b"first"})
    cache.keep(_SOURCE, {_NAME: b"second"})
    assert cache.of(_SOURCE) == {_NAME: b"first"}
    assert len(list((tmp_path / "cache").iterdir())) == 1
