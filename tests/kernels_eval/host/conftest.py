"""One host for the room, and one whose processes are not contained."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator

import pytest

from kernels_eval.host import JudgeHost

_ENTRY = """
import sys
from kernels_eval.host import container, monitor, serve
container.shapes = lambda **_: [container.{shape}]
monitor.main(int(sys.argv[1]), serve.serve)
"""


@pytest.fixture(scope="session")
def host() -> Iterator[JudgeHost]:
    with JudgeHost() as made:
        yield made


class FencedHost(JudgeHost):
    """What a machine without user namespaces gives."""

    _entry = ("-c", _ENTRY.format(shape="FENCED"))


class OpenHost(JudgeHost):
    """What one gives that has no Landlock either."""

    _entry = ("-c", _ENTRY.format(shape="PLAIN"))


@pytest.fixture(scope="session")
def fenced_host() -> Iterator[JudgeHost]:
    with FencedHost() as made:
        yield made


@pytest.fixture(scope="session")
def open_host() -> Iterator[JudgeHost]:
    with OpenHost() as made:
        yield made


@pytest.fixture
def wait_until_gone() -> Callable[[int], None]:
    """Waits for the end of a process that is no child of this one."""

    def wait(pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            assert select.select([descriptor], [], [], 30)[0], f"process {pid} goes on"
        finally:
            os.close(descriptor)

    return wait
