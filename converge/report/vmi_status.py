"""KubeVirt's `status.interfaces`, merged as KubeVirt merges it: what the pod, the domain, the guest agent, Multus and the earlier
status say (reference section 7). Pure.

    on_node     what its node agent writes: steps 1 to 7 of section 7.1
    in_cluster  what its controller makes of that: section 7.2

KubeVirt writes nothing before there is a domain. Here, where none is given, the earlier status stays, and what the pod shows is
added to it: never `domain` as a source, no queues and no link state. Names as they stand in the reference: an *entry* is one
element of `status.interfaces`, a NIC one of the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from converge.bindings.names import pod_link_names
from converge.documents.libvirt import Domain
from converge.documents.reported import SEPARATOR
from converge.model import GuestNetwork, Nic, Reported
from converge.report import Json

DOMAIN, AGENT, MULTUS = "domain", "guest-agent", "multus-status"
MOST_UNNAMED = 10
"""So many interfaces that only the guest knows are told; a host of containers can have hundreds."""

Entries = tuple[Reported, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pod shows of one NIC: the name of its pod link, the MAC that its guest is to have, and the addresses that
    KubeVirt's node agent remembers of it.
    """

    link: str
    mac: str = ""
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guest:
    """What is known of the guest: None where nobody has said it. `agent` is in the agent's order."""

    domain: Domain | None = None
    agent: Entries | None = None


def interfaces(document: GuestNetwork, seen: Mapping[str, Seen], guest: Guest) -> list[Json]:
    """`status.interfaces`; `seen` is by NIC name, without those whose pod link is not there."""
    return [as_json(entry) for entry in in_cluster(document, seen, on_node(document, seen, guest))]


def as_json(entry: Reported) -> Json:
    """With KubeVirt's keys, in the order in which kubectl prints them; what is empty is left out."""
    said = {
        "infoSource": SEPARATOR.join(entry.sources),
        "interfaceName": entry.guest_name,
        "ipAddress": entry.ips[0] if entry.ips else "",
        "ipAddresses": list(entry.ips),
        "linkState": entry.link_state,
        "mac": entry.mac,
        "name": entry.name,
        "podInterfaceName": entry.pod_link,
        "queueCount": entry.queues,
    }
    return {key: value for key, value in said.items() if value}


# ------------------------------------------------------------------------------------------------------- on the node


def on_node(document: GuestNetwork, seen: Mapping[str, Seen], guest: Guest) -> Entries:
    if guest.domain is None:
        entries = _without_domain(document, seen, agent_asked=guest.agent is not None)
    else:
        entries = _with_addresses(_of_domain(document, guest.domain), seen)
    entries = _with_agent(document, entries, guest)
    entries = _pod_network_first(document, entries)
    entries = _still_attached(document, entries)
    links = {entry.name: entry.pod_link for entry in reversed(document.reported)}
    return tuple(replace(entry, pod_link=links.get(entry.name, "")) if entry.name else entry for entry in entries)


def _of_domain(document: GuestNetwork, domain: Domain) -> Entries:
    """Of a PCI function the domain tells no MAC: the document's is what the CNI was asked for."""
    macs = {nic.name: nic.mac or "" for nic in document.nics}
    functions = (Reported(name, macs.get(name, ""), sources=(DOMAIN,)) for name in domain.functions)
    return (*domain.interfaces, *functions)


def _with_addresses(entries: Entries, seen: Mapping[str, Seen]) -> Entries:
    first = {entry.name: number for number, entry in reversed(tuple(enumerate(entries)))}
    return tuple(
        replace(entry, ips=seen[entry.name].ips) if entry.name in seen and first[entry.name] == number else entry
        for number, entry in enumerate(entries)
    )


def _without_domain(document: GuestNetwork, seen: Mapping[str, Seen], *, agent_asked: bool) -> Entries:
    """The earlier status, and an entry for each NIC that the pod shows. Once the agent is asked, what it said before is past."""
    earlier = tuple(_before_agent(entry) for entry in document.reported if entry.name) if agent_asked else document.reported
    known = {entry.name for entry in earlier}
    new = (Reported(nic.name) for nic in document.nics if nic.name in seen and nic.name not in known)
    return tuple(_as_pod_shows(entry, seen.get(entry.name)) for entry in (*earlier, *new))


def _before_agent(entry: Reported) -> Reported:
    return replace(entry, guest_name="", ips=(), sources=tuple(word for word in entry.sources if word != AGENT))


def _as_pod_shows(entry: Reported, seen: Seen | None) -> Reported:
    """What the agent said of addresses is nearer to the guest than what the pod has."""
    if seen is None:
        return entry
    return replace(entry, mac=entry.mac or seen.mac, ips=entry.ips if AGENT in entry.sources else seen.ips)


def _with_agent(document: GuestNetwork, entries: Entries, guest: Guest) -> Entries:
    """Matched by the text of the MAC; what matches nothing is an entry without a name. An empty MAC matches too, as it does in
    KubeVirt (trap T21), but no NIC of which no domain has told a MAC.
    """
    translated = {nic.name for nic in document.nics if nic.binding == "masquerade"}
    merged, unnamed = list(entries), 0
    for told in guest.agent or ():
        comparable = told.mac or guest.domain is not None
        place = next((number for number, entry in enumerate(merged) if comparable and entry.mac == told.mac), None)
        if place is not None:
            merged[place] = _told(merged[place], told, merged[place].name in translated, guest.domain is not None)
        elif unnamed < MOST_UNNAMED:
            merged.append(told)
            unnamed += 1
    return tuple(merged)


