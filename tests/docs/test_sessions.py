"""Every command in the pages is run, and prints what the page says. `./just docs` writes anew what has changed on purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.pages import CONSOLE, ROOT, blocks, pages
from tests.docs.running import ran

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`"),
]
ELSEWHERE = {"editors.md": "tests/unit/cli/test_editors_page.py"}
"""Pages whose blocks have a test of their own."""
MINE = [page for page in pages() if page.name not in ELSEWHERE and f"```{CONSOLE}" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", MINE, ids=[page.name for page in MINE])
def test_a_page_says_what_its_commands_print(path: Path) -> None:
    found = ran(path.read_text(encoding="utf-8"))
    assert found
    wrong = [f"line {each.block.line}: $ {each.step.command}   exit code {each.code}\n{each.printed}" for each in found if not each.good]
    assert not wrong, "printed otherwise:\n" + "\n".join(wrong)


def test_a_page_that_is_tested_elsewhere_is() -> None:
    for name, test in ELSEWHERE.items():
        page = ROOT / "docs" / name
        assert not page.exists() or name in (ROOT / test).read_text(encoding="utf-8")


def test_no_console_block_begins_with_anything_but_a_command() -> None:
    consoles = [(page.name, block) for page in pages() for block in blocks(page.read_text("utf-8")) if block.language == CONSOLE]
    assert not [(name, block.line) for name, block in consoles if not block.text.startswith("$ ")]
