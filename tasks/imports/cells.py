"""What is written in a table becomes numbers, truth and text, or one line that names the cell."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import RequestError
from tasks.imports.columns import KNOWN

Array: TypeAlias = Any
"""An array of pyarrow, whose type is only known when it is read."""

_WORDS: dict[pa.DataType, str] = {
    pa.int64(): "a whole number that fits 64 bits",
    pa.int32(): "a whole number below 2147483648",
    pa.float64(): "a number",
    pa.bool_(): "true or false",
    pa.string(): "text",
}
_MISSING = pa.array(["", "nan", "na", "n/a", "null", "none"])
_TRUE = pa.array(["true", "t", "yes", "y", "1", "1.0"])
_FALSE = pa.array(["false", "f", "no", "n", "0", "0.0"])
_EXACT = pa.scalar(1 << 53)
"""Floating point skips whole numbers from here on."""
_PAST_64_BITS = pa.scalar(2.0**63)


def typed(
    name: str, column: Array, file: str, first_row: int, *, comma: bool = False, turn: bool = False
) -> Array:
    """One column of a batch in the type that it is kept in; NaN as null.

    first_row: the number of its first row in the file, from 1. comma: numbers may be written with a
    decimal comma. turn: the sign is the other one.

    Raises RequestError for the first cell that does not fit.
    """
    wanted = KNOWN[name]
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return column.cast(wanted)
    try:
        found = _converted(column, wanted, comma=comma)
    except _CellError as error:
        raise _wrong(
            name, column, file, first_row + error.row, error.row, pointed=error.pointed
        ) from None
    except _NOT_FITTING:
        row = _first(column, wanted, comma=comma)
        raise _wrong(name, column, file, first_row + row, row) from None
    if name == "status":
        return pc.utf8_lower(pc.utf8_trim_whitespace(found))
    return pc.negate(found) if turn else found


def _converted(column: Array, wanted: pa.DataType, *, comma: bool) -> Array:
    if pa.types.is_string(wanted):
        return column.cast(wanted)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if text:
        column = _trimmed(column)
    if pa.types.is_integer(wanted):
        return (_whole_from_text(column) if text else _whole(column)).cast(wanted)
    if pa.types.is_boolean(wanted):
        return _truth_from_text(column) if text else _truth(column)
    found = _number_from_text(column, comma=comma) if text else _number(column)
    return _without_nan(found)


class _CellError(Exception):
    """pointed: a whole number from where on floating point skips some."""

    def __init__(self, row: int, *, pointed: bool = False) -> None:
        self.row = row
        self.pointed = pointed


_NOT_FITTING = (pa.ArrowException, ValueError, TypeError)


def _wrong(
    name: str, column: Array, file: str, row: int, at: int, *, pointed: bool = False
) -> RequestError:
    shown = repr(column[at].as_py())
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    if pointed and pa.types.is_int64(KNOWN[name]):
        return RequestError(
            f"{file}: column {name!r} is {shown} (row {row}), written with a decimal point beyond "
            "2^53, so it may be another number by now; export the column as whole numbers"
        )
    return RequestError(
        f"{file}: column {name!r} is {shown} (row {row}); it must be {_WORDS[KNOWN[name]]}"
    )


def _first(column: Array, wanted: pa.DataType, *, comma: bool) -> int:
    """The first row that cannot be converted."""
    for row in range(len(column)):
        try:
            _converted(column.slice(row, 1), wanted, comma=comma)
        except (_CellError, *_NOT_FITTING):
            return row
    return 0


def _where(wrong: Array, *, pointed: bool = False) -> None:
    """Raise _CellError for the first true one."""
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise _CellError(row, pointed=pointed)


def _trimmed(column: Array) -> Array:
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(
        pc.is_in(pc.utf8_lower(text), value_set=_MISSING), pa.scalar(None, pa.string()), text
    )


def _without_nan(number: Array) -> Array:
    return pc.if_else(pc.is_nan(number), pa.scalar(None, number.type), number)


def _whole_from_text(column: Array) -> Array:
    _where(pc.invert(pc.match_substring_regex(column, r"^\+?-?[0-9]+(\.0*)?$")))
    digits = pc.replace_substring_regex(column, r"^\+|\.0*$", "")
    found = digits.cast(pa.int64())
    # Written with a point it went through floating point, and may be another number by now.
    pointed = pc.match_substring(column, ".")
    _where(pc.and_(pointed, pc.greater_equal(pc.abs(found), _EXACT)), pointed=True)
    return found


def _whole(column: Array) -> Array:
    if pa.types.is_floating(column.type):
        number = _without_nan(column.cast(pa.float64()))
        broken = pc.not_equal(number, pc.floor(number))
        _where(pc.or_(broken, pc.greater_equal(pc.abs(number), _PAST_64_BITS)))
        _where(pc.greater_equal(pc.abs(number), _EXACT), pointed=True)
        return number.cast(pa.int64())
    if not (pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise _CellError(0)
    return column.cast(pa.int64())


def _number_from_text(column: Array, *, comma: bool) -> Array:
    if comma:
        column = pc.replace_substring_regex(column, r"^([^.,]*),([^.,]*)$", r"\1.\2")
    return pc.replace_substring_regex(column, r"^\+", "").cast(pa.float64())


def _number(column: Array) -> Array:
    kind = column.type
    numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    if not numeric:
        raise _CellError(0)
    return column.cast(pa.float64(), safe=False)


def _truth_from_text(column: Array) -> Array:
    lower = pc.utf8_lower(column)
    true = pc.is_in(lower, value_set=_TRUE)
    known = pc.or_(true, pc.is_in(lower, value_set=_FALSE))
    _where(pc.and_(pc.is_valid(column), pc.invert(known)))
    return pc.if_else(known, true, pa.scalar(None, pa.bool_()))


def _truth(column: Array) -> Array:
    if pa.types.is_boolean(column.type):
        return column
    number = _without_nan(_number(column))
    _where(pc.invert(pc.is_in(number, value_set=pa.array([0.0, 1.0, None]))))
    return number.cast(pa.int64()).cast(pa.bool_())
