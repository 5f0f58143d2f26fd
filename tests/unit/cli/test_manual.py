"""The manual page is what the parsers say, and roff's own checkers find nothing in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from converge.cli.grammar import verbs
from converge.cli.manual import page

WITHOUT_DATE = 'missing date, using "": TH'
"""A date would change with every build and say nothing about the page."""


@pytest.fixture
def manual(root: Path) -> Path:
    return root / "man" / "converge.1"


def test_the_page_is_up_to_date(manual: Path) -> None:
    assert manual.read_text(encoding="utf-8").splitlines() == list(page()), "run ./just man"


def test_mandoc_finds_nothing(manual: Path) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(manual)], capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if not line.endswith(WITHOUT_DATE)] == []


def test_a_reader_sees_every_verb_and_option(manual: Path) -> None:
    """groff by way of man, or mandoc: whichever there is."""
    if shutil.which("mandoc"):
        command = ["mandoc", "-Tascii", "-Owidth=300", str(manual)]
    elif shutil.which("man") and shutil.which("groff"):
        command = ["man", "--warnings", "-l", str(manual)]
    else:
        pytest.skip("neither mandoc nor man with groff is installed")
    environment = {**os.environ, "MANWIDTH": "300", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    shown = "".join(_printed(done.stdout))
    for verb in verbs():
        assert f"converge {verb.name}" in shown
        for each in verb.options:
            assert all(flag in shown for flag in each.flags if "--help" not in each.flags)


def _printed(text: str) -> list[str]:
    """Without overstriking: `x`, backspace, `x` is a bold x."""
    found: list[str] = []
    for character in text:
        if character == "\b":
            found.pop()
        else:
            found.append(character)
    return found
