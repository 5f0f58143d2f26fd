"""What jsonschema finds, as diagnostics at the value itself, in the words of the field rather than of the schema.

Imported only for a document that is not certainly valid. jsonschema decides whether and where; the node says how it was
written, and the schema's own description says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from converge.documents.fields import get
from converge.documents.nearest import nearest
from converge.documents.nodes import Entry, Mapping, Node, Scalar, Sequence, is_null, shown
from converge.documents.scalars import DIGITS, as_text
from converge.documents.schema import Schema, holds_lines
from converge.documents.text import Source, Span
from converge.documents.unknown_keys import unknown_keys
from converge.model import Diagnostic, Severity

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
Path = tuple[str | int, ...]
Finding = tuple[str, str, str]  # summary, what is wrong, what would be right

# Cause types of KubeVirt's admission for what the schema alone decides, by the last words of the field path.
CAUSES = {
    "ports.port": "FieldValueInvalid",
    "ports.protocol": "FieldValueInvalid",
    "interfaces.portRanges": "FieldValueInvalid",
    "portRanges.protocol": "FieldValueInvalid",
    "portRanges.start": "FieldValueInvalid",
    "portRanges.end": "FieldValueInvalid",
    "interfaces.model": "FieldValueNotSupported",
    "interfaces.state": "FieldValueInvalid",
    "interfaces.name": "FieldValueInvalid",
    "interfaces.pciAddress": "FieldValueInvalid",
    "interfaces.bootOrder": "FieldValueInvalid",
    "privateOptions.option": "FieldValueInvalid",
}
# How a value that is out of bounds is called, by the same words.
CALLED = {
    "ports.port": "a port",
    "portRanges.start": "a port",
    "portRanges.end": "a port",
    "ports.protocol": "a protocol",
    "portRanges.protocol": "a protocol",
    "interfaces.pciAddress": "a PCI address",
    "target.pid": "a process id",
    "privateOptions.option": "a private DHCP option",
    "metadata.name": "a name",
    "interfaces.name": "a name",
    "networks.name": "a name",
}
TYPES = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "boolean": "true or false"}


def schema_errors(source: Source, root: Mapping, about: Schema, value: Any) -> Iterator[Diagnostic]:
    from jsonschema import Draft202012Validator  # imported only when something is odd: it costs 100 ms

    yield from _control_characters(source, root, about)
    seen: set[tuple[Path, str]] = set()
    for error in Draft202012Validator(about).iter_errors(value):
        path: Path = tuple(error.absolute_path)
        word = str(error.validator)
        if (path, word) in seen:
            continue
        seen.add((path, word))
        node = _at(root, path)
        if word == "additionalProperties" and isinstance(node, Mapping):
            yield from unknown_keys(source, node, error.schema, Severity.ERROR)
        elif word == "required" and isinstance(node, Mapping):
            yield from _missing(source, node, path, error.schema)
        else:
            summary, wrong, right = _finding(word, node, path, error.schema)
            # A wrong type never reaches KubeVirt's admission: the API server cannot decode it.
            cause = None if word == "type" else _cause(path, node)
            yield source.diagnostic(node, summary, f"{wrong}\n{right}", cause=cause)


def _at(root: Node, path: Path) -> Node:
    node = root
    for step in path:
        if isinstance(step, str) and isinstance(node, Mapping):
            node = node.entries[step].value
        elif isinstance(step, int) and isinstance(node, Sequence):
            node = node.items[step]
    return node


def _missing(source: Source, node: Mapping, path: Path, about: Schema) -> Iterator[Diagnostic]:
    for name in about["required"]:
        if get(node, name) is not None:
            continue
        entry: Entry | None = node.entries.get(name)
        span: Span = entry.key if entry else node
        detail = f"{name} is {'empty' if entry else 'missing'}\n{about['properties'][name]['description']}"
        kind = _cause_type((*path, name))
        kind = "FieldValueRequired" if _words((*path, name)) == "ports.port" else kind
        yield source.diagnostic(span, "Missing key", detail, cause=(kind, field_path((*path, name))) if kind else None)


def _finding(word: str, node: Node, path: Path, about: Schema) -> Finding:
    right = about.get("description", "").strip()
    if word == "type":
        return _wrong_type(node, path, about["type"], right)
    if word == "enum":
        return _not_listed(node, path, about, right)
    if word == "maxItems" and isinstance(node, Sequence):
        return "Too many entries", f"{path[-1]} has {len(node.items)} entries, at most {about['maxItems']} are allowed", right
    called = CALLED.get(_words(path))
    name = path[-1] if path and isinstance(path[-1], str) else "value"
    wrong = f"{name} {shown(node)} is not {called}" if called else f"{name} {shown(node)} is out of bounds"
    return "Value out of bounds", wrong, right


def _not_listed(node: Node, path: Path, about: Schema, right: str) -> Finding:
    listed = [str(item) for item in about["enum"] if item != ""]
    near = nearest(node.text, listed) if isinstance(node, Scalar) else None
    words = f"did you mean {near!r}? " if near else ""
    return "Value not known", f"{path[-1]} {shown(node)} is not known", f"{words}{right} One of: {', '.join(listed)}."


def _wrong_type(node: Node, path: Path, wanted: str | list[str], right: str) -> Finding:
    names = [wanted] if isinstance(wanted, str) else wanted
    name = _named(path)
    if isinstance(node, Scalar):
        return _wrong_scalar(node, name, names, right)
    kind = "a list" if isinstance(node, Sequence) else "a mapping"
    wrong = f"{name} is {kind}, not {' or '.join(TYPES[each] for each in names)}"
    return "Wrong type", wrong, f"one entry a line, each with '- ' before it. {right}" if names == ["array"] else right


def _wrong_scalar(node: Scalar, name: str, names: list[str], right: str) -> Finding:
    if is_null(node):
        return "Wrong type", f"{name} is empty, not {' or '.join(TYPES[each] for each in names)}", right
    if "string" in names and as_text(node) is None:
        return "Text needs quotes", f"{name} {node.text} is what YAML reads as a number", f'quote it: "{node.text}"'
    if names == ["integer"]:
        if not node.plain and DIGITS.fullmatch(node.text):
            return "Wrong type", f"{name} {shown(node)} is text, not a number", f"write it without quotes: {node.text}"
        return "Wrong type", f"{name} {shown(node)} is not a whole number in decimal notation", right
    return "Wrong type", f"{name} {shown(node)} is not {' or '.join(TYPES[each] for each in names)}", right


def _control_characters(source: Source, node: Node, about: Schema) -> Iterator[Diagnostic]:
    """Escapes bring in what the file itself may not hold; names and addresses never need such a character."""
    if isinstance(node, Scalar):
        if about.get("type") == "string" and not holds_lines(about) and (match := CONTROL.search(node.text)):
            detail = f"the text holds control character U+{ord(match.group()):04X}\nremove it: a name or an address has none"
            yield source.diagnostic(node, "Control character", detail)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _control_characters(source, item, about.get("items", {}))
    else:
        known, other = about.get("properties", {}), about.get("additionalProperties")
        for name, entry in node.entries.items():
            yield from _control_characters(source, entry.value, known.get(name, other if isinstance(other, dict) else {}))


def _named(path: Path) -> str:
    if not path:
        return "the document"
    if isinstance(path[-1], str):
        return path[-1]
    return f"entry {path[-1] + 1} of {path[-2]}"


def field_path(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _words(path: Path) -> str:
    return ".".join([step for step in path if isinstance(step, str)][-2:])


def _cause_type(path: Path) -> str | None:
    return CAUSES.get(_words(path))


def _cause(path: Path, node: Node) -> tuple[str, str] | None:
    kind = _cause_type(path)
    if _words(path) == "ports.port" and isinstance(node, Scalar) and node.text == "0":
        kind = "FieldValueRequired"
    if _words(path) == "privateOptions.option":  # KubeVirt names the spec as a whole
        return ("FieldValueInvalid", field_path(path[: path.index("domain" if "domain" in path else "interfaces")]))
    return (kind, field_path(path)) if kind else None
