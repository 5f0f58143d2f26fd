"""Values written as YAML in every way: block and brackets, quotes, indentations, blank lines, and comments at every place.

What is written means the value that it was made from; the tests see to that before they use it.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

PLAIN = [
    "web",
    "no",
    "on",
    "yes",
    "~",
    "null",
    "80",
    "010",
    "0x1F",
    "12:30:45",
    "1_000",
    "12:30:45:10:20:30",
    "1.5",
    "2026-11-24",
    "02:aa:00:00:00:07",
    "fd10:0:2::/120",
    "::1/128",
    "10.0.2.0/24",
    "a b",
    "a: b",
    "a #b",
    "- a",
    "x: #",
    "",
    " a ",
    "'",
    '"',
    "a\nb",
    "a\n\n  b\nc\n",
    "\n\n",
    "\n a",
    "a\n\n\n",
    "tab\there",
    "\\",
    "caf\u00e9 \U0001f600",
    "#",
    "---",
    "a,b",
    "[a]",
    "*a",
    "&a",
]
TEXTS = st.sampled_from(PLAIN) | st.text("ab:#-'\"\\ \n{},[]&*!|>%@`?", max_size=8)
KEYS = st.sampled_from(["apiVersion", "kind", "metadata", "spec", "name", "a", "b", "c d", "items", "x: y", "#k", "no"])
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(0, 99),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
RESERVED = frozenset("-?:,[]{}#&*!|>'\"%@` \t")


class Writer:
    """Draws how each part is written. Comments are numbered, so that a lost one has a name."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.comments = 0
        self.anchors: list[str] = []

    def chance(self, of: int) -> bool:
        return bool(self.draw(st.integers(0, of - 1)) == of - 1)

    def comment(self) -> str:
        self.comments += 1
        return f"# c{self.comments}" + self.draw(st.sampled_from(["", ":", " 'x", " - y", " z  "]))

    def trail(self, often: int = 4) -> str:
        return " " * self.draw(st.integers(1, 6)) + self.comment() if self.chance(often) else ""

    def own(self, indent: int, deeper: int = 0) -> str:
        """Comments and blank lines on lines of their own, at about an indentation."""
        text = ""
        while self.chance(4):
            column = self.draw(st.integers(0, indent + deeper))
            text += "\n" if self.chance(3) else " " * column + self.comment() + "\n"
        return text

    # ------------------------------------------------------------------------------------------------------- scalars

    def scalar(self, value: Any, indent: int, *, flow: bool, key: bool = False) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        ways = [json.dumps(value, ensure_ascii=all(each < "\U00010000" for each in value) and self.chance(3))]
        if "\n" not in value and value.isprintable():
            ways.append("'" + value.replace("'", "''") + "'")
        if is_plain(value):
            ways.append(value)
        if not key and not flow and "\n" in value and is_block(value):
            ways.append(self.block(value, indent))
        if not key and " " in value.strip() and is_plain(value) and value == "a b":
            ways.append(f"a\n{' ' * (indent + self.draw(st.integers(1, 3)))}b")
        return str(self.draw(st.sampled_from(ways)))

    def block(self, value: str, indent: int) -> str:
        stripped = value.rstrip("\n")
        ends = len(value) - len(stripped)
        chomp = "-" if ends == 0 else "" if ends == 1 and stripped else "+"
        step = self.draw(st.integers(1, 4))
        needed = stripped.lstrip("\n").startswith((" ", "\t")) or self.chance(3)
        lines = value[:-1].split("\n") if ends else value.split("\n")
        body = "".join(f"\n{' ' * (indent + step)}{line}" if line else "\n" for line in lines)
        return f"|{step if needed else ''}{chomp}{self.trail()}{body}"

    # -------------------------------------------------------------------------------------------------------- values

    def props(self, value: Any) -> str:
        if not self.chance(6):
            return ""
        self.anchors.append(repr(value))
        tags = ("", "", "!!str " if isinstance(value, str) else "!!map " if isinstance(value, dict) else "")
        return f"&a{len(self.anchors)} " + self.draw(st.sampled_from(tags))

    def alias(self, value: Any) -> str:
        """An alias of an equal value that has an anchor."""
        equal = [number for number, known in enumerate(self.anchors, 1) if known == repr(value)]
        return f"*a{self.draw(st.sampled_from(equal))} " if equal and self.chance(2) else ""

    def flow(self, value: Any, indent: int) -> str:
        """In brackets. `indent`: what further lines must be deeper than."""
        if alias := self.alias(value):
            return alias
        props = self.props(value)
        if not isinstance(value, list | dict):
            return props + self.scalar(value, indent, flow=True)
        parts = []
        for each in value:
            key = ""
            if isinstance(value, dict):
                key = self.scalar(each, indent, flow=True, key=True) + ":" + self.gap(indent, " ")
            parts.append(self.gap(indent) + key + self.flow(value[each] if key else each, indent) + self.gap(indent))
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        last = "," if parts and self.chance(4) else ""
        return props + opening + ",".join(parts) + last + self.gap(indent) + closing

    def gap(self, indent: int, least: str = "") -> str:
        """Between two tokens in brackets."""
        if not self.chance(5):
            return least
        text = self.trail(2) + "\n" + self.own(indent + 4)
        return text + " " * (indent + self.draw(st.integers(1, 4)))

    def value(self, value: Any, indent: int, *, dash: bool) -> str:
        """What follows a key or a dash, the line's end included. `indent`: the column of the key or the dash."""
        if alias := self.alias(value):
            return f" {alias}{self.trail()}\n"
        if isinstance(value, list | dict) and value and not self.chance(3):
            props = self.props(value)
            step = self.draw(st.integers(1, 4))
            if dash and not props and self.chance(2):
                return " " * step + self.rows(value, indent + 1 + step).removeprefix(" " * (indent + 1 + step))
            column = indent + (0 if isinstance(value, list) and not dash and self.chance(3) else step)
            return (" " + props).rstrip() + self.trail() + "\n" + self.own(column, 2) + self.rows(value, column)
        if isinstance(value, list | dict):
            return f" {self.flow(value, indent)}{self.trail()}\n"
        if value is None:
            return f"{self.trail()}\n"
        before = f"{self.trail(2)}\n{self.own(indent + 2)}{' ' * (indent + 1)}" if self.chance(8) else " "
        text = self.scalar(value, indent, flow=False)
        header = text.partition("\n")[0].startswith("|")
        return f"{before}{self.props(value)}{text}{'' if header else self.trail()}\n"

    def rows(self, value: Any, column: int) -> str:
        text = ""
        for number, each in enumerate(value):
            text += self.own(column, 3) if number else ""
            text += " " * column
            if isinstance(value, dict):
                text += self.scalar(each, column, flow=False, key=True) + ":" + self.value(value[each], column, dash=False)
            else:
                text += "-" + self.value(each, column, dash=True)
        return text

    def document(self, value: Any) -> str:
        if isinstance(value, list | dict) and value and not self.chance(6):
            return self.own(3) + self.rows(value, 0) + self.own(3)
        return self.own(3) + self.flow(value, 0) + self.trail() + "\n" + self.own(3)

    def stream(self, values: list[Any]) -> str:
        text = self.own(2)
        for number, value in enumerate(values):
            self.anchors = []
            if number or self.chance(3):
                text += ("..." + self.trail() + "\n" + self.own(2)) if number and self.chance(4) else ""
                text += "---" + self.trail() + "\n"
            text += self.document(value)
        return text + ("..." + self.trail() + "\n" + self.own(2) if self.chance(6) else "")


def is_plain(text: str) -> bool:
    """Whether a text may stand without quotes, in brackets and out of them."""
    if not text or text.strip() != text or not text.isprintable() or text[0] in RESERVED or text in ("...", "---"):
        return False
    return not any(each in text for each in (": ", " #", ",", "[", "]", "{", "}")) and not text.endswith(":")


def is_block(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n")) and bool(text.strip()) and text[:2] != "\n "


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[list[Any]]) -> tuple[list[Any], str]:
    """Documents, and a text that means them."""
    drawn = draw(values)
    newline = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    return drawn, Writer(draw).stream(drawn).replace("\n", newline)
