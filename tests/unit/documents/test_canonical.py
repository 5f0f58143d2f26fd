"""The canonical form of state files: laws over YAML written in every way, and what it looks like."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from converge.documents import KINDS, schema
from converge.documents.canonical import canonical
from converge.documents.compose import compose
from converge.documents.text import made
from converge.model import GuestNetwork, Severity
from tests.unit.documents.examples import GUEST_NETWORK, loaded, rendered, ugly
from tests.unit.documents.test_laws import alike
from tests.unit.documents.writing import VALUES, written

STATES = Path(__file__).parents[3] / "states"

SLOW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
STREAMS = written(st.lists(VALUES, min_size=1, max_size=2))


def formatted(text: str) -> str:
    found, wrong = canonical(made("a.yaml", text))
    assert wrong == [], text
    return found


def marks(text: str) -> list[str]:
    return sorted(re.findall(r"# c\d+", text))


def values(text: str) -> list[Any]:
    """As PyYAML's own loader reads it, which shares no code with the formatter: types, order of lists, tags."""
    return list(yaml.load_all(text, Loader=yaml.SafeLoader))


@SLOW
@given(STREAMS)
def test_the_meaning_and_every_comment_stay_and_twice_is_once(stream: tuple[list[Any], str]) -> None:
    _, text = stream
    assert compose(made("a", text))[1] == [], text
    once = formatted(text)
    assert values(once) == values(text)
    assert marks(once) == marks(text)
    assert formatted(once) == once


# --------------------------------------------------------------------------------------------- documents of our kinds

NAMES = st.sampled_from(["web", "a", "no", "on"])
PORTS = st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"protocol": st.sampled_from(["TCP", "UDP"])})
OPTIONAL = {
    "macAddress": st.just("02:aa:00:00:00:07"),
    "ports": st.lists(PORTS, max_size=2, unique_by=lambda port: port["port"]),
    "state": st.sampled_from(["up", "down"]),
    "guest": st.fixed_dictionaries({"mtu": st.integers(1280, 9000)}, optional={"ipv6": st.booleans()}),
}


