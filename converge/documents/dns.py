"""`dnsPolicy` and `dnsConfig`, with Kubernetes' meaning: rules about them, and their value.

A search domain that DHCP cannot carry is an error in our kind. In KubeVirt's it is a warning: the guest goes without it, where
KubeVirt's own launcher would die of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from converge.documents.check_dhcp import ipv4
from converge.documents.draft import Draft
from converge.documents.fields import get, items, key_of, text
from converge.documents.nodes import Mapping, Node, Scalar, shown
from converge.documents.scalars import as_text
from converge.model import Diagnostic, DnsConfig, Severity
from converge.services.resolv import sendable


def check_dns(draft: Draft) -> Iterator[Diagnostic]:
    spec = draft.spec
    for node in items(spec, "dnsConfig", "nameservers"):
        value = _text(node)
        if value is not None and _address(value) is None:
            detail = f"name server {shown(node)} is not an IP address\nwrite its address, as 192.0.2.53"
            yield draft.source.diagnostic(node, "Not an IP address", detail)
    for node in items(spec, "dnsConfig", "searches"):
        value = _text(node)
        if value is not None and not sendable(value.lower()):
            severity = Severity.ERROR if draft.ours else Severity.WARNING
            right = "letters, digits, - and _ between dots, at most 253; the last label begins with a letter"
            detail = f"search domain {shown(node)} is not a domain name that DHCP can carry\n{right}"
            yield draft.source.diagnostic(node, "Unusable search domain", detail, severity=severity)
    if isinstance(spec, Mapping) and text(spec, "dnsPolicy") == "None" and not items(spec, "dnsConfig", "nameservers"):
        detail = "dnsPolicy None without a name server\nadd dnsConfig: {nameservers: [ADDRESS]}, or leave dnsPolicy out"
        yield draft.source.diagnostic(key_of(spec, "dnsPolicy"), "No name server", detail)


def dns_config(draft: Draft) -> DnsConfig | None:
    """None where the document says nothing about DNS."""
    spec = draft.spec
    policy, config = text(spec, "dnsPolicy"), get(spec, "dnsConfig")
    if not policy and config is None:
        return None
    servers = (_address(_text(node) or "") for node in items(config, "nameservers"))
    searches = ((_text(node) or "").lower() for node in items(config, "searches"))
    return DnsConfig(
        policy or "ClusterFirst",
        tuple(str(server) for server in servers if server is not None),
        tuple(name for name in searches if sendable(name)),
    )


def _text(node: Node) -> str | None:
    return as_text(node) if isinstance(node, Scalar) else None


def _address(value: str) -> IPv4Address | IPv6Address | None:
    if (four := ipv4(value)) is not None:
        return four
    try:
        address = ip_address(value)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address
