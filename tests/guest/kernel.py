"""Debian's kernels, downloaded and unpacked but never installed: an image and the modules that a guest loads.

Of a kernel package only the image and the wanted modules (with what they need) are kept, numbered in the order in which they
must be loaded: 9 MB of 106 for the cloud kernel. The place in the cache is named by the package's version and the wanted
modules, so a new kernel of Debian's is taken up by itself, and the old one stays until the cache is emptied.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# As root without apt's own user: that one cannot write where we are.
APT_GET = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")


class CannotBuild(Exception):
    """An image could not be made; the text says which command failed, and how."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A bootable image, and modules in the order in which they must be loaded."""

    image: Path
    modules: tuple[Path, ...]


def cache() -> Path:
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "converge"
    place.mkdir(parents=True, exist_ok=True)
    return place


def install(packages: Sequence[str]) -> None:
    """Those that are missing, with a word on standard error about it."""
    done = subprocess.run(["sh", ROOT / "dev/debian", *packages])
    if done.returncode:
        raise CannotBuild(f"these Debian packages could not be installed: {' '.join(packages)}")


def fetched(package: str, modules: Sequence[str]) -> Kernel:
    """The kernel that Debian's meta package (`linux-image-cloud-amd64`) stands for now."""
    name, version = candidate(package)
    wish = fingerprint([version, *modules])
    place = built(f"{name}-{wish}", lambda new: _fill(new, name, modules))
    return Kernel(place / "vmlinuz", tuple(sorted((place / "modules").iterdir())))


def fingerprint(parts: Sequence[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:16]


def built(name: str, fill: Callable[[Path], None]) -> Path:
    """A directory of the cache, filled once. Whole or absent, whoever else builds it at the same time or is killed over it."""
    place = cache() / name
    with _alone(name):
        if not place.exists():
            _fill_and_name(place, fill)
    return place


def _fill_and_name(place: Path, fill: Callable[[Path], None]) -> None:
    new = Path(tempfile.mkdtemp(dir=place.parent, prefix="new-"))
    try:
        fill(new)
        new.chmod(0o755)
        new.rename(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    with open(cache() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def candidate(package: str) -> tuple[str, str]:
    """Name and version of the kernel package behind a meta package, as apt's lists have it: one question, 0.7 s."""
    ask = ("apt-cache", "show", "--no-all-versions", package)
    form = re.compile(r"^Depends: (linux-image-\S+) \(= (\S+)\)", re.MULTILINE)
    found = form.search(said(*ask, allow_failure=True))
    if not found:
        print("guest: apt's lists do not know the kernel; running apt-get update", file=sys.stderr)
        said(*APT_GET, "update")
        found = form.search(said(*ask))
    if not found:
        raise CannotBuild(f"{package} names no kernel package")
    return found[1], found[2]


def _fill(place: Path, package: str, modules: Sequence[str]) -> None:
    print(f"guest: downloading Debian's {package}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as scratch:
        said(*APT_GET, "download", package, cwd=scratch)
        (deb,) = Path(scratch).glob("*.deb")
        said("dpkg-deb", "-x", str(deb), f"{scratch}/kernel")
        (image,) = Path(scratch, "kernel/boot").glob("vmlinuz-*")
        shutil.copy(image, place / "vmlinuz")
        (place / "modules").mkdir()
        for number, module in enumerate(load_order(Path(scratch, "kernel"), modules)):
            shutil.copy(module, place / "modules" / f"{number:03}-{module.name}")


def load_order(tree: Path, modules: Sequence[str]) -> list[Path]:
    """Each wanted module after what it needs."""
    (release,) = (path.name for path in (tree / "lib/modules").iterdir())
    depmod, modprobe = (shutil.which(name, path="/usr/sbin:/sbin") or name for name in ("depmod", "modprobe"))
    said(depmod, "-b", str(tree), release)
    order: dict[Path, None] = {}
    for name in modules:
        shown = said(modprobe, "-d", str(tree), "-S", release, "--show-depends", name)
        order |= dict.fromkeys(Path(path) for path in re.findall(r"^insmod (\S+)", shown, re.MULTILINE))
    return list(order)


def said(*command: str, cwd: str | None = None, allow_failure: bool = False) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    if done.returncode and not allow_failure:
        raise CannotBuild(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
