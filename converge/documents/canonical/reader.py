"""Text -> tree. The structure comes from libyaml's events, the written form of scalars and the comments from its tokens.

Whose is a comment? Behind something on the same line: that thing's. On a line of its own: that of the next entry below, unless
collections end in between and its column is still within them; then it stands below the last entry of the deepest of those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from converge.documents.canonical.comments import Lines, block, comments
from converge.documents.canonical.scalars import quoted, scalar
from converge.documents.canonical.tree import Collection, Comment, Document, Entry, Leaf, Node, Stream
from converge.documents.compose import LOADER

PROPS = (yaml.AnchorToken, yaml.TagToken)
WRITTEN = (*PROPS, yaml.ScalarToken, yaml.AliasToken)
STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class Reader:
    """One pass over a text that is known to be YAML."""

    def __init__(self, text: str) -> None:
        tokens = list(yaml.scan(text, Loader=LOADER))
        self.lines = Lines(text)
        self.text = text
        self.events: list[Any] = list(yaml.parse(text, Loader=LOADER))
        self.position = 0
        self.tokens = [each for each in tokens if isinstance(each, WRITTEN)]
        self.token = 0
        self.directives = [each for each in tokens if isinstance(each, yaml.DirectiveToken)]
        self.markers = [each.start_mark.index for each in tokens if isinstance(each, yaml.DocumentStartToken)]
        self.comments = comments(self.lines, tokens)
        self.comment = 0

    # ------------------------------------------------------------------------------------------------ what comes next

    def peek(self) -> Any:
        return self.events[self.position]

    def next(self) -> Any:
        event = self.events[self.position]
        self.position += 1
        return event

    def take(self, end: int, wanted: Callable[[Comment], bool] = lambda _: True) -> list[Comment]:
        """The next comments before `end`, as long as they are wanted."""
        start = self.comment
        while self.comment < len(self.comments) and self.comments[self.comment].index < end:
            if not wanted(self.comments[self.comment]):
                break
            self.comment += 1
        return self.comments[start : self.comment]

    def behind(self, end: int) -> Comment | None:
        """The comment on the line on which something ends, if nothing else but a comma is in between."""
        found = self.comments[self.comment] if self.comment < len(self.comments) else None
        if found is None or found.own or found.line != self.lines.number(end):
            return None
        if not end <= found.index < self.peek().start_mark.index:
            return None
        self.comment += 1
        return found

    def head(self, end: int) -> Comment | None:
        """The comment behind what opens a collection that has nothing else on that line."""
        found = self.comments[self.comment] if self.comment < len(self.comments) else None
        if found is None or found.own or found.index >= end:
            return None
        self.comment += 1
        return found

    def props(self, event: Any) -> tuple[str, ...]:
        """Anchor and tag, as written."""
        found: list[str] = []
        while self.token < len(self.tokens) and isinstance(self.tokens[self.token], PROPS):
            each = self.tokens[self.token]
            if each.start_mark.index >= event.end_mark.index:
                break
            found.append(self.text[each.start_mark.index : each.end_mark.index])
            self.token += 1
        return tuple(found)

    # ------------------------------------------------------------------------------------------------------ documents

    def stream(self) -> Stream:
        documents: list[Document] = []
        self.next()
        while isinstance(self.peek(), yaml.DocumentStartEvent):
            documents.append(self.document())
        return Stream(documents, block(self.lines, self.take(len(self.text) + 1)))

    def document(self) -> Document:
        start = self.next()
        found = Document([], False, (), start.explicit, None, Entry(Leaf()))
        if start.explicit:
            self.marker(found)
        first = self.peek().start_mark.index
        before = self.take(first)
        if before and start.explicit and not before[0].own:
            found.marked = before.pop(0)
        found.blank = found.blank or bool(before and self.lines.blank_above(before[0].index))
        found.root.lead = block(self.lines, before, first)
        self.value(found.root, -1, flow=False)
        end = self.next()
        index = end.start_mark.index if end.explicit else end.end_mark.index
        found.foot += self.below(self.take(index))
        if end.explicit:
            found.ended = True
            found.end = self.behind(end.end_mark.index)
        return found

    def marker(self, found: Document) -> None:
        """Comments and directives above `---`, and where it stands."""
        marker = self.markers.pop(0)
        mine = [each for each in self.directives if each.start_mark.index < marker]
        del self.directives[: len(mine)]
        above = self.take(marker)
        first = min([marker, *(each.start_mark.index for each in mine), *(each.index for each in above)])
        found.directives = tuple(self.text[each.start_mark.index : each.end_mark.index].strip() for each in mine)
        found.above = block(self.lines, above, None if mine else marker)
        found.blank = self.lines.blank_above(first)

    def below(self, found: list[Comment]) -> list[str]:
        """Comments below something, parted from it by a blank line where they were."""
        return ([""] if found and self.lines.blank_above(found[0].index) else []) + block(self.lines, found)

    # --------------------------------------------------------------------------------------------------------- values

    def value(self, entry: Entry, parent: int, *, flow: bool) -> None:
        """Read the next value into an entry. `parent`: the column of the collection that the entry stands in."""
        event = self.peek()
        if isinstance(event, STARTS) and not event.flow_style:
            self.block_collection(entry, parent)
            return
        entry.lead += [each.text for each in self.take(event.start_mark.index)]
        if isinstance(event, STARTS):
            node = self.flow_collection(parent)
            entry.value = node
            entry.trail = self.behind(self.last_end())
            self.settle(entry, node)
            return
        leaf, inner = self.leaf(parent)
        entry.value = leaf
        entry.lead += [each.text for each in inner]
        entry.trail = leaf.comment or self.behind(self.last_end())
        if leaf.empty and not flow:
            entry.under = block(self.lines, self.take(self.peek().start_mark.index, lambda each: each.column > parent))

    def last_end(self) -> int:
        """Where the last event ends."""
        end: int = self.events[self.position - 1].end_mark.index
        return end

    def settle(self, entry: Entry, node: Collection) -> None:
        """Comments of brackets: those of empty ones, and one too many, go above."""
        if not node.entries:
            entry.lead += [node.head.text] if node.head else []
            entry.lead += [text for text in node.foot if text]
            node.head, node.foot, node.noted = None, [], False
        elif node.head and entry.trail:
            entry.lead.append(node.head.text)
        elif node.head:
            entry.trail = node.head

    def leaf(self, parent: int) -> tuple[Leaf, list[Comment]]:
        """A scalar or an alias, and comments between its anchor and its text."""
        event = self.next()
        props = self.props(event)
        if not isinstance(event, yaml.AliasEvent) and not event.value and not event.style:
            return Leaf(props), []
        token = self.tokens[self.token]
        self.token += 1
        inner = self.take(token.start_mark.index)
        written = self.text[token.start_mark.index : token.end_mark.index]
        if isinstance(event, yaml.AliasEvent):
            return Leaf((), (written,), written), inner
        found, comment = scalar(event, written, props, parent)
        if comment is not None:
            text = written.partition("\n")[0][comment:]
            found.comment = self.lines.comment(token.start_mark.index + comment, text)
        return found, inner

    def key(self, parent: int) -> tuple[Leaf, list[Comment]]:
        """Keys stand on one line."""
        leaf, inner = self.leaf(parent)
        if leaf.comment is not None:
            inner.append(leaf.comment)
        if len(leaf.lines) > 1 or leaf.header:
            leaf = Leaf(leaf.props, (quoted(leaf.text),), leaf.text)
        return leaf, inner

    # ---------------------------------------------------------------------------------------------------- collections

    def block_collection(self, entry: Entry, parent: int) -> None:
        event = self.next()
        node = Collection(isinstance(event, yaml.MappingStartEvent), False, self.props(event))
        entry.value = node
        first = self.peek()
        entry.trail = self.head(first.start_mark.index)
        column = self.lines.column(event.end_mark.index if node.mapping else self.dash(event))
        # A list may stand in the same column as the key above it. A comment there belongs to the next key.
        within = max(column, parent + 1) if not node.mapping else column
        for _ in self.until_end():
            node.entries.append(self.entry(node, column))
        node.foot = self.below(self.take(self.next().end_mark.index, lambda each: each.column >= within))

    def dash(self, event: Any) -> int:
        """Where the first dash of a block sequence is: behind its anchor and tag, and comments."""
        index: int = event.end_mark.index
        return index - 1 if index and self.text[index - 1 : index] == "-" else index

    def flow_collection(self, parent: int) -> Collection:
        event = self.next()
        noted = self.comment
        node = Collection(isinstance(event, yaml.MappingStartEvent), True, self.props(event))
        first = self.peek().start_mark.index
        node.head = self.head(first)
        for _ in self.until_end():
            node.entries.append(self.entry(node, parent))
        node.foot = block(self.lines, self.take(self.next().start_mark.index))
        node.noted = self.comment > noted
        return node

    def until_end(self) -> Iterator[None]:
        while not isinstance(self.peek(), ENDS):
            yield

    def entry(self, node: Collection, column: int) -> Entry:
        start = self.peek().start_mark.index
        lead = self.take(start)
        entry = Entry(Leaf(), lead=block(self.lines, lead, start))
        entry.blank = self.lines.blank_above(lead[0].index if lead else start)
        if node.mapping:
            entry.key, inner = self.key(column)
            entry.lead += [each.text for each in inner]
        self.value(entry, column, flow=node.flow)
        return entry


def nodes(node: Node) -> Iterator[Node]:
    """A node and everything in it."""
    yield node
    if isinstance(node, Collection):
        for entry in node.entries:
            if entry.key is not None:
                yield entry.key
            yield from nodes(entry.value)
