"""The one boot image of all scenarios: Debian's cloud kernel, and an initramfs of busybox, three programs and our scripts.

Nothing but Debian packages goes in, and nothing is installed in the guest's name: the kernel is unpacked from its package, the
programs are those of this machine. What a guest does is said on its kernel command line and later over its serial console,
so no scenario needs an image of its own. The image is made once (2 s, and the download of 27 MB) and kept in the cache under a
fingerprint of all that goes in.

    virtio_pci, virtio_net     the guest's NICs; both are modules in Debian's kernels
    busybox                    shell, udhcpc, httpd, nc, ping
    dhclient                   ISC's client, DHCPv4 and DHCPv6; busybox in Debian has no udhcpc6
    rdisc6                     asks for a router advertisement and prints it
    /sbin/ip                   iproute2's, for its JSON; always by its path, since the shell's own `ip` is busybox's
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.guest.archive import CONSOLE, Entry, archive, directory, find_program, modules, program, scripts, shell
from tests.guest.kernel import Kernel, built, fetched, fingerprint, install

ROOTFS = Path(__file__).with_name("rootfs")
PACKAGES = ("qemu-system-x86", "busybox-static", "kmod", "isc-dhcp-client", "ndisc6", "iproute2")
KERNEL = "linux-image-cloud-amd64"
MODULES = ("virtio_pci", "virtio_net")
PROGRAMS = {"dhclient": "/bin/dhclient", "rdisc6": "/bin/rdisc6", "ip": "/sbin/ip"}
FOLDERS = ("/dev", "/proc", "/sys", "/run", "/tmp", "/etc", "/var/lib/dhcp")


@dataclass(frozen=True, slots=True)
class Image:
    """What QEMU boots. `initrd` is the compressed initramfs."""

    kernel: Path
    initrd: Path


@cache
def image() -> Image:
    """Built if it is not there yet; then nothing is downloaded, and no time is lost but 0.8 s for asking Debian's tools."""
    install(PACKAGES)
    kernel = fetched(KERNEL, MODULES)
    return packed("guest", kernel, tree(kernel))


def packed(name: str, kernel: Kernel, contents: dict[str, Entry]) -> Image:
    """The image for this tree, from the cache where it is there."""
    parts: list[str | bytes] = [str(kernel.image)]
    for path, entry in sorted(contents.items()):
        parts += [path, f"{entry.mode} {entry.device}", entry.content]
    place = built(f"{name}-{fingerprint(parts)}", lambda new: _write(new / "initrd", contents))
    return Image(kernel.image, place / "initrd")


def _write(path: Path, contents: dict[str, Entry]) -> None:
    path.write_bytes(archive(contents))


def tree(kernel: Kernel) -> dict[str, Entry]:
    contents: dict[str, Entry] = {folder: directory() for folder in FOLDERS}
    contents["/dev/console"] = CONSOLE
    contents |= shell(find_program("busybox"))
    for name, at in PROGRAMS.items():
        contents |= program(find_program(name), at)
    contents |= scripts(ROOTFS / "bin", "/bin")
    contents |= scripts(ROOTFS / "etc", "/etc")
    contents["/init"] = scripts(ROOTFS, "")["/init"]
    return contents | modules(kernel.modules)
