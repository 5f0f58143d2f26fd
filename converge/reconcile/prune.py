"""Namespaces that carry our marks and are in no document: what pruning unwires."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Thread

from converge.kernel.namespace import RUN_NETNS, Refused, opened
from converge.kernel.session import session
from converge.model import GuestNetwork, Position, Target
from converge.reconcile.target import located
from converge.resources import observe, table
from converge.resources.link import VF_MARKS, Link
from converge.sources.cni_cache import NotFound


def nothing(document: GuestNetwork) -> GuestNetwork:
    """The same pod without a NIC: what unwiring converges to."""
    return replace(document, nics=())


def anonymous(netns: str) -> GuestNetwork:
    """A document for a namespace that no file speaks of, without a NIC."""
    at = Position("<netns>", 1, 1)
    return GuestNetwork("", netns, Target("netns", netns, at), (), at)


class Unknown(Exception):
    """A document names a pod, and what would say where it is cannot be read."""


def orphans(documents: Iterable[GuestNetwork]) -> tuple[list[GuestNetwork], int]:
    """Named namespaces that carry our marks and are no document's, and the number of all that carry some.

    Raises Unknown where nobody can tell which namespace is that of a document's pod: it might be one of these.
    """
    named = set(_identities(documents))
    marked = [(name, identity) for name, identity in _named() if _in_thread(name)]
    return [anonymous(name) for name, identity in marked if identity not in named], len(marked)


def _identities(documents: Iterable[GuestNetwork]) -> Iterator[tuple[int, int]]:
    for document in documents:
        try:
            target = located(document).target
            with opened(target.how, target.value) as descriptor:
                found = os.fstat(descriptor)
        except Refused:
            continue
        except NotFound as error:
            if not error.looked:
                raise Unknown(str(error)) from error
            continue  # it is not on this node
        yield found.st_dev, found.st_ino


def _named() -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        names = sorted(os.listdir(RUN_NETNS))
    except FileNotFoundError:
        return
    for name in names:
        try:
            with opened("netns", name) as descriptor:
                found = os.fstat(descriptor)
        except Refused:
            continue
        yield name, (found.st_dev, found.st_ino)


def _in_thread(name: str) -> bool:
    """A thread of its own a namespace: it cannot come back."""
    found: list[bool] = []
    thread = Thread(target=lambda: found.append(_carries_marks(name)), name=f"look-{name}")
    thread.start()
    thread.join()
    return any(found)


def _carries_marks(name: str) -> bool:
    try:
        with opened("netns", name) as descriptor, session(descriptor, table.NAME) as visit:
            seen = observe.decode(visit.read(observe.set_names))
    except (Refused, OSError):
        return False
    return table.KEY in seen or any(key.kind == "link" and _marked(value) for key, value in seen.items())


def _marked(link: Link) -> bool:
    return link.mark is not None or any(name.startswith(VF_MARKS) for name in link.altnames)
