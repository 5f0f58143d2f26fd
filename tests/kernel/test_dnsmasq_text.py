"""A real dnsmasq with our text and a client made by hand, beside what KubeVirt's own server was recorded to say.

Where the two differ, the difference stands here by name, with its reason in docs/dhcp.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from converge.documents import Text, load
from converge.model import DhcpOptions
from converge.services.dnsmasq import Service
from converge.services.leases import leases
from converge.services.resolv import translate
from tests.kernel.dhcp_serving import Reply, Served, names, options, served
from tests.kernel.inside import Pod, ns
from tests.unit.services.examples import BRIDGE, BRIDGE6, CALICO, MAC, MASQUERADE, MASQUERADE4, SEARCH

CASES = Path(__file__).parents[1] / "cases" / "dhcp"
OTHER, THIRD = "02:99:99:99:99:99", "02:99:99:99:99:98"
GATEWAYS = ("10.0.2.1/24", "fd10:0:2::1/120")
SERVER = ("169.254.75.10/32",)
MakePod = Callable[..., Pod]


@pytest.fixture
def masquerade(pod: MakePod, tmp_path: Path) -> Any:
    with served(pod(), MASQUERADE, GATEWAYS, tmp_path, MAC) as found:
        yield found


@pytest.fixture
def bridge(pod: MakePod, tmp_path: Path) -> Any:
    with served(pod(), BRIDGE, SERVER, tmp_path, MAC) as found:
        yield found


# -------------------------------------------------------------------------------------------------- beside KubeVirt's talks


def recorded(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{case}.json").read_text(encoding="utf-8"))
    return found


def as_document(case: dict[str, Any], base: Service) -> Service:
    """What a document and a resolv.conf of the recording give."""
    vmi = case["input"]["vmi"]
    vmi["metadata"]["annotations"] = {"net.converge/netns": "web"}
    (nic,) = load([Text("vmi.json", json.dumps(vmi).encode())]).documents[0].nics
    resolver = translate("\n".join(case["input"]["resolv_conf"])).resolver
    return replace(base, options=nic.dhcp, resolver=resolver, lease6=base.lease6 if resolver.nameservers6 else None)


def comparable(reply: Reply) -> dict[str, Any]:
    """Without what differs by name: T1, T2 and the broadcast address are ours alone, option 119 may be compressed, and the names
    of a boot file and its server end with a zero byte, which old firmware wants.
    """
    found: dict[int, Any] = {number: value for number, value in options(reply).items() if number not in (28, 58, 59)}
    found |= {number: found[number].removesuffix("00") for number in (66, 67) if number in found}
    if 119 in found:
        found[119] = names(bytes.fromhex(found[119]))
    return {"yiaddr": reply["yiaddr"], "options": found}


def without_bad_option(case: dict[str, Any]) -> dict[str, Any]:
    """KubeVirt's server leaves an option out of range out; admission refuses it, there and here."""
    for nic in case["input"]["vmi"]["spec"]["domain"]["devices"]["interfaces"]:
        private = nic.get("dhcpOptions", {}).get("privateOptions", [])
        private[:] = [each for each in private if each["option"] >= 224]
    return case


@pytest.mark.parametrize(
    ("name", "base", "addresses"),
    [
        ("dhcp-masq-dual", MASQUERADE, GATEWAYS),
        ("dhcp-masq-v4-options", MASQUERADE, GATEWAYS),
        ("dhcp-bridge-v4", BRIDGE, SERVER),
        ("dhcp-bridge-calico", CALICO, SERVER),
    ],
)
def test_same_lease(name: str, base: Service, addresses: tuple[str, ...], pod: MakePod, tmp_path: Path) -> None:
    case = without_bad_option(recorded(name))
    talks = [each for each in case["exchanges"] if "about" not in each["scenario"] and each["scenario"]["send"] in V4]
    talks += [each for each in case["exchanges"] if each["scenario"].get("about") in SAME]
    assert len(talks) >= 2
    with served(pod(), as_document(case, base), addresses, tmp_path, MAC) as found:
        answers = found.ask_all([{"wait": 2.0, **talk["scenario"]} for talk in talks])
    for talk, answer in zip(talks, answers, strict=True):
        theirs = [each for each in talk["received"] if each["kind"] == "dhcp4"]
        assert list(map(comparable, answer)) == list(map(comparable, theirs)), talk["scenario"]


