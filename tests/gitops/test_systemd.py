"""examples/systemd: systemd's own word on the units, and what the service may do, tried in the lab. No systemd runs here that
could start them; so what can be tried is tried without it: capabilities, no-new-privs, the read-only file system.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.session import Done, Session
from tests.gitops.lab import good, in_sync, node, python_path, serving
from tests.gitops.units import capabilities, copied, unit

EXPOSURE = 5.0
"""systemd-analyze's number, from 0 (shut in) to 10. Root's rights over networks are most of what is left."""
SERVICE = "converge.service"
analyzed = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian's package systemd)"
)
rooted = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`")


def analyze(*words: str | Path) -> str:
    done = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@analyzed
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    """Any word is one too many, since an unknown key ends with 0, too. Whether man finds converge(1) depends on how it was
    installed, so that page is looked for where the package takes it from.
    """
    assert analyze("verify", "--man=no", *copied(tmp_path)) == ""
    assert unit(SERVICE)["Unit"]["Documentation"] == "man:converge(1)"
    assert (ROOT / "man" / "converge.1").exists()


@analyzed
def test_a_wrong_unit_would_be_noticed(tmp_path: Path) -> None:
    service = next(path for path in copied(tmp_path) if path.name == SERVICE)
    service.write_text(service.read_text().replace("NoNewPrivileges=", "NoNewPrivilege="))
    assert "NoNewPrivilege'" in analyze("verify", "--man=no", service)


@analyzed
def test_the_service_is_shut_in_as_far_as_its_work_allows(tmp_path: Path) -> None:
    service = next(path for path in copied(tmp_path) if path.name == SERVICE)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", analyze("security", "--offline=true", service))
    assert found is not None
    assert float(found[1]) <= EXPOSURE


def test_nodes_do_not_run_at_the_same_moment_and_runs_do_not_overlap() -> None:
    timer, service = unit("converge.timer")["Timer"], unit(SERVICE)["Service"]
    assert int(timer["RandomizedDelaySec"].removesuffix("s")) > int(timer["AccuracySec"].removesuffix("s"))
    assert service["Type"] == "oneshot"
    assert "OnUnitActiveSec" in timer
    limit = re.search(r"--timeout (\d+)s", service["ExecStart"])
    assert limit is not None
    assert int(limit[1]) < int(service["TimeoutStartSec"].removesuffix("s"))


def test_the_guests_servers_outlive_the_run() -> None:
    service = unit(SERVICE)["Service"]
    assert (service["KillMode"], service["RuntimeDirectory"], service["RuntimeDirectoryPreserve"]) == (
        "process",
        "converge",
        "yes",
    )


# -------------------------------------------------------------------------------------------------------- in the lab


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Session]:
    with node(tmp_path / "node") as found:
        yield found


def run(shell: Session, verb: str, allowed: list[str]) -> Done:
    """ExecStart, or another verb in its place, with these capabilities, no new privileges, and a file system that is read-only
    but for RuntimeDirectory, as ProtectSystem=strict has it.
    """
    program = shlex.join(["converge", verb, *unit(SERVICE)["Service"]["ExecStart"].split()[2:]])
    bounding = ",".join(["-all", *(f"+{each}" for each in allowed)])
    inner = python_path(f"PATH=$PATH setpriv --no-new-privs --bounding-set={bounding} {program}")
    made = "mkdir -p /run/converge && mount --bind /run/converge /run/converge"
    frozen = f"{made} && mount -o remount,bind,ro / && exec {inner}"
    return shell.run(f"unshare --mount sh -c {shlex.quote(frozen)}")


@rooted
@pytest.mark.kernel
def test_what_it_may_do_is_enough(shell: Session) -> None:
    done = run(shell, "apply", capabilities())
    assert done.code == 0, done.printed
    assert in_sync(shell) == ["shop/passt", "shop/web"]
    assert serving(shell) == ["dnsmasq", "passt"]
    assert "No changes. 2 pods are as desired." in run(shell, "apply", capabilities()).printed
    done = run(shell, "unwire", capabilities())
    assert done.code == 0, done.printed
    assert serving(shell) == []


@rooted
@pytest.mark.kernel
def test_and_no_more_than_that(shell: Session) -> None:
    """Without any one of them, wiring or unwiring fails."""
    for one in capabilities():
        rest = [each for each in capabilities() if each != one]
        codes = run(shell, "apply", rest).code, run(shell, "unwire", rest).code
        assert codes != (0, 0), one
        good(shell, "converge unwire /etc/converge/states")
