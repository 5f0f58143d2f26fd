"""nftables rules as statements: read from netlink expressions, written as nft text.

A rule is decoded by following its registers: each load names a field, each comparison or look-up consumes it. What comes out are
the statements of the text that made it, so a desired rule and a listed one compare with `==`. Whatever is not in the tables
below becomes an `unknown` statement, which no desired rule equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from converge.resources.wire import Attributes, address, attributes, network, repeated, text


class Statement(NamedTuple):
    """`verb`: "match" (subject: a field; relation and value: "!=" or "", text), "lookup" and "map" (subject: fields, value: a
    set), "dnat" or "snat" (subject: "ip" or "ip6", value: an address), "masquerade", "return", "jump" (value: a chain),
    "unknown".
    """

    verb: str
    subject: str = ""
    value: str = ""
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    statements: tuple[Statement, ...]
    comment: str = ""

    def __str__(self) -> str:
        words = list(_words(self.statements))
        return " ".join(words + ([f'comment "{self.comment}"'] if self.comment else []))


def match(subject: str, value: str) -> Statement:
    return Statement("match", subject, value)


def lookup(subject: str, set_name: str) -> Statement:
    return Statement("lookup", subject, set_name)


# ------------------------------------------------------------------------------------------------------- writing

_QUOTED = {"iifname", "oifname"}
_FAMILY = {"ipv4": "ip ", "ipv6": "ip6 "}


def _words(statements: Iterable[Statement]) -> Iterator[str]:
    """nft text. An implied protocol match is left out where the next field implies it, as `nft list` does."""
    items = list(statements)
    for number, item in enumerate(items):
        following = items[number + 1].subject if number + 1 < len(items) else ""
        if item.subject == "meta nfproto" and following.startswith(_FAMILY.get(item.value, "\0")):
            continue
        if item.subject == "meta l4proto" and following == "th dport" and item.verb == "match" and not item.relation:
            continue
        implied = items[number - 1] if number else Statement("")
        yield _word(item, implied.value if implied.subject == "meta l4proto" and implied.verb == "match" else "")


def _word(item: Statement, protocol: str) -> str:
    subject = f"{protocol} dport" if protocol and item.subject == "th dport" else item.subject
    if item.verb == "match":
        value = f'"{item.value}"' if item.subject in _QUOTED else item.value
        return " ".join(word for word in (subject, item.relation, value) if word)
    if item.verb == "lookup":
        return f"{subject} {item.relation + ' ' if item.relation else ''}@{item.value}"
    if item.verb in ("dnat", "snat"):
        return f"{item.verb} {item.subject} to {item.value}"
    return " ".join(word for word in (item.verb, item.subject, item.value) if word)


# ------------------------------------------------------------------------------------------------------- reading

_META = {6: "iifname", 7: "oifname", 15: "meta nfproto", 16: "meta l4proto", 3: "meta mark"}
_PAYLOAD = {
    (1, 12, 4): "ip saddr",
    (1, 16, 4): "ip daddr",
    (1, 8, 16): "ip6 saddr",
    (1, 24, 16): "ip6 daddr",
    (2, 0, 2): "th sport",
    (2, 2, 2): "th dport",
}
_RELATIONS = {0: "", 1: "!=", 2: "<", 3: "<=", 4: ">", 5: ">="}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_NFPROTO = {2: "ipv4", 10: "ipv6"}
_VERDICTS = {0: "drop", 1: "accept", -1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return"}
_NAME_BYTES = 16  # a comparison of fewer is one of the beginning
_MAP_ADDRESS = 1  # NF_NAT_RANGE_MAP_IPS
_FIRST_REGISTER32 = 8  # NFT_REG32_00; registers 1 to 4 are the same memory in units of 16 bytes


def protocol_name(number: int) -> str:
    return _PROTOCOLS.get(number, str(number))


@lru_cache(maxsize=4096)
def decode(expressions: bytes, userdata: bytes) -> Rule:
    """A rule from NFTA_RULE_EXPRESSIONS and NFTA_RULE_USERDATA. Equal bytes of different pods are decoded once."""
    reader = _Reader()
    for _, expression in repeated(expressions):
        parts = attributes(expression)
        name = text(parts[1])
        reader.read(name, attributes(parts.get(2, b"")))
    return Rule(tuple(reader.statements), _comment(userdata))


def _comment(userdata: bytes) -> str:
    """User data of libnftables: type, length, value; type 0 is the comment."""
    position = 0
    while position + 2 <= len(userdata):
        kind, length = userdata[position], userdata[position + 1]
        if kind == 0:
            return text(userdata[position + 2 : position + 2 + length])
        position += 2 + length
    return ""


class _Reader:
    """Follows registers through one rule. `fields` are what each register was loaded with, `loaded` those not yet consumed."""

    __slots__ = ("constants", "fields", "loaded", "statements")

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.fields: dict[int, str] = {}
        self.loaded: list[str] = []
        self.constants: dict[int, bytes] = {}

    def read(self, name: str, data: Attributes) -> None:
        read = {
            "meta": self._meta,
            "payload": self._payload,
            "byteorder": self._byteorder,
            "cmp": self._compare,
            "lookup": self._lookup,
            "immediate": self._immediate,
            "nat": self._nat,
            "masq": self._masquerade,
        }.get(name)
        if read is None or not read(data):
            self.statements.append(Statement("unknown", name, repr(sorted(data.items()))))

    def _load(self, register: bytes | None, field: str | None) -> bool:
        if register is None or field is None:
            return False
        self.fields[_register(register)] = field
        self.loaded.append(field)
        return True

    def _meta(self, data: Attributes) -> bool:
        return self._load(data.get(1), _META.get(network(data.get(2, b""))))

    def _payload(self, data: Attributes) -> bool:
        base, offset, length = (network(data.get(part, b"")) for part in (2, 3, 4))
        return self._load(data.get(1), _PAYLOAD.get((base, offset, length)))

    def _byteorder(self, data: Attributes) -> bool:
        """Only the register's representation changes, not which field is in it."""
        return data.get(1) == data.get(2) and _register(data.get(1, b"")) in self.fields

    def _compare(self, data: Attributes) -> bool:
        field = self.fields.get(_register(data.get(1, b"")))
        relation = _RELATIONS.get(network(data.get(2, b"")))
        if field is None or relation is None:
            return False
        self.loaded.clear()
        self.statements.append(Statement("match", field, _shown(field, attributes(data.get(3, b"")).get(1, b"")), relation))
        return True

    def _lookup(self, data: Attributes) -> bool:
        """In a set; with a destination register in a map, whose data no rule of ours uses."""
        if not self.loaded:
            return False
        verb, inverted = "map" if 3 in data else "lookup", network(data.get(5, b"")) & 1
        self.statements.append(Statement(verb, " . ".join(self.loaded), text(data.get(1, b"")), "!=" if inverted else ""))
        self.loaded.clear()
        return True

    def _immediate(self, data: Attributes) -> bool:
        value = attributes(data.get(2, b""))
        if 2 not in value:
            self.constants[_register(data.get(1, b""))] = value.get(1, b"")
            return True
        verdict = attributes(value[2])
        code = int.from_bytes(verdict.get(1, b""), "big", signed=True)
        self.statements.append(Statement(_VERDICTS.get(code, "unknown"), "", text(verdict.get(2, b""))))
        return True

    def _nat(self, data: Attributes) -> bool:
        """To one address, ports kept: type, family, the address's register twice, and the flag that an address is meant."""
        target = self.constants.get(_register(data.get(3, b"")), b"")
        only_address = data.keys() <= {1, 2, 3, 4, 7} and network(data.get(7, b"")) == _MAP_ADDRESS
        if len(target) not in (4, 16) or not only_address or data.get(3) != data.get(4, data.get(3)):
            return False
        family = {2: "ip", 10: "ip6"}.get(network(data.get(2, b"")), "")
        self.statements.append(Statement("dnat" if network(data.get(1, b"")) else "snat", family, address(target)))
        return True

    def _masquerade(self, data: Attributes) -> bool:
        self.statements.append(Statement("masquerade"))
        return not data


def _register(value: bytes) -> int:
    number = network(value)
    return _FIRST_REGISTER32 + 4 * (number - 1) if 1 <= number <= 4 else number


def _shown(field: str, value: bytes) -> str:
    if field in ("iifname", "oifname"):
        return text(value) + ("*" if len(value) < _NAME_BYTES else "")
    if field == "meta nfproto":
        return _NFPROTO.get(value[0], str(value[0]))
    if field == "meta l4proto":
        return protocol_name(value[0])
    return address(value) if field.startswith("ip") and len(value) in (4, 16) else str(network(value))
