"""A snapshot as text: YAML that diffs well. One resource a line, links by name, in a stable order, nothing that counts.

    apiVersion: net.converge/v1alpha1
    kind: Snapshot
    metadata: {name: web, namespace: shop}
    taken: "2026-11-24T17:00:00Z"
    ...
    resources:
      - [link, eth0, "", {kind: veth, up: true, mtu: 1450, mac: "0a:58:0a:f4:01:05", index: 2}]
      - [address, eth0, 10.244.1.5/24, {broadcast: 10.244.1.255}]
    complete: true

No secret is in it: of a resolv.conf the lines that name servers and search domains, of a server its configuration's digest. The
last line is there so that a text that was cut is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from converge.documents.envelope import OURS
from converge.documents.scalars import FALSE, TRUE
from converge.model import Key, Snapshot
from converge.resources.sysctl import RELEASE
from converge.services.resolv import telling
from converge.view.spelling import UNDECODED, Plain, Row, rows

KIND = "Snapshot"
TIME = "%Y-%m-%dT%H:%M:%SZ"
TARGETS = ("netns", "pid")
PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+\.[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:/[0-9]+)?")
WORDS = TRUE | FALSE | {"null", "Null", "NULL", "y", "Y", "n", "N"}
"""What YAML 1.1 does not read as text though it looks so."""


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def text(snapshot: Snapshot) -> str:
    """One YAML document, without a separator."""
    return "\n".join([*_head(snapshot), *_body(snapshot), "complete: true", ""])


def texts(snapshots: Iterable[Snapshot]) -> str:
    """Several, as one file."""
    return "---\n".join(map(text, snapshots))


def _head(snapshot: Snapshot) -> Iterator[str]:
    kernel = {"release": snapshot.release, "dummy": snapshot.dummy, "brNetfilter": snapshot.br_netfilter}
    yield f"apiVersion: {OURS}"
    yield f"kind: {KIND}"
    yield f"metadata: {_flow({'name': snapshot.name, 'namespace': snapshot.namespace})}"
    yield f'taken: "{snapshot.taken.strftime(TIME)}"'
    yield f"converge: {_flow(snapshot.version)}"
    yield f"target: {_flow(dict([snapshot.target]))}"
    yield f"kernel: {_flow(kernel)}"


def _body(snapshot: Snapshot) -> Iterator[str]:
    seen = snapshot.observation
    yield from _block("resolvConf", ((path, telling(found)) for path, found in sorted(seen.resolv.items())))
    yield from _block("sysctls", sorted(seen.sysctls.items()))
    kept = {key: value for key, value in seen.resources.items() if key != Key("sysctl", "", RELEASE)}
    lines = [line for row in rows(kept) for line in _row(row)]
    yield "resources:" if lines else "resources: []"
    yield from lines


def _block(name: str, items: Iterable[tuple[str, Plain]]) -> Iterator[str]:
    lines = [f"  {_flow(key)}: {_flow(value)}" for key, value in items]
    yield f"{name}:" if lines else f"{name}: {{}}"
    yield from lines


def _row(row: Row) -> Iterator[str]:
    """On one line; of a chain each rule, so that one rule more is one line more."""
    kind, owner, name, attributes = row
    rules = attributes.get("rules")
    start = f"  - [{', '.join(map(_flow, (kind, owner, name)))}"
    if not rules:
        yield f"{start}, {_flow(attributes)}]" if attributes else f"{start}]"
        return
    others = "".join(f"{key}: {_flow(value)}, " for key, value in attributes.items() if key != "rules")
    yield f"{start}, {{{others}rules: ["
    yield from (f"      {_flow(rule)}," for rule in rules)
    yield "    ]}]"


def _flow(value: Plain) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value if PLAIN.fullmatch(value) and value not in WORDS else f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    """ASCII only: what looks like nothing, or like something else, is then seen in a diff."""
    number = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if 0x20 <= number < 0x7F:
        return character
    number = UNDECODED.get(number, number)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
