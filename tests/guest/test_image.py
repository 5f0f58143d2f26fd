"""The boot image and the machine around it: built once, boots, answers, ends, and never stays behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.lab.pods import Place
from converge.lab.run import run
from tests.guest.console import Silent
from tests.guest.image import image
from tests.guest.machine import boot
from tests.guest.scenario import Nic, Scenario

# Boots a guest and says QEMU's process id, for a parent that kills it.
BOOTS = """
import sys, time
from tests.guest.machine import boot
with boot(sys.argv[1], []) as guest:
    guest.wait_for("boot")
    print(guest.process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def empty(place: Place) -> Iterator[str]:
    """A namespace with nothing in it."""
    netns = place.netns("empty")
    run("ip", "netns", "add", netns)
    yield netns
    run("ip", "netns", "delete", netns)


def test_the_image_is_built_once() -> None:
    first = image()
    made = first.initrd.stat().st_mtime_ns
    image.cache_clear()
    assert image() == first
    assert first.initrd.stat().st_mtime_ns == made
    assert first.initrd.stat().st_size < 8_000_000


def test_a_guest_boots_answers_and_powers_off(empty: str) -> None:
    with boot(empty, []) as guest:
        assert guest.report()["links"] == {}
        assert guest.run("echo one; echo two >&2; exit 3").output == "one\ntwo"
        assert guest.run("exit 3").code == 3
        assert guest.run(r"printf '\033\042\134\t\177'").output == '\033"\\\t\177'
        assert guest.power_off() == 0
        with pytest.raises(Silent, match="has ended"):
            guest.wait_for("never")


def test_a_guest_that_is_forgotten_powers_itself_off(empty: str) -> None:
    with boot(empty, [], Scenario(hold=1)) as guest:
        guest.wait_for("off")
        assert guest.process.wait(10) == 0


def test_a_tap_that_is_not_there_is_named_and_not_made(empty: str) -> None:
    with boot(empty, [Nic("tap7")]) as guest, pytest.raises(Silent, match="tap7"):
        guest.report()
    assert "tap7" not in run("ip", "-n", empty, "link")


def test_the_user_of_another_tap_is_refused(empty: str) -> None:
    run("ip", "-n", empty, "tuntap", "add", "tap0", "mode", "tap", "user", "108", "group", "108")
    with boot(empty, [Nic()]) as guest, pytest.raises(Silent, match="Operation not permitted"):
        guest.report()


def test_the_guest_ends_with_who_started_it(empty: str, root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", BOOTS, empty], stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout is not None
        qemu = int(parent.stdout.readline())
        watched = os.pidfd_open(qemu)
        parent.kill()
        try:
            _await_end(watched)
        finally:
            os.close(watched)


def _await_end(pidfd: int) -> None:
    """A pidfd becomes readable when its process ends."""
    if not select.select([pidfd], [], [], 10.0)[0]:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        pytest.fail("QEMU outlived its parent")
