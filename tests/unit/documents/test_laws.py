"""Laws over any input: nothing raises, every place lies in its file, the shortcut never accepts what the schema refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from converge.documents import KINDS, Text, load, schema
from converge.documents.compose import compose
from converge.documents.nodes import Mapping
from converge.documents.schema import KEYWORDS, certainly_valid, plain
from converge.documents.text import LINE_BREAK, decode, made
from tests.unit.documents.examples import GUEST_NETWORK, VMI, loaded, rendered

MACHINES = [path.read_text() for path in sorted((Path(__file__).parents[2] / "cases" / "machines").iterdir())]
WORDS = st.sampled_from(
    [
        "name",
        "default",
        "pod",
        "port",
        "80",
        "{}",
        "[]",
        "no",
        "~",
        "0x1F",
        "12:30",
        "masquerade",
        "bridge",
        "multus",
        "netns",
        "*a",
        "&a",
        "<<",
    ]
)
SCALARS = WORDS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
PIECES = st.lists(
    WORDS
    | st.sampled_from(
        [": ", "\n", "  ", "- ", "{", "}", "[", "]", ", ", "'", '"', "#", "---\n", "\t", "|", "\r", "\x85", "\u2028"]
    ),
    max_size=40,
).map("".join)


def assert_places_lie_inside(data: bytes) -> None:
    result = load([Text("a.yaml", data)])
    source, _ = decode(Text("a.yaml", data))
    lines = LINE_BREAK.split(source.text)
    for each in result.diagnostics:
        at = each.at
        assert at is not None
        assert 1 <= at.line <= at.end_line <= len(lines), each
        assert 1 <= at.column <= len(lines[at.line - 1]) + 2, each
        assert (at.line, at.column) <= (at.end_line, at.end_column), each
        assert each.summary
        assert len(each.detail.split("\n")) == 2, each.detail


@settings(deadline=None)  # the first mistake imports jsonschema, which takes long
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert_places_lie_inside(data)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    assert_places_lie_inside(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None)
@given(PIECES)
def test_any_heap_of_yaml(text: str) -> None:
    assert_places_lie_inside(text.encode())


@settings(deadline=None)
@given(st.sampled_from([GUEST_NETWORK, VMI, *MACHINES]), st.data())
def test_any_damage_to_a_valid_document(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    assert_places_lie_inside((text[:start] + data.draw(PIECES) + text[end:]).encode())


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def alike(draw: st.DrawFn, about: dict[str, Any]) -> Any:
    """A value that mostly looks like what a schema wants, and sometimes not."""
    if draw(st.integers(0, 30)) == 0:
        return draw(VALUES)
    kinds = about.get("type", "string")
    kind = kinds if isinstance(kinds, str) else draw(st.sampled_from(kinds))
    if "enum" in about:
        return draw(st.sampled_from(about["enum"]))
    if kind == "object":
        known = about.get("properties", {})
        names = [name for name in known if name in about.get("required", ()) or draw(st.booleans())]
        return {name: draw(alike(known[name])) for name in names}
    if kind == "array":
        return draw(st.lists(alike(about["items"]), max_size=2))
    if kind == "integer":
        return draw(st.integers(about.get("minimum", 0), about.get("maximum", 300)))
    return draw(st.booleans() if kind == "boolean" else st.sampled_from(["a", "10.0.2.0/24", "0000:81:01.0", "no", "a\x07", ""]))


def judged(kind: str, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema(kind)).is_valid(value)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_what_is_certainly_valid_is_valid(kind: str, data: st.DataObject) -> None:
    value = data.draw(alike(schema(kind)))
    assert not certainly_valid(value, schema(kind)) or judged(kind, value)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_a_document_loads_only_if_the_schema_accepts_it(kind: str, data: st.DataObject) -> None:
    text = json.dumps(data.draw(alike(schema(kind))))
    roots, _ = compose(made("a", text))
    if loaded(text).documents:
        (root,) = roots
        assert isinstance(root, Mapping)
        assert judged(kind, plain(root, schema(kind)))


def test_the_shortcut_knows_every_keyword_of_the_schemas() -> None:
    for kind, text in (("GuestNetwork", GUEST_NETWORK), ("VirtualMachineInstance", VMI)):
        (root,) = compose(made("a", text))[0]
        assert certainly_valid(plain(root, schema(kind)), schema(kind))
    assert not certainly_valid("a", {"type": "string", "format": "date"}), "a keyword it does not know is never certain"
    assert "$ref" not in KEYWORDS


PORT = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@settings(deadline=None)
@given(
    NAMES,
    NAMES,
    st.lists(st.tuples(PORT, st.sampled_from(["TCP", "UDP"])), unique=True, max_size=5),
    st.booleans(),
    st.integers(0, 99999),
)
def test_a_valid_document_is_read_as_it_is_meant(
    name: str, nic: str, ports: list[tuple[int, str]], legacy: bool, owner: int
) -> None:
    meant = {
        "apiVersion": "net.converge/v1alpha1",
        "kind": "GuestNetwork",
        "metadata": {"name": name},
        "spec": {
            "target": {"netns": name},
            "networks": [{"name": nic, "pod": {}}],
            "interfaces": [
                {"name": nic, "masquerade": {}, "ports": [{"port": number, "protocol": protocol} for number, protocol in ports]}
            ],
            "tap": {"owner": owner},
            "legacyMigrationPorts": legacy,
        },
    }
    result = loaded(json.dumps(meant))
    assert result.valid, rendered(result)
    (read,) = result.documents
    assert (read.name, read.target.value, read.nics[0].name, read.tap_owner, read.legacy_migration_ports) == (
        name,
        name,
        nic,
        owner,
        legacy,
    )
    assert [(each.start, each.protocol.upper()) for each in read.nics[0].ports] == ports
