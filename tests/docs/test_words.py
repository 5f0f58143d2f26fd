"""What the pages name is there: verbs and flags, recipes, where links lead, files."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import pytest

from converge.cli import VERBS
from converge.cli.arguments import parser_of
from tests.docs.pages import CONSOLE, ROOT, blocks, pages, text_outside

PAGES = [(page, page.read_text(encoding="utf-8")) for page in pages()]
IDS = [page.name for page, _ in PAGES]
CALL = re.compile(r"\bconverge ([a-z][a-z-]+)([^`\n|#;&]*)")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
NAMED = re.compile(r"`((?:tests|converge|docs|schemas|bench|examples)/[\w./-]+)`")
NOT_RUN = {"status.md": "virsh and a guest's agent answer there", "sriov.md": "a card with functions is needed there"}
OURS = ("console", "sh", "")


def parser(verb: str) -> ArgumentParser:
    module, made = import_module(f"converge.cli.{verb.replace('-', '_')}"), parser_of(verb, "")
    module.define(made)
    return made


def calls(page: str) -> list[tuple[str, str]]:
    """`converge VERB …` in backquotes, and at the beginning of a command in a block. Words in prose are no command."""
    spans = re.findall(r"`(converge [a-z][^`\n]*)`", text_outside(page))
    spans += [
        line
        for block in blocks(page)
        if block.language in OURS
        for line in block.text.splitlines()
        if re.match(r"\$? ?converge ", line)
    ]
    return [(found[1], found[2]) for span in spans if (found := CALL.search(span))]


def anchors(page: str) -> set[str]:
    """As GitHub makes them from headings."""
    heads = re.findall(r"^#+ (.*)$", text_outside(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize(("path", "page"), PAGES, ids=IDS)
def test_every_verb_and_flag_exists(path: Path, page: str) -> None:
    for verb, rest in calls(page):
        assert verb in VERBS, f"{path.name}: converge {verb}"
        known = parser(verb).format_help()
        for flag in re.findall(r"(?<!\S)(--[a-z-]+|-[a-z])\b", rest):
            assert re.search(rf"(?<![\w-]){flag}\b", known), f"{path.name}: converge {verb} {flag}"


@pytest.mark.parametrize(("path", "page"), PAGES, ids=IDS)
def test_every_link_leads_somewhere(path: Path, page: str) -> None:
    for link in LINK.findall(text_outside(page)):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{path.name}: {link}"


@pytest.mark.parametrize(("path", "page"), PAGES, ids=IDS)
def test_every_file_of_the_repository_that_is_named_is_there(path: Path, page: str) -> None:
    missing = [name for name in NAMED.findall(page) if not (ROOT / name).exists() and "*" not in name]
    assert not missing, f"{path.name}: {missing}"


@pytest.mark.parametrize(("path", "page"), PAGES, ids=IDS)
def test_every_recipe_is_in_the_justfile(path: Path, page: str) -> None:
    recipes = re.findall(r"^([a-z][\w-]*)(?: .*)?:(?!=)", (ROOT / "Justfile").read_text(), re.MULTILINE)
    for name in re.findall(r"\./just ([a-z][\w-]*)", page):
        assert name in recipes, f"{path.name}: ./just {name}"


def test_commands_stand_where_they_are_run() -> None:
    """A block without a word is text: nobody would notice a command there that has ceased to work."""
    text = [(page.name, block) for page, content in PAGES for block in blocks(content) if block.language != CONSOLE]
    assert {name for name, block in text if re.search(r"^\$ ", block.text, re.MULTILINE)} <= set(NOT_RUN)


def test_the_readme_leads_to_every_page() -> None:
    readme = dict(PAGES)[ROOT / "README.md"]
    assert {page.name for page, _ in PAGES if page.parent.name == "docs"} <= {Path(link).name for link in LINK.findall(readme)}
