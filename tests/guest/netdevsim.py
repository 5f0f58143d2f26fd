"""netdevsim for the full kernel's guest: a simulated card whose virtual functions can be set over netlink as real ones can.

Debian's kernels come without it, so it is built from Debian's source against the headers of exactly that kernel. The packages are
unpacked but never installed, and only the module is kept, in the cache: 150 MB of downloads and half a minute, once a kernel.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.guest.kernel import APT_GET, built, candidate, install, said

PACKAGES = ("make", "gcc-12", "binutils", "xz-utils", "libelf1", "libssl3")
"""What the kernel's own build programs need; Debian 12's kernel names its compiler."""
FOLDER = "drivers/net/netdevsim"


def module(kernel: str) -> Path:
    """For the kernel that a meta package stands for now. It needs `psample`, which that kernel has."""
    name, version = candidate(kernel)
    release = name.removeprefix("linux-image-")
    return built(f"netdevsim-{release}-{version}", lambda new: _fill(new, release, version)) / "netdevsim.ko"


def _fill(place: Path, release: str, version: str) -> None:
    install(PACKAGES)
    print(f"guest: building netdevsim for {release}", file=sys.stderr)
    series, flavour = ".".join(release.split(".")[:2]), release.rpartition("-")[0]
    headers, common = f"linux-headers-{release}", f"linux-headers-{flavour}-common"
    wanted = [f"{package}={version}" for package in (headers, common, f"linux-kbuild-{series}", f"linux-source-{series}")]
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as scratch:
        said(*APT_GET, "download", *wanted, cwd=scratch)
        tree = Path(scratch, "tree")
        for package in Path(scratch).glob("*.deb"):
            said("dpkg-deb", "-x", str(package), str(tree))
        sources = tree / "usr/src"
        said("tar", "-xJf", f"{sources}/linux-source-{series}.tar.xz", f"linux-source-{series}/{FOLDER}", cwd=scratch)
        # The one absolute path in them, which is right for installed headers only.
        (sources / headers / "Makefile").write_text(f"include {sources / common}/Makefile\n")
        folder = f"{scratch}/linux-source-{series}/{FOLDER}"
        said("make", "-C", str(sources / headers), f"M={folder}", "CONFIG_NETDEVSIM=m", "modules")
        said("strip", "--strip-debug", f"{folder}/netdevsim.ko")
        shutil.copy(f"{folder}/netdevsim.ko", place)
