"""The user behind a local port, from the kernel's tables of sockets."""

from __future__ import annotations

import socket
from pathlib import Path

_LISTEN = "0A"
_TABLES = {socket.AF_INET: ("tcp", "0.0.0.0"), socket.AF_INET6: ("tcp6", "::")}
"""Family of addresses -> its table below /proc/net, and the address that stands for all."""


def listening_user(host: str, port: int) -> int | None:
    """The id of the user whose socket answers at host:port; None if no local socket does."""
    for family, (table, everywhere) in _TABLES.items():
        wanted = {_hexadecimal(host, family), _hexadecimal(everywhere, family)}
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:  # a kernel without IPv6
            continue
        for line in lines:
            columns = line.split()
            address, _, number = columns[1].partition(":")
            if columns[3] == _LISTEN and int(number, 16) == port and address in wanted:
                return int(columns[7])
    return None


def _hexadecimal(host: str, family: int) -> str:
    """An address as the kernel writes it: 32-bit words, each in the machine's byte order."""
    try:
        address = str(socket.getaddrinfo(host, None, family)[0][4][0])
    except OSError:
        return ""
    packed = socket.inet_pton(family, address)
    words = (packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
    return b"".join(words).hex().upper()
