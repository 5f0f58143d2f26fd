"""Whole documents of the field's shape, with all fields that its tables have: nothing in them is wrong or unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge.documents import Text, load, schema
from converge.documents.compose import compose
from converge.documents.envelope import sort_out
from converge.documents.schema import certainly_valid, plain
from converge.documents.text import decode
from converge.model import GuestNetwork
from tests.unit.documents.examples import rendered

CASES = Path(__file__).parents[2] / "cases" / "machines"


def read(*names: str) -> tuple[GuestNetwork, ...]:
    result = load(Text(name, (CASES / name).read_bytes()) for name in names)
    assert not result.diagnostics, rendered(result)
    return result.documents


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_whole_document_is_accepted_without_a_word(name: str) -> None:
    assert len(read(name)) == 1


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_whole_document_is_judged_without_the_slow_validator(name: str) -> None:
    source, _ = decode(Text(name, (CASES / name).read_bytes()))
    roots, _ = compose(source)
    for kind, root in sort_out(source, roots).documents:
        assert certainly_valid(plain(root, schema(kind)), schema(kind)), kind


def test_a_machine_as_users_write_one() -> None:
    (found,) = read("fedora.yaml")
    (nic,) = found.nics
    assert (found.full_name, found.istio, found.hostname, found.subdomain) == ("shop/fedora", True, "fedora", "web.example")
    assert (nic.binding, nic.mac, nic.queues, nic.boot_order, nic.acpi_index) == ("masquerade", "02:00:00:00:00:a1", 4, 2, 101)
    assert [(each.protocol, each.start) for each in nic.ports] == [("tcp", 80), ("udp", 53), ("tcp", 22)]
    assert nic.dhcp.ntp_servers == ("192.0.2.1", "192.0.2.2")


def test_a_machine_of_many_bindings() -> None:
    (found,) = read("router.yaml")
    assert [(nic.name, nic.binding, nic.plugin) for nic in found.nics] == [
        ("default", "passt", ""),
        ("lan", "bridge", ""),
        ("wan", "bridge", ""),
        ("fast", "tap", "macvtap"),
        ("l2net", "managedTap", "l2"),
        ("accel", "plugin", "vdpa"),
        ("own", "managedTap", "managedTap"),
    ]
    assert {nic.name: nic.queues for nic in found.nics if nic.queues != 2} == {"lan": 0, "own": 0}
    assert found.domain.virtio_transitional


def test_a_running_instance_with_its_launcher() -> None:
    (found,) = read("running.yaml")
    assert (found.target.how, found.target.value) == ("pod", "shop/virt-launcher-db-abcde")
    assert found.target.uid == "33333333-3333-4333-8333-333333333333"
    assert [(nic.name, nic.pod_link, nic.queues, nic.capacity) for nic in found.nics] == [
        ("default", "eth0", 4, 4),
        ("storage", "podb5a1d5c7d9a", 2, 4),
    ]
    assert [(each.network, each.mtu) for each in found.attachments] == [("cbr0", None), ("shop/storage-net", 9000)]
    assert not found.legacy_migration_ports


def test_networks_that_are_claims() -> None:
    (found,) = read("claims.yaml")
    assert [(nic.network.kind, nic.network.primary, nic.state) for nic in found.nics] == [
        ("resourceClaim", False, "up"),
        ("resourceClaim", False, "down"),
    ]
    assert found.domain.launch_security
