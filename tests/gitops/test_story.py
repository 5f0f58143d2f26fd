"""A port is added, a binding changed, a file broken: what a pull request says. `python -m tests.gitops` writes it anew."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT, blocks
from tests.gitops.repository import CASES, STORY
from tests.gitops.story import Said, told

CODES = {"add-a-port": (0, 0, 2), "change-a-binding": (0, 0, 2), "break-a-file": (1, 1, 1)}
"""Of validate, plan, and plan --detailed-exitcode."""
WRONG = (
    "::error file=states/web.yaml,line=13,endLine=13,col=18,endColumn=25,title=Value out of bounds::"
    "port 4430000 is not a port%0APort number, 1 to 65535.",
    "::error file=states/web.yaml,line=14,endLine=14,col=11,endColumn=23,title=Missing key::"
    "port is missing%0APort number, 1 to 65535.",
    "::error file=states/web.yaml,line=14,endLine=14,col=12,endColumn=16,title=Unknown key::"
    "unknown key prot%0Adid you mean 'port'?",
)
CONSEQUENCES = {
    "add-a-port": "tcp 443 from outside and from the pod itself to loopback now reaches the guest (NIC default); nothing",
    "change-a-binding": "NIC default changes from masquerade to bridge; its guest takes over 10.244.1.6 and fd10:244:1::6",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    return {each.change.name: each for each in told(tmp_path_factory.mktemp("story") / "repository")}


@pytest.mark.parametrize("name", [change.name for change in STORY])
def test_the_comment_is_the_stored_one(story: dict[str, Said], name: str) -> None:
    assert story[name].comment == (CASES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [change.name for change in STORY])
def test_exit_codes(story: dict[str, Said], name: str) -> None:
    assert (story[name].valid, story[name].code, story[name].detailed) == CODES[name]


def test_annotations_are_about_the_broken_file_only(story: dict[str, Said]) -> None:
    assert {name: tuple(said.annotations.splitlines()) for name, said in story.items()} == {
        "add-a-port": (),
        "change-a-binding": (),
        "break-a-file": WRONG,
    }


@pytest.mark.parametrize("name", CONSEQUENCES)
def test_the_consequence_is_said_in_words(story: dict[str, Said], name: str) -> None:
    assert CONSEQUENCES[name] in story[name].comment


def test_a_change_speaks_of_its_own_pod_and_counts_what_is_there_anyway(story: dict[str, Said]) -> None:
    """In pod web somebody has opened port 8080 by hand."""
    added, changed = story["add-a-port"].comment, story["change-a-binding"].comment
    assert "shop/web" in added
    assert "shop/db" not in added
    assert "8080" not in added
    assert "1 difference there already" in added
    assert "shop/db" in changed
    assert "shop/web" not in changed


def test_the_picture_in_the_documentation_is_that_of_the_comment() -> None:
    page = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8")
    pictures = [block.text for block in blocks(page) if block.language == "mermaid"]
    assert len(pictures) == 1
    assert f"```mermaid\n{pictures[0]}```" in (CASES / "add-a-port.md").read_text(encoding="utf-8")
