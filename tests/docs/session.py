"""A page's session: one shell in namespaces of its own, in which a page may say what a reader would type.

`ip netns` keeps its names in /run/netns, and this shell has a /run/netns of its own; so `lab-web` here is nobody else's, however
many tests run. Its network namespace is its own as well: a page cannot touch the machine's links even by mistake. It is process 1
of its own process namespace, so the kernel ends everything that a page has started when the shell ends, and with the last
process all namespaces are gone.
"""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT

MARK = "\x01done"
DEADLINE = 60.0
PRIVATE = ("/run/netns", "/run/converge")
RESOLV_CONF = "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n"
SHELL = ("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "bash", "--noprofile", "--norc")
GIT = {
    "GIT_AUTHOR_NAME": "A. Reader",
    "GIT_AUTHOR_EMAIL": "reader@example.org",
    "GIT_COMMITTER_NAME": "A. Reader",
    "GIT_COMMITTER_EMAIL": "reader@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Stuck(Exception):
    """A command did not end in time, or took the shell with it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, on either channel, in the order it came; and its exit code."""

    printed: str
    code: int


@dataclass(frozen=True, slots=True)
class Session:
    folder: Path
    shell: subprocess.Popen[bytes]

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        assert path.resolve().is_relative_to(self.folder.resolve()), f"{file}: a page writes into its own folder only"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, command: str) -> Done:
        """`$?` is the earlier command's, as in any shell."""
        assert self.shell.stdin is not None
        line = f"(exit $code); eval {shlex.quote(command)} </dev/null; code=$?; printf '\\n{MARK} %d\\n' $code\n"
        self.shell.stdin.write(line.encode())
        self.shell.stdin.flush()
        printed, _, code = self._read(command).rpartition(f"\n{MARK} ")
        return Done(printed if not printed or printed.endswith("\n") else f"{printed}\n", int(code))

    def _read(self, command: str) -> str:
        assert self.shell.stdout is not None
        end, text = time.monotonic() + DEADLINE, b""
        while not (MARK.encode() in text and text.endswith(b"\n")):
            ready = select.select([self.shell.stdout], [], [], max(0.0, end - time.monotonic()))[0]
            more = os.read(self.shell.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise Stuck(f"{command}: {'ended the shell' if ready else f'not done in {DEADLINE:g} s'}\n{text.decode()}")
            text += more
        return text.decode("utf-8", "replace")


@contextmanager
def session(folder: Path) -> Iterator[Session]:
    """`folder` is where the page's files are and its commands run."""
    seen = environment(folder)
    shell = subprocess.Popen(SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, env=seen)
    try:
        one = Session(folder, shell)
        ready = one.run(_prepared(folder))
        assert ready == Done("", 0), ready.printed
        yield one
    finally:
        shell.kill()
        shell.communicate()


def environment(folder: Path) -> dict[str, str]:
    """`converge` is this repository's. Nothing of the caller's terminal gets in."""
    bin_ = folder.with_name(f"{folder.name}-bin")
    bin_.mkdir()
    program = bin_ / "converge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m converge "$@"\n')
    program.chmod(0o755)
    (bin_ / "gitconfig").write_text("[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n")
    return {
        "PATH": f"{bin_}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": str(bin_ / "gitconfig"),
        **GIT,
    }


def _prepared(folder: Path) -> str:
    """Mounts are seen by this session only. A resolv.conf may be a link, hence its target."""
    resolv = folder.with_name(f"{folder.name}-bin") / "resolv.conf"
    resolv.write_text(RESOLV_CONF)
    lines = [f"mkdir -p {place} && mount -t tmpfs -o mode=755 tmpfs {place}" for place in PRIVATE]
    lines.append(f"if test -e /etc/resolv.conf; then mount --bind {shlex.quote(str(resolv))} $(readlink -f /etc/resolv.conf); fi")
    return "code=0; " + " && ".join(lines)
