"""A pod of Kubernetes -> its network namespace, from what the CNI library keeps of every attachment it has made.

One JSON file an attachment, `<network>-<container>-<interface>`: `cniArgs` names the pod, `result.interfaces[].sandbox` and,
in newer files, `netns` the path. A pod has several (one a network; failed attempts leave theirs behind), and a name can be
used again, so the newest whose path is alive holds. Multus keeps its delegates' elsewhere; the runtime's own entry is here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DIRECTORY = "/var/lib/cni/results"
MOST_BYTES = 1 << 20


class NotFound(Exception):
    """No namespace for a pod, and why. `looked`: the cache was there to be read, so the pod has none on this node."""

    def __init__(self, reason: str, *, looked: bool) -> None:
        super().__init__(reason)
        self.looked = looked


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one file says; `age` orders them."""

    path: str
    namespace: str
    name: str
    uid: str
    age: int


def find(namespace: str, name: str, uid: str, directory: str | None = None) -> str:
    """The path of a pod's network namespace. `name` may be empty where there is a `uid`, which is compared when given.

    Raises NotFound, with what was looked for and where.
    """
    folder = directory or DIRECTORY
    wanted = " ".join(filter(None, (f"{namespace}/{name}" if name else f"of namespace {namespace}", uid and f"(uid {uid})")))
    try:
        files = sorted(os.listdir(folder))
    except OSError as error:
        reason = f"pod {wanted} cannot be found: the CNI result cache {folder} cannot be read ({error.strerror})"
        raise NotFound(reason, looked=False) from error
    named = [entry for entry in _entries(folder, files) if entry.namespace == namespace and name in ("", entry.name)]
    right = [entry for entry in named if uid in ("", entry.uid)]
    alive = [entry for entry in right if _alive(entry.path)]
    if alive:
        return max(alive, key=lambda entry: entry.age).path
    raise NotFound(f"pod {wanted} was not found in {folder}: {_why(len(files), named, right, name)}", looked=True)


def _why(files: int, named: list[_Entry], right: list[_Entry], name: str) -> str:
    if right:
        paths = ", ".join(sorted({entry.path or "no path" for entry in right}))
        return f"its namespace is gone ({paths})"
    if named and name:
        return f"the pod of that name has uid {', '.join(sorted({entry.uid or 'unknown' for entry in named}))}"
    return f"none of its {files} files is about it"


def _entries(folder: str, files: list[str]) -> Iterator[_Entry]:
    """Files that are no cache entries (a lock, a half-written one) are passed over."""
    for file in files:
        path = os.path.join(folder, file)
        try:
            with open(path, "rb") as opened:
                data, age = opened.read(MOST_BYTES), os.fstat(opened.fileno()).st_mtime_ns
            found = json.loads(data)
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield _entry(found, age)


def _entry(found: dict[str, Any], age: int) -> _Entry:
    arguments: dict[str, str] = {}
    for pair in _list(found.get("cniArgs")):
        # Multus hands every key on twice; the first is the runtime's.
        if isinstance(pair, list) and len(pair) == 2:
            arguments.setdefault(str(pair[0]), str(pair[1]))
    namespace, name, uid = (arguments.get(f"K8S_POD_{key}", "") for key in ("NAMESPACE", "NAME", "UID"))
    return _Entry(_path(found), namespace, name, uid, age)


def _path(found: dict[str, Any]) -> str:
    """The sandbox of an interface in the pod (the node's end of a veth has none), or what newer libraries write beside it."""
    result = found.get("result")
    interfaces = _list(result.get("interfaces")) if isinstance(result, dict) else []
    sandboxes = [each.get("sandbox") for each in interfaces if isinstance(each, dict)]
    return next((path for path in (*sandboxes, found.get("netns")) if isinstance(path, str) and path), "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _alive(path: str) -> bool:
    """A namespace, not the plain file that is left when its mount has gone."""
    try:
        return os.path.isabs(path) and os.stat(path).st_dev == os.stat("/proc/self/ns/net").st_dev
    except OSError:
        return False
