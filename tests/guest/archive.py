"""An initramfs as a value: paths and what is there, then one compressed cpio archive of the form that a kernel unpacks.

The "newc" form is 110 bytes of ASCII header, the name and the content, each padded to 4 bytes (the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst). Written here and not by a tool: no directory has to be filled,
nothing has to belong to root, and the same contents always give the same bytes.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the archive. `device` is the major and minor number of a device node."""

    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


Tree = Mapping[str, Entry]


def file(content: bytes, mode: int = 0o755) -> Entry:
    return Entry(stat.S_IFREG | mode, content)


def link(target: str) -> Entry:
    return Entry(stat.S_IFLNK | 0o777, target.encode())


def directory() -> Entry:
    return Entry(stat.S_IFDIR | 0o755)


CONSOLE = Entry(stat.S_IFCHR | 0o600, device=(5, 1))
"""Without /dev/console in the archive the kernel starts init with no standard output."""


def archive(tree: Tree) -> bytes:
    """Level 1 costs 0.15 s; what a better one would save is less than what unpacking costs the guest."""
    return gzip.compress(b"".join(_records(with_parents(tree))), compresslevel=1, mtime=0)


def with_parents(tree: Tree) -> dict[str, Entry]:
    """Every directory that a path needs, in an order in which it exists before what is in it."""
    whole = dict(tree)
    for path in tree:
        for parent in PurePosixPath(path).parents:
            if parent.name:
                whole.setdefault(str(parent), directory())
    return dict(sorted(whole.items()))


def _records(tree: Tree) -> Iterator[bytes]:
    for number, (path, entry) in enumerate(tree.items(), start=1):
        yield _record(number, path.lstrip("/"), entry)
    yield _record(0, _END, Entry(0))


def _record(number: int, name: str, entry: Entry) -> bytes:
    name_bytes = name.encode() + b"\0"
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name_bytes), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name_bytes
    return _padded(head) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def program(path: Path, at: str) -> dict[str, Entry]:
    """A program of this machine, with the shared libraries that it names."""
    found = {at: file(path.read_bytes())}
    for library in libraries(path):
        found[library] = file(Path(library).read_bytes())
    return found


def libraries(path: Path) -> list[str]:
    """As the dynamic linker says; a static program has none."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", said)))


def scripts(folder: Path, at: str) -> dict[str, Entry]:
    return {f"{at}/{path.name}": file(path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file()}


def shell(busybox: Path) -> dict[str, Entry]:
    """busybox, and a link for each of its commands."""
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    links = {f"/bin/{name}": link("busybox") for name in names if name != "busybox"}
    return links | {"/bin/busybox": file(busybox.read_bytes())}


def modules(paths: Iterable[Path]) -> dict[str, Entry]:
    """Kernel modules, under names that sort in the order in which they must be loaded."""
    return {f"/modules/{path.name}": file(path.read_bytes(), 0o644) for path in paths}


def find_program(name: str) -> Path:
    """Like `command -v`, and in the administrator's directories too."""
    places = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    for place in places:
        if place and os.access(Path(place, name), os.X_OK):
            return Path(place, name)
    raise FileNotFoundError(f"no program {name} on this machine")
