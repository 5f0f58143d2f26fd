"""Services that the tests start from: what the recorded talks of KubeVirt had."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface

from converge.services.dnsmasq import Lease4, Lease6, Service
from converge.services.options import Route
from converge.services.resolv import Resolver

MAC = "0a:58:0a:f4:01:05"
SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
RESOLVER = Resolver((IPv4Address("10.96.0.10"),), (IPv6Address("fd00:10:96::a"),), SEARCH, SEARCH[0])
EVERYTHING = IPv4Network("0.0.0.0/0")

MASQUERADE4 = Lease4(IPv4Interface("10.0.2.2/24"), IPv4Address("10.0.2.1"), IPv4Address("10.0.2.1"), macs=(MAC,))
MASQUERADE6 = Lease6(IPv6Interface("fd10:0:2::2/120"), IPv6Interface("fd10:0:2::1/120"))
MASQUERADE = Service("k6t-eth0", 1500, MASQUERADE4, MASQUERADE6, RESOLVER, "testvm")

SERVER = IPv4Address("169.254.75.10")
ROUTER = IPv4Address("10.244.1.1")
BRIDGE4 = Lease4(IPv4Interface("10.244.1.5/24"), SERVER, ROUTER, (Route(EVERYTHING, ROUTER),), (MAC,), handed_over=True)
BRIDGE6 = Lease6(IPv6Interface("fd10:244:1::5/64"), IPv6Interface("fd75:a::1/64"), (MAC,), handed_over=True, routes=False)
BRIDGE = Service("k6t-eth0", 1500, BRIDGE4, None, RESOLVER, "testvm")

CALICO_ROUTER = IPv4Address("169.254.1.1")
CALICO_ROUTES = (Route(EVERYTHING, CALICO_ROUTER), Route(IPv4Network("169.254.1.1/32")))
CALICO4 = Lease4(IPv4Interface("10.244.196.146/32"), SERVER, CALICO_ROUTER, CALICO_ROUTES, (MAC,), handed_over=True)
CALICO = Service("k6t-eth0", 1450, CALICO4, None, RESOLVER, "testvm")
