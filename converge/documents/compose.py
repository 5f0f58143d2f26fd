"""YAML text -> nodes with places, safe against hostile text.

The parser is libyaml by way of PyYAML; only its *events* are used. PyYAML's own composer is recursive in C (200 kB of `[`
end the process), says nothing of duplicate keys and bounds nothing. So nodes are made here, with a stack of our own; depth,
aliases and merges are counted while events come in: a bomb is refused before it goes off. JSON is read the same way.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from converge.documents.nodes import Entry, Mapping, Node, Scalar, Sequence
from converge.documents.text import Range, Source
from converge.model import Diagnostic

MAX_DEPTH = 64
MAX_EXPANSION = 50_000
LOADER: Any = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader
CORE = "tag:yaml.org,2002:"
TAGS = {None, "!", CORE + "str", CORE + "int", CORE + "bool", CORE + "float", CORE + "null", CORE + "map", CORE + "seq"}
SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
READ_AS_TEXT = {"!", CORE + "str"}


class _RefusedError(Exception):
    """The rest of this file cannot be read."""

    def __init__(self, span: Range | Node, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.span, self.summary, self.detail = span, summary, detail


class _Open:
    """A collection whose end has not been seen."""

    __slots__ = ("anchor", "children", "entries", "event", "height", "key", "last", "merges", "size")

    def __init__(self, event: Any) -> None:
        self.event, self.anchor = event, event.anchor
        self.children: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.merges: list[Node] = []
        self.key: Scalar | None = None
        self.size = self.height = 1
        self.last: int = event.start_mark.index  # where the last child ends


class _Composer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.roots: list[Node] = []
        self.diagnostics: list[Diagnostic] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.expanded = 0

    def feed(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self.scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self.open(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self.close(event)
        elif kind is yaml.AliasEvent:
            self.alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.anchors = {}

    def scalar(self, event: Any) -> None:
        tag = event.tag
        self.check_tag(event)
        plain = not event.style if tag is None else tag not in READ_AS_TEXT
        node = Scalar(event.value, plain, event.start_mark.index, event.end_mark.index)
        if event.anchor:
            self.anchors[event.anchor] = node
        self.add(node)

    def open(self, event: Any) -> None:
        self.check_tag(event)
        self.stack.append(_Open(event))
        if len(self.stack) > MAX_DEPTH:
            raise _RefusedError(_range(event), "Nested too deeply", f"more than {MAX_DEPTH} levels\nno document needs so many")

    def close(self, event: Any) -> None:
        frame = self.stack.pop()
        start = frame.event.start_mark.index
        # A block collection "ends" where the next token begins, past comments and blank lines; its last child says where it ends.
        end = event.end_mark.index if frame.event.flow_style else frame.last
        node: Node
        if type(frame.event) is yaml.SequenceStartEvent:
            node = Sequence(tuple(frame.children), start, end, frame.size, frame.height)
        else:
            self.merge(frame)
            node = Mapping(frame.entries, start, end, frame.size, frame.height)
        if frame.anchor:
            self.anchors[frame.anchor] = node
        self.add(node)

    def alias(self, event: Any) -> None:
        name = event.anchor
        if any(frame.anchor == name for frame in self.stack):
            detail = f"*{name} stands inside the value that &{name} names\nwrite the value out"
            raise _RefusedError(_range(event), "Alias of itself", detail)
        if name not in self.anchors:
            detail = f"no &{name} before *{name}\nan anchor must come first, in the same document"
            raise _RefusedError(_range(event), "Unknown alias", detail)
        node = self.anchors[name]
        self.spend(node.size, event)
        if len(self.stack) + node.height > MAX_DEPTH:
            detail = f"*{name} leads to more than {MAX_DEPTH} levels\nno document needs so many"
            raise _RefusedError(_range(event), "Nested too deeply", detail)
        self.add(node, Range(event.start_mark.index, event.end_mark.index))

    def spend(self, nodes: int, event: Any) -> None:
        self.expanded += nodes
        if self.expanded > MAX_EXPANSION:
            detail = f"aliases of this file stand for more than {MAX_EXPANSION} values\nwrite the values out, or split the file"
            raise _RefusedError(_range(event), "Aliases expand to too much", detail)

    def add(self, node: Node, place: Range | None = None) -> None:
        if not self.stack:
            self.roots.append(node)
            return
        frame = self.stack[-1]
        frame.size += node.size
        frame.height = max(frame.height, node.height + 1)
        frame.last = max(frame.last, (place or node).end)
        if type(frame.event) is yaml.SequenceStartEvent:
            frame.children.append(node)
        elif frame.key is None:
            frame.key = _key(node, place)
        else:
            self.entry(frame, frame.key, node)
            frame.key = None

    def entry(self, frame: _Open, key: Scalar, value: Node) -> None:
        if key.text == "<<" and key.plain and not frame.merges:
            frame.merges.append(value)
        elif (key.text == "<<" and key.plain) or key.text in frame.entries:
            first = frame.entries.get(key.text)
            where = f" (first in line {self.source.position(first.key).line})" if first else ""
            detail = f"key {key.text!r} stands twice in one mapping{where}\nkeep one of them"
            self.diagnostics.append(self.source.diagnostic(key, "Duplicate key", detail))
        else:
            frame.entries[key.text] = Entry(key, value)

    def merge(self, frame: _Open) -> None:
        for value in frame.merges:
            for merged in value.items if isinstance(value, Sequence) else (value,):
                if not isinstance(merged, Mapping):
                    detail = "<< takes a mapping or a list of mappings\nmerge a mapping: <<: *anchor"
                    raise _RefusedError(merged, "Merge of no mapping", detail)
                self.spend(len(merged.entries), frame.event)
                for name, entry in merged.entries.items():
                    frame.entries.setdefault(name, entry)

    def check_tag(self, event: Any) -> None:
        if event.tag not in TAGS:
            detail = f"tag {event.tag.replace(CORE, '!!')} is not known here\nleave the tag out"
            self.diagnostics.append(self.source.diagnostic(_range(event), "Unknown tag", detail))


def compose(source: Source) -> tuple[list[Node], list[Diagnostic]]:
    """The documents of a stream, as far as it can be read, and what is wrong with it."""
    composer = _Composer(source)
    try:
        for event in yaml.parse(without_surrogates(source.text), Loader=LOADER):
            composer.feed(event)
    except _RefusedError as refusal:
        composer.diagnostics.append(source.diagnostic(refusal.span, refusal.summary, refusal.detail))
    except yaml.YAMLError as error:
        composer.diagnostics.append(_syntax(source, error))
    return composer.roots, composer.diagnostics


def without_surrogates(text: str) -> str:
    """JSON writes characters beyond U+FFFF as two escapes, which YAML lacks. An escaped line break pads, so that places stay."""
    if r"\u" not in text or not text.lstrip().startswith(("{", "[")):
        return text
    return SURROGATES.sub(_joined, text)


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair[2], 16), int(pair[3], 16)
    return f"{pair[1]}\\\n\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"


def _key(node: Node, place: Range | None) -> Scalar:
    if not isinstance(node, Scalar):
        raise _RefusedError(place or node, "Key is not text", "a key is a list or a mapping\nwrite keys as text")
    return node if place is None else Scalar(node.text, node.plain, place.start, place.end)


def _range(event: Any) -> Range:
    return Range(event.start_mark.index, event.end_mark.index)


def _syntax(source: Source, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    index = mark.index if mark else 0
    if index >= len(source.text):
        index = len(source.text.rstrip())
    span = Range(index, index + 1)
    line = source.text[source.starts[source.position(span).line - 1] : index + 1]
    if not line.strip() and "\t" in line:
        return source.diagnostic(span, "Tab in YAML", "a tab stands where YAML wants spaces\nindent with spaces")
    problem = getattr(error, "problem", None) or "the text is not YAML"
    if "maximum nesting depth" in problem:  # the scanner is ahead of its events and has a limit of its own
        return source.diagnostic(span, "Nested too deeply", f"more than {MAX_DEPTH} levels\nno document needs so many")
    context = getattr(error, "context", None)
    detail = f"YAML syntax: {problem}" + (f" ({context})" if context else "")
    return source.diagnostic(span, "YAML syntax", f"{detail}\n{_advice(problem)}")


def _advice(problem: str) -> str:
    for words, advice in ADVICE:
        if words in problem:
            return advice
    return "the cause may stand in the line above: an open bracket or quote, or a wrong indentation"


ADVICE = (
    ("mapping values are not allowed", "put quotes around a text that holds ': ', or indent this key as its neighbours"),
    (
        "did not find expected ',' or",
        "put a comma between entries, close the bracket, or put quotes around a text that holds ': '",
    ),
    ("cannot start any token", "put quotes around a text that starts with @, ` or %"),
    ("did not find expected key", "indent this line as its neighbours, or close the bracket or quote above"),
    ("could not find expected ':'", "a key needs ': ' after it; or this line belongs to a text and is not indented enough"),
    ("unknown escape character", r"between double quotes write \\ for a backslash, or use single quotes"),
)
