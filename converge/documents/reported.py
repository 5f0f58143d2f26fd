"""`status.interfaces` of a VirtualMachineInstance: nodes -> what was known of its guest's NICs. As tolerant as its schema."""

from __future__ import annotations

from collections.abc import Sequence

from converge.documents.fields import integer, items, text
from converge.documents.nodes import Mapping, Node
from converge.model import Reported

SEPARATOR = ", "
"""Of the words of `infoSource`. KubeVirt splits at exactly this: without the blank it is one word (reference trap T20)."""


def reported(status: Sequence[Node]) -> tuple[Reported, ...]:
    return tuple(_reported(entry) for entry in status if isinstance(entry, Mapping))


def _reported(entry: Node) -> Reported:
    listed = tuple(ip for item in items(entry, "ipAddresses") if (ip := text(item)))
    first, source = text(entry, "ipAddress"), text(entry, "infoSource")
    return Reported(
        name=text(entry, "name") or "",
        mac=text(entry, "mac") or "",
        ips=listed or ((first,) if first else ()),
        pod_link=text(entry, "podInterfaceName") or "",
        guest_name=text(entry, "interfaceName") or "",
        sources=tuple(source.split(SEPARATOR)) if source else (),
        queues=integer(entry, "queueCount") or 0,
        link_state=text(entry, "linkState") or "",
    )
