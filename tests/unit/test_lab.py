"""The pure part of the lab: names, and what is told to `ip` and to the kernel."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path

import pytest
import yaml

from converge.lab import demo, herd, rtnl
from converge.lab.guest import GuestSpec, guest_lines
from converge.lab.pods import HERE, Attachment, Place, PodSpec, on_link, pod_lines, port_lines
from converge.lab.run import LabError


@pytest.mark.parametrize("name", ["", "-a", "a/b", "..", "Web", "a b", "a\nb", "x" * 80])
def test_names_that_could_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(LabError):
        HERE.netns(name)
    with pytest.raises(LabError):
        Place(name)


def test_all_namespaces_of_a_place_begin_alike() -> None:
    place = Place("t1-")
    assert (place.netns("web"), place.node, place.outside) == ("t1-web", "t1-node", "t1-outside")


def test_a_pod_in_the_gateways_subnet() -> None:
    assert pod_lines(PodSpec("web")) == [
        "link set lo up",
        "address add 10.244.1.5/24 dev eth0",
        "address add fd10:244:1::5/64 dev eth0 nodad",
        "link set eth0 up",
        "route add default via 10.244.1.1 dev eth0",
        "route add default via fd10:244:1::1 dev eth0",
    ]


def test_a_pod_with_a_gateway_elsewhere_gets_a_way_to_it_first() -> None:
    spec = PodSpec("web", ["10.9.9.9/32"], [], gateway4="169.254.1.1")
    assert pod_lines(spec)[-2:] == [
        "route add 169.254.1.1 dev eth0 scope link",
        "route add default via 169.254.1.1 dev eth0",
    ]
    assert port_lines(spec, "t-web")[-2:] == [
        "address replace 169.254.1.1/32 dev cni0",
        "route replace 10.9.9.9 dev cni0",
    ]


def test_a_pod_without_gateways_gets_no_routes() -> None:
    lines = pod_lines(PodSpec("web", gateway4="", gateway6="")) + port_lines(PodSpec("web", gateway4="", gateway6=""), "t-web")
    assert not [line for line in lines if "route" in line or "replace" in line]


def test_ports_have_names_that_fit_a_link_whatever_the_pod_is_called() -> None:
    names = {port_lines(PodSpec("x" * length), "t")[0].split()[2] for length in range(1, 60)}
    assert len(names) == 59
    assert max(map(len, names)) <= 15


def test_on_link() -> None:
    addresses: list[IPv4Interface | IPv6Interface] = [IPv4Interface("10.244.1.5/24"), IPv6Interface("fd10:244:1::5/64")]
    assert on_link(addresses, "10.244.1.1")
    assert on_link(addresses, "fd10:244:1::1")
    assert not on_link(addresses, "169.254.1.1")


def test_a_guest_sets_its_mac_before_it_is_up() -> None:
    lines = guest_lines(GuestSpec(mtu=1400))
    assert lines[1] == "link set eth0 address 02:00:00:00:00:05 mtu 1400"
    assert lines.index("link set eth0 up") > lines.index("address add 10.0.2.2/24 dev eth0")
    assert lines[-2:] == ["route add default via 10.0.2.1 dev eth0", "route add default via fd10:0:2::1 dev eth0"]


def test_a_herd_has_no_address_twice() -> None:
    pods = [herd.addresses(number) for number in range(2000)]
    assert len({v4 for v4, _ in pods}) == len({v6 for _, v6 in pods}) == len({herd.mac(n) for n in range(2000)}) == 2000
    assert all(v4.ip != herd.GATEWAYS[0] and v4.network == pods[0][0].network for v4, _ in pods)
    assert herd.mac(0) == "0a:58:0a:f4:00:02"


def test_messages_are_as_long_as_they_say_and_attributes_aligned() -> None:
    messages = [
        rtnl.veth("v1", "eth0", "0a:58:0a:f4:00:02", 2, 7, 1500),
        rtnl.link_up(1),
        rtnl.address(2, IPv4Interface("10.244.0.2/16")),
        rtnl.default_route(2, IPv4Address("10.244.0.1")),
    ]
    for message in messages:
        assert struct.unpack_from("=I", message)[0] == len(message)
        assert len(message) % 4 == 0
    assert rtnl.attribute(3, b"lo\0") == b"\x07\x00\x03\x00lo\0\0"


def test_the_lab_makes_exactly_the_pods_that_the_examples_name(root: Path) -> None:
    named = {target(document) for path in sorted((root / "states").glob("*.yaml")) for document in documents(path)}
    assert named == {HERE.netns(name) for name in demo.NAMES}


def test_the_demo_tells_of_the_pods_that_its_files_name(root: Path) -> None:
    named = {target(document) for name in demo.STORY_FILES for document in documents(root / "states" / name)}
    assert named == {HERE.netns(spec.name) for spec in demo.STORY}


def test_a_pod_with_a_further_link() -> None:
    spec = PodSpec("web", attached=(Attachment("red", "192.168.5.9/24"),))
    assert pod_lines(spec)[-2:] == ["address add 192.168.5.9/24 dev podb1f51a511f1", "link set podb1f51a511f1 up"]
    made, up = port_lines(spec, "t-web")[-2:]
    assert "peer name podb1f51a511f1 address 0a:58:c0:a8:05:09 mtu 1500 netns t-web" in made
    assert made.split()[2] == up.split()[2] != port_lines(spec, "t-web")[0].split()[2]


def documents(path: Path) -> list[dict[str, dict[str, dict[str, str]]]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def target(document: dict[str, dict[str, dict[str, str]]]) -> str:
    annotations = document["metadata"].get("annotations", {})
    return annotations.get("net.converge/netns") or document["spec"]["target"]["netns"]
