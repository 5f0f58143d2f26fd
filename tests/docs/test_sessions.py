"""Every command in the pages is run, and prints what the page says. `./just docs` writes anew what has changed on purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.pages import CONSOLE, blocks, pages
from tests.docs.running import ran

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`"),
]
MINE = [page for page in pages() if f"```{CONSOLE}" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", MINE, ids=[page.name for page in MINE])
def test_a_page_says_what_its_commands_print(path: Path) -> None:
    found = ran(path.read_text(encoding="utf-8"))
    assert found
    wrong = [
        f"line {each.block.line}: $ {each.step.command}   exit code {each.code}\n{each.printed}"
        for each in found
        if not each.good
    ]
    assert not wrong, "printed otherwise:\n" + "\n".join(wrong)


def test_no_console_block_begins_with_anything_but_a_command() -> None:
    consoles = [(page.name, block) for page in pages() for block in blocks(page.read_text("utf-8")) if block.language == CONSOLE]
    assert not [(name, block.line) for name, block in consoles if not block.text.startswith("$ ")]
