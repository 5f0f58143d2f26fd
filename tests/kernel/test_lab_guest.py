"""`converge lab guest`: it gets what the pod's server gives, it stays, a second one takes its place, and it goes with its pod."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.lab import pods
from converge.lab.plug import plug, words
from converge.lab.run import LabError, exists
from tests.kernel.driving import applied, masquerade_yaml
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, Pod, answer, ns, serving, tcp

MakePod = Callable[..., Pod]
STRANGER = "02:00:00:00:00:99"


def test_it_has_what_dhcp_and_advertisements_give_and_so_has_the_next_one(pod: MakePod, place: pods.Place) -> None:
    web = pod(mtu=1450)
    applied(masquerade_yaml(web.netns, interface={"macAddress": "02:00:00:00:00:07"}))
    for mac in ("02:00:00:00:00:07", "02:00:00:00:00:07"):
        guest = plug(web.spec, mac=mac, place=place)
        assert guest.lease4 == {"address": "10.0.2.2", "prefix": 24, "router": "10.0.2.1", "mtu": 1450, "server": "10.0.2.1"}
        assert guest.lease6 == {"address": "fd10:0:2::2"}
        assert guest.router6.startswith("fe80::")
        (link,) = answer(guest.netns, "ip -j link show eth0")
        assert (link["address"], link["mtu"]) == (mac, 1450)
    with serving(web.outside, "outside", "tcp/443"):
        assert tcp(guest.netns, OUTSIDE4, 443) == "outside saw 10.244.1.5"
        assert tcp(guest.netns, OUTSIDE6, 443) == "outside saw fd10:244:1::5"
    pods.down(["web", "web-guest"], place)
    assert not exists(guest.netns)


def test_nobody_answers_a_stranger_on_a_bridge_nic_and_that_is_said(pod: MakePod, place: pods.Place) -> None:
    web = pod()
    applied(masquerade_yaml(web.netns).replace('"masquerade"', '"bridge"'))
    try:
        guest = plug(web.spec, mac=STRANGER, place=place)
        assert (guest.lease4, guest.lease6, guest.router6) == (None, None, "")
        assert words(guest, web.spec, "tap0", STRANGER)[1:] == ["DHCP: no answer", "DHCPv6: no answer"]
        mine = plug(web.spec, place=place)
        assert mine.lease4 is not None
        assert (mine.lease4["address"], mine.lease4["router"]) == ("10.244.1.5", "10.244.1.1")
    finally:
        pods.down(["web-guest"], place)


def test_a_tap_that_is_missing_or_held_is_said_and_nothing_is_left(pod: MakePod, place: pods.Place) -> None:
    web = pod()
    with pytest.raises(LabError, match="the pod has no link tap0"):
        plug(web.spec, place=place)
    assert not exists(place.netns("web-guest"))
    ns(web.netns, "ip tuntap add tap0 mode tap user 107 group 107")
    with pytest.raises(LabError, match="no link tap7"):
        plug(web.spec, "tap7", place=place)
    assert not exists(place.netns("web-guest"))