@st.composite
def shuffled(draw: st.DrawFn, values: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    found = draw(values)
    return {name: found[name] for name in draw(st.permutations(list(found)))}


INTERFACES = shuffled(st.fixed_dictionaries({"name": st.just("default"), "masquerade": st.just({})}, optional=OPTIONAL))
POD_NETWORK = {"vmNetworkCIDR": st.just("10.11.12.0/24"), "vmIPv6NetworkCIDR": st.just("fd00:1::/64")}
NETWORKS = shuffled(st.fixed_dictionaries({"name": st.just("default"), "pod": st.fixed_dictionaries({}, optional=POD_NETWORK)}))
SPECS = {
    "target": st.just({"netns": "web"}),
    "networks": st.lists(NETWORKS, min_size=1, max_size=1),
    "interfaces": st.lists(INTERFACES, min_size=1, max_size=1),
}
METADATA = st.fixed_dictionaries({"name": NAMES}, optional={"labels": st.dictionaries(NAMES, NAMES, max_size=2)})
MEANT = shuffled(
    st.fixed_dictionaries(
        {
            "kind": st.just("GuestNetwork"),
            "apiVersion": st.just("net.converge/v1alpha1"),
            "spec": shuffled(st.fixed_dictionaries(SPECS)),
            "metadata": shuffled(METADATA),
        }
    )
)


def without_places(documents: tuple[GuestNetwork, ...]) -> list[Any]:
    return [dataclasses.asdict(each, dict_factory=_without_places) for each in documents]


def _without_places(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if name != "at"}


@SLOW
@given(written(st.lists(MEANT, min_size=1, max_size=1)))
def test_the_same_guest_network_is_loaded(stream: tuple[list[Any], str]) -> None:
    _, text = stream
    before = loaded(text)
    assert before.valid, text + rendered(before)
    once = formatted(text)
    assert without_places(loaded(once).documents) == without_places(before.documents)
    assert marks(once) == marks(text)
    assert formatted(once) == once


@SLOW
@given(st.sampled_from(KINDS).flatmap(lambda kind: written(st.lists(alike(schema(kind)), min_size=1, max_size=1))))
def test_what_validation_says_stays_the_same(stream: tuple[list[Any], str]) -> None:
    """Valid or not: the same mistakes, in other places."""
    _, text = stream
    assume(text.replace("\n", "").replace("\r", "").isprintable())
    once = formatted(text)
    before, after = loaded(text), loaded(once)
    assert without_places(after.documents) == without_places(before.documents)
    assert sorted(each.summary for each in after.diagnostics) == sorted(each.summary for each in before.diagnostics)
    assert formatted(once) == once


@SLOW
@given(MEANT)
def test_keys_are_in_the_order_of_the_schema(meant: dict[str, Any]) -> None:
    def check(value: Any, about: dict[str, Any]) -> None:
        known = [name for name in about.get("properties", {}) if isinstance(value, dict) and name in value]
        assert not known or list(value)[: len(known)] == known
        for name in known:
            check(value[name], about["properties"][name])
        for item in value if isinstance(value, list) else []:
            check(item, about["items"])

    (found,) = values(formatted(yaml.safe_dump(meant, sort_keys=False)))
    check(found, schema("GuestNetwork"))


@pytest.mark.parametrize("path", sorted(STATES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_canonical(path: Path) -> None:
    text = path.read_text()
    assert formatted(text) == text


# ------------------------------------------------------------------------------------------------------- how it looks

LOOKS = {
    "two columns a level, one blank line at most": (
        "a:\n     b:\n     - c\n     -   d: 1\n         e: 2\n\n\n\nf: 1   \n\n\n",
        "a:\n  b:\n    - c\n    - d: 1\n      e: 2\n\nf: 1\n",
    ),
    "brackets that fit stay": ("a: {x: 1,\n   y: [ 1,2 ] }\n", "a: {x: 1, y: [1, 2]}\n"),
    "brackets that do not fit are opened": (
        f"a: {{x: {'x' * 60}, y: {'y' * 60}}}\n",
        f"a:\n  x: {'x' * 60}\n  y: {'y' * 60}\n",
    ),
    "a comment in brackets opens them": ("a: [1, # one\n    2]\n", "a:\n  - 1  # one\n  - 2\n"),
    "addresses get quotes": (
        "a: 02:aa:00:00:00:07\nb: fd10:0:2::/120\nc: 10.0.2.0/24\n",
        'a: "02:aa:00:00:00:07"\nb: "fd10:0:2::/120"\nc: 10.0.2.0/24\n',
    ),
    "what YAML 1.1 reads as a number gets none": ("a: 12:30:45:10:20:30\nb: 12:30\n", "a: 12:30:45:10:20:30\nb: 12:30\n"),
    "quotes stay and are double": ("a: '80'\nb: 'a\"b'\nc: 'no'\nd: no\n", 'a: "80"\nb: \'a"b\'\nc: "no"\nd: no\n'),
    "columns of comments stay": ("a:\n    bb: 1   # x\n    c: 22   # y\n", "a:\n  bb: 1   # x\n  c: 22   # y\n"),
    "line ends": ("a: 1\r\nb: 2\r", "a: 1\nb: 2\n"),
    "separators": ("# x\n---\na: 1\n...\n# y\n---\nb: 1", "# x\n---\na: 1\n...\n# y\n---\nb: 1\n"),
    "directives": ("%YAML 1.1\n---\na: 1\n", "%YAML 1.1\n---\na: 1\n"),
    "the file's first comment stays first": (
        "# about\nkind: GuestNetwork\n# the version\napiVersion: net.converge/v1alpha1\n",
        "# about\n# the version\napiVersion: net.converge/v1alpha1\nkind: GuestNetwork\n",
    ),
    "a comment goes with its key": (
        "x: 1\n# kind\nkind: A # is A\n# below\n",
        "# kind\nkind: A # is A\nx: 1\n# below\n",
    ),
    "what is commented out stays where it was": ("a:\n  # - b\nc:\n    - d\n    # - e\n", "a:\n  # - b\nc:\n  - d\n  # - e\n"),
    "an alias stays behind its anchor": ("x: *a\n", None),
    "no alias comes before its anchor": (
        "kind: GuestNetwork\nspec:\n  interfaces: [&n {name: a}]\n  networks: [*n]\n",
        "kind: GuestNetwork\nspec:\n  interfaces: [&n {name: a}]\n  networks: [*n]\n",
    ),
    "block scalars": ("a: |-\n      x\n       y\n\n\nb: >+\n x\n\n\nc: 1\n", "a: |-\n  x\n   y\n\nb: >+\n  x\n\n\nc: 1\n"),
    "JSON's escapes": (f'{{"a": "{"x" * 99} \\ud83d\\ude00 ä"}}\n', f'"a": "{"x" * 99} \\U0001f600 ä"\n'),
    "lists of a list kind": (
        "kind: List\napiVersion: v1\nitems:\n- spec: {}\n  kind: GuestNetwork\n",
        "apiVersion: v1\nkind: List\nitems:\n  - kind: GuestNetwork\n    spec: {}\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), LOOKS.values(), ids=LOOKS.keys())
def test_look(text: str, expected: str | None) -> None:
    found, wrong = canonical(made("a.yaml", text))
    if expected is None:
        assert wrong
        assert found == text
    else:
        assert (found, wrong) == (expected, [])


REFUSED = {
    "syntax": ("a: [1\n", "YAML syntax"),
    "key twice": ("a: 1\na: 2\n", "Duplicate key"),
    "separator": ('a: "x\u2028y"\n', "Unclear line break"),
    "long key": (f"{'k' * 1001}: 1\n", "Key too long"),
    "no key": ("? \n: 1\n", "Empty key"),
    "bomb": ("- " * 1000, "Nested too deeply"),
}


@pytest.mark.parametrize(("text", "summary"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_left_as_it_is(text: str, summary: str) -> None:
    found, wrong = canonical(made("a.yaml", text))
    assert found == text
    assert [each.summary for each in wrong] == [summary]
    assert all(each.at is not None and each.severity is Severity.ERROR for each in wrong)


def test_a_document_that_is_not_valid_is_formatted_all_the_same() -> None:
    text = GUEST_NETWORK.replace("port: 80", "port: 70000")
    assert formatted(ugly(text)) == text


# ------------------------------------------------------------------------------------------------------ any YAML at all

WORDS = [
    "a",
    "b c",
    "1",
    "no",
    "~",
    ": ",
    ":",
    "\n",
    "\n",
    "\n",
    "  ",
    " ",
    "- ",
    "-",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    "'",
    '"',
]
WORDS += [
    "# c",
    "#",
    " # c\n",
    "&a ",
    "*a ",
    "!!str ",
    "<<: ",
    "---",
    "--- ",
    "\n---\n",
    "\n...\n",
    "%YAML 1.1\n---\n",
    "\t",
    "\\",
]
WORDS += ["|\n", ">-\n", "|2+\n", "a: ", "a: b\n", "- a\n", "  - b\n"]
PIECES = st.lists(st.sampled_from(WORDS), max_size=20).map("".join)


@SLOW
@given(PIECES)
def test_any_heap_of_yaml(text: str) -> None:
    """Whatever can be read can be formatted; whatever cannot stays."""
    found, wrong = canonical(made("a.yaml", text))
    if compose(made("a", text))[1] or [each.summary for each in wrong] == ["Empty key"]:
        assert (found, bool(wrong)) == (text, True)
        return
    assert wrong == []
    assert formatted(found) == found
    assert len(re.findall("# c", found)) == len(re.findall("# c", text))
