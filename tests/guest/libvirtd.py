"""A real libvirtd in a pod's namespace, and domains in it: what the elements of `converge domain-xml` are for.

It needs neither systemd nor a place on the machine: `ip netns exec` has given us mounts of our own, so /etc/libvirt, /var and
/run are empty file systems in memory that end with it, and the user that it asks for exists for it alone. Outside there is one
folder, with its socket and the guests' consoles. The first connection takes 8 s, in which it asks QEMU what it can do.

Domains outlive their libvirtd: each is destroyed with its block, and its guest powers itself off after `Scenario.hold` seconds.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.guest.console import listened
from tests.guest.image import image
from tests.guest.kernel import install
from tests.guest.machine import MEGABYTES, Guest
from tests.guest.scenario import Nic, Scenario, command_line

PACKAGES = ("libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients", "libxml2-utils")
"""None of these starts anything by itself: the packages with services are others."""

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
FIRST_SECONDS = 90.0
_QEMU_CONF = """
stdio_handler = "file"
security_driver = "none"
namespaces = []
cgroup_controllers = []
user = "root"
group = "root"
remember_owner = 0
"""
# libvirt looks its usual user up before it reads that it shall be root; a package that is not needed here would have made it.
_START = """
for own in /etc/libvirt /var /run; do mount -t tmpfs own $own; done
cp "$1"/qemu.conf /etc/libvirt/
for file in passwd group; do mount --bind "$1"/$file /etc/$file; done
exec setpriv --pdeathsig=KILL libvirtd --config "$1"/libvirtd.conf --pid-file "$1"/pid
"""


class Refused(Exception):
    """libvirt would not do it; the text is what virsh said."""


@dataclass(frozen=True, slots=True)
class Libvirt:
    """`folder` has the socket. Domains are numbered, since a name is given once."""

    folder: Path
    numbers: Iterator[int]

    def virsh(self, *words: str) -> str:
        where = f"qemu+unix:///system?socket={self.folder}/libvirt-sock"
        done = subprocess.run(["virsh", "-q", "-c", where, *words], capture_output=True, text=True, timeout=FIRST_SECONDS)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout.strip()

    @contextmanager
    def domain(self, devices: str, nics: Sequence[Nic], scenario: Scenario, cpus: int = 1) -> Iterator[tuple[str, Guest]]:
        """A running guest and its domain's name. `devices`: elements as text; `nics`: what the guest does with them."""
        name = f"guest-{next(self.numbers)}"
        serial = self.folder / f"{name}.serial"
        path = self.folder / f"{name}.xml"
        path.write_text(domain_xml(name, devices, command_line(nics, scenario), serial, cpus))
        self.virsh("define", "--validate", str(path))
        # Paused, until somebody listens: what a console says before is lost.
        self.virsh("start", "--paused", name)
        try:
            process = subprocess.Popen(
                ["socat", "-", f"UNIX-CONNECT:{serial}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            with listened(process) as console:
                self.virsh("resume", name)
                yield name, Guest(process, console)
        finally:
            with suppress(Refused):  # its guest may have powered itself off
                self.virsh("destroy", name)


@contextmanager
def libvirtd(netns: str) -> Iterator[Libvirt]:
    """Up and answering. `netns`: the pod in which its domains open their taps."""
    install(PACKAGES)
    folder = Path(tempfile.mkdtemp(prefix="libvirt-"))
    (folder / "qemu.conf").write_text(_QEMU_CONF)
    (folder / "libvirtd.conf").write_text(f'unix_sock_dir = "{folder}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n')
    for name, line in (("passwd", "libvirt-qemu:x:64055:64055::/:/bin/false\n"), ("group", "libvirt-qemu:x:64055:\n")):
        (folder / name).write_text(Path("/etc", name).read_text() + line)
    command = ["ip", "netns", "exec", netns, "sh", "-ec", _START, "sh", str(folder)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await_socket(folder, process)
        yield Libvirt(folder, itertools.count(1))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _await_socket(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + FIRST_SECONDS
    while not (folder / "libvirt-sock").exists():
        if process.poll() is not None or time.monotonic() > end:
            raise Refused(f"no libvirtd: {(folder / 'log').read_text()}")
        time.sleep(0.02)


def domain_xml(name: str, devices: str, line: str, serial: Path, cpus: int) -> str:
    """As little of a domain as QEMU starts, emulated as in `machine`."""
    picture = image()
    root = Element("domain", type="qemu")
    _text(root, "name", name)
    SubElement(root, "memory", unit="MiB").text = str(MEGABYTES)
    _text(root, "vcpu", str(cpus))
    system = SubElement(root, "os")
    SubElement(system, "type", arch="x86_64", machine="q35").text = "hvm"
    for tag, text in (("kernel", str(picture.kernel)), ("initrd", str(picture.initrd)), ("cmdline", line)):
        _text(system, tag, text)
    SubElement(SubElement(root, "features"), "acpi")
    SubElement(root, "cpu", mode="maximum")
    _text(root, "on_reboot", "destroy")
    into = ElementTree.fromstring(f"<devices>{devices}</devices>")
    for tag in ("controller", "memballoon"):
        SubElement(into, tag, {"model": "none", **({"type": "usb"} if tag == "controller" else {})})
    SubElement(SubElement(into, "serial", type="unix"), "source", mode="bind", path=str(serial))
    root.append(into)
    return ElementTree.tostring(root, encoding="unicode")


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
