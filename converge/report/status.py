"""`status`: what each NIC is now, one line a NIC, from a Result and the logs of what serves it.

The guest's address is said together with where it is known from: a server that confirmed a lease, or only the intention.
Nothing is guessed: a NIC that serves no address shows none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_interface

from converge.model import Key, Nic, Outcome, Resources, Result
from converge.report import Json
from converge.report.style import Style, padded, shown
from converge.services.leases import Lease, leases

TABLE = ("document", "nic", "binding", "state", "tap", "guest address")
WIDE = (*TABLE, "known from", "guest mac", "pod link", "bridge")


def rows(results: Iterable[Result]) -> list[Json]:
    return [_row(result, nic) for result in results for nic in result.document.nics]


def _row(result: Result, nic: Nic) -> Json:
    seen = result.observed
    given = leases(result.logs.get(nic.name, ""))
    addresses = list(_addresses(result.desired.resources, nic, given))
    return {
        "document": result.document.full_name,
        "nic": nic.name,
        "binding": nic.binding,
        "state": _state(result, nic),
        "tap": _name(seen, f"tap:{nic.name}") or _name(seen, f"macvtap:{nic.name}") or _given(result, nic),
        "guest address": ",".join(address for address, _ in addresses),
        "known from": ",".join(source for _, source in addresses),
        "guest mac": nic.mac or _mac(seen, nic),
        "pod link": _name(seen, f"pod:{nic.name}"),
        "bridge": _name(seen, f"bridge:{nic.name}"),
    }


def _state(result: Result, nic: Nic) -> str:
    if result.outcome is Outcome.REFUSED:
        return "not checked"
    origins = result.desired.origins
    drifted = any(
        change.key.owner.partition(":")[2] == nic.name or (change.key in origins and origins[change.key].nic == nic.name)
        for change in result.plan.changes
    )
    return "drift" if drifted else "in sync"


def _name(resources: Resources, role: str) -> str:
    link = resources.get(Key("link", role))
    return link.name if link is not None else ""


def _given(result: Result, nic: Nic) -> str:
    """A tap that a CNI made."""
    present = {value.name for key, value in result.observed.items() if key.kind == "link"}
    targets = (device.target for device in result.desired.devices if device.nic == nic.name)
    return next((target for target in targets if target in present), "")


def _mac(seen: Resources, nic: Nic) -> str:
    """A macvtap's, else the pod link's own: on the stand-in, where a binding took the link over."""
    for role in (f"macvtap:{nic.name}", f"standin:{nic.name}", f"pod:{nic.name}"):
        link = seen.get(Key("link", role))
        if link is not None:
            return str(link.mac)
    return ""


def _addresses(desired: Resources, nic: Nic, given: Mapping[int, Lease]) -> Iterator[tuple[str, str]]:
    """What was leased, by family; else what would be."""
    intended = _intended(desired, nic)
    for version in (4, 6):
        if version in given:
            yield given[version].address, "lease"
        elif version in intended:
            yield intended[version], "intended"


def _intended(desired: Resources, nic: Nic) -> dict[int, str]:
    """Masquerade: the address behind the bridge's. Bridge: the one that the stand-in keeps."""
    found: dict[int, str] = {}
    if Key("process", f"bridge:{nic.name}", "dnsmasq") not in desired:
        return found
    owner, step = ("standin", 0) if nic.binding == "bridge" else ("bridge", 1)
    for key in desired:
        if key.kind == "address" and key.owner == f"{owner}:{nic.name}":
            address = ip_interface(key.name).ip
            if not address.is_link_local and (step or address.version == 4):
                found.setdefault(address.version, str(address + step))
    return found


def lines(found: Sequence[Json], columns: Sequence[str], style: Style) -> Iterator[str]:
    """A table as kubectl prints one. Where it is wider than the screen, a row goes on in the next line."""
    table = [[name.upper() for name in columns], *([shown(row[name]) or "-" for name in columns] for row in found)]
    widths = [max(len(row[number]) for row in table) for number in range(len(columns))]
    for row in table:
        yield from style.wrapped("   ".join(padded(text, width) for text, width in zip(row, widths, strict=True)).rstrip())
