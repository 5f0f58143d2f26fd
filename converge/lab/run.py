"""The lab's only way to act: commands. Each fails loudly, with the command and what it said.

A child that must live for a while holds the reading end of a pipe to us and ends when that closes. So nothing is left
running after us, not even when we are killed.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NETNS_DIR = Path("/run/netns")
READY = "ready"
# Without site packages, an interpreter starts in 12 ms.
PYTHON = (sys.executable, "-I", "-S")


class LabError(Exception):
    """The lab could not be built or used; the text says which command failed, and how."""


def run(*command: str, stdin: str = "", deadline: float = 30.0) -> str:
    """The command's standard output."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=deadline)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}\n{stdin}".rstrip())
    return done.stdout


def inside(netns: str, *command: str, stdin: str = "", deadline: float = 30.0) -> str:
    return run("ip", "netns", "exec", netns, *command, stdin=stdin, deadline=deadline)


def batch(netns: str, lines: Iterable[str]) -> None:
    """Lines in the syntax of `ip -batch`, all in one namespace."""
    run("ip", "-n", netns, "-batch", "-", stdin="".join(f"{line}\n" for line in lines))


def write_sysctls(netns: str, values: Mapping[str, str]) -> None:
    """Keys with slashes, since a link's name may hold a dot."""
    inside(netns, "sh", "-e", stdin="".join(f"echo '{value}' > /proc/sys/{key}\n" for key, value in values.items()))


def exists(netns: str) -> bool:
    return (NETNS_DIR / netns).exists()


@contextmanager
def child(*command: str, deadline: float = 10.0) -> Iterator[subprocess.Popen[str]]:
    """A process that has said `ready` and runs until the block ends; it ends by itself when its standard input does."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = read_line(process, deadline)
        if said != READY:
            process.kill()
            raise LabError(f"{' '.join(command)}: {said}{process.communicate()[1].strip()}")
        yield process
    finally:
        _end(process)


def python_file(module_file: str) -> tuple[str, ...]:
    """How to run a file of this package that needs the standard library only."""
    return (*PYTHON, str(Path(__file__).with_name(module_file)))


def read_line(process: subprocess.Popen[str], deadline: float) -> str:
    """The next line the child prints; empty when it ended first. Children print whole lines, one at a time, only when asked."""
    assert process.stdout is not None
    end = time.monotonic() + deadline
    if not select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
        raise LabError(f"no word within {deadline:g} s from: {process.args!r}")
    return process.stdout.readline().rstrip("\n")


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
