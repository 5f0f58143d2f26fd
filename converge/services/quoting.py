"""Text of a user -> one word of dnsmasq's file. It can neither end the line nor be taken for an address, a tag or a number.

How dnsmasq reads a line: between double quotes a backslash with t, n, b, r, e, a quote or a backslash makes one character, and
every character that means something to its parser is *hidden*: replaced by a control character that stands for it, until the
value is stored. So quoted text is exact, commas, `#` and digits included. Two consequences:

* The control characters that stand for others cannot themselves be written. Five can, through their escapes.
* A line of the file has at most 1,024 bytes; what is longer is read as a line of its own. Such a line is never written.
"""

from __future__ import annotations

ESCAPES = {"\t": "t", "\n": "n", "\b": "b", "\r": "r", "\x1b": "e", '"': '"', "\\": "\\"}
LONGEST_LINE = 1000


class Unwritable(ValueError):
    """The text holds what dnsmasq's file cannot say."""


def quoted(text: str) -> str:
    """Between double quotes, exact. Raises `Unwritable` for a character that has no form."""
    wrong = unwritable(text)
    if wrong is not None:
        raise Unwritable(f"the character U+{ord(wrong):04X} cannot be written")
    return '"' + "".join(f"\\{ESCAPES[each]}" if each in ESCAPES else each for each in text) + '"'


def unwritable(text: str) -> str | None:
    """The first character that dnsmasq's file cannot say: most control characters, and surrogates, which are no text."""
    return next((each for each in text if (each < " " and each not in ESCAPES) or "\ud800" <= each <= "\udfff"), None)