V4 = ("v4:discover", "v4:request", "v4:none")
SAME = ("broadcast flag", "client source port 1068", "no option 53")


def test_the_rest_of_the_talk(masquerade: Served) -> None:
    """Where ours follows the RFC and KubeVirt's does not, in the order of the recording."""
    ask = masquerade.ask
    assert kind(ask("v4:request", requested="10.0.2.2", server="10.0.2.1")) == "ack"
    assert kind(ask("v4:request", requested="1.2.3.4", server="9.9.9.9")) == "nak"  # KubeVirt: an ack with its own address
    assert kind(ask("v4:request", requested="1.2.3.4")) == "nak"
    assert kind(ask("v4:request", requested="10.0.2.2")) == "ack"  # the guest was restarted, and the server too
    renewal = {"src": "10.0.2.2", "ciaddr": "10.0.2.2", "dst": "10.0.2.1", "dmac": "02:00:00:00:00:00"}
    assert kind(ask("v4:request", **renewal)) == "ack"
    assert ask("v4:discover", giaddr="10.9.9.9") == []  # relayed: KubeVirt answers whoever asks
    (informed,) = ask("v4:inform", ciaddr="10.0.2.2")  # KubeVirt: silent
    assert options(informed)[6] == "0a60000a"
    assert ask("v4:release", ciaddr="10.0.2.2", server="10.0.2.1") == []
    assert kind(ask("v4:discover")) == "offer"


def test_a_declined_address_rests(masquerade: Served) -> None:
    """RFC 2131: the guest says that somebody else has it. dnsmasq offers it again after ten minutes; KubeVirt at once."""
    ask = masquerade.ask
    assert kind(ask("v4:request", requested="10.0.2.2", server="10.0.2.1")) == "ack"
    ask("v4:decline", requested="10.0.2.2", server="10.0.2.1")
    assert ask("v4:discover") == []
    assert masquerade.alive


def kind(replies: list[Reply]) -> str:
    (reply,) = replies
    return {"02": "offer", "05": "ack", "06": "nak"}[options(reply)[53]]


# -------------------------------------------------------------------------------------------------------------- who may


def test_masquerade_serves_any_mac(masquerade: Served) -> None:
    take = {"send": "v4:request", "requested": "10.0.2.2", "server": "10.0.2.1"}
    known, stranger, again = masquerade.ask_all([take, {**take, "chaddr": OTHER}, {"send": "v4:discover", "wait": 0.5}])
    assert options(known[0])[51] == "05250a80"  # 999 days
    assert options(stranger[0])[51] == "00000078"  # two minutes, after which the known one has it again
    assert again == []


def test_known_macs_take_over_at_once(pod: MakePod, tmp_path: Path) -> None:
    service = replace(MASQUERADE, lease4=replace(MASQUERADE4, macs=(MAC, OTHER)))
    take = {"send": "v4:request", "requested": "10.0.2.2", "server": "10.0.2.1"}
    with served(pod(), service, GATEWAYS, tmp_path, MAC) as found:
        for chaddr in (MAC, OTHER, MAC, THIRD):
            (reply,) = found.ask(**take, chaddr=chaddr)
            assert options(reply)[53] == "05", chaddr


def test_client_ids_do_not_count(masquerade: Served) -> None:
    """Firmware and system of one guest."""
    take = {"requested": "10.0.2.2", "server": "10.0.2.1"}
    for client in ("ff0102030405", "01" + MAC.replace(":", ""), "00"):
        assert kind(masquerade.ask("v4:request", options=[[61, client]], **take)) == "ack"


def test_bridge_serves_one_mac(bridge: Served) -> None:
    take = {"requested": "10.244.1.5", "server": "169.254.75.10"}
    assert kind(bridge.ask("v4:request", **take)) == "ack"
    assert bridge.ask("v4:discover", chaddr=OTHER, wait=0.5) == []
    assert bridge.ask("v4:request", chaddr=OTHER, wait=0.5, **take) == []


