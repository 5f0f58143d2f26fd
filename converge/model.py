"""The nouns of converge, as values. Nothing here acts, and nothing is imported but the standard library.

They stand in the order in which data flows: text -> document -> facts -> resources -> changes -> operations -> plan -> result.
Every value is frozen, so desired, observed and result can never be mistaken for one another or written back into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple

# --------------------------------------------------------------------------------------------- places and errors


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A range of text. Lines and columns count from 1, columns in characters; the end is exclusive."""

    filename: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column}"


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something wrong (or worth knowing), with its place.

    `summary` is fixed for one kind of mistake and holds no names, so that readers learn to recognise it. The first line of
    `detail` is this case in one sentence; the further ones say what would be right. `cause` is the Kubernetes cause type and
    field path where KubeVirt's admission has the same rule (reference section 1.5), e.g. ("FieldValueInvalid", "spec.networks").
    """

    summary: str
    detail: str
    at: Position | None = None
    severity: Severity = Severity.ERROR
    nic: str | None = None
    snippet: str | None = None
    cause: tuple[str, str] | None = None


# ---------------------------------------------------------------------------------------------------------- text

MOST_BYTES = 1 << 20
"""Of one file. Whoever reads text stops here, so that nothing larger is ever parsed."""


@dataclass(frozen=True, slots=True)
class Text:
    """One file as it was read. `filename` is what diagnostics print."""

    filename: str
    data: bytes


# ----------------------------------------------------------------------------------------------------- documents


@dataclass(frozen=True, slots=True)
class Target:
    """Where the pod is: `how` is "netns" (a name under /run/netns, or an absolute path), "pid" (decimal text) or "pod".

    Of a pod, `value` is "namespace/name", with no name where only `uid` says which one. Once it is found, `how` is "netns", `pod`
    is that text and `found` says where the path comes from ("CNI cache").
    """

    how: str
    value: str
    at: Position
    uid: str = ""
    pod: str = ""
    found: str = ""

    def __str__(self) -> str:
        return f"{self.how} {self.value}"


@dataclass(frozen=True, slots=True)
class Ports:
    """One entry of `ports` (start == end) or `portRanges`. `protocol` is "tcp" or "udp"."""

    protocol: str
    start: int
    end: int
    at: Position
    name: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """`kind` is "pod", "multus" or "resourceClaim" (a device that Kubernetes hands out). `primary`: the pod network, or the
    Multus network with `default: true`.
    """

    name: str
    kind: str
    at: Position
    cidr4: IPv4Network = IPv4Network("10.0.2.0/24")
    cidr6: IPv6Network = IPv6Network("fd10:0:2::/120")
    multus_name: str = ""
    primary: bool = True


@dataclass(frozen=True, slots=True)
class DhcpOptions:
    """What KubeVirt's `dhcpOptions` adds to a DHCPv4 lease: options 67, 66, 42 and 224 to 254. Empty text: not sent."""

    boot_file_name: str = ""
    tftp_server_name: str = ""
    ntp_servers: tuple[str, ...] = ()
    private_options: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """Our own words about one guest NIC (`interfaces[].guest`); the defaults are what KubeVirt does.

    `mtu`: what DHCP and router advertisements tell the guest; None: the pod link's. `ipv6`: a bridge NIC's guest is told the
    pod's IPv6 address too. `resolv_conf`: absolute path of the file to read in place of the pod's.
    """

    mtu: int | None = None
    ipv6: bool = False
    dhcp_router: bool = True
    dhcp_dns: bool = True
    router_advertisements: bool = True
    resolv_conf: str | None = None


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """Kubernetes' `dnsPolicy` and `dnsConfig`. With policy "None" they are all there is; otherwise they add to a resolv.conf."""

    policy: str = "ClusterFirst"
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vlan:
    """The tag that a card adds to a virtual function's frames: `id` 0 (none) to 4094, `qos` 0 to 7, `protocol` "802.1Q" or
    "802.1ad".
    """

    id: int
    qos: int = 0
    protocol: str = "802.1Q"


