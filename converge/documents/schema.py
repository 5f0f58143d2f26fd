"""The JSON Schemas: one file per kind, the single source for validation, documentation and editors.

`plain` turns nodes into the values a schema judges. Subtrees of which a schema says nothing are not even built: a bomb in a
part of a foreign document that concerns nobody costs nothing.

`certainly_valid` is a shortcut, not a second opinion: it knows the few keywords the schemas use and answers "certainly
valid" or "don't know". jsonschema decides and explains the rest; importing it takes longer than all else that loading a
document does.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import Any

import converge
from converge.documents.nodes import Mapping, Node, Scalar, is_null
from converge.documents.scalars import expected

KINDS = ("GuestNetwork", "VirtualMachineInstance", "VirtualMachine", "KubeVirt", "Pod")
PACKAGE = os.path.dirname(converge.__file__)
# Where a wheel puts them, and where they lie in the repository.
FOLDERS = (os.path.join(PACKAGE, "schemas"), os.path.join(os.path.dirname(PACKAGE), "schemas"))
ANNOTATIONS = frozenset({"$schema", "$id", "title", "description", "default", "examples", "contentMediaType"})

Schema = dict[str, Any]


@cache
def schema(kind: str) -> Schema:
    """The JSON Schema of a kind. The value is shared: do not write into it."""
    if kind not in KINDS:
        raise KeyError(kind)
    paths = [os.path.join(folder, f"{kind}.json") for folder in FOLDERS]
    path = next((path for path in paths if os.path.exists(path)), paths[0])
    with open(path, encoding="utf-8") as file:
        loaded: Schema = _resolved(json.load(file))
    return loaded


def _resolved(about: Any) -> Any:
    """A VirtualMachine's template is what an instance has: its file refers to the other's. Nothing else is followed."""
    if isinstance(about, list):
        return [_resolved(each) for each in about]
    if not isinstance(about, dict):
        return about
    if "$ref" not in about:
        return {name: _resolved(each) for name, each in about.items()}
    file, _, pointer = about["$ref"].partition("#/")
    found: Any = schema(file.removesuffix(".json"))
    for step in pointer.split("/"):
        found = found[step]
    return found


def plain(node: Node, about: Schema) -> Any:
    if not about:
        return None
    if isinstance(node, Scalar):
        return expected(node, about.get("type"))
    if not isinstance(node, Mapping):
        each = about.get("items", {})
        return [plain(item, each) for item in node.items]
    known = about.get("properties", {})
    other = about.get("additionalProperties")
    rest = other if isinstance(other, dict) else {}
    return {
        name: plain(entry.value, known.get(name, rest))
        for name, entry in node.entries.items()
        if not (name in known and is_null(entry.value))
    }


def certainly_valid(value: Any, about: Schema) -> bool:
    """True only where jsonschema would find nothing. Text with unprintable characters is left to the long way as well."""
    for keyword, wanted in about.items():
        if keyword in ANNOTATIONS:
            continue
        if keyword not in KEYWORDS or not KEYWORDS[keyword](value, wanted, about):
            return False
    return True


def holds_lines(about: Schema) -> bool:
    """Text that is a document of its own may have line breaks, as what Multus writes does."""
    return "contentMediaType" in about


def _type(value: Any, wanted: Any, about: Schema) -> bool:
    if type(value) is str and not value.isprintable() and not holds_lines(about):
        return False
    return any(type(value) is TYPES.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _properties(value: Any, wanted: Any, about: Schema) -> bool:
    return type(value) is not dict or all(certainly_valid(item, wanted[name]) for name, item in value.items() if name in wanted)


def _additional(value: Any, wanted: Any, about: Schema) -> bool:
    if type(value) is not dict or wanted is True:
        return True
    known = about.get("properties", {})
    extra = [item for name, item in value.items() if name not in known]
    return all(certainly_valid(item, wanted) for item in extra) if isinstance(wanted, dict) else not extra


def _items(value: Any, wanted: Any, about: Schema) -> bool:
    return type(value) is not list or all(certainly_valid(item, wanted) for item in value)


def _required(value: Any, wanted: Any, about: Schema) -> bool:
    return type(value) is not dict or all(name in value for name in wanted)


def _enum(value: Any, wanted: Any, about: Schema) -> bool:
    return any(type(value) is type(item) and value == item for item in wanted)


def _pattern(value: Any, wanted: Any, about: Schema) -> bool:
    return type(value) is not str or re.search(wanted, value) is not None


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
KEYWORDS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "required": _required,
    "enum": _enum,
    "pattern": _pattern,
    "minimum": lambda value, wanted, about: type(value) is not int or value >= wanted,
    "maximum": lambda value, wanted, about: type(value) is not int or value <= wanted,
    "minLength": lambda value, wanted, about: type(value) is not str or len(value) >= wanted,
    "maxLength": lambda value, wanted, about: type(value) is not str or len(value) <= wanted,
    "maxItems": lambda value, wanted, about: type(value) is not list or len(value) <= wanted,
}