@pytest.mark.parametrize(
    "how",
    [{"dst": "169.254.75.10", "dmac": "02:00:00:00:00:00"}, {}],
    ids=["renewing, by unicast", "rebinding, by broadcast"],
)
def test_bridge_answers_from_the_leased_address(how: dict[str, str], bridge: Served) -> None:
    """It is an address of the pod as well, so the kernel takes such a packet for a martian, as under KubeVirt, unless told
    otherwise. What the binding sets is set here by hand.
    """
    assert kind(bridge.ask("v4:request", requested="10.244.1.5", server="169.254.75.10")) == "ack"
    from_it = {"ciaddr": "10.244.1.5", "src": "10.244.1.5", **how}
    assert bridge.ask("v4:request", **from_it, wait=0.5) == []
    ns(bridge.pod.netns, "sysctl -qw net.ipv4.conf.k6t-eth0.accept_local=1")
    assert kind(bridge.ask("v4:request", **from_it)) == "ack"


# -------------------------------------------------------------------------------------------------------------- options


HOSTILE = ('a\nb\\"#,c', "tag:x,1.2.3.4", "61", "61:62", " # é\t", "dhcp-script=/bin/sh", "0123456789 abcdefABCDEF:,.", '"' * 40)


@pytest.mark.parametrize("value", HOSTILE)
def test_text_arrives_byte_for_byte(value: str, pod: MakePod, tmp_path: Path) -> None:
    service = replace(MASQUERADE, hostname=value, options=DhcpOptions(value, value, (), ((224, value), (254, value))))
    with served(pod(), service, GATEWAYS, tmp_path, MAC) as found:
        got = options(found.ask("v4:discover")[0])
    assert {number: bytes.fromhex(got[number]).rstrip(b"\0").decode() for number in (12, 66, 67, 224, 254)} == dict.fromkeys(
        (12, 66, 67, 224, 254), value
    )


def test_a_client_that_asks_for_little_gets_all(masquerade: Served) -> None:
    (reply,) = masquerade.ask("v4:discover", options=[[55, "01"]])
    assert {1, 3, 6, 12, 15, 26, 51, 119} <= options(reply).keys()


def test_neither_router_nor_dns(pod: MakePod, tmp_path: Path) -> None:
    with served(pod(), replace(MASQUERADE, router=False, dns=False), GATEWAYS, tmp_path, MAC) as found:
        assert not {3, 6, 15, 119, 121} & options(found.ask("v4:discover")[0]).keys()
        assert found.ask("rs", wait=4)[0]["lifetime"] == 0


# ----------------------------------------------------------------------------------------------------------------- IPv6


def address6(reply: Reply) -> IPv6Address | None:
    association = bytes.fromhex(dict(reply["options"]).get(3, ""))
    return IPv6Address(association[16:32]) if association[12:14] == b"\0\x05" else None


def test_dhcpv6(masquerade: Served) -> None:
    solicit, rapid, inform, relay = masquerade.ask_all(
        [
            {"send": "v6:solicit"},
            {"send": "v6:solicit", "rapid": True},
            {"send": "v6:inforeq", "no_ia": True},
            {"send": "v6:relay"},
        ]
    )
    assert [(each[0]["type"], address6(each[0])) for each in (solicit, rapid)] == [
        (2, ip_address("fd10:0:2::2")),
        (7, ip_address("fd10:0:2::2")),
    ]
    for reply in (solicit[0], rapid[0], inform[0]):
        found = dict(reply["options"])
        assert found[1] == "00030001" + MAC.replace(":", "")
        assert found[2] == "000200007ed9636f6e7665726765"
        assert found[23] == ip_address("fd00:10:96::a").packed.hex()
        assert names(bytes.fromhex(found[24])) == list(SEARCH)
    assert not [each for each in relay if address6(each)]  # KubeVirt's launcher dies of a relayed packet
    assert masquerade.alive


def test_the_life_of_an_ipv6_lease(masquerade: Served) -> None:
    ours = {"requested": "fd10:0:2::2", "server": "000200007ed9636f6e7665726765"}
    kept = {"requested": "fd10:0:2::2"}
    talk: list[tuple[str, dict[str, str], bool]] = [
        ("request", ours, True),
        ("confirm", kept, False),
        ("renew", ours, True),
        ("rebind", kept, True),
        ("release", ours, False),
        ("request", ours, True),
        ("decline", ours, False),
        ("request", ours, True),
    ]
    answers = masquerade.ask_all([{"send": f"v6:{each}", **fields} for each, fields, _ in talk])
    assert [(each[0]["type"], address6(each[0]) is not None) for each in answers] == [(7, given) for _, _, given in talk]
    assert masquerade.ask("v6:solicit", no_cid=True, wait=0.5) == []


