"""`check`: one line a NIC, from the JSON value.

shop/web  default  in sync
shop/db   default  drift: ~ link/tap0 (mtu), - nft/ports/tcp.80
shop/db   -        drift: ~ sysctl/net.ipv4.ip_forward (value)
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.report import Json
from converge.report.style import Style, padded, shown

MOST = 4
"""Differences named on one line; the rest is counted, and `plan` shows all."""
SYMBOLS = {"create": "+", "update": "~", "delete": "-"}


def lines(document: Json, style: Style) -> Iterator[str]:
    rows = [(pod, nic) for pod in document["pods"] for nic in pod["nics"]]
    pods = max((len(pod["document"]) for pod, _ in rows), default=0)
    nics = max((len(nic["name"] or "-") for _, nic in rows), default=0)
    for pod, nic in rows:
        name = f"{padded(pod['document'], pods)}  {padded(nic['name'] or '-', nics)}"
        yield from style.wrapped(f"{shown(name)}  {_verdict(pod, nic, style)}")


def _verdict(pod: Json, nic: Json, style: Style) -> str:
    if nic["in_sync"] is None:
        return style.paint("error", "not checked")
    if nic["in_sync"]:
        return style.paint("create", "in sync")
    told = [style.paint("update", "drift") + f": {shown(_named(pod, nic))}"] if nic["changes"] else []
    lost = [style.paint("update", "facts lost") + f" ({nic['facts_lost']})"] if nic["facts_lost"] else []
    return "; ".join(told + lost)


def _named(pod: Json, nic: Json) -> str:
    mine = [change for change in pod["changes"] if change["nic"] == nic["name"]]
    words = [_word(change) for change in mine[:MOST]]
    words += [f"and {len(mine) - MOST} more"] if len(mine) > MOST else []
    return ", ".join(words)


def _word(change: Json) -> str:
    symbol = "-/+" if change.get("replace") else SYMBOLS[change["action"]]
    differing = change["reason"].partition(";")[0].removeprefix("differs: ") if change["action"] == "update" else ""
    return f"{symbol} {change['address']}" + (f" ({differing})" if differing else "")
