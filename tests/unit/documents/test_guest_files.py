"""What is given of a guest besides documents: a domain's XML, a guest agent's reply, and the status of its own document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.documents import Text, guest_agent, libvirt
from converge.documents.libvirt import Domain
from converge.model import Diagnostic, Reported
from tests.unit.documents.examples import loaded
from tests.unit.documents.machines import instance, spec

INTERFACE = """
    <interface type='ethernet'>
      <mac address='0A:58:0a:f4:01:05'/><target dev='tap0' managed='no'/><model type='virtio-non-transitional'/>
      <driver name='vhost' queues='{queues}'/><link state='down'/><alias name='ua-default'/>
    </interface>"""
DEVICES = f"""<devices>
    <disk type='file'><alias name='ua-disk'/></disk>{INTERFACE.format(queues=4)}
    <interface type='vhostuser'><mac address='02:00:00:00:00:07'/><alias name='ua-blue'/></interface>
    <interface type='ethernet'><alias name='net2'/></interface>
    <interface type='ethernet'/>
    <hostdev type='pci'><alias name='ua-sriov-doo'/></hostdev>
    <hostdev type='pci'><alias name='ua-gpu'/></hostdev>
  </devices>"""
READ = Domain(
    (
        Reported("default", "0A:58:0a:f4:01:05", sources=("domain",), queues=4, link_state="down"),
        Reported("blue", "02:00:00:00:00:07", sources=("domain",), queues=1, link_state="up"),
        Reported("net2", sources=("domain",), queues=1, link_state="up"),
        Reported("", sources=("domain",), queues=1, link_state="up"),
    ),
    ("doo",),
)


def xml(text: str | bytes) -> Domain | Diagnostic:
    return libvirt.read(Text("web.xml", text if isinstance(text, bytes) else text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        f"<domain type='kvm' id='7'><name>shop_web</name>{DEVICES}</domain>",
        f"<?xml version='1.0' encoding='utf-8'?>\n<!-- mine -->\n{DEVICES}",
        f"<domstatus state='running'><monitor path='x'/><domain>{DEVICES}</domain></domstatus>",
    ],
    ids=["dumpxml", "devices", "domstatus"],
)
def test_a_domain_is_read_in_each_of_its_forms(text: str) -> None:
    assert xml(text) == READ


@pytest.mark.parametrize("queues", ["", "many", "-4", "9" * 5000])
def test_queues_that_are_no_number_are_one(queues: str) -> None:
    found = xml(f"<devices>{INTERFACE.format(queues=queues)}</devices>")
    assert isinstance(found, Domain)
    assert found.interfaces[0].queues == 1


def test_a_domain_without_devices_has_none() -> None:
    assert xml("<domain/>") == Domain()


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("", "no element found", "web.xml:1:1"),
        ("kind: VirtualMachine", "syntax error", "web.xml:1:1"),
        ("<domain>\n  <devices></domain>", "mismatched tag", "web.xml:2:14"),
        ("<network/>", "<network> is no domain", "web.xml:1:1"),
        ("<domstatus/>", "<domstatus> is no domain", "web.xml:1:1"),
        ("<!DOCTYPE d [<!ENTITY a 'aa'>]><domain>&a;</domain>", "document type", "web.xml:1:1"),
        ("<?xml version='1.0' encoding='klingon'?><domain/>", "encoding", "web.xml:1:"),
        (b"\xff\xfe\x00<domain/>", "", "web.xml:1:"),
    ],
)
def test_what_is_no_domain_is_said_with_its_place(text: str | bytes, said: str, place: str) -> None:
    found = xml(text)
    assert isinstance(found, Diagnostic)
    assert found.summary == "Not a libvirt domain"
    assert said in found.detail
    assert str(found.at).startswith(place)
    assert len(found.detail.split("\n")) == 2


def test_no_entity_is_expanded_and_no_depth_ends_the_process() -> None:
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    assert isinstance(xml(f"<!DOCTYPE d [<!ENTITY e0 'lol'>{entities}]><domain>&e11;</domain>"), Diagnostic)
    assert xml("<domain>" + "<a>" * 100_000 + "</a>" * 100_000 + "</domain>") == Domain()


@given(st.text() | st.binary())
def test_any_text_is_a_domain_or_a_diagnostic(text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    for found in (libvirt.read(Text("x", data)), guest_agent.read(Text("x", data))):
        assert isinstance(found, (Domain, tuple, Diagnostic))


# ---------------------------------------------------------------------------------------------------------- the agent


def told(value: Any) -> tuple[Reported, ...] | Diagnostic:
    return guest_agent.read(Text("web.json", json.dumps(value).encode()))


REPLY: list[Any] = [
    {"name": "lo", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}]},
    {
        "name": "enp1s0",
        "hardware-address": "0a:58:0a:f4:01:05",
        "ip-addresses": [
            {"ip-address-type": "ipv4", "ip-address": "10.0.2.2", "prefix": 24},
            {"ip-address-type": "ipv6", "ip-address": "fe80::1", "prefix": 64},
        ],
        "statistics": {"rx-bytes": 7},
    },
    {"name": "wg0"},
]
AGENT = (
    Reported(mac="0a:58:0a:f4:01:05", ips=("10.0.2.2", "fe80::1"), guest_name="enp1s0", sources=("guest-agent",)),
    Reported(guest_name="wg0", sources=("guest-agent",)),
)


@pytest.mark.parametrize("value", [{"return": REPLY}, REPLY, {"return": [None, 7, *REPLY], "id": "x"}])
def test_a_reply_is_read_in_its_order_without_lo(value: Any) -> None:
    assert told(value) == AGENT


def test_what_is_odd_in_a_reply_is_passed_over() -> None:
    odd = {"name": 7, "hardware-address": None, "ip-addresses": [{"ip-address": 4}, "x", {"ip-address": "10.0.0.1"}]}
    assert told([odd]) == (Reported(ips=("10.0.0.1",), sources=("guest-agent",)),)
    assert told([{"ip-addresses": {}}]) == (Reported(sources=("guest-agent",)),)


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("", "Expecting value", "web.json:1:1"),
        ('{"return":\n  [}', "Expecting value", "web.json:2:4"),
        ("7", "no list of interfaces", "web.json:1:1"),
        ('{"return": {}}', "no list of interfaces", "web.json:1:1"),
        ('{"error": {"class": "GenericError", "desc": "disabled"}}', "answered with an error: disabled", "web.json:1:1"),
        ('{"error": {"class": "CommandNotFound"}}', "answered with an error: CommandNotFound", "web.json:1:1"),
        ("[" * 100_000, "nested too deeply", "web.json:1:1"),
    ],
)
def test_what_is_no_reply_is_said_with_its_place(text: str, said: str, place: str) -> None:
    found = guest_agent.read(Text("web.json", text.encode()))
    assert isinstance(found, Diagnostic)
    assert said in found.detail
    assert str(found.at) == place
    assert "guest-network-get-interfaces" in found.detail


# ------------------------------------------------------------------------------------------------ the document's status


def test_a_status_is_read_as_kubevirt_writes_it() -> None:
    interfaces = [
        {
            "name": "default",
            "mac": "0a:58:0a:f4:01:05",
            "ipAddress": "10.244.1.5",
            "ipAddresses": ["10.244.1.5", "fd10:244:1::5"],
            "podInterfaceName": "eth0",
            "interfaceName": "enp1s0",
            "infoSource": "domain, guest-agent",
            "queueCount": 1,
            "linkState": "up",
        },
        {"ipAddress": "172.17.0.1", "infoSource": "guest-agent", "ipAddresses": None},
        {"name": "bare"},
    ]
    machine = spec([{"name": "default", "pod": {}}], [{"name": "default", "masquerade": {}}])
    result = loaded(instance(machine, None, {"interfaces": interfaces}))
    assert result.valid
    assert result.documents[0].reported == (
        Reported(
            "default",
            "0a:58:0a:f4:01:05",
            ("10.244.1.5", "fd10:244:1::5"),
            "eth0",
            "enp1s0",
            ("domain", "guest-agent"),
            1,
            "up",
        ),
        Reported(ips=("172.17.0.1",), sources=("guest-agent",)),
        Reported("bare"),
    )
