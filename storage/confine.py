"""A query that reads the lake, and can do nothing else."""

from __future__ import annotations

import re
import secrets
import tempfile
from pathlib import Path

import duckdb

from storage.errors import QueryError
from storage.sound import Survey

_READS = {"SELECT", "EXPLAIN", "MULTI"}
"""Kinds of statements; MULTI is a PIVOT, which DuckDB writes out as several."""


_LIFTED = "bon sql --write lifts that (in Python: write=True)"


def check_one_answer(query: str) -> None:
    """Raise QueryError for several questions: `Lake.sql` answers the last. What is no SQL passes:
    running it says why."""
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error:
        return
    asked = [one for one in statements if one.type.name in _READS]
    if len(asked) > 1:
        raise QueryError(
            f"the query has {len(asked)} statements, and one answer is given; ask one at a time"
        )


def confine(connection: duckdb.DuckDBPyConnection, query: str, found: Survey) -> None:
    """Close the connection to everything but the parts its views name, and refuse other statements.

    DuckDB's own settings bar other files, networks and extensions, and cannot be taken back. They
    do not tell reading from writing, so a query has to be a `SELECT` as well. Raises QueryError,
    duckdb.Error for what is no SQL.
    """
    for statement in duckdb.extract_statements(query):
        kind = statement.type.name
        analysed = kind == "EXPLAIN" and re.search("analy[sz]e", statement.query, re.IGNORECASE)
        if kind not in _READS or analysed:  # EXPLAIN ANALYZE of a COPY would write its file
            said = f"EXPLAIN {analysed[0].upper()}" if analysed else kind
            raise QueryError(
                f"{said} is refused: a query reads the lake and does nothing else; {_LIFTED}"
            )
    paths = [str(path) for table in found.parts for path in found.paths(table)]
    connection.execute("SET allowed_paths = $paths", {"paths": paths})
    # DuckDB may always read what it lays aside: by default in a directory below the current one.
    aside = Path(tempfile.gettempdir(), f"bon-sql-{secrets.token_hex(8)}")
    connection.execute("SET temp_directory = $aside", {"aside": str(aside)})
    connection.execute("SET allow_persistent_secrets = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def hinted(line: str) -> str:
    """What DuckDB said, with what lifts it where the settings above were the reason."""
    barred = ("disabled by configuration", "configuration has been locked")
    if not any(words in line for words in barred):
        return line
    return f"{line}; a query reads the lake and does nothing else: {_LIFTED}"
