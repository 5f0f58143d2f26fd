"""How a test takes a snapshot, as text, and reads it again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from converge.model import GuestNetwork, Snapshot, Text
from converge.reconcile import record
from converge.view.load import load
from converge.view.snapshot import now, text


def recorded(document: GuestNetwork) -> Snapshot:
    """As it was taken. `record` enters the namespace for good, so it gets a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as one:
        found = one.submit(record, document, now()).result()
    assert isinstance(found, Snapshot), found
    return found


def reread(snapshot: Snapshot) -> Snapshot:
    """After its way through text."""
    found = load([Text("web.snapshot.yaml", text(snapshot).encode())])
    assert found.valid, found.diagnostics
    (only,) = found.by_name.values()
    return only
