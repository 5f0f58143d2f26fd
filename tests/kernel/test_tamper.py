"""Whatever was tampered with, one thing at a time: the plan names exactly that, apply repairs exactly that, the rest stays.

All rows share one pod, which holds things of strangers too: a table, a link with addresses and routes, an address that an admin
put on the pod's own link. Each row is judged three times: by the changes of the plan, by what the monitors hear during the
repair, and by comparing all that is in the namespace before the tampering and after the repair.
"""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from typing import Any

import pytest

from converge.model import Outcome, Result
from converge.resources import KINDS
from tests.kernel import driving
from tests.kernel.inside import settle
from tests.kernel.judge import Snapshot, differences, snapshot
from tests.kernel.listening import Heard, monitor
from tests.kernel.tampering import ADDRESSES, LINKS, ROUTES, SYSCTLS, Tampering
from tests.kernel.tampering_nft import CHAINS, SETS
from tests.kernel.wiring import at_rest, shared, tamper, wired, wish

__all__ = ["shared", "wired"]

ROWS = (*LINKS, *ADDRESSES, *ROUTES, *SYSCTLS, *CHAINS, *SETS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_tampering_is_named_and_repaired(wired: str, row: Tampering) -> None:
    at_rest(wired)
    before = comparable(snapshot(wired))
    tamper(wired, row.script)
    settle(wired)
    planned = driving.plan(wish(wired))
    assert named(planned) == sorted(row.changes), driving.told(planned)
    with nullcontext(Heard()) if row.deaf else monitor(wired) as heard:
        result = driving.apply(wish(wired))
    assert result.outcome is Outcome.APPLIED, driving.told(result)
    assert not strange(heard.lines, row), "\n".join(heard.lines)
    again = driving.plan(wish(wired))
    assert again.outcome is Outcome.UNCHANGED, driving.told(again)
    settle(wired)
    assert not differences(before, comparable(snapshot(wired)))


def named(result: Result) -> list[str]:
    """As JSON has them. The elements of a set that goes as a whole are not told one by one."""
    gone = {change.key.name for change in result.plan.changes if change.key.kind == "set" and change.after is None}
    names = {
        key.owner: value.name
        for key, value in (*result.observed.items(), *result.desired.resources.items())
        if key.kind == "link"
    }
    return sorted(
        f"{change.action} {change.key.kind} {KINDS[change.key.kind].address(change.key, change.after or change.before, names)}"
        for change in result.plan.changes
        if change.key.kind != "element" or change.key.owner not in gone
    )


def strange(lines: list[str], row: Tampering) -> list[str]:
    """Events that are about none of the row's things. A line that is indented goes on with the one before."""
    words = {word for change in row.changes for word in re.split(r"[ /]", change)[2:3]} | set(row.heard)
    words |= {word.split(".")[3] for word in words if word.startswith("net.") and word.count(".") > 3}
    words.add("[NEIGH]Deleted")  # when a link loses its carrier, the kernel forgets who was there
    events = "\n".join(lines).replace("\n ", " ").split("\n")
    return [
        event
        for event in events
        if event and not event.startswith("# new generation") and not any(word in event for word in words)
    ]


def comparable(whole: Snapshot) -> dict[str, Any]:
    """A snapshot without what a link or a chain made anew must have different: number, random MAC, place in a list."""
    links = {name: {k: v for k, v in link.items() if k != "ifindex"} for name, link in whole["links"].items()}
    tap = links.get("tap0", {})
    tap.pop("address", None)
    tap.get("linkinfo", {}).get("info_data", {}).pop("pi", None)
    chains: dict[str, list[str]] = {}
    for entry in whole["nft"]:
        ((kind, thing),) = entry.items()
        place = " ".join(str(thing.get(key, "")) for key in ("family", "table", "chain")) if kind == "rule" else json.dumps(thing)
        chains.setdefault(f"{kind} {place}", []).append(json.dumps(thing, sort_keys=True))
    return {**whole, "links": links, "nft": dict(sorted(chains.items()))}
