"""Attributes as plain JSON values, and what differs between two of them.

Fields that are never compared (an ifindex, a rule's handle) are left out: nobody asked for them, and they would differ without a
reason. Rules are nft text. `differences` is for people and lets deepdiff walk the values, which `==` has already found unequal;
nothing is decided from it, so it is imported only when an update is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from converge.model import Attributes
from converge.report import Json
from converge.resources.link import Link
from converge.resources.rule import Rule


def plain(attributes: Attributes | None, names: Mapping[str, str]) -> Json | None:
    """`names`: link names by handle, for masters and lower links."""
    if attributes is None:
        return None
    value = {field.name: _value(getattr(attributes, field.name)) for field in fields(attributes) if field.compare}
    if isinstance(attributes, Link):
        value |= {part: names.get(value[part], value[part]) for part in ("master", "lower") if value[part] is not None}
    return value


def _value(value: Any) -> Any:
    if isinstance(value, Rule):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_value(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _value(getattr(value, field.name)) for field in fields(value) if field.compare}
    return value


def differing(before: Json | None, after: Json | None) -> list[str]:
    """Names of the attributes that differ, in their own order."""
    if before is None or after is None:
        return []
    return [name for name in after if before.get(name) != after[name]]


def differences(before: Json, after: Json) -> Iterator[tuple[str, Any, Any]]:
    """Path ("bridge.stp"), value before, value after, for every leaf that differs; None where there is none."""
    from deepdiff import DeepDiff
    from deepdiff.helper import notpresent

    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    levels = [level for kind in found.values() for level in kind]
    rows = [(".".join(map(str, level.path(output_format="list"))), level.t1, level.t2) for level in levels]
    for path, old, new in sorted(rows, key=lambda row: _place(row[0], after)):
        yield path, None if old is notpresent else old, None if new is notpresent else new


def _place(path: str, after: Json) -> tuple[int, str]:
    """Attributes in their own order, not in deepdiff's, which groups by what happened."""
    first = path.partition(".")[0]
    order = list(after)
    return order.index(first) if first in order else len(order), path
