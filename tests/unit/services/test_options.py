"""What a DHCPv4 option can hold, and option 121 byte for byte."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.model import DhcpOptions
from converge.services.options import Route, encoded, in_order, size_of, total


def route(text: str) -> Route:
    destination, _, gateway = text.partition(" via ")
    return Route(IPv4Network("0.0.0.0/0" if destination == "default" else destination), IPv4Address(gateway) if gateway else None)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("default via 169.254.1.1; 169.254.1.1/32", "20 a9fe0101 00000000 00 a9fe0101"),
        ("default via 10.129.0.1; 10.128.0.0/14; 224.0.0.0/4", "0e 0a80 00000000 04 e0 00000000 00 0a810001"),
        ("224.0.0.0/4; 192.168.1.0/24 via 192.168.2.1", "04 e0 00000000 18 c0a801 c0a80201"),
        ("10.222.0.0/16; 10.222.222.254/32; 192.168.1.0/24 via 10.222.222.254; default via 10.222.222.254",
         "100ade00000000 200adedefe00000000 18c0a8010adedefe 000adedefe"),
    ],
    ids=["Calico", "default moves to the end", "no default", "KubeVirt as it ran"],
)  # fmt: skip
def test_classless_routes(routes: str, expected: str) -> None:
    found = in_order(map(route, routes.split("; ")))
    assert b"".join(map(encoded, found)).hex() == expected.replace(" ", "")


@given(
    st.lists(
        st.builds(Route, st.builds(lambda ip, n: IPv4Network((ip, n), strict=False), st.ip_addresses(v=4), st.integers(0, 32)))
    )
)
def test_size_is_that_of_the_bytes(routes: list[Route]) -> None:
    assert size_of(routes) == len(b"".join(map(encoded, routes)))
    assert sorted(map(str, in_order(routes))) == sorted(map(str, routes))


def test_total_counts_bytes_and_heads() -> None:
    assert total(DhcpOptions()) == 0
    assert total(DhcpOptions("é", "ab", ("192.0.2.1", "192.0.2.2"), ((224, "x"),))) == (2 + 2) + (2 + 2) + (2 + 8) + (2 + 1)
