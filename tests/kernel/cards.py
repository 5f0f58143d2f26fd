"""A network card with SR-IOV functions, simulated by netdevsim, in a pod's namespace; and what ip(8) says of its functions."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from converge.lab.run import run
from converge.model import GuestNetwork
from tests.kernel.driving import document
from tests.kernel.inside import answer, ns, shell

BUS = Path("/sys/bus/netdevsim")
PARENT = "pf0"
FUNCTIONS = 3
MAC, OTHER = "02:00:00:00:00:31", "02:00:00:00:00:32"
_numbers = itertools.count(os.getpid() % 30_000 * 10)

missing = (
    ""
    if BUS.exists()
    else (
        "this kernel has no netdevsim: tests/guest/test_sriov.py runs these tests in a guest that has, "
        "as does `./just under-debian --netdevsim tests/kernel/test_vf.py`"
    )
)


@contextmanager
def namespace() -> Iterator[str]:
    name = f"t{os.getpid()}-card-{next(_numbers)}"
    run("ip", "netns", "add", name)
    try:
        yield name
    finally:
        run("ip", "netns", "delete", name)


@contextmanager
def card(netns: str, parent: str = PARENT) -> Iterator[None]:
    """Made from within the namespace, so it is born there. netdevsim calls its ports as the kernel likes: they are renamed."""
    number = next(_numbers)
    here = BUS / "devices" / f"netdevsim{number}"
    shell(netns, f"echo {number} 1 > {BUS}/new_device")
    try:
        port = ns(netns, f"ls {here}/net").strip()
        shell(netns, f"ip link set {port} name {parent}\nip link set {parent} up\necho {FUNCTIONS} > {here}/sriov_numvfs")
        yield
    finally:
        (BUS / "del_device").write_text(str(number))


def wish(netns: str, *nics: dict[str, Any]) -> GuestNetwork:
    """Each NIC: what an interface has. It is called `fast` and is function 1 of PARENT where nothing else is said."""
    interfaces = []
    for nic in nics:
        function = {"parent": PARENT, "index": 1, **nic.get("virtualFunction", {})}
        interfaces.append({"name": "fast", "sriov": {}, **nic, "virtualFunction": function})
    networks = [{"name": each["name"], "multus": {"networkName": each["name"]}} for each in interfaces]
    spec = {"target": {"netns": netns}, "networks": networks, "interfaces": interfaces}
    return document(
        json.dumps(
            {"apiVersion": "net.converge/v1alpha1", "kind": "GuestNetwork", "metadata": {"name": "web", "namespace": "shop"}}
            | {"spec": spec}
        )
    )


WHOLE: dict[str, Any] = {
    "macAddress": MAC,
    "virtualFunction": {
        "vlan": {"id": 100, "qos": 3, "protocol": "802.1ad"},
        "spoofCheck": True,
        "trust": True,
        "linkState": "enable",
    },
}


def functions(netns: str, parent: str = PARENT) -> list[dict[str, Any]]:
    """As ip(8) tells them."""
    (link,) = answer(netns, f"ip -j -d link show dev {parent}")
    found: list[dict[str, Any]] = link["vfinfo_list"]
    return found


def altnames(netns: str, parent: str = PARENT) -> list[str]:
    (link,) = answer(netns, f"ip -j link show dev {parent}")
    names: list[str] = link.get("altnames", [])
    return names


def settled(netns: str) -> tuple[Any, ...]:
    """What a plan may change, as others tell it; handles are the kernel's."""
    return functions(netns), sorted(altnames(netns)), ns(netns, "nft list ruleset")


@pytest.fixture(scope="module")
def cards() -> Iterator[str]:
    """A namespace in which a card is, and nothing else."""
    with namespace() as here, card(here):
        yield here


@pytest.fixture
def netns(cards: str) -> str:
    """As new, whatever the last test has left."""
    marks = "".join(f"ip link property del dev {PARENT} altname {name}\n" for name in altnames(cards))
    reset = f"ip link set dev {PARENT} vf {{}} mac 00:00:00:00:00:00 vlan 0 spoofchk off trust off state auto\n"
    shell(cards, "nft flush ruleset\n" + marks + "".join(reset.format(number) for number in range(FUNCTIONS)))
    return cards