@dataclass(frozen=True, slots=True)
class VirtualFunction:
    """The SR-IOV function that a NIC is: number `index` of the link `parent`, at `pci_address` ("0000:65:00.3") of the node.

    What should be set on it; None (and an empty text) is what a document does not say. `link_state` is "auto", "enable" or
    "disable".
    """

    parent: str = ""
    index: int | None = None
    pci_address: str = ""
    vlan: Vlan | None = None
    spoof_check: bool | None = None
    trust: bool | None = None
    link_state: str | None = None


@dataclass(frozen=True, slots=True)
class Nic:
    """One guest network interface.

    `binding` is a registry name ("masquerade", ...). `mac` is canonical (lower case, colons) or None: the guest then has the
    pod link's. `pod_link` names a pod link that discovery would not find. `queues` >= 2 asks for a multi-queue tap.
    `known_macs`: further MACs that a status says the guest has. `plugin` is the name in `binding: {name: ...}`, where that is
    how the binding was chosen. `state` is "up" or "down": the guest's link, which changes nothing in the pod.
    `boot_order`, `pci_address` (in the guest, lower case) and `acpi_index` concern the guest's device only. `capacity` is how
    many queues the specification comes to, 0 when multi-queue is off; `queues` can differ, for a guest that runs already.
    `passt_socket`: converge runs the NIC's passt, where otherwise the VMM does. `info_source` holds the words of the VMI's status
    about this NIC ("domain, guest-agent"), "" where it says nothing. `virtual_function`: what a document says of an SR-IOV NIC's
    function.
    """

    name: str
    binding: str
    network: Network
    at: Position
    ports: tuple[Ports, ...] = ()
    mac: str | None = None
    model: str = "virtio"
    pod_link: str | None = None
    queues: int = 0
    dhcp: DhcpOptions = field(default_factory=DhcpOptions)
    guest: GuestOptions = field(default_factory=GuestOptions)
    known_macs: tuple[str, ...] = ()
    plugin: str = ""
    state: str = "up"
    boot_order: int | None = None
    pci_address: str | None = None
    acpi_index: int | None = None
    capacity: int = 0
    passt_socket: bool = False
    info_source: str = ""
    virtual_function: VirtualFunction | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """One element of the pod's annotation k8s.v1.cni.cncf.io/network-status: what a CNI has made, as Multus wrote it down.

    `network` is "namespace/name" of the NetworkAttachmentDefinition, for the cluster's own network the CNI's name. `mtu` is in
    bytes; `pci_address` is that of a device that was handed to the pod ("0000:65:00.3"). Empty text: not said.
    """

    network: str
    interface: str
    default: bool = False
    mac: str = ""
    mtu: int | None = None
    ips: tuple[str, ...] = ()
    pci_address: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """One entry of `status.interfaces` of a VirtualMachineInstance: what is known of one NIC of its guest.

    `name` is "" for a NIC that only the guest knows, `guest_name` the guest's own name for it, `ips` are texts of which the first
    is `ipAddress`. `sources` are the words of `infoSource`, as they stand there. 0 and "": not said.
    """

    name: str = ""
    mac: str = ""
    ips: tuple[str, ...] = ()
    pod_link: str = ""
    guest_name: str = ""
    sources: tuple[str, ...] = ()
    queues: int = 0
    link_state: str = ""


@dataclass(frozen=True, slots=True)
class DomainOptions:
    """What the guest's devices depend on, besides the NICs themselves.

    `architecture` is Kubernetes' word ("amd64", "arm64", "s390x"). `interface_slots` and `root_complex` are KubeVirt's
    annotations on how many PCI slots are kept for NICs that come later: so many in all, or none.
    """

    architecture: str = "amd64"
    virtio_transitional: bool = False
    launch_security: bool = False
    interface_slots: int | None = None
    root_complex: bool = False


