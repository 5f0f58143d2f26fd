"""README.md and docs/*.md as data: fenced blocks, the files that they name, and the commands of ```console blocks.

What the first words behind a fence mean:

yaml          a document, or a part of one; a block of `yaml wrong` is one that must be refused
console       commands behind `$ `, each with what it prints; `...` on a line of its own stands for any lines
none          text, which nobody runs: pictures, and what only a terminal or a cluster would show

A line before a block that ends with a colon and names a file in backquotes gives the block that name: `states/web.yaml`.
All blocks of a page are one session: in their order files are written and commands run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:ya?ml|json|toml|lua|sh|txt|nft|conf|service|timer|md|xml)|(?:[\w.-]+/)+[\w.-]+)`")
CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Block:
    """`words` stand behind the fence. `start` and `end` are the text's place in the page, `line` is where the fence is."""

    words: tuple[str, ...]
    text: str
    file: str
    start: int
    end: int
    line: int

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, lines that end with a backslash and what follows them included, and the text that the page has below it."""

    command: str
    printed: str


def pages(root: Path = ROOT) -> list[Path]:
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def blocks(page: str) -> Iterator[Block]:
    for found in FENCE.finditer(page):
        before = page[: found.start()].rstrip().rpartition("\n")[2]
        named = FILE.findall(before) if before.endswith(":") else []
        line = page.count("\n", 0, found.start()) + 1
        yield Block(tuple(found[2].split()), found[3], named[-1] if named else "", found.start(3), found.end(3), line)


def steps(console: str) -> Iterator[Step]:
    """Text before the first `$ ` is nobody's; a test holds that there is none."""
    command, printed, open_ended = "", "", False
    for line in console.splitlines(keepends=True):
        if open_ended:
            command += line
        elif line.startswith("$ "):
            if command:
                yield Step(command.rstrip("\n"), printed)
            command, printed = line[2:], ""
        else:
            printed += line
            continue
        open_ended = line.rstrip("\n").endswith("\\")
    if command:
        yield Step(command.rstrip("\n"), printed)


def console(done: list[Step]) -> str:
    """The text of a block again."""
    return "".join(f"$ {step.command}\n{step.printed}" for step in done)


def text_outside(page: str) -> str:
    """The page without its blocks."""
    return FENCE.sub("", page)