def _told(entry: Reported, told: Reported, translated: bool, in_domain: bool) -> Reported:
    """Behind masquerade the guest's link-local addresses are nobody's business outside. Agents of old launchers gave no name."""
    given = [ip for ip in told.ips if not (translated and _is_local(ip))]
    sources = entry.sources
    if told.guest_name:
        had_domain = in_domain or DOMAIN in sources
        sources = (DOMAIN, AGENT) if in_domain else (*((DOMAIN,) if had_domain else ()), AGENT, *sources)
    ips = (*_of_family(4, entry.ips, given), *_of_family(6, entry.ips, given))
    return replace(entry, guest_name=told.guest_name, ips=ips, sources=_once(sources))


def _of_family(version: int, own: Iterable[str], given: Iterable[str]) -> list[str]:
    """The pod's addresses stay where both have some of a family; a guest that has none of it empties it."""
    mine, theirs = ([ip for ip in ips if _version(ip) == version] for ips in (own, given))
    return mine if mine and theirs else theirs


def _pod_network_first(document: GuestNetwork, entries: Entries) -> Entries:
    """Only of a pod network: Multus' default one is not meant here (trap T24)."""
    name = next((nic.network.name for nic in document.nics if nic.network.kind == "pod"), None)
    if name is None:
        return entries
    had = any(entry.name == name for entry in document.reported)
    first = next((entry for entry in entries if entry.name == name), Reported(name) if had else None)
    return entries if first is None else (first, *(entry for entry in entries if entry is not first))


def _still_attached(document: GuestNetwork, entries: Entries) -> Entries:
    """What the controller has seen in Multus' status before the domain had it, or after."""
    names = {entry.name: None for entry in document.reported if entry.name and MULTUS in entry.sources}
    wanted = {nic.name for nic in document.nics}
    there = {entry.name for entry in entries}
    marked = tuple(_sources(entry, (*entry.sources, MULTUS)) if entry.name in names else entry for entry in entries)
    return (*marked, *(Reported(name, sources=(MULTUS,)) for name in names if name in wanted and name not in there))


# --------------------------------------------------------------------------------------------------- in the cluster


def in_cluster(document: GuestNetwork, seen: Mapping[str, Seen], entries: Entries) -> Entries:
    """The primary NIC, the secondary ones in the order of `networks`, devices of resource claims, and what only the guest knows.

    Without Multus' status nothing is known of attachments, so `multus-status` stays where it was.
    """
    by_name = {entry.name: entry for entry in reversed(entries) if entry.name}
    nics = sorted(document.nics, key=lambda nic: nic.network.at)
    links = dict(_pod_links(document, seen))
    reported = {each.interface for each in document.attachments} if document.attachments else None
    primary = [
        replace(by_name.get(nic.name, Reported(nic.name)), pod_link=links[nic.name]) for nic in nics if nic.network.primary
    ]
    secondary = [
        found
        for nic in nics
        if _is_secondary(nic) and (found := _secondary(nic, by_name.get(nic.name), links[nic.name], reported)) is not None
    ]
    claimed = [by_name[nic.name] for nic in nics if nic.network.kind == "resourceClaim" and nic.name in by_name]
    wanted = {nic.name for nic in nics}
    return (*primary, *secondary, *claimed, *(entry for entry in entries if entry.name not in wanted))


def _is_secondary(nic: Nic) -> bool:
    return not nic.network.primary and nic.network.kind == "multus"


def _secondary(nic: Nic, entry: Reported | None, link: str, reported: Collection[str] | None) -> Reported | None:
    if reported is not None and link in reported:
        found = entry or Reported(nic.name)
        return replace(_sources(found, (*found.sources, MULTUS)), pod_link=link)
    if entry is None:
        return None
    sources = entry.sources if reported is None else tuple(word for word in entry.sources if word != MULTUS)
    return replace(entry, pod_link=link, sources=sources)


def _pod_links(document: GuestNetwork, seen: Mapping[str, Seen]) -> Iterator[tuple[str, str]]:
    """The name that KubeVirt expects of each pod link; where Multus does not report that, the name that the pod shows."""
    reported = {each.interface for each in document.attachments}
    plain = tuple(replace(nic, pod_link=None) for nic in document.nics)
    for name, link in pod_link_names(replace(document, nics=plain), ()).items():
        yield name, seen[name].link if link not in reported and name in seen else link


# ------------------------------------------------------------------------------------------------------------- texts


def _sources(entry: Reported, sources: Sequence[str]) -> Reported:
    return replace(entry, sources=_once(sources))


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """As KubeVirt reads it: without a zone, and an IPv4 address however it is written."""
    if "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _version(text: str) -> int:
    found = _address(text)
    return 0 if found is None else found.version


def _is_local(text: str) -> bool:
    """Link-local, or nothing that could be told apart from it."""
    found = _address(text)
    return found is None or found.is_link_local
