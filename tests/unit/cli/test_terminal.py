"""Colours and widths: on a terminal as it is, elsewhere always the same bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from converge.cli import VERBS
from converge.report import check, status
from converge.report.style import Style, columns
from tests.unit.documents.examples import GUEST_NETWORK

ESCAPE = "\x1b"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "web.yaml"
    file.write_text(GUEST_NETWORK.replace("port: 80", "port: 70000"))
    return file


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
    return {**clean, "TERM": "xterm", **more}


def on_terminal(*words: str, width: int = 0, **more: str) -> str:
    """What a run writes when its standard output and error are a terminal of that width, where 0 is unknown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    command = [sys.executable, "-m", "converge", *words]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more))
    os.close(theirs)
    found = b""
    try:
        while data := os.read(ours, 4096):
            found += data
    except OSError:  # how Linux says that the other side is gone
        pass
    finally:
        os.close(ours)
    process.wait(timeout=30)
    return found.decode().replace("\r\n", "\n")


def piped(*words: str, **more: str) -> str:
    done = subprocess.run([sys.executable, "-m", "converge", *words], capture_output=True, text=True, env=environment(**more))
    return done.stdout + done.stderr


def test_colours_on_a_terminal_only_and_never_with_no_color(bad: Path) -> None:
    plain = piped("validate", str(bad))
    assert ESCAPE not in plain
    assert ESCAPE in on_terminal("validate", str(bad))
    for quiet in (
        on_terminal("validate", "--no-color", str(bad)),
        on_terminal("validate", str(bad), NO_COLOR="1"),
        on_terminal("validate", str(bad), TERM="dumb"),
    ):
        assert quiet == plain
    assert ESCAPE in on_terminal("validate", str(bad), NO_COLOR=""), "an empty NO_COLOR says nothing"


def test_json_has_no_colour_on_a_terminal_either(bad: Path) -> None:
    assert ESCAPE not in on_terminal("validate", "-o", "json", str(bad))


@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["fmt", "--help"]])
def test_piped_output_does_not_depend_on_columns(words: list[str]) -> None:
    assert piped(*words) == piped(*words, COLUMNS="40") == piped(*words, COLUMNS="300")


def test_piped_validation_does_not_depend_on_columns(bad: Path) -> None:
    assert piped("validate", str(bad)) == piped("validate", str(bad), COLUMNS="20")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_the_terminal(verb: str) -> None:
    """But for examples and tables, which are indented and stay as they are."""
    words = [verb, "--help"] if verb else ["--help"]
    for found in (on_terminal(*words, width=64), on_terminal(*words, width=200, COLUMNS="64")):
        text, _, _ = found.partition("\nexamples:\n")
        wide = [line for line in text.split("\n") if columns(line) > 64 and not line.startswith("  ")]
        assert wide == []
    assert "\n" in on_terminal(*words), "a terminal that does not know its width"


# ---------------------------------------------------------------------------------------------------- tables

ROW = {
    "document": "shop/web",
    "nic": "default",
    "binding": "masquerade",
    "state": "in sync",
    "tap": "tap0",
    "guest address": "10.0.2.2,fd10:0:2::2",
}


def test_status_goes_on_in_the_next_line_of_a_narrow_screen() -> None:
    wide = list(status.lines([ROW], status.TABLE, Style()))
    narrow = list(status.lines([ROW], status.TABLE, Style(width=50)))
    assert len(wide) == 2
    assert all(columns(line) <= 50 for line in narrow)
    assert " ".join(narrow).split() == " ".join(wide).split()


@pytest.mark.parametrize("colour", [False, True])
def test_check_goes_on_in_the_next_line_of_a_narrow_screen(colour: bool) -> None:
    change = {"address": "sysctl/net.ipv4.ip_forward", "action": "update", "reason": "differs: value", "nic": "default"}
    nic = {"name": "default", "in_sync": False, "changes": 3, "facts_lost": None}
    found = {"pods": [{"document": "shop/web", "nics": [nic], "changes": [change] * 3}]}
    (line,) = check.lines(found, Style(colour=colour))
    narrow = list(check.lines(found, Style(colour=colour, width=60)))
    assert " ".join(narrow).split() == line.split()
    assert len(narrow) > 1
    assert all(columns(each.replace("\x1b[33m", "").replace("\x1b[0m", "")) <= 60 for each in narrow)


def test_a_word_that_is_too_long_is_not_torn() -> None:
    assert list(Style(width=20).wrapped("a " + "x" * 40 + " b")) == ["a " + "x" * 40 + " b"]
