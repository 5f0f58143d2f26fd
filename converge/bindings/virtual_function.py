"""An SR-IOV function whose parent is in the pod's own namespace: what is set on it, what is captured of it, what it gets back.

Only what the document names is set; the rest is left as it is found. So only that is captured, and what a document names no more
is given back while the function stays programmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from converge.model import Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, Resources, Severity
from converge.resources import vf
from converge.resources.vf import PROGRAMMED, Vf


def asked(nic: Nic) -> dict[str, Any]:
    """What the document wants of a NIC's function, by the names of Vf."""
    said = nic.virtual_function
    wanted: dict[str, Any] = {"mac": nic.mac}
    if said is not None:
        vlan = None if said.vlan is None else vf.canonical(said.vlan)
        wanted |= {"vlan": vlan, "spoofchk": said.spoof_check, "trust": said.trust, "state": said.link_state}
    return {name: value for name, value in wanted.items() if value is not None}


def command(nic: Nic) -> str:
    """What does on the node what cannot be done here; PF and N where the document does not say which function it is."""
    said = nic.virtual_function
    parent = said.parent if said is not None and said.parent else "PF"
    number = "N" if said is None or said.index is None else str(said.index)
    words = (str(word) for pair in vf.words(asked(nic)) for word in pair)
    return " ".join(["ip link set dev", parent, "vf", number, *words])


def key_of(nic: Nic, facts: PodFacts) -> Key | None:
    """The function, where it can be programmed: the document says which one it is, and its parent is in this namespace."""
    said = nic.virtual_function
    if said is None or said.index is None or said.parent not in facts.parents:
        return None
    return Key("vf", facts.parents[said.parent], str(said.index))


def programmed(nic: Nic, key: Key, facts: PodFacts) -> Desired:
    """The function as it should be, with its facts. Without anything to set there is nothing to wish for."""
    now: Vf | None = facts.functions.get(key)
    if now is None:
        return Desired({}, refusals=(_missing(nic, key, facts),))
    wanted = asked(nic)
    if not wanted:
        return Desired({})
    known: Vf | None = facts.captured.get(key)
    earlier = {} if known is None else vf.told(known)
    value = replace(now, **{**earlier, **wanted}, marks=(nic.name,))
    origins = {key: Origin(nic.name, nic.at)}
    if known is None and now.marks:
        return Desired({key: value}, origins, warnings=(_lost(nic, now, key),))
    kept = {name: earlier.get(name, getattr(now, name)) for name in PROGRAMMED if name in wanted}
    taken = Vf(**kept, parent=now.parent, ifindex=now.ifindex, nic=nic.name)
    return Desired({key: value}, origins, ((key, taken),))


def kept(nic: Nic, facts: PodFacts) -> tuple[tuple[Key, Vf], ...]:
    """Facts about the NIC's function while its parent is away: it may come back."""
    return tuple((key, value) for key, value in facts.captured.items() if key.kind == "vf" and value.nic == nic.name)


def given_back(facts: PodFacts, desired: Resources) -> Resources:
    """Functions that no NIC wants any more, as they were as far as facts say, without a mark."""
    found: Resources = {}
    for key, now in facts.functions.items():
        known: Vf | None = facts.captured.get(key)
        if key not in desired and (known is not None or now.marks):
            found[key] = replace(now, **({} if known is None else vf.told(known)), marks=())
    return found


def forgotten(document: GuestNetwork, facts: PodFacts, desired: Resources) -> Iterator[Diagnostic]:
    """Functions that lose their mark and of which no fact says what they were like."""
    for key, now in facts.functions.items():
        if now.marks and key not in facts.captured and not desired[key].marks:
            detail = (
                f"the earlier settings of function {key.name} of {now.parent} are not in the table any more\n"
                "they stay as they are; set them on that link if they should be others"
            )
            yield Diagnostic("facts lost", detail, document.at, Severity.WARNING, now.marks[0])


def _missing(nic: Nic, key: Key, facts: PodFacts) -> Diagnostic:
    name = nic.virtual_function.parent if nic.virtual_function is not None else ""
    number = sum(each.owner == key.owner for each in facts.functions)
    has = f"it has {number}, counted from 0" if number else "it has none"
    detail = (
        f"NIC {nic.name}: {name} has no virtual function {key.name}; {has}\n"
        f"its driver makes as many as are written to /sys/class/net/{name}/device/sriov_numvfs"
    )
    return Diagnostic("virtual function is missing", detail, nic.at, nic=nic.name)


def _lost(nic: Nic, now: Vf, key: Key) -> Diagnostic:
    detail = (
        f"the earlier settings of function {key.name} of {now.parent} are not in the table any more\n"
        "unwiring will leave this function as it is; everything else is converged"
    )
    return Diagnostic("facts lost", detail, nic.at, Severity.WARNING, nic.name)
