"""The elements of `converge domain-xml`, judged by libvirt: its schema, and a daemon that starts a guest with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converge.bindings.names import hashed
from converge.lab.pods import Place, PodSpec, up
from converge.lab.run import inside
from tests.guest.kernel import CannotBuild, install
from tests.guest.libvirtd import PACKAGES, SCHEMA, Libvirt, Refused, libvirtd
from tests.guest.scenario import NO_CLIENT, Nic, Scenario, Setup
from tests.guest.schemas import complaints, for_passt
from tests.unit.report import domain_cases as cases

MAC, RED = "0a:58:0a:f4:01:05", "de:ad:00:00:be:af"
WAITING = Setup(client=NO_CLIENT, ipv6=False)
ONE = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces: [{{name: default, masquerade: {{}}}}]
"""
TWO = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks:
    - {{name: default, pod: {{}}}}
    - {{name: red, multus: {{networkName: red-net}}}}
  interfaces:
    - {{name: default, masquerade: {{}}, acpiIndex: 101}}
    - {{name: red, bridge: {{}}, macAddress: DE-AD-00-00-BE-AF, state: down, guest: {{dhcp: {{router: false}}}}}}
  domain: {{cpu: {{cores: 2}}, devices: {{networkInterfaceMultiqueue: true}}}}
"""
RUNNING = """
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {{name: web, namespace: shop, annotations: {{net.converge/netns: {netns}}}}}
spec:
  domain:
    cpu: {{cores: 2}}
    devices: {{networkInterfaceMultiqueue: true, interfaces: [{{name: default, masquerade: {{}}}}]}}
  networks: [{{name: default, pod: {{}}}}]
status:
  interfaces: [{{name: default, infoSource: domain, queueCount: 1}}]
"""


@pytest.fixture(scope="module")
def schema() -> Path:
    install(PACKAGES)
    return SCHEMA


@pytest.mark.parametrize("case", cases.names())
def test_every_case_is_valid_by_libvirts_schema(case: str, schema: Path) -> None:
    devices = cases.expected(case)
    if "vhostuser" in devices:
        try:
            schema = for_passt()
        except CannotBuild as reason:
            pytest.skip(f"the installed libvirt's schema knows no passt behind vhost-user, and no newer one can be had: {reason}")
    assert complaints(schema, devices) == ""


def test_the_schema_does_complain(schema: Path) -> None:
    assert complaints(schema, cases.expected("sriov").replace("<address ", '<address type="pci" '))
    assert complaints(schema, cases.expected("tap").replace("virtio-non-transitional", "no model"))


@pytest.fixture(scope="module")
def netns(place: Place) -> str:
    """A pod with a second link, as Multus makes one."""
    up([PodSpec("web", mtu=1450)], place)
    name, link = place.netns("web"), hashed("red")
    inside(name, "ip", "link", "add", link, "mtu", "1400", "type", "veth", "peer", "name", "r0")
    inside(name, "ip", "address", "add", "192.168.5.9/24", "dev", link)
    for end in (link, "r0"):
        inside(name, "ip", "link", "set", end, "up")
    return name


@pytest.fixture(scope="module")
def libvirt(netns: str) -> Iterator[Libvirt]:
    with libvirtd(netns) as found:
        yield found


def converge(verb: str, document: str, netns: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "converge", verb, "-", *words]
    return subprocess.run(command, input=document.format(netns=netns), capture_output=True, text=True, timeout=60)


def elements(document: str, netns: str) -> str:
    """Of the pod, once it is as the document says; the same text before and after."""
    before = converge("domain-xml", document, netns)
    applied = converge("apply", document, netns)
    after = converge("domain-xml", document, netns)
    assert (before.returncode, applied.returncode, after.returncode) == (0, 0, 0), before.stderr + applied.stderr + after.stderr
    assert before.stdout == after.stdout
    return after.stdout


def addresses(link: dict[str, Any]) -> set[str]:
    return {address["address"] for address in link["addresses"]}


def test_a_domain_starts_with_one_queue(libvirt: Libvirt, netns: str) -> None:
    devices = elements(ONE, netns)
    with libvirt.domain(devices, [Nic(mac=MAC)], Scenario(hold=60)) as (name, guest):
        link = guest.report()["links"]["eth0"]
        assert (link["mac"], link["mtu"], link["queues"]) == (MAC, 1450, 1)
        assert {"10.0.2.2/24", "fd10:0:2::2/128"} <= addresses(link)
        for state, carrier in (("down", "0"), ("up", "1")):
            libvirt.virsh("domif-setlink", name, "tap0", state)
            assert guest.run("cat /sys/class/net/eth0/carrier").output == carrier
        assert converge("check", ONE, netns).returncode == 0


def test_a_domain_starts_with_two_queues_and_a_link_that_is_down(libvirt: Libvirt, netns: str) -> None:
    devices = elements(TWO, netns)
    nics = [Nic(mac=MAC), Nic(mac=RED, setup=WAITING)]
    with libvirt.domain(devices, nics, Scenario(hold=60), cpus=2) as (name, guest):
        seen = guest.report()["links"]
        assert [(seen[link]["mac"], seen[link]["queues"]) for link in ("eth0", "eth1")] == [(MAC, 2), (RED, 2)]
        assert seen["eth1"]["mtu"] == 1400
        assert "10.0.2.2/24" in addresses(seen["eth0"])
        assert guest.run("cat /sys/class/net/eth1/carrier").output == "0"
        libvirt.virsh("domif-setlink", name, RED, "up")
        assert guest.run("lease eth1 udhcpc").output == "bound"
        assert "192.168.5.9/24" in addresses(guest.look()["links"]["eth1"])
        assert converge("check", TWO, netns).returncode == 0


def test_a_mismatch_of_queues_is_said_by_us_before_qemu_says_it(libvirt: Libvirt, netns: str) -> None:
    """The guest was started with one queue; now its specification has two CPUs."""
    applied = converge("apply", RUNNING, netns)
    assert applied.returncode == 0, applied.stderr
    said = converge("domain-xml", RUNNING, netns, "-o", "json")
    value = json.loads(said.stdout)
    assert (said.returncode, value["pods"][0]["nics"]) == (1, None)
    assert [each["summary"] for each in value["diagnostics"]] == ["queues of tap and domain differ"]
    written = cases.expected("tap-multiqueue")
    with pytest.raises(Refused, match="Invalid argument"), libvirt.domain(written, [Nic(mac=MAC)], Scenario(hold=5), cpus=4):
        pytest.fail("QEMU opened a tap of one queue with four")
