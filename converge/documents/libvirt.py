"""A libvirt domain's XML -> what `status.interfaces` tells of its devices (reference section 7.1, steps 1 and 2). Pure.

Read by the standard library's parser, from text that somebody gave: a document type, which alone can declare entities, is
refused before any is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from converge.model import Diagnostic, Position, Reported, Text

USER_ALIAS, SRIOV_ALIAS = "ua-", "sriov-"
COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Domain:
    """`interfaces` in the domain's order; `functions` are the names of the NICs that are PCI functions of the node."""

    interfaces: tuple[Reported, ...] = ()
    functions: tuple[str, ...] = ()


class _DoctypeError(Exception):
    """Nothing of libvirt's has a document type."""


class _Builder(TreeBuilder):
    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise _DoctypeError


def read(text: Text) -> Domain | Diagnostic:
    """`<domain>` as `virsh dumpxml` prints it, `<devices>` alone, or libvirt's own `<domstatus>`."""
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(text.data)
        root: Element = parser.close()
    except ParseError as error:
        line, column = error.position
        said = str(error).partition(":")[0]
        return _wrong(text, f"{said}\ngive what `virsh dumpxml DOMAIN` prints", line, column + 1)
    except _DoctypeError:
        return _wrong(text, "it has a document type, which no domain has\ngive what `virsh dumpxml DOMAIN` prints")
    except (LookupError, ValueError) as error:  # an encoding that is not known, or cannot be used
        return _wrong(text, f"{error}\nsave it as UTF-8")
    domain = root.find("domain") if root.tag == "domstatus" else root
    devices = root if root.tag == "devices" else None if domain is None else domain.find("devices")
    if devices is not None:
        return Domain(tuple(map(_interface, devices.iterfind("interface"))), tuple(_functions(devices)))
    if domain is not None and domain.tag == "domain":
        return Domain()
    return _wrong(text, f"<{root.tag}> is no domain\ngive what `virsh dumpxml DOMAIN` prints")


def _wrong(text: Text, detail: str, line: int = 1, column: int = 1) -> Diagnostic:
    return Diagnostic("Not a libvirt domain", f"this is no libvirt domain: {detail}", Position(text.filename, line, column))


def _interface(node: Element) -> Reported:
    """One queue where the domain says nothing, and a link that is up. The MAC stays as it is spelled (trap T21)."""
    queues = _attribute(node, "driver", "queues")
    return Reported(
        name=_alias(node),
        mac=_attribute(node, "mac", "address"),
        sources=("domain",),
        queues=int(queues) if COUNT.fullmatch(queues) else 1,
        link_state=_attribute(node, "link", "state") or "up",
    )


def _functions(devices: Element) -> Iterator[str]:
    for node in devices.iterfind("hostdev"):
        alias = _alias(node)
        if alias.startswith(SRIOV_ALIAS):
            yield alias.removeprefix(SRIOV_ALIAS)


def _alias(node: Element) -> str:
    return _attribute(node, "alias", "name").removeprefix(USER_ALIAS)


def _attribute(node: Element, child: str, name: str) -> str:
    found = node.find(child)
    return "" if found is None else found.get(name, "")
