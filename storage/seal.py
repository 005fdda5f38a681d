"""A part says in its own footer where it belongs, and carries a SHA-256 over all of its bytes.

The footer's key-value metadata hold one entry, `bon-sweep`: a JSON object of the part's place below
the lake's root, a digest of its columns and the SHA-256 of the file, for which 64 zeros stand while
it is computed. Other Parquet readers ignore the entry, and have page checksums to go by.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from storage.schemas import TABLES

_KEY = b"bon-sweep"
# How Thrift's compact protocol begins a key-value pair in the footer: a string of that length.
_MARK = b"\x18" + bytes([len(_KEY)]) + _KEY + b"\x18"
_FIELD = b'"sha256":"'
_DIGITS = 64
_BLANK = b"0" * _DIGITS
_BLOCK = 1 << 20

DAMAGED = "is damaged: its bytes are not those that were written"


@dataclass(frozen=True)
class Seal:
    """What a part's bytes say of themselves."""

    digest: str
    """SHA-256 of the rows' file: as sealed, or of all bytes where there is no seal."""
    columns: str | None
    """See `columns_digest`; None for a part without a seal, as releases before 0.2 wrote them."""
    damage: str | None
    """What is wrong with it, as the end of a sentence that begins with its path; None if sound."""
    misplaced: bool = False
    """Whether the bytes are as they were written, but for another place."""


def columns_digest(table: str) -> str:
    """12 hex digits over the names and types of the table's columns as they are today."""
    columns = TABLES[table].remove(TABLES[table].get_field_index("run_id"))
    return hashlib.sha256(columns.to_string().encode()).hexdigest()[:12]


def write_sealed(file: IO[bytes], rows: pa.Table, place: PurePosixPath) -> None:
    """Write a whole Parquet file into an empty file that can be read and sought.

    `place`: `<table>/schema=v1/run_id=<run>/part-<name>.parquet`. Raises OSError.
    """
    seal = json.dumps(
        {
            "part": str(place),
            "columns": columns_digest(place.parts[0]),
            "sha256": _BLANK.decode(),
        },
        separators=(",", ":"),
    )
    with pq.ParquetWriter(file, rows.schema, compression="zstd", write_page_checksum=True) as out:
        out.write_table(rows)
        out.add_key_value_metadata({_KEY.decode(): seal})
    at = _position(file)
    if at is None:
        raise AssertionError("the seal just written is not in the footer")
    digest = _sha256(file, at)
    file.seek(at)
    file.write(digest.encode())


def read_seal(file: IO[bytes], place: PurePosixPath) -> Seal:
    """Check a part that lies at `place` below the lake's root. Reads all of it; raises OSError."""
    at = _position(file)
    digest = _sha256(file, at)
    if at is None:
        return Seal(digest, None, _foreign(file, place))
    claimed, seal = _claimed(file, at)
    if claimed != digest:
        return Seal(digest, None, DAMAGED)
    if seal.get("part") != str(place):
        damage = f"does not belong there: it was written as {seal.get('part')}"
        return Seal(digest, None, damage, misplaced=True)
    return Seal(digest, seal.get("columns"), None)


def _position(file: IO[bytes]) -> int | None:
    """Where the seal's SHA-256 begins; None without a seal."""
    footer, start = _footer(file)
    mark = footer.rfind(_MARK)  # the last one: values in the columns' statistics come earlier
    wanted = footer.find(_FIELD, mark) if mark >= 0 else -1
    return None if wanted < 0 else start + wanted + len(_FIELD)


def _footer(file: IO[bytes]) -> tuple[bytes, int]:
    """The footer's bytes and where they begin; all bytes where the end says no sensible length."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    length = int.from_bytes(file.read(8)[:4], "little") + 8
    start = size - length if length <= size else 0
    file.seek(start)
    return file.read(), start


def _claimed(file: IO[bytes], at: int) -> tuple[str, dict[str, str]]:
    """The SHA-256 that stands at that position, and the whole seal (empty if it is no JSON)."""
    footer, start = _footer(file)
    claimed = footer[at - start : at - start + _DIGITS]
    begin, end = footer.rfind(b"{", 0, at - start), footer.find(b"}", at - start)
    try:
        seal = json.loads(footer[begin : end + 1])
    except ValueError:
        seal = {}
    return claimed.decode("latin-1"), seal


def _sha256(file: IO[bytes], blank: int | None) -> str:
    """Over all bytes, with zeros for the 64 at `blank`."""
    digest = hashlib.sha256()
    file.seek(0)
    left = blank
    while left is None or left > 0:
        block = file.read(_BLOCK if left is None else min(_BLOCK, left))
        if not block:
            return digest.hexdigest()
        digest.update(block)
        left = None if left is None else left - len(block)
    file.seek(_DIGITS, os.SEEK_CUR)
    digest.update(_BLANK)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _foreign(file: IO[bytes], place: PurePosixPath) -> str | None:
    """Why a file without a seal cannot be a part of its table; None if it can.

    Columns may be missing, as an earlier release lacked them, but none that a row must have.
    """
    schema = TABLES[place.parts[0]]
    file.seek(0)
    try:
        with pq.ParquetFile(file) as opened:
            found, notes = opened.schema_arrow, opened.metadata.metadata or {}
    except (pa.ArrowException, OSError) as error:
        return f"is no readable Parquet file ({str(error).splitlines()[0].rstrip('.')})"
    if any(note.startswith(b'{"part":"') for note in notes.values()):
        return DAMAGED  # of our own, under a name that is not ours any more
    for field in found:
        if field.name not in schema.names or field.name == "run_id":
            return f"is no part of table {place.parts[0]!r}: it has a column {field.name!r}"
        if field.type != schema.field(field.name).type:
            return (
                f"is no part of table {place.parts[0]!r}: column {field.name!r} is {field.type}, "
                f"not {schema.field(field.name).type}"
            )
    for field in schema:
        if not field.nullable and field.name != "run_id" and field.name not in found.names:
            return f"is no part of table {place.parts[0]!r}: it lacks the column {field.name!r}"
    return None
