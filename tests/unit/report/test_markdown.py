"""A plan as a comment: what is in it, how it is cut, and that nothing untrusted gets out of its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from converge.model import Diagnostic, Position, Recorded, Result
from converge.report import document, markdown
from converge.report.diagnostics import as_json
from converge.resources.link import Link
from converge.view.proposal import Proposal
from tests.unit.report.results import AT, BRIDGE, RESOURCES, TAP, made, refused, result, results
from tests.unit.universe import Pod, Wish, look, wired
from tests.unit.view.recorded import TAKEN

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
READER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
TAGS = {
    "h3",
    "h4",
    "p",
    "strong",
    "em",
    "code",
    "pre",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
}
FENCED = re.compile(r"(?ms)^(`{3,}).*?^\1$")


class Page(HTMLParser):
    """What a reader makes of it: open and close tags in order, and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.comments: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(READER.render(text))
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert tag in TAGS, (tag, self.words[-2:])
        assert tag == "code" or not attrs, (tag, attrs)
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        return "".join(data for _, data in self.words)


def comment(*found: Result, longest: int = markdown.LONGEST) -> str:
    return markdown.plan(document.planned(found), found, longest)


def whole(text: str, longest: int = markdown.LONGEST) -> Page:
    """A comment that is complete in itself."""
    assert text.startswith("<!-- converge plan -->\n")
    assert markdown.size(text) <= longest
    assert text.endswith("\n")
    page = Page(text)
    assert page.open == []
    assert page.comments == [" converge plan "]
    assert page.seen.count("details") == page.seen.count("summary")
    for row in re.findall(r"^\|.*$", FENCED.sub("", text), re.M):
        assert row.endswith("|")
        assert row.count("|") in (3, 5)
    return page


def port_more() -> Result:
    pod, ports = Pod(), (("tcp", 80, 80),)
    wish = Wish(ports=(*ports, ("tcp", 443, 443)))
    seen = look(wish, wired(Wish(ports=ports), pod))
    return replace(made(seen.plan(), seen.observed, seen.desired), document=replace(wish.document(), at=AT))


def test_a_port_more() -> None:
    text = comment(port_more())
    page = whole(text)
    assert text.split("\n\n")[1:3] == [
        "**1 pod changes:** 1 to create, 0 to update, 0 to delete. "
        "Disruption: new-flows (new connections may go elsewhere, established ones stay).",
        "| | |\n|---|---|\n| pods changed | 1 of 1 |\n| create / update / delete | 1 / 0 / 0 |\n"
        "| disruption | new-flows (new connections may go elsewhere, established ones stay) |",
    ]
    assert (
        "Consequence: tcp 443 from outside and from the pod itself to loopback now reaches the guest (NIC default); "
        "nothing else changes." in page.text
    )
    assert "nft element @ports" in page.text
    assert "```mermaid\nflowchart LR\n" in text
    assert "1. add element inet converge ports { tcp . 443 }" in page.text
    assert page.seen.count("details") == 2


def test_no_changes() -> None:
    text = comment(result(RESOURCES, RESOURCES))
    whole(text)
    assert "**No changes.** 1 pod is as desired.\n" in text
    assert "pods changed | 0 of 1 |" in text
    assert "####" not in text
    assert "No document was asked for." in comment()


def test_refused_pods_are_named_with_the_reason() -> None:
    text = comment(refused("db"), port_more())
    page = whole(text)
    assert (
        "**Not planned:**\n\n* <code>shop/db</code>: <code>states/web.yaml:11:7</code> no namespace /run/netns/db; make it first"
        in text
    )
    assert "1 of 2, 1 not planned" in page.text
    assert "**Not planned.** 1 pod could not be planned for." in comment(refused())


def test_refused_pods_beyond_the_list_are_counted() -> None:
    text = comment(*(refused(f"db{number}") for number in range(1000)))
    page = whole(text)
    assert "and 980 more pods" in page.text
    assert "0 of 1000, 1000 not planned" in page.text


def test_a_change_apart_from_drift() -> None:
    found = replace(port_more(), recorded=Recorded(TAKEN, 3 * 86400))
    proposal = Proposal("origin/main", "0123456789abcdef" * 2 + "01234567", "states/", (found,), {"shop/web": 2})
    text = markdown.plan(document.proposed(proposal), proposal.results)
    page = whole(text)
    assert "origin/main (0123456789ab) with states/" in page.text
    assert "2 differences in 1 pod, not shown here" in page.text
    assert "Besides: 2 differences there already, with this change or without it" in page.text
    assert "1; 3 days old (of " in page.text
    same = replace(result(RESOURCES, RESOURCES), recorded=Recorded(TAKEN, 60))
    text = markdown.plan(document.proposed(replace(proposal, results=(same,))), (same,))
    assert "**No changes.** What the documents change does nothing to 1 pod." in text


