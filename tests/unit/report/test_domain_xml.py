"""What libvirt is handed, byte for byte, and what is said instead where libvirt or QEMU would refuse it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.model import Device, DomainOptions, GuestNetwork, Key, Nic, Outcome, Plan, Result, Severity
from converge.report import domain
from converge.report.domain_xml import elements, placeholders
from converge.resources.link import Link, Tap
from tests.unit.report import domain_cases as cases
from tests.unit.report.results import refused

ORDER = [
    *("address", "source", "target", "model", "mac", "mtu", "boot", "link", "alias"),
    *("driver", "rom", "acpi", "backend", "portForward"),
]
HOSTDEV_ORDER = ["source", "boot", "address", "alias"]
TAP, PASST = Device("default", "tap", "tap0"), Device("default", "vhostuser", source="eth0")
VF = Device("default", "hostdev", source="0000:65:00.3")


def result(nics: Sequence[Nic], *devices: Device, taps: tuple[Link, ...] = (), observed: tuple[Link, ...] = ()) -> Result:
    found = cases.with_nics(list(nics))
    desired = refused().desired
    made = {Key("link", link.mark or f"#{number}"): link for number, link in enumerate(taps)}
    seen = {Key("link", link.mark or f"#{number}"): link for number, link in enumerate(observed)}
    return Result(found, Outcome.UNCHANGED, Plan((), (), 0), replace(desired, resources=made, devices=devices), seen)


def errors(found: Result) -> list[str]:
    return [each.summary for each in domain.problems(found) if each.severity is Severity.ERROR]


def a_tap(*, multi_queue: bool, mark: str | None = None) -> Link:
    return Link("tap0", "tun", True, 1450, mark=mark, tap=Tap(107, 107, multi_queue))


# ------------------------------------------------------------------------------------------------------- elements


@pytest.mark.parametrize("case", cases.names())
def test_elements_are_those_of_the_case(case: str) -> None:
    document, devices = cases.read(case)
    assert "".join(f"{text}\n" for text in elements(document, devices).values()) == cases.expected(case)


def test_every_case_has_both_files() -> None:
    assert {path.stem for path in cases.CASES.glob("*.xml")} == set(cases.names())


MAC = st.sampled_from([None, "de:ad:00:00:be:af"])
PCI = st.sampled_from(["0000:02:01.0", "ffff:ff:1f.7", "00aA:00:00.0"])
NUMBER = st.none() | st.integers(0, 16383)
NICS = st.builds(
    cases.nic,
    ports=st.lists(st.sampled_from(["tcp/80", "udp/53", "tcp/443"]), unique=True).map(tuple),
    guest_mtu=st.none() | st.integers(68, 65535),
    mac=MAC,
    model=st.sampled_from(["virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139"]),
    state=st.sampled_from(["up", "down"]),
    boot_order=st.none() | st.integers(1, 9),
    pci_address=st.none() | PCI,
    acpi_index=NUMBER,
    capacity=st.integers(0, 256),
)
DEVICES = st.one_of(
    st.builds(
        Device,
        st.just("default"),
        st.just("tap"),
        target=st.sampled_from(["tap0", "net1", '<">&']),
        mac=MAC,
        mtu=st.none() | st.integers(68, 65535),
    ),
    st.builds(Device, st.just("default"), st.just("vhostuser"), source=st.sampled_from(["eth0", "'\"&<"])),
    st.builds(Device, st.just("default"), st.just("hostdev"), source=PCI),
)
OPTIONS = st.builds(
    DomainOptions,
    architecture=st.sampled_from(["amd64", "arm64", "s390x", "ppc64le"]),
    virtio_transitional=st.booleans(),
    launch_security=st.booleans(),
    interface_slots=st.none() | st.integers(0, 32),
    root_complex=st.booleans(),
)


@given(NICS, DEVICES, OPTIONS, st.booleans())
def test_any_element_parses_is_ordered_and_stable(nic: Nic, device: Device, options: DomainOptions, istio: bool) -> None:
    document = cases.with_nics([nic], options, istio=istio)
    text = elements(document, [device])["default"]
    assert text == elements(document, [replace(device)])["default"]
    root = ElementTree.fromstring(text)
    tags = [child.tag for child in root]
    order = HOSTDEV_ORDER if root.tag == "hostdev" else ORDER
    assert tags == sorted(tags, key=order.index)
    assert len(tags) == len(set(tags)) + max(0, tags.count("portForward") - 1)
    assert [alias.attrib for alias in root.findall("alias")] == [{"name": f"ua-{'sriov-' * (root.tag == 'hostdev')}default"}]
    target = root.find("target")
    assert target is None or target.attrib == {"dev": device.target, "managed": "no"}


def test_a_stream_has_no_element() -> None:
    document = cases.with_nics([cases.nic("default")], DomainOptions())
    assert elements(document, [Device("default", "stream", target="/run/s/socket")]) == {}


def of(nics: int, **options: Any) -> GuestNetwork:
    return cases.with_nics([cases.nic(f"n{number}") for number in range(nics)], DomainOptions(**options))


@pytest.mark.parametrize(
    ("document", "count"),
    [
        (of(1), 3),
        (of(4), 0),
        (of(6), 0),
        (of(0), 0),
        (of(1, root_complex=True), 0),
        (of(2, interface_slots=11), 9),
        (of(3, interface_slots=2), 0),
    ],
)
def test_placeholders_fill_up_to_the_slots_that_are_kept(document: GuestNetwork, count: int) -> None:
    found = [ElementTree.fromstring(text) for text in placeholders(document)]
    names = [f"placeholder-{number}" for number in range(count)]
    assert [root.find("target").attrib for root in found] == [{"dev": name, "managed": "no"} for name in names]  # type: ignore[union-attr]
    assert [root.find("alias").attrib for root in found] == [{"name": name} for name in names]  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------------- problems


@pytest.mark.parametrize("address", ["0000:80.10.1", "0000:80:80:1.0", "0000:80:11.15", "0000:80:20.0", "", "0000:81:11.1\n"])
def test_a_bad_pci_address_is_refused(address: str) -> None:
    bad = result([cases.nic(pci_address=address or "x")], TAP)
    assert errors(bad) == ["not a PCI address"]
    assert errors(result([cases.nic()], replace(VF, source=address))) == [
        "not a PCI address" if address else "device has no source"
    ]


def test_one_function_is_given_to_one_nic() -> None:
    twice = result([cases.nic("a"), cases.nic("b")], replace(VF, nic="a"), replace(VF, nic="b", source="0000:65:00.3"))
    assert errors(twice) == ["PCI function is given twice"]
    assert not errors(result([cases.nic("a"), cases.nic("b")], replace(VF, nic="a"), replace(VF, nic="b", source="0000:65:00.4")))


def test_a_function_that_nobody_names_is_refused() -> None:
    """Whether or not the status says that Multus has reported it: the domain would start without a NIC of its document."""
    for source in ("", "domain", "multus-status"):
        found = result([replace(cases.nic(), info_source=source)], replace(VF, source=""))
        assert errors(found) == ["device has no source"]
        assert domain.fails(found)


def test_passt_without_a_pod_link_is_refused() -> None:
    assert errors(result([cases.nic()], replace(PASST, source=""))) == ["device has no source"]


@pytest.mark.parametrize("multi_queue", [False, True])
@pytest.mark.parametrize("capacity", [0, 1, 2, 4])
@pytest.mark.parametrize("model", ["virtio", "e1000"])
def test_a_tap_is_opened_as_it_is_made(multi_queue: bool, capacity: int, model: str) -> None:
    """QEMU opens as many queues as the written element says, one if it says none."""
    nic = cases.nic(capacity=capacity, model=model)
    driver = ElementTree.fromstring(elements(cases.with_nics([nic]), [TAP])["default"]).find("driver")
    opened = int(driver.get("queues", "1")) if driver is not None else 1
    for where in ("taps", "observed"):
        found = result([nic], TAP, **{where: (a_tap(multi_queue=multi_queue),)})
        assert (errors(found) == []) == ((opened > 1) == multi_queue)


def test_what_apply_will_make_of_a_tap_counts() -> None:
    found = result(
        [cases.nic(capacity=2)],
        TAP,
        taps=(a_tap(multi_queue=True, mark="tap:default"),),
        observed=(a_tap(multi_queue=False, mark="tap:default"),),
    )
    assert errors(found) == []


# ---------------------------------------------------------------------------------------------------- the document


def test_passt_says_what_the_domain_needs_besides() -> None:
    (warning,) = domain.problems(result([cases.nic()], PASST))
    assert warning.severity is Severity.WARNING
    (text,) = [line for line in warning.detail.split(": ", 2) if line.startswith("<memoryBacking>")]
    assert [child.tag for child in ElementTree.fromstring(text)] == ["source", "access"]
    down = [each.summary for each in domain.problems(result([cases.nic(state="down")], PASST))]
    assert down == ["domain needs shared memory", "link state is not written"]


def test_a_pod_that_fails_has_no_elements_and_others_do() -> None:
    good, bad = result([cases.nic()], TAP), result([cases.nic(pci_address="x"), cases.nic("b")], TAP, replace(TAP, nic="b"))
    value = domain.described([good, bad, refused()], reserve=True)
    assert json.loads(json.dumps(value)) == value
    assert [pod["nics"] is None for pod in value["pods"]] == [False, True, True]
    assert [len(pod["placeholders"]) for pod in value["pods"]] == [3, 0, 0]
    assert [(each["document"], each["summary"]) for each in value["diagnostics"]] == [
        ("shop/web", "not a PCI address"),
        ("shop/db", "pod cannot be reached"),
    ]
    assert "\n".join(domain.lines(value)).count("<alias") == 4


def test_text_is_the_elements_under_a_comment_a_pod() -> None:
    value = domain.described([result([cases.nic()], TAP), result([cases.nic()])])
    text = value["pods"][0]["nics"]["default"]
    assert "\n".join(domain.lines(value)) == f"<!-- shop/web -->\n{text}\n\n<!-- shop/web: no device -->"


@given(st.text(alphabet="a-", min_size=1, max_size=12))
def test_no_name_ends_its_comment(name: str) -> None:
    value = domain.described([replace(found := result([cases.nic()], TAP), document=replace(found.document, name=name))])
    root = ElementTree.fromstring("\n".join(["<devices>", *domain.lines(value), "</devices>"]))
    assert [child.tag for child in root] == ["interface"]
