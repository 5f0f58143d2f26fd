"""Completion, asked of the real shells. bash is always there; zsh and fish where they are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from converge.cli import VERBS, main
from converge.cli.grammar import verbs
from converge.documents import KINDS

FLAGS = {verb.name: {flag for each in verb.options for flag in each.flags} for verb in verbs()}
CASES = [  # what stands before the cursor, and what is offered
    ("", set(VERBS)),
    ("va", {"validate"}),
    ("plan --", {flag for flag in FLAGS["plan"] if flag.startswith("--")}),
    ("check --ver", {"--verbose"}),
    ("validate -o ", {"text", "json", "github", "sarif"}),
    ("validate --output g", {"github"}),
    ("schema ", set(KINDS)),
    ("completion z", {"zsh"}),
    ("lab d", {"down", "demo"}),
    ("plan states/", {"states/web.yaml", "states/a b.yaml"}),
    ("plan --timeout ", set()),
]
IDS = [line or "nothing" for line, _ in CASES]


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A shell's script, beside a folder of state files."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    file = tmp_path / f"converge.{shell}"
    file.write_text(capsys.readouterr().out)
    (tmp_path / "states").mkdir()
    for name in ("web.yaml", "a b.yaml"):
        (tmp_path / "states" / name).touch()
    return file


def asked(*command: str, folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


BASH = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _converge; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(
    ("line", "expected"), [*CASES, ("validate --output = js", {"json"}), ("plan -o =", {"text", "json", "markdown"})]
)
def test_bash(script: Path, line: str, expected: set[str]) -> None:
    words = ["converge", *line.split(" ")]
    offered = asked("bash", "--norc", "-uc", BASH, "bash", script.name, *words, folder=script.parent)
    assert set(filter(None, offered)) == expected


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_registers_the_program(script: Path) -> None:
    assert asked("bash", "--norc", "-c", 'source "$1"; complete -p converge', "bash", script.name, folder=script.parent) == [
        "complete -F _converge converge"
    ]


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(("line", "expected"), CASES, ids=IDS)
def test_fish(script: Path, line: str, expected: set[str]) -> None:
    code = f"source {script.name}; complete -C 'converge {line}'"
    offered = asked("fish", "--no-config", "-c", code, folder=script.parent)
    assert {each.partition("\t")[0].replace("\\ ", " ") for each in offered} == expected


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("va", "validate "),
        ("check --verb", "check --verbose "),
        ("validate --output g", "validate --output github "),
        ("validate --output=g", "validate --output=github "),
        ("schema G", "schema GuestNetwork "),
        ("plan states/w", "plan states/web.yaml "),
        ("lab u", "lab up "),
    ],
)
def test_zsh(script: Path, line: str, completed: str) -> None:
    assert typed(script, line) == completed


def typed(script: Path, line: str) -> str:
    """What stands on zsh's command line after the tab key, in a terminal of its own."""
    start = f'autoload -Uz compinit; compinit -u -d ./dump; source ./{script.name}; show() {{ print -r -- "<<$BUFFER>>"; }}; '
    start += "zle -N show; bindkey '^X' show; PS1=; unset zle_bracketed_paste; print -r -- rea''dy\n"
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(script.parent)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "COLUMNS": "200", "HOME": "."})
    try:
        _sent(terminal, start, "ready")
        seen = _sent(terminal, f"converge {line}\t\x18", ">>")
        return seen.rpartition("<<converge ")[2].partition(">>")[0]
    finally:
        os.close(terminal)
        os.kill(process, 9)
        os.waitpid(process, 0)


def _sent(terminal: int, text: str, until: str) -> str:
    os.write(terminal, text.encode())
    seen, deadline = "", time.monotonic() + 30
    while until not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"zsh said only {seen!r}"
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


def test_nothing_is_offered_that_the_parser_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    """And the other way round: the help of each verb names each flag that is offered."""
    for name, flags in FLAGS.items():
        assert main([name, "--help"]) == 0
        told = capsys.readouterr().out
        assert [flag for flag in flags if flag not in told] == []
