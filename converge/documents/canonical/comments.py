"""Comments are what stands between tokens besides blanks, so none is overlooked and none is found inside a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from converge.documents.canonical.tree import Comment

COMMENT = re.compile(r"#[^\n]*")
BEFORE_ENTRY = re.compile(r"[ \t\-?,{\[]*")


class Lines:
    """Where lines begin, and which are blank."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def number(self, index: int) -> int:
        return bisect_right(self.starts, index) - 1

    def line(self, number: int) -> str:
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end]

    def column(self, index: int) -> int:
        return index - self.starts[self.number(index)]

    def blank_above(self, index: int) -> bool:
        """Whether a blank line is above what starts here, if it is the first thing of its line."""
        number = self.number(index)
        first = BEFORE_ENTRY.fullmatch(self.text[self.starts[number] : index])
        return bool(first) and number > 0 and not self.line(number - 1).strip()

    def comment(self, index: int, text: str) -> Comment:
        number = self.number(index)
        before = self.text[self.starts[number] : index]
        indent = len(before) - len(before.lstrip())
        return Comment(text.rstrip(), index, number, len(before), len(before) - indent, not before.strip())


def comments(lines: Lines, tokens: Iterable[Any]) -> list[Comment]:
    """Those between tokens; the one behind the `|` of a block scalar is a part of that token."""
    found: list[Comment] = []
    end = 0
    for token in tokens:
        start = token.start_mark.index
        if start > end:
            found += (lines.comment(match.start(), match.group()) for match in COMMENT.finditer(lines.text, end, start))
        end = max(end, token.end_mark.index)
    return found


def block(lines: Lines, found: Sequence[Comment], below: int | None = None) -> list[str]:
    """Comments as a list, with the blank lines between them, and with one before what stands at `below`."""
    texts: list[str] = []
    for each in found:
        if texts and lines.blank_above(each.index):
            texts.append("")
        texts.append(each.text)
    if texts and below is not None and lines.blank_above(below):
        texts.append("")
    return texts
