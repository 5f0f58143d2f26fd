"""What a state file looks like to one who formats it: values as they are written, with the comments that belong to them.

A comment list holds `# …` texts and "" for a blank line; it never ends with a blank line unless something follows it closely.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Comment:
    """`offset`: columns from the line's first character; `own`: nothing else stands on its line."""

    text: str
    index: int
    line: int
    column: int
    offset: int
    own: bool


@dataclass(slots=True)
class Leaf:
    """A scalar or an alias. `lines`: as written, without indentation; none for a value that is left out.

    `text`: what it means. A block scalar (`|`, `>`) has its header in `header` and its text in `lines`.
    """

    props: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    text: str = ""
    header: str = ""
    comment: Comment | None = None

    @property
    def empty(self) -> bool:
        return not self.lines and not self.header


@dataclass(slots=True)
class Entry:
    """One key and value of a mapping, or (without a key) one item of a sequence.

    `lead` stands above it, `trail` behind it (behind the key where the value takes lines of its own), `under` below a value that
    is left out. `blank`: a blank line parts it from what is above.
    """

    value: Node
    key: Leaf | None = None
    lead: list[str] = field(default_factory=list)
    blank: bool = False
    trail: Comment | None = None
    under: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Collection:
    """`foot`: comments below its last entry. `head`: behind its opening bracket. `noted`: it holds comments."""

    mapping: bool
    flow: bool
    props: tuple[str, ...] = ()
    entries: list[Entry] = field(default_factory=list)
    head: Comment | None = None
    foot: list[str] = field(default_factory=list)
    noted: bool = False


Node = Leaf | Collection


@dataclass(slots=True)
class Document:
    """`above` stands before the directives and the `---`, `root.lead` below it."""

    above: list[str]
    blank: bool
    directives: tuple[str, ...]
    marker: bool
    marked: Comment | None
    root: Entry
    foot: list[str] = field(default_factory=list)
    ended: bool = False
    end: Comment | None = None


@dataclass(slots=True)
class Stream:
    documents: list[Document]
    tail: list[str]
    """Comments after the last document's `...`, or all there is."""
