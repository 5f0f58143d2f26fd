"""The QEMU guest agent's reply to `guest-network-get-interfaces` -> what `status.interfaces` tells of it. Pure.

virsh qemu-agent-command DOMAIN '{"execute": "guest-network-get-interfaces"}' > agent.json
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from converge.model import Diagnostic, Position, Reported, Text

RIGHT = 'give what `virsh qemu-agent-command DOMAIN \'{"execute": "guest-network-get-interfaces"}\'` prints'


def read(text: Text) -> tuple[Reported, ...] | Diagnostic:
    """In the agent's order, without `lo`. The list alone, without `return` around it, will do too."""
    try:
        found = json.loads(text.data)
    except json.JSONDecodeError as error:
        return _wrong(text, error.msg, error.lineno, error.colno)
    except (RecursionError, ValueError):  # a UnicodeDecodeError is one
        return _wrong(text, "no JSON in UTF-8, nested too deeply, or a number too large")
    if isinstance(found, dict):
        if isinstance(failure := found.get("error"), dict):
            reason = failure.get("desc") or failure.get("class")
            return _wrong(text, f"the agent answered with an error: {reason}")
        found = found.get("return")
    if not isinstance(found, list):
        return _wrong(text, "no list of interfaces in it")
    return tuple(_interfaces(found))


def _wrong(text: Text, why: str, line: int = 1, column: int = 1) -> Diagnostic:
    detail = f"this is no guest agent's reply: {why}\n{RIGHT}"
    return Diagnostic("Not a guest agent's reply", detail, Position(text.filename, line, column))


def _interfaces(found: list[Any]) -> Iterator[Reported]:
    """An interface without hardware address (a tunnel) has an empty one; so has KubeVirt."""
    for each in found:
        if not isinstance(each, dict) or each.get("name") == "lo":
            continue
        yield Reported(
            mac=_text(each.get("hardware-address")),
            ips=tuple(_addresses(each.get("ip-addresses"))),
            guest_name=_text(each.get("name")),
            sources=("guest-agent",),
        )


def _addresses(found: Any) -> Iterator[str]:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and (address := _text(each.get("ip-address"))):
            yield address


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
