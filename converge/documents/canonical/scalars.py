"""Scalars as they are written. A text never loses its quotes, and nothing plain becomes another type: what YAML 1.1 guesses at a
word (no, 12:30:45, 010) must stay guessed or not guessed as it was.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Interface
from typing import Any

import yaml

from converge.documents.canonical.tree import Leaf
from converge.documents.scalars import OTHER_NOTATION

MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
RESOLVER = yaml.resolver.Resolver()
TEXT = "tag:yaml.org,2002:str"
MARKER = re.compile(r"(---|\.\.\.)(\s|$)")
"""At the start of a line this would end the document."""
STEP = 2


def is_text(plain: str) -> bool:
    """Whether an unquoted scalar is text to YAML 1.1 and to the rest of converge."""
    tag = RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))  # type: ignore[no-untyped-call]
    return bool(tag == TEXT) and not OTHER_NOTATION.fullmatch(plain)


def flow_scalar(written: str, style: str | None, value: str, props: tuple[str, ...]) -> Leaf:
    """Plain or quoted; what is behind a line break is indented anew."""
    if not style and MARKER.match(value):
        return Leaf(props, (quoted(value),), value)
    if "\n" in written:
        first, *rest = written.split("\n")
        lines = [_stripped(first, style), *(_stripped(line.lstrip(" \t"), style) for line in rest)]
        lines[-1] = rest[-1].lstrip(" \t")
        return Leaf(props, tuple(lines), value)
    simple = style == "'" and not set(value) & {'"', "\\"}
    if simple or (not style and not props and _is_address(value) and is_text(value)):
        written = f'"{value}"'
    return Leaf(props, (written,), value)


def _stripped(line: str, style: str | None) -> str:
    """Without the blanks at its end, which mean nothing, unless the last one is escaped."""
    short = line.rstrip(" \t")
    escapes = len(short) - len(short.rstrip("\\"))
    return line[: len(short) + 1] if style == '"' and escapes % 2 and len(short) < len(line) else short


def _is_address(text: str) -> bool:
    if ":" not in text:
        return False
    if MAC.fullmatch(text):
        return True
    try:
        IPv6Interface(text)
    except ValueError:
        return False
    return True


def quoted(text: str) -> str:
    """Between double quotes on one line, whatever it holds."""
    escapes = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    return '"' + "".join(escapes.get(each) or (each if each.isprintable() else _escaped(each)) for each in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def block_scalar(written: str, value: str, props: tuple[str, ...], parent: int) -> tuple[Leaf, int | None]:
    """`|` or `>`, and where the comment behind its header starts. `parent`: the column of the collection that it stands in."""
    header, *raw = written.split("\n")
    mark, hash_sign, _ = header.partition("#")
    digits = re.search(r"[1-9]", mark)
    indent = max(parent, 0) + int(digits.group()) if digits else _indent(raw, parent)
    body = [line[indent:] for line in raw]
    while body and not body[-1]:
        body.pop()
    ends = len(value) - len(value.rstrip("\n"))
    if ends == len(value):
        body, chomp = [""] * ends, "+" if ends else "-"
    else:
        body += [""] * (ends - 1)
        chomp = ("-", "", "+")[min(ends, 2)]
    first = next((line for line in body if line), "")
    step = str(STEP) if first.startswith((" ", "\t")) else ""
    return Leaf(props, tuple(body), value, f"{mark[0]}{step}{chomp}"), len(mark) if hash_sign else None


def _indent(raw: list[str], parent: int) -> int:
    """As libyaml finds it: the deepest of the blank lines above the text, and the first line of the text."""
    widest = max(parent + 1, 1)
    for line in raw:
        widest = max(widest, len(line) - len(line.lstrip(" ")))
        if line.strip(" "):
            break
    return widest


def scalar(event: Any, written: str, props: tuple[str, ...], parent: int) -> tuple[Leaf, int | None]:
    if event.style in ("|", ">"):
        return block_scalar(written, event.value, props, parent)
    return flow_scalar(written, event.style, event.value, props), None
