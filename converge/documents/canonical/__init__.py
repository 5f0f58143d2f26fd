"""The canonical form of a state file: the same documents, comments and grouping, written in one way.

    text -reader-> tree -order-> tree -layout-> text -compose-> the same values, or nothing is returned

YAML libraries that keep comments attach them to the value before, and lose those between a key and its value, in brackets or
before the first document. Here every comment has an owner, moves with it, and is counted afterwards.
"""

from __future__ import annotations

import re
from collections import Counter

import yaml

from converge.documents.canonical.comments import Lines, comments
from converge.documents.canonical.layout import layout
from converge.documents.canonical.order import order
from converge.documents.canonical.reader import Reader
from converge.documents.canonical.scalars import is_text
from converge.documents.compose import LOADER, compose, without_surrogates
from converge.documents.nodes import Mapping, Node, Scalar
from converge.documents.text import LINE_BREAK, Range, Source, made
from converge.model import Diagnostic

__all__ = ["canonical"]

SEPARATORS = re.compile("[\x85\u2028\u2029]")
LONGEST_KEY = 1000
"""YAML gives up on a key after 1024 characters."""


def canonical(source: Source) -> tuple[str, list[Diagnostic]]:
    """The formatted text; with a diagnostic the text as it was. What only validation objects to is formatted all the same."""
    roots, wrong = compose(source)
    wrong = wrong or [*_separators(source), *_unwritable_keys(source, roots)]
    if wrong:
        return source.text, wrong
    text = _with_escapes_of_yaml(LINE_BREAK.sub("\n", source.text))
    stream = Reader(text).stream()
    for document in stream.documents:
        order(document.root.value)
    formatted = layout(stream)
    if _meaning(formatted) != _meaning(text):
        detail = "the formatted text would not mean the same\nit was left as it is; please report it with this file"
        return source.text, [source.diagnostic(Range(0, 1), "Cannot be formatted", detail)]
    return formatted, []


def _with_escapes_of_yaml(text: str) -> str:
    """JSON's pairs of escapes as one: they are read only in a text that begins as JSON does, which may change."""
    joined = without_surrogates(text)
    return text if joined == text else joined.replace("\\\n\\U", "\\U")


def _separators(source: Source) -> list[Diagnostic]:
    found = SEPARATORS.search(source.text)
    if found is None:
        return []
    code = ord(found.group())
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    detail = f"U+{code:04X} is a line break in YAML 1.1 and none in YAML 1.2\nremove it, or write {escape} between double quotes"
    return [source.diagnostic(Range(*found.span()), "Unclear line break", detail)]


def _unwritable_keys(source: Source, roots: list[Node]) -> list[Diagnostic]:
    """Keys that do not fit before a colon."""
    stack, found = list(roots), list[Diagnostic]()
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            for key, value in node.entries.values():
                stack.append(value)
                if max(key.end - key.start, len(key.text)) > LONGEST_KEY:
                    detail = f"a key has more than {LONGEST_KEY} characters\nshorten it"
                    found.append(source.diagnostic(key, "Key too long", detail))
                elif key.plain and not key.text:
                    found.append(source.diagnostic(key, "Empty key", 'a key is left out\nwrite it, or "" if it is meant'))
        elif not isinstance(node, Scalar):
            stack += node.items
    return found


def _meaning(text: str) -> tuple[object, ...]:
    """Values without their places, and comments without theirs."""
    source = made("", text)
    roots, wrong = compose(source)
    if wrong:
        return (len(wrong),)
    tokens = list(yaml.scan(text, Loader=LOADER))
    found = [each.text for each in comments(Lines(text), tokens)]
    return 0, [_values(node) for node in roots], Counter(found + _header_comments(text, tokens))


def _header_comments(text: str, tokens: list[yaml.Token]) -> list[str]:
    blocks = [each for each in tokens if isinstance(each, yaml.ScalarToken) and each.style in ("|", ">")]
    headers = [text[each.start_mark.index : each.end_mark.index].partition("\n")[0] for each in blocks]
    return [header[header.index("#") :].rstrip() for header in headers if "#" in header]


def _values(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text, node.plain and not is_text(node.text)
    if isinstance(node, Mapping):
        return {name: (entry.key.plain and not is_text(name), _values(entry.value)) for name, entry in node.entries.items()}
    return [_values(item) for item in node.items]
