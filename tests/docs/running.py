"""A page's files and commands in their order, and where its outputs are not what was printed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.compare import same
from tests.docs.pages import CONSOLE, Block, Step, blocks, console, steps
from tests.docs.session import Session, session


@dataclass(frozen=True, slots=True)
class Ran:
    """One command of a block: what the page says, what was printed, and with which exit code."""

    block: Block
    step: Step
    printed: str
    code: int
    shown: bool
    """The exit code is told by what was printed, or by an `echo $?` that follows."""

    @property
    def good(self) -> bool:
        return same(self.step.printed, self.printed) and self.shown


def ran(page: str) -> list[Ran]:
    with tempfile.TemporaryDirectory(prefix="converge-page-") as temporary:
        folder = Path(temporary) / "page"
        folder.mkdir()
        with session(folder) as one:
            return list(_ran(page, one))


def _ran(page: str, one: Session) -> Iterator[Ran]:
    for block in blocks(page):
        if block.language != CONSOLE:
            if block.file:
                one.write(block.file, block.text)
            continue
        listed = list(steps(block.text))
        for step, following in zip(listed, [*listed[1:], None], strict=True):
            done = one.run(step.command)
            told = done.code == 0 or bool(done.printed) or (following is not None and "$?" in following.command)
            yield Ran(block, step, done.printed, done.code, told)


def rewritten(page: str, found: list[Ran]) -> str:
    """The page with what was printed, where that is not what it says already; `...` that still hold stay."""
    for block in reversed(list(blocks(page))):
        mine = [each for each in found if each.block == block]
        if mine:
            now = [Step(each.step.command, each.step.printed if each.good else trimmed(each.printed)) for each in mine]
            page = page[: block.start] + console(now) + page[block.end :]
    return page


def trimmed(text: str) -> str:
    """Without blanks at the ends of lines, which nobody sees."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
