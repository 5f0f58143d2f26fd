"""Pictures of a pod's wiring: each binding, what each mark says, and that no name can get out of its label."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converge.model import GuestNetwork, Key, Resources, Result, VirtualFunction
from converge.report import mermaid
from converge.resources.link import Link
from converge.resources.process import Process
from tests.unit.report.results import RESOURCES, TAP, made, result, results
from tests.unit.universe import Pod, Wish, look, wired

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
LABEL = r'"(?:[^"#`;<>]|#\d+;|<br/>)*"'
NODE = rf"  n\d+(?:\[{LABEL}\]|\(\[{LABEL}\]\)|\{{\{{{LABEL}\}}\}})"
EDGE = rf"  (n\d+) (?:---|===|-\.-)(?:\|{LABEL}\|)? (n\d+)"
CLASS = r"  class n\d+(?:,n\d+)* (?:added|changed|removed)"
GRAMMAR = re.compile(rf"flowchart LR|{NODE}|{EDGE}|  classDef \w+ [-\w:#, ]+|  linkStyle \d+(?:,\d+)* [-\w:#, ]+|{CLASS}")
POD = Key("link", "pod:default")
ETH0: Resources = {POD: Link("eth0", "veth", True, 1450)}
PASST = Key("process", "pod:default", "passt")


def picture(before: Wish | None, after: Wish) -> list[str]:
    """From a pod that was wired as `before` says, or a fresh one."""
    pod = Pod()
    seen = look(after, wired(before, pod) if before else pod.resources())
    assert not seen.refusals
    return drawn(replace(made(seen.plan(), seen.observed, seen.desired), document=after.document()))


def drawn(found: Result) -> list[str]:
    """Nodes and edges with words for numbers: `eth0 --- k6t-eth0`."""
    lines = mermaid.wiring(found)
    assert all(GRAMMAR.fullmatch(line) for line in lines), lines
    names = {}
    told = []
    for line in lines:
        if node := re.match(r'  (n\d+)[\[({]+"(.*)"', line):
            first, *rest = text(node[2]).split(" / ")
            names[node[1]] = first if first != "guest" else "guest of " + rest[0]
            if rest[-1:] in (["ADDED"], ["CHANGED"], ["REMOVED"]):
                told.append(" / ".join([first, *rest]))
        elif edge := re.fullmatch(r'  (n\d+) (\S{3})(?:\|"(.*)"\|)? (n\d+)', line):
            words = f"|{text(edge[3])}| " if edge[3] else ""
            told.append(f"{names[edge[1]]} {edge[2]} {words}{names[edge[4]]}")
    return told


def text(label: str) -> str:
    return unescape(label.replace("<br/>", " / ").replace("#", "&#"))


def test_a_port_more() -> None:
    ports = (("tcp", 80, 80),)
    assert picture(Wish(ports=ports), Wish(ports=(*ports, ("tcp", 443, 443)))) == [
        "pod network --- eth0",
        "tap0 --- |DHCP| guest of NIC default",
        "k6t-eth0 --- tap0",
        "eth0 === |NAT / tcp 443 added / tcp 80 / CHANGED| k6t-eth0",
    ]


def test_a_fresh_masquerade_nic() -> None:
    assert picture(None, Wish(ports=(("udp", 53, 53),))) == [
        "k6t-eth0 / bridge / mtu 1500 / 10.0.2.1/24 / fd10:0:2::1/120 / ADDED",
        "tap0 / tap / mtu 1500 / ADDED",
        "guest / NIC default / ADDED",
        "pod network --- eth0",
        "tap0 === |DHCP / ADDED| guest of NIC default",
        "k6t-eth0 === |ADDED| tap0",
        "eth0 === |NAT / udp 53 / ADDED| k6t-eth0",
    ]


def test_a_bridge_nic_has_its_stand_in() -> None:
    lines = picture(None, Wish("bridge"))
    assert "eth0 / stand-in, dummy / mtu 1500, down / 10.244.1.5/24 / fd10:244:1::5/64 / ADDED" in lines
    assert "eth0-nic / pod link, veth / mtu 1500 / CHANGED" in lines
    assert lines[-5:] == [
        "pod network --- eth0-nic",
        "tap0 === |DHCP / ADDED| guest of NIC default",
        "eth0-nic === |ADDED| k6t-eth0",
        "k6t-eth0 === |ADDED| tap0",
        "eth0-nic === |its place in the pod / ADDED| eth0",
    ]


def test_unwiring_removes_all_but_the_pods_own_link() -> None:
    lines = picture(Wish(), Wish(None))
    assert [line for line in lines if " -.- " in line] == [
        "tap0 -.- |DHCP / REMOVED| guest of NIC default",
        "k6t-eth0 -.- |REMOVED| tap0",
        "eth0 -.- |NAT / REMOVED| k6t-eth0",
    ]
    assert not [line for line in lines if "ADDED" in line]


def test_a_macvtap() -> None:
    assert picture(None, Wish("macvtap"))[-3:] == [
        "pod network --- eth0",
        "tap0 === |ADDED| guest of NIC default",
        "eth0 === |mode bridge / ADDED| tap0",
    ]


def test_a_virtual_function() -> None:
    lines = picture(None, Wish("sriov", mac="02:00:00:00:00:07", function=VirtualFunction("net9", 1)))
    assert [line for line in lines if "---" in line or "===" in line][-1].endswith("|device| guest of NIC default")
    (function,) = [line for line in lines if line.startswith("virtual function 1 / of net9 / mac 02:00:00:00:00:07")]
    assert function.endswith("CHANGED")


def test_passt_of_the_vmm_and_passt_of_ours() -> None:
    document = Wish("passt").document()
    theirs = replace(result(ETH0, ETH0), document=document)
    assert drawn(theirs) == ["pod network --- eth0", "eth0 --- |passt| guest of NIC default"]
    ours = replace(result(ETH0, {**ETH0, PASST: Process("1f")}), document=document)
    assert drawn(ours) == [
        "passt / process / ADDED",
        "guest / NIC default / ADDED",
        "pod network --- eth0",
        "eth0 === |ADDED| passt",
        "passt === |socket / ADDED| guest of NIC default",
    ]


def test_many_ports_are_counted() -> None:
    (edge,) = [line for line in picture(None, Wish(ports=tuple(("tcp", n, n) for n in range(1, 40)))) if "NAT" in line]
    assert edge.startswith("eth0 === |NAT / tcp ")
    assert "and 33 more" in edge


def test_nothing_to_draw() -> None:
    bare = replace(result({}, {}), document=replace(Wish().document(), nics=()))
    assert mermaid.wiring(bare) == []


@EXAMPLES
@given(results())
def test_every_picture_is_well_formed_and_marks_what_the_plan_does(found: Result) -> None:
    lines = mermaid.wiring(found)
    assert all(GRAMMAR.fullmatch(line) for line in lines)
    nodes = {line.split("[")[0].split("(")[0].split("{")[0].strip() for line in lines if re.match(NODE, line)}
    ends = {end for line in lines if (edge := re.fullmatch(EDGE, line)) for end in edge.groups()}
    assert ends <= nodes
    if not found.plan.changes:
        assert not [line for line in lines if "ADDED" in line or "CHANGED" in line or "REMOVED" in line or "class" in line]


@EXAMPLES
@given(st.text())
def test_a_name_stays_in_its_label_and_is_read_back(name: str) -> None:
    label = mermaid.label(name)
    assert re.fullmatch(r"(?:[A-Za-z0-9_,:/()=@ .-]|#\d+;)*", label)
    assert "style" not in label
    assert "classDef" not in label
    if name.isprintable() and len(name) <= mermaid.LONGEST:
        assert text(label) == "".join(name) or any(ord(each) in range(0x80, 0xA0) for each in name)


@pytest.mark.parametrize("name", ['"]; click n0 href "x"', "```\n</details>", "a\n  n9 --> n0", "style:x#y", "1. list", "end"])
def test_a_hostile_link(name: str) -> None:
    tap = replace(RESOURCES[TAP], name=name)
    document: GuestNetwork = replace(Wish().document(), nics=(replace(Wish().document().nics[0], name="default"),))
    lines = mermaid.wiring(replace(result(RESOURCES, {**RESOURCES, TAP: tap}), document=document))
    assert all(GRAMMAR.fullmatch(line) for line in lines)
    assert "CHANGED" in "\n".join(lines)
