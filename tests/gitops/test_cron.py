"""examples/cron: its line, read as cron does, and its command, run as cron would, but for the waiting."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.session import Done, Session
from tests.gitops.lab import good, in_sync, node, python_path, serving

LINES = [
    line
    for line in (ROOT / "examples" / "cron" / "converge").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
JOB = re.compile(r"((?:\S+ ){5})(\S+) (.*)")
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`"),
]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Session]:
    with node(tmp_path / "node") as found:
        yield found


def job() -> tuple[str, str, str]:
    """When, who, what: of a file in /etc/cron.d, whose other lines set variables."""
    found = [match for line in LINES if (match := JOB.fullmatch(line))]
    assert len(found) == 1
    return found[0][1].strip(), found[0][2], found[0][3]


def run(shell: Session) -> Done:
    """With cron's environment and shell."""
    variables = [shlex.quote(line) for line in LINES if not JOB.fullmatch(line)]
    return shell.run(python_path(" ".join([*variables, "SHELL=/bin/sh", "HOME=/root", "/bin/sh", "-c", shlex.quote(job()[2])])))


def test_the_line() -> None:
    when, who, command = job()
    assert (when, who) == ("* * * * *", "root")
    assert "%" not in command, "cron would end the command there"
    assert all(re.fullmatch(r"[A-Z]+=\S+", line) for line in LINES if not JOB.fullmatch(line))


def test_it_wires_the_pods_and_prints_nothing_that_would_be_mailed(shell: Session) -> None:
    assert run(shell) == Done("", 0)
    assert in_sync(shell) == ["shop/passt", "shop/web"]
    assert serving(shell) == ["dnsmasq", "passt"]
    assert run(shell) == Done("", 0)


def test_it_repairs_and_says_nothing_either(shell: Session) -> None:
    run(shell)
    good(shell, "ip -n lab-web link set tap0 nomaster")
    assert run(shell) == Done("", 0)
    assert in_sync(shell) == ["shop/passt", "shop/web"]


def test_a_second_run_does_not_begin_while_one_goes_on(shell: Session) -> None:
    locked = "flock /run/lock/converge sh -c 'touch held; sleep 30' & until [ -e held ]; do sleep 0.05; done"
    good(shell, locked)
    assert run(shell) == Done("", 1)
    assert in_sync(shell) == []


def test_an_error_is_said(shell: Session) -> None:
    good(shell, "echo 'kind: GuestNetwork' > /etc/converge/states/broken.yaml")
    done = run(shell)
    assert done.code == 1
    assert "/etc/converge/states/broken.yaml:1:7: GuestNetwork without apiVersion" in done.printed
