"""What a namespace holds, or should: resources, what the kernel answered, what the CNI gave the pod, snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from converge.model.places import Diagnostic, Position


class Key(NamedTuple):
    """Which thing of a kind. Identity is a role; a link's name is an attribute.

    `owner` says what the thing lies on: for links, addresses, routes and per-link sysctls the link's *handle*, which is its
    role ("bridge:default") or, for a link that has none, "#" and its ifindex; for a set element its set; for a fact its NIC.
    """

    kind: str
    owner: str
    name: str = ""


Attributes = Any  # a frozen dataclass of converge.resources; equal means `==`
Resources = dict[Key, Attributes]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which NIC and which place in a state file asked for a resource."""

    nic: str
    at: Position


@dataclass(frozen=True, slots=True)
class Device:
    """What the VMM is given for one NIC: a tap that it opens, a vhost-user backend, or a PCI function of the node.

    `kind` is "tap", "vhostuser", "stream" or "hostdev". `target` is the link that a tap device opens, or the socket that a stream
    connects to. `source` is the pod link of a
    vhost-user backend, or the PCI address ("0000:65:00.3") of a hostdev. `mac` and `mtu` (bytes) are those of the pod link as the
    CNI made it; None: the VMM chooses.
    """

    nic: str
    kind: str
    target: str = ""
    source: str = ""
    mac: str | None = None
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """What compile makes of a document. `origins` is for people only; no decision reads it.

    `devices` are what the VMM is given, in the order of the document's NICs; a NIC may have none.

    `takes` is what a binding takes from the pod, in order: it must be captured as facts before anything is touched.
    `refusals` are reasons why this pod must not be touched at all (a NIC without its pod link, facts that cannot be written).
    `warnings` are things to know, none of which stops the pod.
    """

    resources: Resources
    origins: Mapping[Key, Origin] = field(default_factory=dict)
    takes: tuple[tuple[Key, Attributes], ...] = ()
    refusals: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessDump:
    """A living process that serves a pod: whose it is (a role), the program, its configuration's digest, the ifindex it
    serves.
    """

    owner: str
    program: str
    digest: str
    link: int
    pid: int
    config: str = ""


@dataclass(frozen=True, slots=True)
class Dumps:
    """What the kernel answered for one namespace, as it came: netlink messages, headers included, one after another.

    `elements` is by set name. `sysctls` are the values read by path, by full dotted name; a key that does not exist is left out.
    `foreign_nat`: table `nat` of the families ("ip", "ip6") where it holds KubeVirt's chain, as `nft -a list table` prints it.
    """

    links: bytes
    addresses: bytes
    routes: bytes
    netconf: bytes
    tables: bytes = b""
    chains: bytes = b""
    rules: bytes = b""
    sets: bytes = b""
    elements: Mapping[str, bytes] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    processes: tuple[ProcessDump, ...] = ()
    foreign_nat: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything about a namespace that bears on a document, on handles ("#2"): what a look asks the kernel, or a snapshot holds.

    `resources` are in the kernel's order. `sysctls` are by full name those that netlink does not give, None where the kernel has
    none of that name; `resolv` are texts by path, that of the pod itself by "". `standin` is the kind for new stand-ins, "" where
    nobody has asked. KubeVirt's own rules are among the resources.
    """

    resources: Resources
    sysctls: Mapping[str, str | None] = field(default_factory=dict)
    resolv: Mapping[str, str] = field(default_factory=dict)
    standin: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pod, written down. `taken` is in UTC, to the second; `version` is converge's. `target` is (how, value)."""

    namespace: str
    name: str
    taken: datetime
    version: str
    target: tuple[str, str]
    release: str
    dummy: bool
    br_netfilter: bool
    observation: Observation
    at: Position | None = field(default=None, compare=False)

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


# --------------------------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class PodLink:
    """The link that the CNI gave the pod for one NIC.

    `resource` is its Link as observed now; `original` is what the CNI made of it: read back from facts, or as observed if nobody
    has touched it yet, or `derived` from its stand-in where the facts are lost, or None where even that is gone. `addresses` and
    `routes` are the original ones, as resources of the role `pod:<nic>` in the kernel's order. `sysctls` are its present per-link
    values by short name ("ipv6.accept_ra"). `tied` are routes that lie elsewhere and would be lost with its addresses.
    """

    resource: Attributes
    original: Attributes | None
    addresses: tuple[tuple[Key, Attributes], ...] = ()
    routes: tuple[tuple[Key, Attributes], ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False
    tied: tuple[tuple[Key, Attributes], ...] = ()


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the CNI gave the pod: discovered on the live links, and read back from the chain `captured` of our table.

    `links` is by NIC name; a NIC whose pod link is missing has no entry, but `names` has the name that was looked for. `captured`
    holds, as resources, what an earlier plan destroyed and unwiring must give back; `short` are the NICs of whose facts some are
    missing. `first` are the NICs that no earlier plan has wired in this way: only their facts may be captured now.
    `sysctls` are the pod-wide values by full name, those that exist.

    What was chosen once and is kept: `standins` is the kind of each NIC's stand-in, `bridge_addresses` the address of its
    bridge. `standin` is the kind for new ones, "" where nobody has asked the kernel yet. `servers` are the processes that
    serve a NIC now. `resolv` are the texts of resolv.conf files by path, that of the pod itself by "". `present` are the names
    of all links there are. `adopting`: somebody else has wired the pod, and it is to be taken over now. `unsure` are the NICs of
    which it cannot be told which pod link is theirs.

    `parents` are the handles of those links that NICs name as parents of their SR-IOV functions, by name, as far as they are in
    this namespace. `functions` are the functions of these, and of the parents that facts and marks name, as they are now.
    """

    links: Mapping[str, PodLink]
    names: Mapping[str, str]
    captured: Mapping[Key, Attributes]
    first: frozenset[str]
    sysctls: Mapping[str, str]
    short: frozenset[str] = frozenset()
    standins: Mapping[str, str] = field(default_factory=dict)
    bridge_addresses: Mapping[str, str] = field(default_factory=dict)
    standin: str = ""
    servers: Mapping[str, Attributes] = field(default_factory=dict)
    resolv: Mapping[str, str] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    adopting: bool = False
    unsure: frozenset[str] = frozenset()
    parents: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[Key, Attributes] = field(default_factory=dict)
