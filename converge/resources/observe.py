"""Dumps -> resources. Pure; links are known by ifindex only, since roles need to know what is expected (see identity)."""

from __future__ import annotations

from collections.abc import Mapping

from converge.model import Dumps, Key, Resources
from converge.resources import address, chain, element, fact, link_dump, nftset, process, route, rule, sysctl, table
from converge.resources.wire import attributes, messages, network, text


def decode(dumps: Dumps) -> Resources:
    """Every resource that the dumps show, strangers' links included. Handles are "#ifindex"."""
    resources: Resources = {}
    names: dict[str, str] = {}
    for value, af_spec in link_dump.decode(dumps.links):
        owner = f"#{value.index}"
        names[owner] = value.name
        resources[Key("link", owner)] = value
        resources.update(sysctl.decode_link(owner, af_spec))
    addresses = dict(address.decode(dumps.addresses, names))
    resources.update(addresses)
    sources = {(key.owner, key.name.split("/")[0]): key.name for key in addresses if ":" not in key.name}
    resources.update(route.decode(dumps.routes, sources, frozenset(address.lasting_routes(addresses))))
    resources.update(sysctl.decode_netconf(dumps.netconf))
    resources.update((Key("sysctl", "", name), sysctl.Sysctl(value)) for name, value in dumps.sysctls.items())
    indexes = (value.index for key, value in resources.items() if key.kind == "link")
    resources.update(process.decode(dumps.processes, indexes) if dumps.processes else ())
    if dumps.tables:
        _decode_table(dumps, resources)
    return resources


def _decode_table(dumps: Dumps, resources: Resources) -> None:
    rules, captured = _rules(dumps.rules)
    resources.update(table.decode(dumps.tables))
    resources.update(chain.decode(dumps.chains, rules))
    resources.update(nftset.decode(dumps.sets))
    for set_name, dump in dumps.elements.items():
        resources.update(element.decode(set_name, dump))
    resources.update(fact.decode(captured))


_RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS, _RULE_USERDATA = 2, 3, 4, 7


def _rules(dump: bytes) -> tuple[Mapping[str, list[rule.Rule]], list[tuple[rule.Rule, int]]]:
    """The rules of our table by chain, in order, and those of `captured` with their handles."""
    rules: dict[str, list[rule.Rule]] = {}
    captured: list[tuple[rule.Rule, int]] = []
    for _, start, end in messages(dump):
        found = attributes(dump, start + 4, end)
        name = text(found[_RULE_CHAIN])
        value = rule.decode(found.get(_RULE_EXPRESSIONS, b""), found.get(_RULE_USERDATA, b""))
        if name == chain.CAPTURED:
            captured.append((value, network(found[_RULE_HANDLE])))
        else:
            rules.setdefault(name, []).append(value)
    return rules, captured


def set_names(dump: bytes) -> list[str]:
    """Names of the sets whose elements must be asked for: each is a dump of its own."""
    return [key.name for key, _ in nftset.decode(dump)]
