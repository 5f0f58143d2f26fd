"""`k8s.v1.cni.cncf.io/network-status`, which Multus writes on a pod: text -> attachments (reference section 9).

As tolerant as KubeVirt is of it: what is missing, empty or no JSON says nothing, and an element that is none is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from converge.documents.addresses import parse_mac
from converge.model import Attachment

ANNOTATION = "k8s.v1.cni.cncf.io/network-status"


def attachments(status: str) -> tuple[Attachment, ...] | str:
    """What Multus wrote down, or why it cannot be read."""
    if not status.strip():
        return ()
    try:
        found = json.loads(status)
    except json.JSONDecodeError as error:
        return f"{error.msg} (character {error.pos + 1})"
    except (RecursionError, ValueError):
        return "nested too deeply, or a number too large"
    if found is None:
        return ()
    return tuple(_attachments(found)) if isinstance(found, list) else "not a list"


def _attachments(found: list[Any]) -> Iterator[Attachment]:
    for each in found:
        if not isinstance(each, dict):
            continue
        mtu, mac = each.get("mtu"), _text(each.get("mac"))
        canonical = parse_mac(mac)
        yield Attachment(
            network=_text(each.get("name")),
            interface=_text(each.get("interface")),
            default=each.get("default") is True,
            mac=canonical if isinstance(canonical, str) else mac,
            mtu=mtu if isinstance(mtu, int) and not isinstance(mtu, bool) and mtu > 0 else None,
            ips=tuple(ip for ip in _list(each.get("ips")) if isinstance(ip, str)),
            pci_address=_text(_below(each, "device-info", "pci", "pci-address")),
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _below(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
