"""What a plain scalar is, decided by what is expected where it stands.

YAML 1.1 guesses types: `no` is false, 010 is eight, 12:30:45:10:20:30 is a number. Here the schema says what is expected,
so most guesses are not needed: where text is expected, plain words, decimal numbers and dates are read as they are written.
Refused ("quote it") is only what YAML 1.1 or 1.2 reads as a number of another notation (0x1F, 010, 1_000, 12:30, .inf),
because there other tools see another value. Where a number is expected, only decimal notation counts; where a boolean is,
the words that kubectl takes.
"""

from __future__ import annotations

import re

from converge.documents.nodes import Scalar, is_null

TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
DIGITS = re.compile(r"[-+]?[0-9]+")
OTHER_NOTATION = re.compile(
    r"""[-+]? (?: 0x[0-9a-fA-F_]+ | 0b[01_]+ | 0o[0-7]+
                | 0[0-9_]+                                         # octal in YAML 1.1, decimal in 1.2
                | [1-9][0-9]*_[0-9_]*
                | [1-9][0-9_]*(?: :[0-5]?[0-9])+ (?: \.[0-9_]*)?     # base 60
                | [0-9][0-9_]*(?: :[0-5]?[0-9])+ \.[0-9_]*
                | \.(?:inf|Inf|INF) ) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)


def as_text(scalar: Scalar) -> str | None:
    if scalar.plain and (is_null(scalar) or OTHER_NOTATION.fullmatch(scalar.text)):
        return None
    return scalar.text


def as_integer(scalar: Scalar) -> int | None:
    return int(scalar.text) if scalar.plain and DECIMAL.fullmatch(scalar.text) else None


def as_boolean(scalar: Scalar) -> bool | None:
    if not scalar.plain:
        return None
    return True if scalar.text in TRUE else False if scalar.text in FALSE else None


def natural(scalar: Scalar) -> str | int | bool | None:
    """What it is where nothing particular is expected. A number of another notation is left as text."""
    if is_null(scalar):
        return None
    for read in (as_boolean, as_integer):
        if (value := read(scalar)) is not None:
            return value
    return scalar.text


def expected(scalar: Scalar, wanted: object) -> str | int | bool | None:
    """The value for a schema's `type`; where it cannot be that, some value of another type, which the schema then refuses."""
    if wanted == "string":
        text = as_text(scalar)
        return text if text is not None else None if is_null(scalar) else 0
    if wanted == "integer":
        number = as_integer(scalar)
        return number if number is not None else None if is_null(scalar) else scalar.text
    if wanted == "boolean":
        flag = as_boolean(scalar)
        return flag if flag is not None else None if is_null(scalar) else scalar.text
    value = natural(scalar)
    return None if isinstance(value, str) and as_text(scalar) is None else value