@dataclass(frozen=True, slots=True)
class GuestNetwork:
    """One pod's desired guest NICs, whichever kind of document said so.

    `tap_owner` and `tap_group` are numeric ids. `istio`: annotation sidecar.istio.io/inject is "true".
    `legacy_migration_ports`: TCP 49152 and 49153 on loopback stay with the pod. `hostname` is the guest's as DHCP tells it,
    "" for none. `dns` is None where the document says nothing: the pod's resolv.conf then holds. `attachments` are what Multus
    says of the pod, in its order; empty where no Pod document was given. `reported` is the document's own `status.interfaces`.
    """

    namespace: str
    name: str
    target: Target
    nics: tuple[Nic, ...]
    at: Position
    labels: Mapping[str, str] = field(default_factory=dict)
    istio: bool = False
    tap_owner: int = 107
    tap_group: int = 107
    legacy_migration_ports: bool = False
    hostname: str = ""
    subdomain: str = ""
    dns: DnsConfig | None = None
    attachments: tuple[Attachment, ...] = ()
    domain: DomainOptions = field(default_factory=DomainOptions)
    reported: tuple[Reported, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


# ----------------------------------------------------------------------------------------------------- resources


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


# ---------------------------------------------------------------------------------------------- changes and plans


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` is None: create; `after` is None: delete; both: update."""

    key: Key
    before: Attributes | None
    after: Attributes | None

    @property
    def action(self) -> str:
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"


Value = str | int


@dataclass(frozen=True, slots=True)
class Operation:
    """One kernel call, as data: one rtnetlink message, one tap ioctl sequence, one sysctl write or one nft transaction.

    `call` is what `ip -batch` would call it ("link add", "address replace", ...), or "tuntap add", "sysctl", "nft".
    `arguments` are in the order in which the tool would take them; a flag has the value "". `value` is the resource that the
    call writes, where it writes one whole. `parts`: the operations that one call carries, all or none of which a kill lets
    happen. `str()` gives the text that people read; the same value is simulated, stored and executed.
    """

    call: str
    key: Key
    arguments: tuple[tuple[str, Value], ...] = ()
    value: Attributes | None = None
    parts: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        if self.parts:
            return "; ".join(map(str, self.parts))
        if self.call in ("nft", "nft alone"):
            return "; ".join(str(value) for _, value in self.arguments)
        if self.call == "sysctl":
            return " ".join(f"{name}={value}" for name, value in self.arguments)
        words = [self.call]
        for name, value in self.arguments:
            words += [word for word in (name, str(value)) if word]
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a plan: what it settles, and every change of the simulated set it leads to, side effects included."""

    operation: Operation
    settles: tuple[Change, ...]
    delta: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in an order that works. `changes` are the differences asked for, each once; `unchanged` counts the rest.

    `stuck` holds the differences for which no operation was found, with the kernel's refusal where one is known: such a plan
    is never applied.
    """

    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    unchanged: int
    stuck: tuple[tuple[Change, str], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes and not self.stuck


# -------------------------------------------------------------------------------------------------------- results


class Outcome(Enum):
    """What became of one pod. `PLANNED`: nobody asked to apply. `REFUSED`: untouched, with diagnostics that say why."""

    PLANNED = "planned"
    UNCHANGED = "unchanged"
    APPLIED = "applied"
    RESTORED = "restored"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Recorded:
    """That a result comes from a snapshot: when that was taken (UTC), and how old it was when it was used. In seconds."""

    taken: datetime
    age: int


@dataclass(frozen=True, slots=True)
class Result:
    """One pod's outcome. `observed` and `desired` are the two sets that `plan` compared. `logs`, where asked for: what the server
    of each NIC has written. `recorded`: not the kernel was asked, but a snapshot.
    """

    document: GuestNetwork
    outcome: Outcome
    plan: Plan
    desired: Desired
    observed: Resources
    diagnostics: tuple[Diagnostic, ...] = ()
    duration_ms: float = 0.0
    logs: Mapping[str, str] = field(default_factory=dict)
    recorded: Recorded | None = None
