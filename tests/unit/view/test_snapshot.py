"""What is written is what is read, for every kind of resource; and whatever is not a snapshot is said with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from converge.bindings import REGISTRY
from converge.documents import load as load_documents
from converge.documents.compose import compose
from converge.documents.nodes import Sequence
from converge.documents.text import made
from converge.model import Diagnostic, Key, Observation, Position, Resources, Severity, Snapshot, Text, Vlan
from converge.resources import KINDS
from converge.resources.address import Address
from converge.resources.chain import Chain, Hook
from converge.resources.element import Element
from converge.resources.fact import Fact
from converge.resources.kubevirt import Rules
from converge.resources.link import Bridge, Link, Port, Tap
from converge.resources.nftset import NftSet
from converge.resources.process import KNOWN_ONLY, Process
from converge.resources.route import Route
from converge.resources.rule import Rule, Statement
from converge.resources.sysctl import RELEASE, Sysctl
from converge.resources.table import Table
from converge.resources.vf import Vf
from converge.services.resolv import telling, translate
from converge.view.load import load
from converge.view.look import ASKED_BY_SOME, needed, started
from converge.view.offline import plan_from
from converge.view.reading import read
from converge.view.snapshot import now, text, texts
from converge.view.spelling import CLASSES, rows, steady
from tests.unit.universe import Wish, wishes
from tests.unit.view.recorded import SMALL, TAKEN, observation, observations, snapshot

slow = settings(deadline=None)

# --------------------------------------------------------------------------------------------------- strategies

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12) | st.just("eth\udcff\udc80")
"""Whatever text a kernel may hand out: control characters, quotes, words that YAML reads as something else."""
awkward = st.sampled_from(
    ("yes", "null", "0x10", "010", "1:30", "- a", "a: b", "#x", "", " ", "~", "1e3", ".inf", '"', "\\", "\n", "é😀")
)
any_text = words | awkward
links = st.sampled_from(("#1", "#2"))
configs = st.sampled_from(("", KNOWN_ONLY))
numbers = st.integers(0, 2**32 - 1)
addresses4 = st.ip_addresses(v=4).map(str)
interfaces = st.ip_addresses(v=4).map(lambda ip: f"{ip}/24") | st.ip_addresses(v=6).map(lambda ip: f"{ip}/64")
routes = st.sampled_from(("0.0.0.0/0", "10.0.0.0/8 metric 5", "::/0 table 100 metric 1024 tos 16", "::1/128 table 255"))
statements = st.builds(Statement, any_text.filter(bool), any_text, any_text, any_text)

VALUES: dict[str, st.SearchStrategy[tuple[Key, Any]]] = {
    "table": st.tuples(st.builds(Key, st.just("table"), st.just(""), any_text), st.builds(Table, st.booleans())),
    "set": st.tuples(
        st.builds(Key, st.just("set"), st.just(""), any_text),
        st.builds(NftSet, any_text, st.booleans(), st.booleans(), st.booleans()),
    ),
    "element": st.tuples(
        st.builds(Key, st.just("element"), any_text, st.sampled_from(("tcp . 80", "udp . 1-65535", "22", "3221225985"))),
        st.just(Element()),
    ),
    "chain": st.tuples(
        st.builds(Key, st.just("chain"), st.just(""), any_text),
        st.builds(
            Chain,
            st.none() | st.builds(Hook, any_text, any_text, st.integers(-400, 400), any_text),
            st.lists(st.builds(Rule, st.lists(statements, max_size=3).map(tuple), any_text), max_size=3).map(tuple),
        ),
    ),
    "fact": st.tuples(
        st.builds(Key, st.just("fact"), any_text, any_text),
        st.builds(Fact, st.lists(numbers, max_size=2).map(tuple), numbers),
    ),
    "address": st.tuples(
        st.builds(Key, st.just("address"), links, st.ip_addresses(v=4).map(lambda ip: f"{ip}/24")),
        st.builds(
            Address,
            broadcast=st.none() | addresses4,
            peer=st.none() | addresses4,
            scope=st.integers(0, 255),
            label=st.none() | any_text,
            noprefixroute=st.booleans(),
            nodad=st.booleans(),
            metric=numbers,
            dynamic=st.booleans(),
            primary=st.none() | st.just("198.51.100.1/24"),
            valid=numbers,
            preferred=numbers,
        ),
    ),
    "route": st.tuples(
        st.builds(Key, st.just("route"), links | st.just("-"), routes),
        st.builds(
            Route,
            st.none() | addresses4,
            any_text,
            any_text,
            any_text,
            st.none() | addresses4,
            st.booleans(),
            st.lists(st.tuples(any_text, numbers), max_size=2).map(tuple),
            st.lists(st.integers(0, 99), max_size=2).map(tuple),
            st.none() | interfaces,
            st.lists(links, max_size=2).map(tuple),
        ),
    ),
    "sysctl": st.tuples(
        st.builds(Key, st.just("sysctl"), links | st.just(""), st.sampled_from(("ipv4.forwarding", "ipv6.a b"))),
        st.builds(Sysctl, any_text, numbers),
    ),
    "kubevirt": st.tuples(
        st.builds(Key, st.just("kubevirt"), st.sampled_from(("ip nat", "ip6 nat")), any_text),
        st.builds(
            Rules,
            st.lists(any_text, max_size=2).map(tuple),
            st.booleans(),
            st.lists(numbers, max_size=2).map(tuple),
            st.lists(numbers, max_size=2).map(tuple),
        ),
    ),
    "vf": st.tuples(
        st.builds(Key, st.just("vf"), links, st.integers(0, 300).map(str)),
        st.builds(
            Vf,
            mac=st.none() | st.just("02:00:00:00:65:03"),
            vlan=st.none() | st.builds(Vlan, st.integers(0, 4094), st.integers(0, 7), st.sampled_from(("802.1Q", "802.1ad"))),
            spoofchk=st.none() | st.booleans(),
            trust=st.none() | st.booleans(),
            state=st.sampled_from((None, "auto", "enable", "disable")),
            marks=st.lists(any_text, max_size=2).map(tuple),
            parent=any_text,
            ifindex=numbers,
            nic=any_text,
        ),
    ),
    "process": st.tuples(
        st.builds(Key, st.just("process"), any_text, any_text),
        st.builds(Process, any_text, st.booleans(), configs),
    ),
}
names = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="/:"), min_size=1, max_size=5).filter(
    lambda name: len(name.encode()) <= 15 and not any(map(str.isspace, name)) and name != "lo"
)
VALUES["link"] = st.tuples(
    st.just(Key("link", "#2")),
    st.builds(
        Link,
        names | st.sampled_from(("-", "#1", "#2", "#7", "yes", "1")),
        any_text,
        st.booleans(),
        st.integers(0, 2**32 - 1),
        st.none() | st.just("0a:58:0a:f4:01:05"),
        st.none() | links,
        st.none() | any_text.map(lambda word: f"role:{word}"),
        st.none() | st.builds(Tap, st.none() | numbers, st.none() | numbers, st.booleans()),
        st.none() | st.builds(Bridge, st.booleans(), st.booleans()),
        st.none() | st.builds(Port, st.booleans(), st.booleans(), st.booleans()),
        further_marks=st.lists(any_text, max_size=2).map(tuple),
        index=st.just(2),
        altnames=st.lists(any_text, max_size=2).map(tuple),
    ),
)
LINKS: Resources = {key: value for key, value in SMALL.items() if key.kind == "link"}


def reread(taken: Snapshot) -> Snapshot:
    found = load([Text("web.yaml", text(taken).encode())])
    assert found.valid, [(each.at, each.detail) for each in found.diagnostics]
    (only,) = found.by_name.values()
    return only


# -------------------------------------------------------------------------------------------------------- the law


def test_every_kind_is_tried() -> None:
    assert VALUES.keys() == CLASSES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_what_is_written_is_what_is_read(kind: str) -> None:
    @slow
    @given(VALUES[kind])
    def law(item: tuple[Key, Any]) -> None:
        key, value = item
        wanted = {**LINKS, key: value}
        found = reread(snapshot(observation(wanted))).observation.resources
        assert found.keys() - wanted.keys() == {Key("sysctl", "", RELEASE)}
        assert repr(found[key]) == repr(value)  # fields that are never compared count here

    law()


@slow
@given(observations(), st.dictionaries(any_text, st.none() | any_text, max_size=3))
def test_whole_pods_are_read_as_they_were(seen: Observation, sysctls: dict[str, str | None]) -> None:
    taken = snapshot(replace(seen, sysctls={**seen.sysctls, **sysctls}))
    found = reread(taken)
    assert found.observation.sysctls == taken.observation.sysctls
    assert found.observation.resources == seen.resources
    for kind in ("link", "address", "route", "chain", "fact"):
        of_kind = [[key for key in one.resources if key.kind == kind] for one in (seen, found.observation)]
        assert of_kind[0] == of_kind[1]  # the kernel's order
    assert text(found) == text(taken)


def test_ipv6_lifetimes_are_left_out_and_ipv4_ones_kept() -> None:
    """A router renews the one all the time and no plan writes it down; of the other a bridge NIC does."""
    value = Address(dynamic=True, valid=300, preferred=200)
    for name, kept in (("fd00::1/64", 0), ("10.0.0.1/24", 300)):
        assert steady(Key("address", "#2", name), value).valid == kept


def test_one_resource_is_one_line_and_elements_are_sorted() -> None:
    ports = [Key("element", "ports", f"tcp . {port}") for port in (90, 80, 443)]
    wanted = {**SMALL, **{key: Element() for key in ports}}
    lines = text(snapshot(observation(wanted))).splitlines()
    assert [line for line in lines if "element" in line] == [
        '  - [element, ports, "tcp . 443"]',
        '  - [element, ports, "tcp . 80"]',
        '  - [element, ports, "tcp . 90"]',
    ]
    assert "  - [address, eth0, 10.244.1.5/24, {broadcast: 10.244.1.255}]" in lines
    assert all("index" not in line for line in lines if not line.startswith("  - [link"))


@given(st.text("nameserch \t#\n1.:\r", max_size=60), any_text)
def test_of_a_resolv_conf_the_telling_lines_are_kept(given_text: str, more: str) -> None:
    lines = f"{given_text}\nsearch a.b\n{more}\nnameserver 192.0.2.1\noptions ndots:5\n# secret"
    assert translate("\n".join(telling(lines))) == translate(lines)
    assert "secret" not in "".join(telling("# secret\noptions secret"))


@slow
@given(observations(), wishes)
def test_a_snapshot_asks_for_whatever_a_binding_may_need(seen: Observation, wish: Wish) -> None:
    document = wish.document()
    for binding in REGISTRY:
        other = replace(document, nics=tuple(replace(nic, binding=binding) for nic in document.nics))
        start = started(other, seen.resources, {})
        captured = {key.name for key in start.facts.captured if key.kind == "sysctl"}
        assert needed(other, start).sysctls <= ASKED_BY_SOME | captured


def test_state_files_and_snapshots_may_lie_together() -> None:
    taken = text(snapshot(observation(dict(SMALL))))
    found = load_documents([Text("web.yaml", taken.encode())])
    assert (found.documents, found.diagnostics) == ((), ())
    other = Text("vm.yaml", b"apiVersion: net.converge/v1alpha1\nkind: GuestNetwork\n---\n" + taken.encode())
    assert list(load([other]).by_name) == ["shop/web"]


def test_several_in_one_file() -> None:
    both = texts(snapshot(observation(dict(SMALL)), name) for name in ("web", "db"))
    assert list(load([Text("all.yaml", both.encode())]).by_name) == ["shop/web", "shop/db"]


# --------------------------------------------------------------------------------------------------- what is wrong

WHOLE = text(snapshot(observation(dict(SMALL))))


def said(changed: str) -> list[Diagnostic]:
    found = load([Text("web.yaml", changed.encode("utf-8", "surrogatepass"))])
    return [each for each in found.diagnostics if each.severity is Severity.ERROR]


def number_of(line: str) -> int:
    return WHOLE[: WHOLE.index(line)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("net.converge/v1alpha1", "net.converge/v2", "a snapshot of apiVersion net.converge/v2 is not known"),
        ('taken: "2026-11-24T17:00:00Z"', "taken: yesterday", "taken: yesterday is not a time"),
        ("converge: 0.1.0", "converge: 0.1.0\nhash: 1", "hash is no part of a snapshot"),
        ("target: {netns: universe}\n", "", "the snapshot has no target"),
        ("complete: true\n", "", "the snapshot is cut off"),
        ("netns: universe", "pod: universe", "a target is one of netns, pid"),
        ("dummy: true", "dummy: maybe", "kernel: maybe is not true or false"),
        ("[address, eth0, 10.244.1.5/24", "[adress, eth0, 10.244.1.5/24", "adress is no kind of resource"),
        ("[address, eth0, 10.244.1.5/24", "[address, eth1, 10.244.1.5/24", "there is no link 'eth1'"),
        ("[address, eth0, 10.244.1.5/24", '[address, "#7", 10.244.1.5/24', "which is not in this snapshot"),
        ("[address, eth0, 10.244.1.5/24", "[address, eth0, 10.244.1.500/24", "is not an address with its length"),
        ("[address, eth0, 10.244.1.5/24", "[address, eth0, 10.244.1.6/24", "stands here twice"),
        ("broadcast: 10.244.1.255", "broadcast: everybody", "is not an address of its family"),
        ("broadcast: 10.244.1.255", "colour: blue", "colour is no attribute here"),
        ("mtu: 1450", "mtu: large", "large is not a number"),
        ("mtu: 1450", "mtu: 99999999999999999999999999", "is not a number"),
        ("mtu: 1450, ", "", "mtu is missing"),
        ("index: 2", "index: 1", "stands here twice"),
        ('mac: "0a:58:0a:f4:01:05"', "mac: unknown", "is not a MAC"),
        ("0.0.0.0/0, {gateway: 10.244.1.1}", "0.0.0.0/33, {}", "is not a destination"),
        ("0.0.0.0/0, {gateway", '"0.0.0.0/0 metric x", {gateway', "is not a destination"),
        ("gateway: 10.244.1.1", "gateway: me", "is not an address"),
        ("hops: [lo, eth0]", "hops: [lo, eth5]", "there is no link 'eth5'"),
        ("hops: [lo, eth0]", "hops: lo", "lo is not a list"),
        ("[match, iifname", "[match, [iifname]", "is not text"),
        ("resources:\n", "resources: {}\nmore:\n", "more is no part of a snapshot"),
    ],
)
def test_what_is_wrong_has_its_place(old: str, new: str, detail: str) -> None:
    assert old in WHOLE
    found = said(WHOLE.replace(old, new, 1))
    assert detail in " ".join(each.detail for each in found), found
    assert all(each.at is not None for each in found)


def test_the_place_is_the_values_own() -> None:
    line = next(line for line in WHOLE.splitlines() if "mtu: 1450" in line)
    (found,) = said(WHOLE.replace("mtu: 1450", "mtu: large"))
    assert found.at is not None
    assert (found.at.filename, found.at.line, found.at.column) == ("web.yaml", number_of(line), line.index("1450") + 1)


def test_what_another_version_wrote_is_said_to_be() -> None:
    """Only where it cannot be read: an attribute more is no reason to ask for anything if there is none."""
    later = WHOLE.replace("converge: 0.1.0", "converge: 9.0.0")
    assert said(later) == []
    (found,) = said(later.replace("mtu: 1450", "mtu: 1450, colour: blue"))
    assert "converge 9.0.0 wrote it, this is " in found.detail


def test_everything_that_is_wrong_is_said_at_once() -> None:
    changed = WHOLE.replace("mtu: 1450", "mtu: large").replace("dummy: true", "dummy: maybe").replace("gateway: ", "way: ")
    assert len(said(changed)) == 3


def test_two_of_one_pod() -> None:
    (found,) = load([Text("a.yaml", WHOLE.encode()), Text("b.yaml", WHOLE.encode())]).diagnostics
    assert "a snapshot of shop/web is also in a.yaml:1:1" in found.detail
    assert found.at is not None
    assert found.at.filename == "b.yaml"


@slow
@given(st.integers(0, len(WHOLE) - 2))
def test_a_cut_one_is_noticed_wherever_it_was_cut(length: int) -> None:
    """But after nothing at all, and in the middle of what says that it is a snapshot: that is some other file."""
    found = load([Text("web.yaml", WHOLE[:length].encode())])
    assert not found.by_name


HOSTILE = (
    "",
    "null",
    "[]",
    "{}",
    "-1",
    "99999999999999999999",
    "*x",
    "&x [*x]",
    '"\\0"',
    "[[[[]]]]",
    "tcp . 9-1",
    "../..",
    "0.0.0.0/0",
)


@slow
@given(st.data())
@example(data=None)
def test_no_forged_one_leads_to_an_exception(data: st.DataObject | None) -> None:
    """Lines taken away, doubled, and their words replaced by hostile ones: said to be wrong, or planned from."""
    lines = FORGERY if data is None else _forged(data)
    found = load([Text("web.yaml", "\n".join(lines).encode("utf-8", "surrogatepass"))])
    for taken in found.by_name.values():
        for binding in (*REGISTRY, None):
            plan_from(Wish(binding=binding).document(), taken, now())
    assert all(isinstance(each, Diagnostic) for each in found.diagnostics)


FORGERY = WHOLE.splitlines()


def _forged(data: st.DataObject) -> list[str]:
    lines = text(snapshot(data.draw(observations()))).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        words = lines[number].replace(",", " ,").split(" ")
        match data.draw(st.sampled_from(("drop", "double", "replace", "swap"))):
            case "drop":
                del lines[number]
            case "double":
                lines.insert(number, lines[number])
            case "replace":
                place = data.draw(st.integers(0, len(words) - 1))
                words[place] = data.draw(st.sampled_from(HOSTILE) | any_text)
                lines[number] = " ".join(words)
            case _:
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[number], lines[other] = lines[other], lines[number]
        if not lines:
            return [""]
    return lines


def test_positions_of_a_snapshot() -> None:
    (found,) = load([Text("web.yaml", f"# taken by a timer\n{WHOLE}".encode())]).by_name.values()
    assert found.at is not None
    assert str(found.at) == str(Position("web.yaml", 2, 1))
    assert found.taken == TAKEN


def test_rows_are_read_without_a_file() -> None:
    """`read` takes the nodes of a list, whichever file they come from."""
    source = made("rows.yaml", "\n".join(f"- {list(row[:3])}" for row in rows({Key("table", "", "converge"): Table()})))
    (root,), _ = compose(source)
    assert isinstance(root, Sequence)
    assert read(source, root) == ({Key("table", "", "converge"): Table()}, [])
