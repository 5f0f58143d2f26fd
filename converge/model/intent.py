"""What documents say: a pod's guest NICs, as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from converge.model.places import Position


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
