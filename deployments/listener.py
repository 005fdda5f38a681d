"""The user behind a local port, from the kernel's table of sockets."""

from __future__ import annotations

import socket
from pathlib import Path

_LISTEN = "0A"


def listening_user(host: str, port: int) -> int | None:
    """The id of the user whose socket answers at host:port; None if no local IPv4 socket does."""
    wanted = {_hexadecimal(host), _hexadecimal("0.0.0.0")}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        address, _, number = columns[1].partition(":")
        if columns[3] == _LISTEN and int(number, 16) == port and address in wanted:
            return int(columns[7])
    return None


def _hexadecimal(host: str) -> str:
    try:
        address = socket.gethostbyname(host)
    except OSError:
        return ""
    return socket.inet_aton(address)[::-1].hex().upper()
