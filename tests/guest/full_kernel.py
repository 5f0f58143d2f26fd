"""Tests under a kernel that has everything: `python -m tests.guest.full_kernel tests/kernel/test_bridge.py`.

Not every machine's kernel has dummy, vlan or vrf. Debian's ordinary kernel has, so it is booted in QEMU with the machine's own
root file system, read-only over 9p, as its own: the same Python, the same packages, the same tools and this repository as it
stands, with no image of a system to build. The arguments are pytest's; its output appears as it comes, and its exit code is
passed on.

Written is only to memory there: TMPDIR lies in /run, and neither bytecode nor pytest's cache is kept. Start-up costs 8 s and each
test some 0.3 s, so run all that need it in one go. CONVERGE_FULL_KERNEL=1 tells a test where it is. With `--netdevsim` first,
netdevsim is built (see there) and loaded as well.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from tests.guest import netdevsim
from tests.guest.archive import CONSOLE, Entry, directory, find_program, modules, scripts, shell
from tests.guest.image import Image, packed
from tests.guest.kernel import ROOT, CannotBuild, Kernel, fetched, install

KERNEL = "linux-image-amd64"
PACKAGES = ("qemu-system-x86", "busybox-static", "kmod")
MODULES = (
    *("virtio_pci", "9pnet_virtio", "9p", "virtio_rng"),
    *("dummy", "8021q", "vrf", "veth", "bridge", "br_netfilter", "tun", "ifb", "bonding"),
    *("macvlan", "macvtap", "ipvlan", "vxlan", "geneve", "wireguard"),
    *("nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_ct", "nft_fib_inet", "nft_reject_inet"),
    "psample",
    *("af_packet_diag", "inet_diag", "tcp_diag", "udp_diag", "netlink_diag"),
)
FOLDERS = ("/dev", "/proc", "/mnt")
BEGIN, EXIT = "RUN-BEGIN", "RUN-EXIT "
MOST_SECONDS = 1800.0
LINE = "console=ttyS0 quiet random.trust_cpu=on panic=-1 mitigations=off"
NETDEVSIM = "--netdevsim"
NO_EXIT_CODE = 70
"""No code of pytest's: the guest ended, or was ended, before pytest did."""


@cache
def image() -> Image:
    install(PACKAGES)
    kernel = fetched(KERNEL, MODULES)
    return packed("full", kernel, tree(kernel))


def tree(kernel: Kernel) -> dict[str, Entry]:
    contents: dict[str, Entry] = {folder: directory() for folder in FOLDERS}
    contents |= {"/dev/console": CONSOLE} | shell(find_program("busybox"))
    contents |= scripts(Path(__file__).with_name("full_rootfs"), "")
    return contents | modules(kernel.modules)


def script(arguments: Sequence[str], modules: Sequence[Path] = (), columns: int = 132) -> str:
    """What runs there, after these further kernel modules. This interpreter, so that a virtual environment is the same one."""
    kept = {
        "HOME": os.environ.get("HOME", "/"),
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "TMPDIR": "/run",
        "TERM": "dumb",
        "COLUMNS": str(columns),
        "CONVERGE_FULL_KERNEL": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/run/hypothesis",
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in kept.items()]
    lines += [f"insmod {shlex.quote(str(path))}" for path in modules]
    lines += ["ip link set lo up", f"cd {shlex.quote(str(ROOT))}", f"echo {BEGIN}"]
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return "\n".join([*lines, f"exec {shlex.join(pytest)}", ""])


def run(arguments: Sequence[str], out: IO[str], most_seconds: float = MOST_SECONDS) -> int:
    """pytest's exit code, with what it prints on `out`."""
    picture = image()
    loaded = [netdevsim.module(KERNEL)] if NETDEVSIM in arguments else []
    arguments = [word for word in arguments if word != NETDEVSIM]
    with tempfile.TemporaryDirectory(prefix="converge-") as folder:
        path = Path(folder, "script")
        path.write_text(script(arguments, loaded))
        with subprocess.Popen(
            qemu(picture, path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as guest:
            alarm = threading.Timer(most_seconds, guest.kill)
            alarm.start()
            try:
                assert guest.stdout is not None
                return passed_on(_decoded(guest.stdout), out)
            finally:
                alarm.cancel()
                guest.kill()


def _decoded(stream: IO[bytes]) -> Iterator[str]:
    return (raw.decode("utf-8", "replace").rstrip("\r\n") for raw in stream)


def passed_on(lines: Iterator[str], out: IO[str]) -> int:
    """Prints from the beginning of the run to its end. What came before is shown only when there was no run."""
    before: list[str] = []
    for line in lines:
        before.append(line)
        if line.endswith(BEGIN):  # the firmware leaves its control codes before the first word
            break
    for line in lines:
        if line.startswith(EXIT):
            return int(line.removeprefix(EXIT))
        print(line, file=out, flush=True)
    print("\n".join(before[-20:]), file=out)
    print("guest: it ended before pytest did", file=out, flush=True)
    return NO_EXIT_CODE


def qemu(picture: Image, path: Path) -> list[str]:
    """Two processors, as pytest's children run beside it. The death signal: QEMU must not outlive us."""
    machine = ["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"]
    quiet = ["-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-nic", "none", "-serial", "stdio"]
    kernel = ["-kernel", str(picture.kernel), "-initrd", str(picture.initrd), "-append", f"{LINE} run={path}"]
    root = ["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"]
    devices = ["-device", "virtio-rng-pci", *root, "-device", "virtio-9p-pci,fsdev=root,mount_tag=root"]
    return ["setpriv", "--pdeathsig=KILL", "nice", "qemu-system-x86_64", *machine, *quiet, *kernel, *devices]


def main(arguments: Sequence[str]) -> int:
    try:
        return run(arguments, sys.stdout)
    except CannotBuild as error:
        print(f"guest: {error}", file=sys.stderr)
        return NO_EXIT_CODE
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
