"""What reviewers read: every sentence of a plan's consequence, for the changes that people make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from converge.bindings.names import hashed
from converge.engine import replay
from converge.explain import Flow, Origin, consequences, settled
from converge.model import GuestNetwork, Key, Network, Nic, Resources
from converge.resources import KINDS
from converge.resources.chain import Chain
from converge.resources.process import Process
from converge.resources.rule import Rule, Statement, match
from converge.resources.table import Table
from tests.unit.universe import HERE, Pod, Wish, look, wired

WEB = (("tcp", 80, 80), ("udp", 53, 53))
V4 = Pod(("10.244.1.5/24",))
NEW = "NIC default is new (masquerade); its guest is given 10.0.2.2 and fd10:0:2::2"
LEAVES = "everything from the guest (NIC default) now gets out, showing the pod's address"
GONE = "everything from the guest (NIC default) no longer gets out: the guest has no such NIC"
REST, NOTHING = "nothing else changes", "nothing changes for any packet"
BOTH = "from outside and from the pod itself to loopback"


def told(wish: Wish, found: Resources) -> list[str]:
    seen = look(wish, found)
    assert not seen.refusals, seen.refusals
    after = settled(seen.observed, seen.plan())
    return [str(sentence) for sentence in consequences(seen.observed, after, wish.document().nics)]


CASES: dict[str, tuple[Wish | None, Wish, list[str]]] = {
    "the same": (Wish(ports=WEB), Wish(ports=WEB), [NOTHING]),
    "what no packet meets": (Wish(), Wish(owner=0), [NOTHING]),
    "a fresh pod": (None, Wish(), [NEW, f"everything {BOTH} now reaches the guest (NIC default)", LEAVES, REST]),
    "a fresh pod with ports": (
        None,
        Wish(ports=WEB),
        [NEW, f"tcp 80 and udp 53 {BOTH} now reach the guest (NIC default)", LEAVES, REST],
    ),
    "a port more": (
        Wish(ports=WEB),
        Wish(ports=(*WEB, ("tcp", 22, 22))),
        [f"tcp 22 {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "a range more": (
        Wish(ports=WEB),
        Wish(ports=(*WEB, ("tcp", 8000, 8010))),
        [f"tcp 8000-8010 {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "a range less one": (
        Wish(ports=(("tcp", 8000, 8010),)),
        Wish(ports=(("tcp", 8000, 8004), ("tcp", 8006, 8010))),
        [f"tcp 8005 {BOTH} no longer reaches the guest (NIC default): the pod answers itself", REST],
    ),
    "another cut of the same ports": (Wish(ports=(("tcp", 80, 81),)), Wish(ports=(("tcp", 80, 80), ("tcp", 81, 81))), [NOTHING]),
    "a port less": (
        Wish(ports=WEB),
        Wish(ports=WEB[:1]),
        [f"udp 53 {BOTH} no longer reaches the guest (NIC default): the pod answers itself", REST],
    ),
    "every tcp port": (
        Wish(ports=WEB),
        Wish(ports=(("tcp", 1, 65535), ("udp", 53, 53))),
        [f"every tcp port except 80 {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "all ports of both": (
        Wish(ports=(("tcp", 80, 80),)),
        Wish(ports=(("tcp", 80, 80), ("udp", 1, 65535))),
        [f"every udp port {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "no list any more": (
        Wish(ports=WEB),
        Wish(),
        [f"everything except tcp 80 and udp 53 {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "a first list": (
        Wish(),
        Wish(ports=WEB),
        [f"everything except tcp 80 and udp 53 {BOTH} no longer reaches the guest (NIC default): the pod answers itself", REST],
    ),
    "from all ports to no list": (
        Wish(ports=(("tcp", 1, 65535), ("udp", 1, 65535))),
        Wish(),
        [f"everything except tcp and udp {BOTH} now reaches the guest (NIC default)", REST],
    ),
    "legacy migration": (
        Wish(),
        Wish(migration=True),
        [
            "tcp 49152-49153 from the pod itself to loopback no longer reaches the guest (NIC default): the pod answers itself",
            REST,
        ],
    ),
    "legacy migration, ports": (Wish(ports=WEB), Wish(ports=WEB, migration=True), [NOTHING]),
    "a mesh": (
        Wish(ports=WEB),
        Wish(ports=WEB, istio=True),
        [
            "tcp 80 and udp 53 from outside no longer reach the guest (NIC default): the pod answers itself",
            "tcp 80 and udp 53 over IPv4 from the pod itself to its own address now reach the guest (NIC default)",
            "tcp 80 and udp 53 from 127.0.0.6 (a mesh's sidecar) to the pod's own address"
            " and from 127.0.0.6 (a mesh's sidecar) to loopback now reach the guest (NIC default)",
            REST,
        ],
    ),
    "another subnet": (
        Wish(ports=WEB),
        Wish(ports=WEB, cidr4="10.77.0.0/30"),
        [
            "the guest of NIC default is given 10.77.0.2 and fd10:0:2::2 from its next lease on (was 10.0.2.2 and fd10:0:2::2)",
            REST,
        ],
    ),
    "a bridge in place of masquerade": (
        Wish(ports=WEB),
        Wish("bridge"),
        [
            "NIC default changes from masquerade to bridge; its guest takes over 10.244.1.5 and fd10:244:1::5"
            " (was 10.0.2.2 and fd10:0:2::2)",
            "everything except tcp 80 and udp 53 from outside now reaches the guest (NIC default)",
            "everything from the guest (NIC default) still gets out, now showing its sender's own address",
            "tcp 80 and udp 53 from the pod itself to loopback no longer reach the guest (NIC default): the pod answers itself",
            "everything from the pod itself no longer gets out: the pod has no route there",
            REST,
        ],
    ),
    "masquerade in place of a bridge": (
        Wish("bridge"),
        Wish(),
        [
            "NIC default changes from bridge to masquerade; its guest is given 10.0.2.2 and fd10:0:2::2"
            " (was 10.244.1.5 and fd10:244:1::5)",
            "everything from the guest (NIC default) still gets out, now showing the pod's address",
            "everything from the pod itself to loopback now reaches the guest (NIC default)",
            "everything from the pod itself now gets out",
            REST,
        ],
    ),
    "unwired": (
        Wish(ports=WEB),
        Wish(None),
        [
            "NIC default goes: its guest has no network any more",
            f"tcp 80 and udp 53 {BOTH} no longer reach the guest (NIC default): the pod answers itself",
            GONE,
            REST,
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "sentences"), CASES.values(), ids=CASES.keys())
def test_sentences(before: Wish | None, after: Wish, sentences: list[str]) -> None:
    assert told(after, Pod().resources() if before is None else wired(before, Pod())) == sentences


def test_a_pod_of_one_family_does_not_name_it() -> None:
    assert told(Wish(ports=WEB[:1]), V4.resources()) == [
        "NIC default is new (masquerade); its guest is given 10.0.2.2",
        f"tcp 80 {BOTH} now reaches the guest (NIC default)",
        LEAVES,
        REST,
    ]


def test_a_nic_that_left_no_mark_on_its_link_is_found_when_it_goes() -> None:
    """Without IPv6 the pod link has no role, before and after."""
    assert told(Wish(None), wired(Wish(ports=WEB[:1]), V4))[1] == (
        f"tcp 80 {BOTH} no longer reaches the guest (NIC default): the pod answers itself"
    )


def test_many_ports_are_cut_and_counted() -> None:
    ports = tuple(("tcp", port, port) for port in range(1000, 1100, 2))
    (ports_words, rest) = told(Wish(ports=(*WEB, *ports)), wired(Wish(ports=WEB), Pod()))
    assert ports_words.startswith("tcp 1000, 1002, 1004")
    assert f"1038 and 30 more {BOTH}" in ports_words
    assert rest == REST


def test_a_plan_predicts_the_set_that_it_leads_to() -> None:
    seen = look(Wish(ports=WEB), Pod().resources())
    plan = seen.plan()
    state, refusal = replay(seen.observed, (step.operation for step in plan.steps), KINDS)
    assert refusal is None
    assert settled(seen.observed, plan) == state.resources


def test_one_link_has_a_role_in_one_set_and_a_number_in_the_other() -> None:
    """As when two documents are compiled against one snapshot, of which only one has the NIC."""
    seen = look(Wish(ports=WEB), V4.resources())
    after = settled(seen.observed, seen.plan())
    before = look(Wish(None), V4.resources()).observed
    assert Key("link", "#2") in before
    assert Key("link", "pod:default") in after
    said = consequences(before, after, Wish().document().nics)
    assert str(said[1]) == f"tcp 80 and udp 53 {BOTH} now reach the guest (NIC default)"
    assert str(said[-1]) == REST


# ------------------------------------------------------------------------------------------------------ several NICs


@dataclass(frozen=True)
class Two(Wish):
    """A second NIC, of a Multus network."""

    def document(self) -> GuestNetwork:
        own = super().document()
        network = Network("storage", "multus", HERE, multus_name="storage-net", primary=False)
        return replace(own, nics=(*own.nics, Nic("storage", "bridge", network, HERE)))


def two_links() -> Resources:
    found, key = Pod().resources(), Key("link", "#9")
    return found | {key: replace(found[key], name=hashed("storage"))}


def test_of_several_nics_the_link_is_said() -> None:
    assert told(Two(ports=WEB[:1]), two_links()) == [
        NEW,
        "NIC storage is new (bridge); its guest takes over 10.9.0.1 and fd09::1",
        "tcp 80 from outside (link of NIC default) and from the pod itself to loopback now reaches the guest (NIC default)",
        LEAVES,
        "everything from outside (link of NIC storage) now reaches the guest (NIC storage)",
        "everything from the guest (NIC storage) now gets out",
        REST,
    ]


# ------------------------------------------------------------------------------------------- drift, and what is unsure


def meddled(*statements: Statement) -> Resources:
    found, key = wired(Wish(ports=WEB), Pod(stranger=False)), Key("chain", "", "prerouting")
    return found | {key: replace(found[key], rules=(Rule(statements), *found[key].rules))}


def test_drift_is_told_like_a_change() -> None:
    found = wired(Wish(ports=WEB), Pod())
    del found[Key("element", "ports", "tcp . 80")]
    assert told(Wish(ports=WEB), found) == [f"tcp 80 {BOTH} now reaches the guest (NIC default)", REST]


def test_a_rule_about_one_sender_is_told_of_that_sender() -> None:
    tests = match("meta nfproto", "ipv4"), match("ip saddr", "203.0.113.7"), match("meta l4proto", "tcp")
    found = meddled(*tests, match("th dport", "22"), Statement("drop"))
    assert told(Wish(ports=WEB), found) == ["tcp 22 from 203.0.113.7 now reaches the pod itself", REST]


def test_another_protocol_that_a_rule_names() -> None:
    found = meddled(match("iifname", "eth0"), match("meta l4proto", "47"), Statement("drop"))
    assert told(Wish(ports=WEB), found) == ["protocol 47 from outside now reaches the pod itself", REST]


def test_a_statement_that_nobody_knows_is_one_honest_sentence() -> None:
    tests = match("iifname", "eth0"), match("meta l4proto", "tcp"), match("th dport", "80")
    found = meddled(*tests, Statement("unknown", "limit"), Statement("drop"))
    assert told(Wish(ports=WEB), found) == [
        "what has so far become of tcp 80 from outside cannot be told: "
        "rule 1 of chain prerouting has a statement that converge does not know (limit)",
        "nothing else changes, as far as can be told",
    ]


def test_what_cannot_be_told_before_nor_after_is_not_called_the_same() -> None:
    before = meddled(
        match("iifname", "eth0"), match("th dport", "443"), match("meta l4proto", "tcp"), Statement("unknown", "limit")
    )
    after = before | {Key("element", "ports", "tcp . 22"): before[Key("element", "ports", "tcp . 80")]}
    said = list(map(str, consequences(before, after, Wish().document().nics)))
    assert said[0] == f"tcp 22 {BOTH} now reaches the guest (NIC default)"
    assert said[1].startswith("what becomes of tcp 443 from outside cannot be told: rule 1 of chain prerouting")
    assert said[-1] == "nothing else changes, as far as can be told"


def test_foreign_tables_and_servers_that_are_not_read_are_said() -> None:
    before = wired(Wish(ports=WEB), Pod())
    after = before | {Key("element", "ports", "tcp . 22"): before[Key("element", "ports", "tcp . 80")]}
    nics = Wish().document().nics
    tables = consequences(before, after, nics, foreign=("ip nat",))
    assert [each.kind for each in tables] == ["flow", "unsure", "rest"]
    assert str(tables[1]) == "other nft tables are in the pod (ip nat): they are not read, and may decide otherwise"
    seen = consequences(before | {Key("table", "", "mine"): Table()}, after | {Key("table", "", "mine"): Table()}, nics)
    assert str(seen[1]) == "other nft tables are in the pod (mine): they are not read, and may decide otherwise"
    served = consequences(before, after | {Key("process", "bridge:default", "passt"): Process("1")}, nics)
    assert str(served[1]) == "passt serves NIC default: which packets it takes is not in the rules"


def test_a_binding_without_rules_takes_the_place_of_one_with_them() -> None:
    before = wired(Wish(ports=WEB), Pod())
    bare = {key: value for key, value in before.items() if key.owner not in ("bridge:default", "tap:default", "ports")}
    after = {key: value for key, value in bare.items() if key.kind not in ("chain", "set", "element")}
    nic = replace(Wish().document().nics[0], binding="passt")
    said = list(map(str, consequences(before, after, (nic,))))
    assert said[0] == "NIC default changes from masquerade to passt"
    assert said[-2] == "what reaches the guest by NIC default (passt) is not in the rules"
    served = after | {Key("process", "pod:default", "passt"): Process("1")}
    back = list(map(str, consequences(served, before, Wish().document().nics)))
    assert back[0] == "NIC default changes from passt to masquerade; its guest is given 10.0.2.2 and fd10:0:2::2"


def test_a_nic_without_rules_or_bridge_is_not_spoken_for() -> None:
    nic = replace(Wish().document().nics[0], name="fast", binding="sriov")
    before = wired(Wish(ports=WEB), Pod())
    after = {key: value for key, value in before.items() if key != Key("element", "ports", "tcp . 80")}
    said = consequences(before, after, (*Wish().document().nics, nic))
    assert "what reaches the guest by NIC fast (sriov) is not in the rules" in map(str, said)
    assert str(said[-1]) == "nothing else changes, as far as can be told"


def test_a_sentence_knows_its_flows() -> None:
    before = wired(Wish(ports=WEB), Pod())
    after = before | {Key("element", "ports", "tcp . 8000-8010"): before[Key("element", "ports", "tcp . 80")]}
    flow, rest = consequences(before, after, Wish().document().nics)
    assert flow.covers(Flow(Origin.OUTSIDE, 4, "tcp", 8010, "default"))
    assert flow.covers(Flow(Origin.LOOPBACK, 6, "tcp", 8000))
    assert not flow.covers(Flow(Origin.OUTSIDE, 4, "udp", 8010, "default"))
    assert not flow.covers(Flow(Origin.OUTSIDE, 4, "tcp", 8011, "default"))
    assert not flow.covers(Flow(Origin.OWN, 4, "tcp", 8010, "default"))
    assert not rest.covers(Flow(Origin.OUTSIDE, 4, "tcp", 8010, "default"))


def test_chains_without_rules_are_a_difference_that_no_packet_meets() -> None:
    before = wired(Wish(ports=WEB), Pod())
    assert [str(each) for each in consequences(before, before | {Key("chain", "", "spare"): Chain()}, ())] == [NOTHING]
