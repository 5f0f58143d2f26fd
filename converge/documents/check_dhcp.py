"""Rules of `dhcpOptions`: 42 and 44 of KubeVirt's admission, and what a DHCP reply can hold, which KubeVirt does not look at.

Rule 43 (224 to 254) and control characters are the schema's.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from converge.documents.draft import Draft, Part
from converge.documents.fields import get, integer, items, text
from converge.documents.nodes import Node, Scalar, shown
from converge.documents.scalars import as_text
from converge.model import DhcpOptions, Diagnostic, Severity
from converge.services import options as limits

TEXTS = (("tftpServerName", limits.TFTP_SERVER_NAME), ("bootFileName", limits.BOOT_FILE_NAME))


def check_dhcp(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    options = get(part.node, "dhcpOptions")
    if options is None:
        return
    yield from _twice(draft, part, options)
    yield from _servers(draft, part, options)
    yield from _too_long(draft, part, options)
    yield from _too_much(draft, part, options)


def dhcp_options(part: Part) -> DhcpOptions:
    """As the guest is told. What cannot be read is left out: a check or the schema has said so."""
    options = get(part.node, "dhcpOptions")
    private = ((integer(entry, "option"), text(entry, "value")) for entry in items(options, "privateOptions"))
    servers = (ipv4(as_text(server) or "") for server in items(options, "ntpServers") if isinstance(server, Scalar))
    return DhcpOptions(
        boot_file_name=text(options, "bootFileName") or "",
        tftp_server_name=text(options, "tftpServerName") or "",
        ntp_servers=tuple(str(server) for server in servers if server is not None),
        private_options=tuple((number, value) for number, value in private if number is not None and value is not None),
    )


def ipv4(value: str) -> IPv4Address | None:
    """Leading zeros are dropped, as KubeVirt does on reading."""
    try:
        return IPv4Address(".".join(each.lstrip("0") or each[-1:] for each in value.split(".")))
    except ValueError:
        return None


def _twice(draft: Draft, part: Part, options: Node) -> Iterator[Diagnostic]:
    seen: set[int] = set()
    for entry in items(options, "privateOptions"):
        option, node = integer(entry, "option"), get(entry, "option")
        if option is None or node is None:
            continue
        if option in seen:
            detail = f"DHCP option {option} stands here a second time\nkeep one of them"
            cause = ("FieldValueInvalid", draft.root_path)
            yield draft.source.diagnostic(node, "Duplicate DHCP option", detail, nic=part.name, cause=cause)
        seen.add(option)


def _servers(draft: Draft, part: Part, options: Node) -> Iterator[Diagnostic]:
    servers = items(options, "ntpServers")
    for index, server in enumerate(servers):
        value = as_text(server) if isinstance(server, Scalar) else None
        if value is not None and ipv4(value) is None:
            detail = f"NTP server {shown(server)} is not an IPv4 address\nwrite its address, as 192.0.2.1"
            cause = ("FieldValueInvalid", f"{part.path}.dhcpOptions.ntpServers[{index}]")
            yield draft.source.diagnostic(server, "Not an IPv4 address", detail, nic=part.name, cause=cause)
    if len(servers) > limits.MOST_ADDRESSES:
        detail = f"{len(servers)} NTP servers do not fit into DHCP option 42\nat most {limits.MOST_ADDRESSES}"
        yield draft.source.diagnostic(servers[limits.MOST_ADDRESSES], "DHCP option too long", detail, nic=part.name)


def _too_long(draft: Draft, part: Part, options: Node) -> Iterator[Diagnostic]:
    """One option holds 255 bytes. KubeVirt sends a length that has wrapped, and the guest reads nonsense."""
    found = [(number, name, get(options, name)) for name, number in TEXTS]
    for entry in items(options, "privateOptions"):
        found.append((integer(entry, "option") or 0, "value", get(entry, "value")))
    for number, name, node in found:
        value = as_text(node) if isinstance(node, Scalar) else None
        if node is not None and value is not None and limits.size(value) > limits.MOST_BYTES:
            wrong = f"DHCP option {number} ({name}) has {limits.size(value)} bytes"
            detail = f"{wrong}\nat most {limits.MOST_BYTES}, counted in UTF-8"
            yield draft.source.diagnostic(node, "DHCP option too long", detail, nic=part.name)


def _too_much(draft: Draft, part: Part, options: Node) -> Iterator[Diagnostic]:
    size = limits.total(dhcp_options(part))
    if size > limits.ROOM:
        wrong = f"these DHCP options have {size} bytes together"
        right = f"beside the usual ones about {limits.ROOM} fit into a reply; a guest that accepts no larger one misses some"
        yield draft.source.diagnostic(
            options, "DHCP options too large", f"{wrong}\n{right}", severity=Severity.WARNING, nic=part.name
        )
