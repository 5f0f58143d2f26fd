"""The command line as data, taken from the parsers that read it: what completion and the manual are made from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from converge.cli import VERBS, module_of
from converge.cli.arguments import parser_of

FILES = ("PATH", "FILE")
"""Names of values that are files."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option with its `flags`, or without flags what a verb is about. `value`: what it is called; "" for a flag alone.

    `words`: all that it may be, () for anything. `many`: it may stand more than once.
    """

    flags: tuple[str, ...]
    about: str
    value: str
    words: tuple[str, ...]
    many: bool

    @property
    def files(self) -> bool:
        return self.value in FILES


@dataclass(frozen=True, slots=True)
class Verb:
    """`text`: what it does; `more`: examples, exit codes."""

    name: str
    about: str
    text: str
    more: str
    arguments: tuple[Argument, ...]

    @property
    def options(self) -> tuple[Argument, ...]:
        return tuple(each for each in self.arguments if each.flags)

    @property
    def operand(self) -> Argument | None:
        return next((each for each in self.arguments if not each.flags), None)


def verbs() -> Iterator[Verb]:
    for name, about in VERBS.items():
        module = module_of(name)
        parser = parser_of(name, module.DESCRIPTION)
        module.define(parser)
        arguments = tuple(_argument(action) for action in parser._actions)  # argparse has no other way to ask
        yield Verb(name, about, parser.description or "", parser.epilog or "", arguments)


def _argument(action: argparse.Action) -> Argument:
    words = tuple(map(str, action.choices or ()))
    named = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return Argument(
        flags=tuple(action.option_strings),
        about=action.help or "",
        value="" if action.nargs == 0 else named,
        words=words,
        many=action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction),
    )
