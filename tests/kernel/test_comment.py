"""`plan -o markdown` on the command line: on the node, and elsewhere from snapshots of a real pod."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.offline import Shop
from tests.kernel.test_snapshot_cli import repository, shop

__all__ = ["repository", "shop"]
MARKER = "<!-- converge plan -->\n"


def without_age(comment: str) -> list[str]:
    """Of a comment all but what says that it comes from a snapshot."""
    lines = [line for line in comment.splitlines() if not line.startswith("| snapshots |")]
    return [line.replace(", 0 seconds old snapshot)", ")").replace(", 1 second old snapshot)", ")") for line in lines]


def taken(shop: Shop) -> None:
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0


def without_seconds(line: str) -> str:
    """The header of a diff tells the time of the snapshot."""
    return line.partition(" current, snapshot of ")[0] + " current" if " current, snapshot of " in line else line


def same(online: str, offline: str) -> None:
    here, there = ([without_seconds(line) for line in without_age(each)] for each in (online, offline))
    places = [number for number, pair in enumerate(zip(here, there, strict=True)) if pair[0] != pair[1]]
    assert [there[place] for place in places if "old snapshot)" not in there[place]] == []


def test_a_fresh_pod_here_and_elsewhere(shop: Shop) -> None:
    taken(shop)
    online = shop.run("plan", "-o", "markdown")
    offline = shop.elsewhere("plan", "-o", "markdown", "--from", shop.snapshots)
    assert (online.code, online.errors, offline.code, offline.errors) == (0, "", 0, "")
    assert online.out.startswith(MARKER)
    assert "**2 pods change:** " in online.out
    assert "NIC default is new (masquerade); its guest is given 10.0.2.2" in online.out
    assert "| snapshots | 2; " in offline.out
    same(online.out, offline.out)


def test_a_port_more_apart_from_drift(repository: Shop) -> None:
    repository.write("web", ports=[{"port": 80}, {"port": 443}])
    for place in ((), ("--from", repository.snapshots)):
        found = repository.run("plan", "--base", "main", "-o", "markdown", *place)
        assert (found.code, found.errors) == (0, "")
        assert "**1 pod changes:** 1 to create, 0 to update, 0 to delete." in found.out
        assert "| there anyway | 2 differences in 1 pod, not shown here |" in found.out
        assert "| compared | <code>main</code> (<code>" in found.out
        consequence = next(line for line in found.out.splitlines() if "**Consequence:**" in line)
        assert consequence == (
            "* **Consequence:** tcp 443 from outside and from the pod itself to loopback now reaches the guest (NIC default); "
            "nothing else changes."
        )
        assert "NAT<br/>tcp 443 added<br/>tcp 80<br/>" in found.out
        assert "tcp 8080 added" not in found.out
        assert "1. add element inet converge ports { tcp . 443 }" in found.out


def test_a_pod_that_goes(repository: Shop) -> None:
    repository.remove("db")
    found = repository.run("plan", "--base", "main", "-o", "markdown", "--from", repository.snapshots)
    assert found.code == 0
    assert "NIC default goes: its guest has no network any more" in found.out
    assert "classDef removed" in found.out


def test_nothing_changes(repository: Shop) -> None:
    found = repository.run("plan", "--base", "main", "-o", "markdown", "--from", repository.snapshots)
    assert found.code == 0
    assert "**No changes.** What the documents change does nothing to 2 pods." in found.out
    assert "| there anyway | 2 differences in 1 pod, not shown here |" in found.out
    assert "```" not in found.out


@pytest.mark.parametrize("words", [(), ("--from",), ("--base", "main")])
def test_a_broken_file(repository: Shop, words: tuple[str, ...]) -> None:
    path = repository.states / "web.yaml"
    path.write_text(path.read_text().replace("80", "70000"))
    more: tuple[str | Path, ...] = (*words, repository.snapshots) if words == ("--from",) else words
    found = repository.run("plan", "-o", "markdown", *more)
    assert found.code == 1
    assert found.out.startswith(f"{MARKER}### converge plan\n\n**Not planned.** 1 mistake must be mended first:\n")
    assert f"web.yaml:{line_of(path, '70000')}:" in found.out
    assert "70000" in found.errors


def line_of(path: Path, word: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if word in line)


def test_a_pod_without_snapshot(shop: Shop) -> None:
    assert shop.run("snapshot", "--only", "shop/web", "--out", shop.snapshots).code == 0
    found = shop.elsewhere("plan", "-o", "markdown", "--from", shop.snapshots)
    assert found.code == 1
    assert "**Not planned:**\n\n* <code>shop/db</code>: " in found.out
    assert "there is no snapshot of shop/db" in found.out
    assert "#### <code>shop/web</code>" in found.out


def test_the_verbs_that_have_no_comment(shop: Shop) -> None:
    for verb in ("apply", "diff", "unwire"):
        found = shop.run(verb, "-o", "markdown")
        assert found.code == 1 or verb == "diff"
        assert "markdown" in found.errors
        assert found.out == ""
