"""What is pure in the harness: the kernel command line, the archive, and how reports are read."""

from __future__ import annotations

import gzip
import io
import subprocess

import pytest

from tests.guest.archive import CONSOLE, archive, file, link
from tests.guest.full_kernel import NO_EXIT_CODE, passed_on
from tests.guest.scenario import DHCLIENT, Nic, Scenario, Setup, command_line, static
from tests.guest.view import advertisement_of, lease_of, view

ADVERTISEMENT = """Soliciting ff02::2 (ff02::2) on eth0...

Hop limit                 :           64 (      0x40)
Stateful address conf.    :          Yes
Stateful other conf.      :           No
Router preference         :         high
Router lifetime           :         9000 (0x00002328) seconds
Reachable time            :  unspecified (0x00000000)
 Prefix                   : fd10:0:2::/120
  On-link                 :          Yes
  Valid time              :     infinite (0xffffffff)
 Prefix                   : fd10:0:3::/64
  On-link                 :           No
 MTU                      :         1400 bytes (valid)
 Recursive DNS server     : fd10:96::a
  DNS server lifetime     :         1800 (0x00000708) seconds
 from fe80::ff:fe00:0"""


def test_a_scenario_is_words() -> None:
    nics = [
        Nic(mac="02:AA:00:00:00:01", setup=Setup(client=DHCLIENT, client_id="ff01", classless=False)),
        Nic("tap1", mac="02:aa:00:00:00:02", setup=static(["10.0.2.2/24", "fd10:0:2::2/120"], ["10.0.2.1"])),
    ]
    words = command_line(nics, Scenario(hold=7, greet=(81, 443), ping=["192.0.2.7"])).split()
    assert [word for word in words if word.startswith("converge.")] == [
        "converge.hold=7",
        "converge.greet=81,443",
        "converge.nic=mac=02:aa:00:00:00:01;client=dhclient;clientid=ff01;classless=no",
        "converge.nic=mac=02:aa:00:00:00:02;client=none;ipv6=no;dad=no;address=10.0.2.2/24,fd10:0:2::2/120;gateway=10.0.2.1",
        "converge.ping=192.0.2.7",
    ]


@pytest.mark.parametrize("text", ["a b", "a;b", "$(id)", "a'b", "a\nb"])
def test_what_is_no_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a word"):
        command_line([Nic(setup=Setup(client_id=text))], Scenario())


def test_a_line_that_the_kernel_would_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="2047 are kept"):
        command_line([Nic()] * 60, Scenario())


def test_an_archive_is_read_by_cpio() -> None:
    tree = {"/dev/console": CONSOLE, "/bin/a": file(b"text\n"), "/bin/b": link("a")}
    packed = archive(tree)
    assert packed == archive(dict(reversed(tree.items())))
    listed = subprocess.run(["busybox", "cpio", "-t"], input=gzip.decompress(packed), capture_output=True, check=True)
    assert listed.stdout.decode().split() == ["bin", "bin/a", "bin/b", "dev", "dev/console"]


def test_an_advertisement_is_taken_apart() -> None:
    shown = advertisement_of(ADVERTISEMENT)
    assert shown["answered"]
    assert shown["from"] == "fe80::ff:fe00:0"
    assert (shown["stateful_address_conf"], shown["stateful_other_conf"]) == (True, False)
    assert (shown["router_lifetime"], shown["router_preference"], shown["reachable_time"]) == (9000, "high", "unspecified")
    assert shown["mtu"] == 1400
    assert shown["dns"] == [{"value": "fd10:96::a", "dns_server_lifetime": 1800}]
    assert shown["prefixes"] == [
        {"value": "fd10:0:2::/120", "on_link": True, "valid_time": "infinite"},
        {"value": "fd10:0:3::/64", "on_link": False},
    ]


def test_no_advertisement_is_said() -> None:
    assert not advertisement_of("Soliciting ff02::2 (ff02::2) on eth0...\nTimed out.\nNo response.")["answered"]


def test_a_lease_is_without_the_one_before() -> None:
    environment = {"new_routers": "10.0.2.1", "old_routers": "10.0.2.9", "reason": "BOUND", "unknown_240": "x"}
    lease = lease_of({"client": "dhclient", "reason": "BOUND", "environment": environment})
    assert lease["options"] == {"routers": "10.0.2.1", "unknown_240": "x"}


def test_a_guest_that_has_said_nothing_has_a_view() -> None:
    assert view([])["links"] == {}


def test_the_output_of_a_run_is_passed_on() -> None:
    out = io.StringIO()
    assert passed_on(iter(["firmware", "c\x1b[2JRUN-BEGIN", "1 passed", "RUN-EXIT 0", "Power down"]), out) == 0
    assert out.getvalue() == "1 passed\n"


def test_a_run_that_has_no_end_is_no_success() -> None:
    out = io.StringIO()
    assert passed_on(iter(["Kernel panic"]), out) == NO_EXIT_CODE
    assert "Kernel panic" in out.getvalue()
