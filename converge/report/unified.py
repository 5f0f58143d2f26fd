"""`diff`: what is against what is desired, as unified YAML. A resource that differs stands there whole, under its name."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from converge.report import Json
from converge.report.age import snapshot
from converge.report.style import Style, shown

COLOURS = {"+": "create", "-": "delete", "@": "note"}


def lines(document: Json, style: Style) -> Iterator[str]:
    for pod in document["pods"]:
        yield from (_painted(shown(line), style) for line in _pod(pod))


def _pod(pod: Json) -> Iterator[str]:
    current, desired = _yaml(pod["changes"], "before"), _yaml(pod["changes"], "after")
    names = ", ".join([f"{pod['document']} current", *snapshot(pod)]), f"{pod['document']} desired"
    return unified_diff(current, desired, *names, lineterm="", n=max(len(current), len(desired), 1))


def _yaml(changes: list[Json], side: str) -> list[str]:
    import yaml

    held = {change["address"]: said(change[side]) for change in changes if change[side] is not None}
    if not held:
        return []
    return yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=1 << 20, default_flow_style=False).splitlines()


def said(value: Any) -> Any:
    """Without attributes that say nothing, so that what is there stands out."""
    if not isinstance(value, dict):
        return value
    return {name: said(item) for name, item in value.items() if item is not None and item not in ([], "")}


def _painted(line: str, style: Style) -> str:
    if line.startswith(("---", "+++")):
        return style.paint("head", line)
    return style.paint(COLOURS[line[0]], line) if line[:1] in COLOURS else line
