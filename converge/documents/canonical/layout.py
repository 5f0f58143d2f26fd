"""Tree -> lines. Two columns a level; what was written in brackets stays so where it fits and holds no comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from converge.documents.canonical.scalars import STEP, quoted
from converge.documents.canonical.tree import Collection, Comment, Document, Entry, Leaf, Node, Stream

WIDTH = 120
GAP = "  "
Line = tuple[str, Comment | None]
"""Text, and the comment behind it."""


def layout(stream: Stream) -> str:
    lines: list[Line] = []
    for document in stream.documents:
        _add(lines, _document(document, first=not lines))
    _add(lines, _own(([""] if lines and stream.tail else []) + stream.tail, 0))
    return "".join(f"{_joined(text, comment)}\n" for text, comment in lines)


def _joined(text: str, comment: Comment | None) -> str:
    """A comment keeps its distance from the start of the line, so that columns of comments stay columns."""
    if comment is None:
        return text
    indent = len(text) - len(text.lstrip(" "))
    wanted = indent + comment.offset
    return f"{text}{' ' * (wanted - len(text)) if wanted > len(text) else GAP}{comment.text}"


def _add(lines: list[Line], more: Iterable[Line]) -> None:
    """No blank line after a blank line: there it would add to a text that keeps its line ends (`|+`)."""
    start = len(lines)
    for line in more:
        if len(lines) == start and line == ("", None) and (not lines or lines[-1] == ("", None)):
            continue
        lines.append(line)


def _own(texts: Iterable[str], indent: int) -> Iterator[Line]:
    """Comments on lines of their own."""
    for text in texts:
        yield (" " * indent + text if text else "", None)


def _props(props: tuple[str, ...]) -> str:
    return "".join(f"{each} " for each in props)


# ------------------------------------------------------------------------------------------------------------ documents


def _document(document: Document, *, first: bool) -> list[Line]:
    found: list[Line] = [("", None)] if document.blank and not first else []
    found += _own(document.above, 0)
    found += ((each, None) for each in document.directives)
    root = document.root
    lead, lines = _root(root)
    opening, marked = ("---" if document.marker else ""), document.marked
    if isinstance(root.value, Collection) and root.value.props and _inline(root.value, 0) is None:
        opening = f"{opening} {_props(root.value.props)}".strip()
        lead = [root.trail.text, *lead] if marked and root.trail else lead
        marked = marked or root.trail
    elif isinstance(root.value, Leaf) and root.value.empty and not root.value.props:
        marked = marked or root.trail
    found += [(opening, marked)] if document.marker or opening else []
    found += [*_own(lead, 0), *lines]
    _add(found, _own(root.under + document.foot, 0))
    found += [("...", document.end)] if document.ended else []
    return found


def _root(root: Entry) -> tuple[list[str], list[Line]]:
    value = root.value
    if isinstance(value, Collection) and _inline(value, 0) is None:
        lead, lines = _block(value, 0)
        trail = [root.trail.text] if root.trail and not value.props else []
        return [*root.lead, *trail, *lead], lines
    if isinstance(value, Leaf) and value.empty and not value.props:
        return root.lead, []
    lines = list(_value("", value, 0, root.trail))
    return root.lead, lines


# ------------------------------------------------------------------------------------------------------- block style


def _block(node: Collection, indent: int) -> tuple[list[str], list[Line]]:
    """Comments above the first entry, which may have to stand above a dash, and all other lines."""
    above: list[str] = []
    lines: list[Line] = []
    for number, entry in enumerate(node.entries):
        if node.flow and entry.trail:  # its column was one among brackets
            entry.trail = replace(entry.trail, offset=0)
        lead, own = _entry(entry, indent, flow=node.flow)
        if number == 0:
            above = lead
        else:
            _add(lines, [("", None)] if entry.blank else [])
            lines += _own(lead, indent)
        lines += own
        lines += _own(entry.under, indent + STEP)
    _add(lines, _own(node.foot, indent))
    return above, lines


def _entry(entry: Entry, indent: int, *, flow: bool) -> tuple[list[str], list[Line]]:
    intro = " " * indent + ("-" if entry.key is None else _key(entry.key, flow=flow))
    value = entry.value
    if not isinstance(value, Collection) or _inline(value, len(intro) + 1) is not None:
        return entry.lead, list(
            _value(intro, _outside(value) if flow and isinstance(value, Leaf) else value, indent + STEP, entry.trail)
        )
    lead, lines = _block(value, indent + STEP)
    if entry.key is not None or value.props:
        head = f"{intro} {_props(value.props)}".rstrip()
        return entry.lead, [(head, entry.trail), *_own(lead, indent + STEP), *lines]
    trail = [entry.trail.text] if entry.trail else []
    (text, comment), *more = lines
    return [*entry.lead, *trail, *lead], [(intro + text[len(intro) :], comment), *more]


def _key(key: Leaf, *, flow: bool) -> str:
    text = _props(key.props) + "".join(_outside(key).lines if flow else key.lines)
    return f"{text} :" if text.startswith("*") or (text and not key.lines) else f"{text}:"


def _outside(leaf: Leaf) -> Leaf:
    """A text that means itself between brackets only: elsewhere it would open an entry."""
    return Leaf(leaf.props, (quoted(leaf.text),), leaf.text) if leaf.lines[:1] in (("-",), ("?",), (":",)) else leaf


def _value(intro: str, value: Node, indent: int, trail: Comment | None) -> Iterator[Line]:
    """What begins on the line of its key or dash. `indent`: where its further lines start."""
    start = f"{intro} " if intro else ""
    if isinstance(value, Collection):
        yield (f"{start}{_inline(value, len(start))}", trail)
    elif value.header:
        yield (f"{start}{_props(value.props)}{value.header}", trail)
        yield from ((" " * max(indent, STEP) + line if line else "", None) for line in value.lines)
    else:
        first, *rest = value.lines or ("",)
        texts = [f"{start}{_props(value.props)}{first}".rstrip(" ") if not rest else f"{start}{_props(value.props)}{first}"]
        texts += [" " * max(indent, STEP) + line if line else "" for line in rest]
        yield from ((text, trail if number == len(texts) else None) for number, text in enumerate(texts, 1))


# ---------------------------------------------------------------------------------------------------------- brackets


def _inline(node: Collection, column: int) -> str | None:
    """In brackets on one line, if it was, holds no comment, and fits. An empty collection has no other form."""
    if not node.flow or node.noted:
        return None
    text = _brackets(node)
    if text is None or (node.entries and column + len(text) > WIDTH):
        return None
    return text


def _brackets(node: Collection) -> str | None:
    parts: list[str] = []
    for entry in node.entries:
        value = entry.value
        text = _brackets(value) if isinstance(value, Collection) else _short(value)
        if text is None:
            return None
        parts.append(text if entry.key is None else f"{_key(entry.key, flow=False)} {text}")
    opening, closing = "{}" if node.mapping else "[]"
    return f"{_props(node.props)}{opening}{', '.join(parts)}{closing}"


def _short(leaf: Leaf) -> str | None:
    if len(leaf.lines) > 1:
        return None
    return _props(leaf.props) + "".join(leaf.lines)
