"""A real guest on a pod's taps: QEMU, and a conversation with what runs inside.

    with boot("lab-web", [Nic("tap0", mac="0a:58:0a:f4:01:05")]) as guest:
        seen = guest.report()                        # as JSON: links, addresses, routes, leases, advertisements
        guest.run("connect 192.0.2.7:443").output    # any shell command in the guest

QEMU is started inside the pod's namespace and opens the tap there, as KubeVirt's user and without any capability: so the tap's
owner is tried as well. It emulates (TCG): 1.9 s to user space, and nothing of the machine's own virtualisation is needed.

The guest's only way out, besides its NICs, is its serial console, which is QEMU's standard input and output; see `console`.
QEMU ends with the block. If this process is killed, the kernel ends QEMU with the thread that started it; and a guest powers
itself off after `Scenario.hold` seconds.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.guest.console import Console, Event, Silent, listened
from tests.guest.image import Image, image
from tests.guest.scenario import USUAL, Nic, Scenario, command_line
from tests.guest.view import view

KUBEVIRT_USER = 107
MEGABYTES = 128
BOOT_SECONDS = 60.0
# Everybody may open /dev/net/tun on most systems and in KubeVirt's pods; the tap's owner is what counts. Where it is root's only,
# this makes no difference outside: `ip netns exec` has given us mounts of our own.
_TUN_FOR_ALL = 'mount -t tmpfs -o mode=755 tun /dev/net; mknod -m 666 /dev/net/tun c 10 200; exec "$@"'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command in the guest printed, both streams together, and its exit code."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Guest:
    """A running guest. Everything it reports stays in `events`, in order."""

    process: subprocess.Popen[bytes]
    talk: Console
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def console(self) -> str:
        return "\n".join(self.talk.lines)

    def events(self, name: str, **having: Any) -> list[Event]:
        with self.talk.news:
            return [event for event in self.talk.events if _fits(event, name, having)]

    def wait_for(self, name: str, seconds: float = BOOT_SECONDS, after: int = 0, **having: Any) -> Event:
        """The first event of this name with these values, behind `after` others.

        `after=len(guest.events(…))` waits for a new one.
        """
        about = f"event {name} {having or ''}".rstrip()
        return self.talk.await_event(lambda event: _fits(event, name, having), seconds, about, after)

    def report(self, seconds: float = BOOT_SECONDS) -> dict[str, Any]:
        """What the guest sees once all its NICs are set up; see `view`."""
        self.wait_for("ready", seconds)
        return self._view()

    def look(self, seconds: float = 10.0) -> dict[str, Any]:
        """The same as of now."""
        self.run("look", seconds)
        return self._view()

    def run(self, command: str, seconds: float = 30.0) -> Answer:
        """A shell command in the guest, of one line; see rootfs/bin for its words. iproute2's `ip` is /sbin/ip there.

        One at a time: what must go on beside others ends with `&` and has its output elsewhere.
        """
        if "\n" in command:
            raise ValueError("one line, please")
        number = str(next(self.numbers))
        self._send(f"{number} {command}\n")
        event = self.talk.await_event(
            lambda event: _fits(event, "answer", {"number": number}), seconds, f"the end of {command!r}"
        )
        return Answer(int(event["code"]), event["output"])

    def power_off(self, seconds: float = 10.0) -> int:
        """The guest ends by itself; the exit code of QEMU."""
        self._send("0 poweroff -f\n")
        return self.process.wait(seconds)

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Silent(f"the guest has ended\n{self.talk.tail()}") from error

    def _view(self) -> dict[str, Any]:
        with self.talk.news:
            return view(self.talk.events)


def _fits(event: Event, name: str, having: Mapping[str, Any]) -> bool:
    return event["event"] == name and all(event.get(key) == value for key, value in having.items())


@contextmanager
def boot(
    netns: str, nics: Sequence[Nic], scenario: Scenario = USUAL, user: int = KUBEVIRT_USER, picture: Image | None = None
) -> Iterator[Guest]:
    """A guest, for as long as the block lasts. `netns` is a name under /run/netns; `user` opens the taps.

    The thread that enters the block must live until it ends.
    """
    line = command_line(nics, scenario)
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "rb")) for path in _files(picture or image())]
        descriptors = [opened.fileno() for opened in files]
        process = subprocess.Popen(
            [*_inside(netns, user), *_qemu(nics, line, descriptors)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[*descriptors, *(nic.descriptor for nic in nics if nic.descriptor is not None)],
        )
        yield Guest(process, stack.enter_context(listened(process)))


def _files(picture: Image) -> tuple[Path, Path]:
    return picture.kernel, picture.initrd


def _inside(netns: str, user: int) -> list[str]:
    """A change of user forgets the death signal, so both are set by one program, in that order."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig=KILL"]
    return ["ip", "netns", "exec", netns, "sh", "-ec", _TUN_FOR_ALL, "sh", *become, "nice"]


def _qemu(nics: Sequence[Nic], line: str, descriptors: Sequence[int]) -> list[str]:
    """The two files come as descriptors, since the user may not be able to reach the cache.

    Always TCG, and never vhost: without its device QEMU 7.2 aborts. `romfile=`: no network boot. Nothing is there by default.
    """
    kernel, initrd = (f"/proc/self/fd/{descriptor}" for descriptor in descriptors)
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", str(MEGABYTES)]
    command += ["-smp", str(max([1, *(nic.queues for nic in nics)]))]
    command += ["-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", kernel, "-initrd", initrd, "-append", line]
    for number, nic in enumerate(nics):
        command += _nic(number, nic)
    return command


def _nic(number: int, nic: Nic) -> list[str]:
    """A tap made for several queues can only be opened with several, and the other way round."""
    opened = f"ifname={nic.tap},script=no,downscript=no" if nic.descriptor is None else f"fd={nic.descriptor}"
    netdev = f"tap,id=n{number},{opened},vhost=off"
    if nic.socket:
        netdev = f"stream,id=n{number},server=off,addr.type=unix,addr.path={nic.socket}"
    device = f"virtio-net-pci,netdev=n{number},mac={nic.mac},romfile="
    if nic.queues > 1:
        netdev += f",queues={nic.queues}"
        device += f",mq=on,vectors={2 * nic.queues + 2}"
    if nic.mtu is not None:
        device += f",host_mtu={nic.mtu}"
    return ["-netdev", netdev, "-device", device]
