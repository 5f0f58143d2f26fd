"""A shell with two pods of the lab, and their state files where a node has them: /etc/converge/states. All is the shell's own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.session import Session, session

STATES = ("web", "passt")
"""masquerade, with dnsmasq; and passt, which converge runs."""


@contextmanager
def node(folder: Path) -> Iterator[Session]:
    """`converge` is on cron's PATH, too: in /usr/local/sbin."""
    folder.mkdir()
    program = folder.with_name(f"{folder.name}-bin") / "converge"
    with session(folder) as shell:
        for name in STATES:
            shell.write(f"states/{name}.yaml", (ROOT / "states" / f"{name}.yaml").read_text(encoding="utf-8"))
        good(
            shell, "mkdir etc && mount -t tmpfs tmpfs etc && cp -a /etc/. etc && mkdir etc/converge && cp -r states etc/converge"
        )
        good(shell, "mount --bind etc /etc")
        good(shell, f"mount -t tmpfs tmpfs /run/lock && mount -t tmpfs tmpfs /usr/local/sbin && cp {program} /usr/local/sbin/")
        good(shell, "converge lab up")
        yield shell


def good(shell: Session, command: str) -> str:
    done = shell.run(command)
    assert done.code == 0, f"{command}: {done.code}\n{done.printed}"
    return done.printed


def in_sync(shell: Session) -> list[str]:
    """Pods of which converge says so."""
    lines = shell.run("converge check /etc/converge/states").printed.splitlines()
    return [line.split()[0] for line in lines if line.endswith("in sync")]


def serving(shell: Session) -> list[str]:
    """Programs that serve guests: names, sorted."""
    return sorted(shell.run("ps -eo comm= | grep -Eo '^(dnsmasq|passt)'").printed.split())


def python_path(command: str) -> str:
    """A service has no environment of a shell's: what the program needs of it here is said."""
    return f"env -i PYTHONPATH={shlex.quote(str(ROOT))} {command}"
