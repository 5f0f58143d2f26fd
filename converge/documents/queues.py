"""How many queues a NIC's tap has (reference section 3.10): one per guest CPU, for virtio with multi-queue on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, integer, text
from converge.documents.nodes import Scalar, shown
from converge.model import Diagnostic

MAX_QUEUES = 256
TOPOLOGY = ("sockets", "cores", "threads")
QUANTITY = re.compile(r"([0-9]{1,9})(?:\.[0-9]*)?|([0-9]{1,12})m")


def queues(draft: Draft, part: Part) -> int:
    """A running guest's own count comes first: the tap must fit it."""
    if (text(part.node, "model") or "virtio") != "virtio":
        return 0
    if part.name in draft.queue_counts:
        return draft.queue_counts[part.name]
    return capacity(draft)


def capacity(draft: Draft) -> int:
    if not flag(draft.domain, "devices", "networkInterfaceMultiqueue"):
        return 0
    counts = [integer(draft.domain, "cpu", name) or 0 for name in TOPOLOGY]
    if not any(counts):
        return min(_from_resources(draft) or 1, MAX_QUEUES)
    sockets, cores, threads = (count or 1 for count in counts)
    return min(sockets * cores * threads, MAX_QUEUES)


def _from_resources(draft: Draft) -> int:
    """CPU limit, else CPU request, rounded up."""
    for kind in ("limits", "requests"):
        node = get(draft.domain, "resources", kind, "cpu")
        if isinstance(node, Scalar):
            return whole_cpus(node.text) or 0
    return 0


def whole_cpus(quantity: str) -> int | None:
    match = QUANTITY.fullmatch(quantity)
    if match is None:
        return None
    if match.group(2):
        return -(-int(match.group(2)) // 1000)
    fraction = quantity.partition(".")[2].strip("0")
    return int(match.group(1)) + bool(fraction)


def check_queues(draft: Draft) -> Iterator[Diagnostic]:
    """A quantity that nobody can read is only an error where it decides."""
    if not flag(draft.domain, "devices", "networkInterfaceMultiqueue"):
        return
    for kind in ("limits", "requests"):
        node = get(draft.domain, "resources", kind, "cpu")
        if isinstance(node, Scalar) and whole_cpus(node.text) is None:
            detail = f"cpu {shown(node)} is not a number of CPUs\nwrite 2, 0.5 or 500m"
            yield draft.source.diagnostic(node, "Not a CPU quantity", detail)
