"""How dnsmasq reads its file, written down a second time from what it does, so that our writer is not its own judge.

A line ends at a newline or after 1,023 bytes, whichever comes first. Outside of quotes `#` after a space begins a comment. In
quotes everything is literal but for the escapes, and commas do not separate.
"""

from __future__ import annotations

from collections.abc import Iterator

PIECE = 1023
ESCAPES = {ord(letter): ord(value) for letter, value in (("t", "\t"), ("n", "\n"), ("b", "\b"), ("r", "\r"), ("e", "\x1b"))}
ESCAPES |= {ord('"'): ord('"'), ord("\\"): ord("\\")}
# A quoted character of this list is stored as its index; on use the index becomes the character again.
HIDDEN = b"\x00123456 \b\t\n78\r90abcdefABCDE\x1bF:,."


def directives(file: str) -> list[tuple[str, list[bytes]]]:
    """Name and values of each line."""
    found = []
    for line in _lines(file.encode("utf-8", "surrogatepass")):
        characters = list(_characters(line))
        name, _, rest = _partition(characters, ord("="))
        found.append((bytes(byte for byte, _ in name).decode(), [_value(each) for each in _split(rest)]))
    return found


Character = tuple[int, bool]  # the byte, and whether it was quoted


def _lines(data: bytes) -> Iterator[bytes]:
    for line in data.split(b"\n"):
        for start in range(0, len(line), PIECE):
            yield line[start : start + PIECE]


def _characters(line: bytes) -> Iterator[Character]:
    index, white = 0, True
    while index < len(line):
        byte = line[index]
        if byte == ord('"'):
            index += 1
            while line[index] != ord('"'):  # an IndexError is dnsmasq's `missing "`
                if line[index] == ord("\\") and line[index + 1] in ESCAPES:
                    index += 1
                    yield ESCAPES[line[index]], True
                else:
                    yield line[index], True
                index += 1
        elif white and byte == ord("#"):
            return
        else:
            yield byte, False
        white = line[index : index + 1].isspace()
        index += 1


def _partition(characters: list[Character], at: int) -> tuple[list[Character], bool, list[Character]]:
    where = next((index for index, each in enumerate(characters) if each == (at, False)), None)
    return (characters, False, []) if where is None else (characters[:where], True, characters[where + 1 :])


def _split(characters: list[Character]) -> Iterator[list[Character]]:
    found, rest = True, characters
    while found:
        value, found, rest = _partition(rest, ord(","))
        if value or found:
            yield value


def _value(characters: list[Character]) -> bytes:
    """A raw control character, quoted or not, comes out as what it stands for."""
    return bytes(HIDDEN[byte] if byte < len(HIDDEN) else byte for byte, _ in characters)
