"""What is merged is applied: the jobs for the runner on the node, in the lab. `sudo` is a stand-in: the shell has its rights."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.session import Session
from tests.gitops.lab import good, in_sync, node
from tests.gitops.steps import steps
from tests.gitops.test_gitlab import job

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`"),
]
GITHUB = [["bash", "-e", "-c", step.run] for step in steps("apply")]
GITLAB = [["bash", "-c", "\n".join(["set -eo pipefail", *job("converge-apply")["script"]])]]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Session]:
    with node(tmp_path / "node") as found:
        good(found, """printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/sbin/sudo && chmod 755 /usr/local/sbin/sudo""")
        yield found


@pytest.mark.parametrize("commands", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_the_pods_are_as_the_checkout_says(shell: Session, commands: list[list[str]]) -> None:
    for command in commands:
        good(shell, shlex.join(command))
    assert in_sync(shell) == ["shop/passt", "shop/web"]


@pytest.mark.parametrize("commands", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_broken_file_touches_nothing(shell: Session, commands: list[list[str]]) -> None:
    good(shell, "sed -i 's/port: 80/port: 4430000/' states/web.yaml")
    first = shell.run(shlex.join(commands[0]))
    assert first.code == 1
    assert "port 4430000 is not a port" in first.printed
    assert in_sync(shell) == []