def test_another_duid_waits_for_two_minutes(masquerade: Served) -> None:
    """At most: the lease that is in its way lasts no longer."""
    (taken,) = masquerade.ask("v6:solicit", rapid=True)
    assert bytes.fromhex(dict(taken["options"])[3])[32:40].hex() == "0000007800000078"
    assert address6(masquerade.ask("v6:solicit", duid="0003000102aabbccddee")[0]) is None


def test_router_advertisement(masquerade: Served) -> None:
    """KubeVirt sends none: its guests have an IPv6 address and no route."""
    reply = masquerade.ask("rs", wait=4)[0]
    found = dict(reply["options"])
    assert (reply["ip_src"], reply["flags"] & 0xC0, reply["lifetime"]) == ("fe80::ff:fe00:0", 0xC0, 9000)
    assert found[5] == f"{1500:012x}"
    assert found[3].startswith("7880")  # /120, on the link, nothing to make an address of
    assert found[3].endswith(ip_address("fd10:0:2::").packed.hex())
    assert found[25].endswith(ip_address("fd00:10:96::a").packed.hex())
    assert names(bytes.fromhex(found[31])[6:]) == list(SEARCH)


def test_no_advertisement(pod: MakePod, tmp_path: Path) -> None:
    with served(pod(), replace(MASQUERADE, advertise=False), GATEWAYS, tmp_path, MAC) as found:
        assert found.ask("rs", wait=1.5) == []
        assert address6(found.ask("v6:solicit")[0]) == ip_address("fd10:0:2::2")


def test_the_pods_ipv6_address_handed_over(pod: MakePod, tmp_path: Path) -> None:
    service = replace(BRIDGE, lease6=BRIDGE6)
    with served(pod(), service, (*SERVER, str(BRIDGE6.server)), tmp_path, MAC) as found:
        assert address6(found.ask("v6:solicit")[0]) == ip_address("fd10:244:1::5")
        assert kind(found.ask("v4:discover")) == "offer"
        reply = found.ask("rs", wait=4)[0]
        assert (reply["flags"] & 0xC0, reply["lifetime"]) == (0xC0, 0)
        assert dict(reply["options"])[3].startswith("4000")  # its prefix is neither on the link nor for addresses


# -------------------------------------------------------------------------------------------------- the process, its log


def test_the_log_says_who_has_the_lease(masquerade: Served) -> None:
    masquerade.ask("v4:request", requested="10.0.2.2", server="10.0.2.1")
    masquerade.ask("v6:solicit", rapid=True)
    found = leases(masquerade.log.read_text(encoding="utf-8"))
    assert {version: (lease.address, lease.client) for version, lease in found.items()} == {
        4: ("10.0.2.2", MAC),
        6: ("fd10:0:2::2", f"00:03:00:01:{MAC}"),
    }


def test_a_guest_cannot_forge_a_lease(masquerade: Served) -> None:
    """Its host name and vendor class go into the log."""
    forged = b"x\ndnsmasq-dhcp[1]: DHCPACK(k6t-eth0) 10.9.9.9 02:99:99:99:99:99".hex()
    masquerade.ask("v4:request", requested="10.0.2.2", server="10.0.2.1", options=[[12, forged], [60, forged], [77, forged]])
    masquerade.ask("v4:inform", ciaddr="9.9.9.9", wait=0.3)
    assert leases(masquerade.log.read_text(encoding="utf-8", errors="replace"))[4].address == "10.0.2.2"


def test_no_port_53(masquerade: Served) -> None:
    sockets = ns(masquerade.pod.netns, "ss -Hlnutp")
    assert "dnsmasq" in sockets
    assert not [line for line in sockets.splitlines() if ":53 " in line]


MALFORMED = (
    "",
    "00",
    "01" * 239,
    "010106" + "00" * 233 + "63825363" + "3501",
    "0101ff" + "00" * 233 + "63825363" + "350101ff",
    "010106" + "00" * 233 + "63825363" + "35ff01" + "41" * 20,
    "ff" * 1400,
    "020106" + "00" * 233 + "63825363" + "350105ff",
)


def test_malformed_packets_change_nothing(masquerade: Served) -> None:
    scenarios = [{"send": "v4:none", "raw": raw, "wait": 0.1} for raw in MALFORMED * 5]
    answers = masquerade.ask_all([*scenarios, {"send": "v4:discover", "wait": 3}])
    assert [reply["yiaddr"] for reply in answers[-1]] == ["10.0.2.2"]
    assert masquerade.alive