def test_the_largest_disruption_is_first() -> None:
    gone = result(RESOURCES, {BRIDGE: RESOURCES[BRIDGE]}, name="b-gone")
    new = result({}, RESOURCES, name="a-new")
    text = comment(new, gone)
    assert re.findall(r"^#### <code>(.*)</code>", text, re.M) == ["shop/b-gone", "shop/a-new"]


def test_a_thousand_pods_are_cut_and_counted() -> None:
    text = comment(*(replace(port_more(), document=replace(port_more().document, name=f"web{n}")) for n in range(3)))
    one = port_more()
    many = [replace(one, document=replace(one.document, name=f"web{number}")) for number in range(1000)]
    text = comment(*many)
    page = whole(text)
    shown = len(re.findall("^#### ", text, re.M))
    assert 10 < shown < 1000
    rest = 1000 - shown
    assert f"{rest} more changed pods ({rest} to create, 0 to update, 0 to delete; disruption: {rest} new-flows)" in page.text
    assert "Pods stand in the order of their disruption, largest first." in page.text
    assert "pods changed | 1000 of 1000" in text


def test_a_huge_plan_loses_whole_parts_and_says_which() -> None:
    links = {TAP._replace(owner=f"tap:n{number}"): Link(f"tap{number}", "dummy", True, 1500) for number in range(2000)}
    text = comment(result({}, links), port_more())
    page = whole(text)
    assert "_Left out for its length: " in text
    assert "table of changes" in text
    assert "2000 to create" in page.text
    assert "2001 / 0 / 0" in page.text


@EXAMPLES
@given(st.lists(results(), min_size=1, max_size=4), st.integers(1500, 30_000))
def test_however_short_it_is_whole(found: list[Result], longest: int) -> None:
    named = [replace(each, document=replace(each.document, name=f"web{place}")) for place, each in enumerate(found)]
    changed = [each for each in named if each.plan.changes]
    text = comment(*named, longest=longest)
    page = whole(text, longest)
    shown = len(re.findall("^#### ", text, re.M))
    more = re.search(r"Left out, since a comment may not be longer: (\d+) more changed pod", page.text)
    assert shown + (int(more[1]) if more else 0) == len(changed)
    assert f"{len(changed)} of {len(named)}" in page.text


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            [
                *"`|*_~<>[]()!#@&;:-\\\n\r\t\"'${}",
                "</details>",
                "-->",
                "<!--",
                "```",
                "~~~",
                "\n\n",
                "<script>",
                "](x)",
                "![a](b)",
                *["https://x.example", "www.x.example", "@team", "#1", "&lt;", "&#124;", "\u202e", "\u2028", "\ud800", "a", " "],
            ]
        ),
        max_size=20,
    ).map("".join),
)


@settings(EXAMPLES, max_examples=150)
@given(HOSTILE)
def test_nothing_untrusted_gets_out_of_its_place(text: str) -> None:
    at = Position(text, 1, 1)
    base = port_more()
    told = Diagnostic("wrong", text, at)
    hostile = replace(base.document, name=text, namespace=text, at=at, nics=(replace(base.document.nics[0], name=text),))
    origins = {key: replace(origin, nic=text, at=at) for key, origin in base.desired.origins.items()}
    links = replace(result(RESOURCES, {**RESOURCES, TAP: replace(RESOURCES[TAP], name=text)}), document=hostile)
    found = replace(base, document=hostile, desired=replace(base.desired, origins=origins), diagnostics=(told,))
    proposal = Proposal(text, text, text, (found, links), {hostile.full_name: 1})
    value = document.proposed(proposal, (told,))
    for each in (markdown.plan(value, proposal.results), markdown.invalid([as_json(told)])):
        page = whole(each)
        assert page.seen.count("h3") == 1
        prose = re.sub(r"<pre>.*?</pre>|<code.*?</code>", "", READER.render(each), flags=re.S)
        assert not re.search(r"[@#]\w", prose), prose  # nobody is called, nothing is referred to
        assert not re.search(r"(?i)www\.|://", FENCED.sub("", each))


def calm(value: str) -> str:
    return "".join(value.split())


@EXAMPLES
@given(HOSTILE)
def test_what_can_be_printed_is_shown_as_it_is(text: str) -> None:
    if text.isprintable() and len(text) <= markdown.LONGEST_PROSE:
        for one in (markdown.prose, markdown.code):
            assert calm(Page(f"x {one(text)} x").text) == calm(f"x {text} x")


@pytest.mark.parametrize("number", [1, 5000])
def test_invalid_documents(number: int) -> None:
    found: list[dict[str, Any]] = [
        as_json(Diagnostic("not a port", f"port {70000 + each} is not a port\nit is 1 to 65535", AT)) for each in range(number)
    ]
    text = markdown.invalid(found)
    page = whole(text)
    assert "states/web.yaml:11:7 port 70000 is not a port; it is 1 to 65535" in page.text
    assert f"Not planned. {number} mistake{'' if number == 1 else 's'} must be mended first" in page.text
    lines = len(re.findall(r"^\* ", text, re.M))
    assert (f"{number - lines} more mistakes" in page.text) == (number > lines)
